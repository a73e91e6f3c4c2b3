"""Readers of other tools' files, one module per tool; each offers a ``FORMAT``."""
