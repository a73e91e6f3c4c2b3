"""One benchmark question with choices, and a benchmark's identity."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceItem:
    """A multiple-choice question as it is put to a model.

    The text scored for choice k is ``prompt + choices[k]``; a choice carries its own leading space.
    """

    item_id: str
    prompt: str
    choices: tuple[str, ...]
    gold: int
    """Index of the right choice."""
    lengths: tuple[int, ...]
    """Characters by which the normalized rule divides each choice's log-likelihood."""
    cluster_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkRef:
    """Identity of a benchmark as it was asked."""

    name: str
    description: str
    source: str
    """Where the items come from: package and version, or the user's file name."""
    licence: str
    items_sha256: str
    """Over every prompt, choice, gold index and id, in order."""
    item_count: int
    chance: float
    """Expected score of guessing: mean of 1 / number of choices."""
    headline: str
    """``raw`` or ``normalized``."""
