"""What a user asks to be imported, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from silentzone.importers.reading import ImportOptions
from silentzone.records.imported import protocol_groups

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from silentzone.importers.comparability import Alignment
    from silentzone.store.import_document import FidelityEntry, ImportDocument, ItemsEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRequest:
    """What a user asks to be imported."""

    paths: tuple[Path, ...]
    into: Path
    format: str | None = None
    """Null asks every format."""
    options: ImportOptions = field(default_factory=ImportOptions)
    renamed: Mapping[str, str] = field(default_factory=dict)
    """New names of models by the names their files give."""
    accepted: frozenset[str] = frozenset()
    """Fields in which models may differ all the same; every use is recorded."""
    stated: Mapping[str, str] = field(default_factory=dict)
    """Protocol fields that the files leave open."""
    replaces: bool = False
    """Whether results of a model that are there already make way."""
    keeps_going: bool = False
    """Whether what can be imported is, where other files are refused."""


@dataclass(slots=True, kw_only=True)
class ImportOutcome:
    """What was imported, for the person who asked."""

    folder: Path
    items: list[dict[str, Any]] = field(default_factory=list)
    fidelity: list[dict[str, Any]] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    """Fidelity rows of one corpus that never share a ranking, in words."""
    notes: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Give the outcome as one JSON object."""
        return {
            "folder": str(self.folder),
            "items": self.items,
            "fidelity": self.fidelity,
            "never_ranked_together": self.groups,
            "notes": self.notes,
            "refused": self.refused,
            "not_recognised": self.unknown,
        }


def items_said(entry: ItemsEntry, found: Sequence[Alignment]) -> dict[str, Any]:
    """Give the row of one model's answers."""
    first = found[0] if found else None
    return {
        "model": entry.model,
        "benchmark": entry.benchmark,
        "items": entry.items,
        "rows": entry.rows,
        "scored": entry.scored,
        "statuses": dict(entry.statuses),
        "held_against": None if first is None else first.against,
        "shared_items": None if first is None else first.shared,
        "proof": entry.proof,
        "overrides": list(entry.overrides),
        "files": [one.name for one in entry.sources],
        "format": entry.sources[0].format if entry.sources else None,
    }


def fidelity_said(entry: FidelityEntry) -> dict[str, Any]:
    """Give the row of one model's fidelity."""
    return {
        "model": entry.model,
        "corpus": entry.corpus,
        "metrics": {name: one.value for name, one in entry.metrics.items()},
        "protocol": dict(entry.protocol),
        "files": [one.name for one in entry.sources],
        "format": entry.sources[0].format if entry.sources else None,
    }


def group_sentences(document: ImportDocument) -> list[str]:
    """Say which fidelity rows of one corpus never share a ranking, and in what they differ."""
    said = []
    for corpus in dict.fromkeys(one.corpus for one in document.fidelity):
        rows = [one for one in document.fidelity if one.corpus == corpus]
        groups, labels = protocol_groups([one.protocol for one in rows])
        if len(labels) < 2:
            continue
        parts = []
        for number, label in enumerate(labels):
            names = [row.model for row, group in zip(rows, groups, strict=True) if group == number]
            shown = ", ".join(list(dict.fromkeys(names))[:5]) + (" ..." if len(names) > 5 else "")
            parts.append(f"{label} ({shown})")
        said.append(f"on {corpus}, never ranked together: " + "; ".join(parts))
    return said
