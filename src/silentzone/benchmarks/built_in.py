"""What is known of a benchmark whose items come from a package, before they are read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from silentzone.records.items import ChoiceItem, GeneratedItem


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """What a reader of items is told; most need the folder alone."""

    folder: Path
    """The unpacked asset; of a set without one, the working folder and not to be used."""
    items: int | None
    """How many are wanted; sets that are made, not read, make so many."""
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltIn:
    """One benchmark of the list: what it is, whose it is, and how its items are had."""

    name: str
    kind: str
    """``choice`` or ``generate``."""
    description: str
    licence: str
    source: str
    """Package and version, and the file inside."""
    asset: str | None
    """Name of the asset that holds the items; null where an installed package makes them."""
    read: Callable[[Draw], tuple[Sequence[ChoiceItem] | Sequence[GeneratedItem], int]]
    """Items in the order of their file, and how many damaged ones were left out.

    Raises BenchmarkError for what cannot be used, MissingExtraError for a package that is not
    installed.
    """
    item_count: int | None = None
    """Items without the damaged ones; null where it is not known before they are read."""
    generation: Mapping[str, Any] = field(default_factory=dict)
    """Defaults of how answers are written, by the names of ``GenerationEntry``."""
    chance: float = 0.0
    """Of a written benchmark: score of a model that says nothing to the point."""
    extra: str | None = None
    """Optional extra of this package that it needs."""
    needs_sandbox: bool = False
    """Whether it runs what a model wrote."""
