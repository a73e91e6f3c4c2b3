"""Writers of other tools' files, one module per format; each offers a ``FORMAT``."""
