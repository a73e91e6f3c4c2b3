"""lighteval: ``details_*.parquet`` beside ``results_*.json``."""

from silentzone.importers.tools.lighteval.reader import FORMAT

__all__ = ["FORMAT"]
