"""A task of lm-evaluation-harness as a study asks for it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class HarnessEntry:
    """Which task is asked, how, and which of its numbers is the score."""

    task: str
    """Its name, as the task file's ``task`` has it."""
    filter: str | None = None
    """Filter whose answers are scored; null takes the only one."""
    metric: str | None = None
    """Metric that is the score of an item; null takes the only one."""
    num_fewshot: int | None = None
    """Examples before each question; null takes the task's own number."""
    code: bool = False
    """Whether code in the task files may be imported and run."""
    chat: bool = False
    """Whether prompts go through the model's own template, examples as turns."""
    cluster: str | None = None
    """Field of a document that says which items are not independent."""
    score_truncated: bool = False
    """Whether a text that reached its limit of tokens is scored, as lm-evaluation-harness does."""
    timeout_seconds: float = 600.0
    """Wall-clock time of one written answer."""
    answers_at_a_time: int = 8
