"""What is measured and stored: frozen dataclasses and table schemas. No I/O, no array code."""
