"""GGUF files, read without an engine: a format before it is any engine's."""
