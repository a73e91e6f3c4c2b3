"""Other tools' results to our tables, and exporters back."""
