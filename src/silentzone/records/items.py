"""One benchmark question, with choices or to be answered in writing, and a benchmark's identity."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass
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
class Gold:
    """What a written answer is held against."""

    rule: str
    """``target``, ``number``, ``contains``, or the name of a checker."""
    value: str
    """The text, the number as Python writes it, the pattern, or what the checker needs as JSON."""
    tolerance: float = 0.0
    """Largest difference from the number that is right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratedItem:
    """A question that a model answers by writing."""

    item_id: str
    prompt: str | None
    """Given to the model as it stands; null where there are messages."""
    messages: tuple[tuple[str, str], ...]
    """Role and content of each, put into the model's own chat template."""
    gold: Gold
    max_tokens: int | None = None
    """Of this item; null takes the benchmark's."""
    stop: tuple[str, ...] = ()
    cluster_id: str | None = None

    @property
    def asked(self) -> str:
        """All that is asked, as one text that tells items apart."""
        return json.dumps(self.messages or self.prompt, ensure_ascii=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkSource:
    """Where the items of a benchmark come from, and which of them are asked how."""

    name: str
    path: str | None
    """The user's file, or the folder of a built-in set; null where a package makes the items."""
    is_built_in: bool
    items: int | None
    """How many, drawn by the seed and kept in file order; null, or too many, takes all."""
    seed: int
    """Of the study. A smaller draw of the same seed is part of a larger one."""
    headline: str = "normalized"
    """Rule of the headline score of choices, ``raw`` or ``normalized``."""
    uses_chat: bool = True
    """Whether messages go through the model's own template, instead of as plain text."""


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
    """Expected score of guessing: mean of 1 / number of choices; in writing, of saying nothing."""
    headline: str
    """``raw``, ``normalized`` or ``generated``."""

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
        return BenchmarkRef(
            name=name,
            description=description,
            source=source,
            licence=licence,
            items_sha256=_sha256(content),
            item_count=len(items),
            chance=math.fsum(1 / len(item.choices) for item in items) / len(items),
            headline=headline,
        )

    @staticmethod
    def of_generated(
        items: Sequence[GeneratedItem],
        *,
        name: str,
        description: str,
        source: str,
        licence: str,
        chance: float = 0.0,
    ) -> BenchmarkRef:
        """Identity of a benchmark that is answered in writing."""
        return BenchmarkRef(
            name=name,
            description=description,
            source=source,
            licence=licence,
            items_sha256=_sha256([asdict(item) for item in items]),
            item_count=len(items),
            chance=chance,
            headline="generated",
        )


def _sha256(content: object) -> str:
    return hashlib.sha256(json.dumps(content, ensure_ascii=True).encode()).hexdigest()
