"""One benchmark question with choices, and a benchmark's identity."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


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
    """Over all that is stored or scored of every item, in order."""
    item_count: int
    chance: float
    """Expected score of guessing: mean of 1 / number of choices."""
    headline: str
    """``raw`` or ``normalized``."""

    @staticmethod
    def of(
        items: Sequence[ChoiceItem],
        *,
        name: str,
        description: str,
        source: str,
        licence: str,
        headline: str,
    ) -> BenchmarkRef:
        """Identity of a benchmark from its items, of which there must be at least one."""
        content = [
            [item.item_id, item.prompt, item.choices, item.gold, item.lengths, item.cluster_id]
            for item in items
        ]
        text = json.dumps(content, ensure_ascii=True)
        return BenchmarkRef(
            name=name,
            description=description,
            source=source,
            licence=licence,
            items_sha256=hashlib.sha256(text.encode()).hexdigest(),
            item_count=len(items),
            chance=math.fsum(1 / len(item.choices) for item in items) / len(items),
            headline=headline,
        )
