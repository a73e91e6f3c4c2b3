"""From a text to what is measured on it: token windows, documents, continuation items."""
