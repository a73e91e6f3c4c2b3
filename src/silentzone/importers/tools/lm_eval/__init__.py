"""lm-evaluation-harness: ``samples_*.jsonl`` beside ``results_*.json``."""

from silentzone.importers.tools.lm_eval.reader import FORMAT

__all__ = ["FORMAT"]
