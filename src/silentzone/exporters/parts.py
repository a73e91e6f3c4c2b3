"""The stored tables of a study, or of imported results, one part at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from silentzone.errors import TableError
from silentzone.records.imported import IMPORTED_ITEMS, IMPORTED_POSITIONS, IMPORTED_WINDOWS
from silentzone.records.models import SERVING, lane_of
from silentzone.records.tables import CHURN, FLOORS, GENERATIONS, ITEMS, PROMPTS, TOKENS
from silentzone.store.current import CurrentParts
from silentzone.store.import_folder import ImportFolder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from silentzone.records.tables import TableSchema
    from silentzone.store.folder import StudyFolder
    from silentzone.store.tables import StoredTable

_OF_CORPORA: Final = (TOKENS, FLOORS)
_OF_BENCHMARKS: Final = (ITEMS, CHURN, PROMPTS, GENERATIONS)
SCHEMAS: Final = (
    *_OF_CORPORA,
    *_OF_BENCHMARKS,
    IMPORTED_POSITIONS,
    IMPORTED_WINDOWS,
    IMPORTED_ITEMS,
)
"""Every kind of table that is exported. Questions, the reference's traces and its texts on disk
stay where they are: they hold other people's data sets."""
ITEM_SCHEMAS: Final = (ITEMS, IMPORTED_ITEMS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One stored table: of one model on one corpus or benchmark."""

    schema: TableSchema
    group: str
    """The corpus or benchmark."""
    model: str
    read: Callable[[], StoredTable]
    """Read it, checked; TableError if it is damaged."""

    @property
    def group_kind(self) -> str:
        """``corpus`` or ``benchmark``."""
        return group_kind(self.schema)


def group_kind(schema: TableSchema) -> str:
    """Say whether the tables of a kind are of a ``corpus`` or of a ``benchmark``."""
    of_corpora = (*_OF_CORPORA, IMPORTED_POSITIONS, IMPORTED_WINDOWS)
    return "corpus" if schema in of_corpora else "benchmark"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredParts:
    """Every table that counts, in the order of the study's models and groups."""

    reference: str | None
    parts: tuple[Part, ...]
    notes: tuple[str, ...] = ()

    def of(self, *schemas: TableSchema) -> Iterator[Part]:
        """Give the parts of some kinds."""
        return (part for part in self.parts if part.schema in schemas)


def stored_parts(folder: StudyFolder) -> StoredParts:
    """List the tables of a folder; nothing of them is read but their keys.

    Raises
    ------
    TableError
        If the folder is neither a study nor holds imported results, or is damaged.
    """
    imported = ImportFolder(folder.root)
    if imported.exists():
        return _imported_parts(imported)
    return _study_parts(folder, folder.manifest())


def _study_parts(folder: StudyFolder, manifest: Mapping[str, Any]) -> StoredParts:
    try:
        models = [manifest["reference"], *manifest["candidates"]]
        current = CurrentParts.of(folder, manifest)
        names = [str(one["name"]) for one in models if lane_of(one) == SERVING]
        other_lanes = {str(one["name"]): lane_of(one) for one in models if lane_of(one) != SERVING}
        groups = {
            kind: [str(one["name"]) for one in manifest[kind]] for kind in ("corpora", "benchmarks")
        }
    except (KeyError, TypeError, IndexError) as error:
        raise _damaged(folder.root, error) from error
    parts = []
    for schema in (*_OF_CORPORA, *_OF_BENCHMARKS):
        for group in groups["corpora" if schema in _OF_CORPORA else "benchmarks"]:
            parts += [
                Part(
                    schema=schema,
                    group=group,
                    model=name,
                    read=_reader(folder, schema, group, name),
                )
                for name in names
                if current.has_table(schema, group, name)
            ]
    notes = tuple(
        f"left out: {kind} of `{model}` on `{group}`, measured on another file of that name"
        for kind, group, model in sorted(current.stale)
    )
    notes += tuple(
        f"left out: `{name}`, of the lane {lane}, which must not be laid beside files as they are "
        "served"
        for name, lane in other_lanes.items()
    )
    return StoredParts(reference=current.reference, parts=tuple(parts), notes=notes)


def _reader(
    folder: StudyFolder, schema: TableSchema, group: str, model: str
) -> Callable[[], StoredTable]:
    return lambda: folder.read_table(schema, group, model)


def _imported_parts(folder: ImportFolder) -> StoredParts:
    document = folder.document()
    found: list[tuple[TableSchema, str, str, str]] = [
        (IMPORTED_ITEMS, one.benchmark, one.model, one.table) for one in document.items
    ]
    for one in document.fidelity:
        places = ((IMPORTED_POSITIONS, one.positions), (IMPORTED_WINDOWS, one.windows))
        found += [
            (schema, one.corpus, one.model, place) for schema, place in places if place is not None
        ]
    return StoredParts(
        reference=document.reference, parts=tuple(_imported_part(folder, one) for one in found)
    )


def _imported_part(folder: ImportFolder, found: tuple[TableSchema, str, str, str]) -> Part:
    schema, group, model, place = found
    return Part(
        schema=schema,
        group=group,
        model=model,
        read=lambda: folder.read(schema, place, (group, model)),
    )


def chosen(
    parts: Sequence[Part], *, model: str | None = None, benchmark: str | None = None
) -> list[Part]:
    """Give the parts of one model or benchmark, all where null.

    Raises
    ------
    TableError
        If there is none.
    """
    found = [
        part for part in parts if model in {None, part.model} and benchmark in {None, part.group}
    ]
    if not found:
        asked = " of ".join(f"`{name}`" for name in (benchmark, model) if name is not None)
        there = ", ".join(dict.fromkeys(f"`{part.group}`" for part in parts))
        raise TableError(
            f"no answers{f' to {asked}' if asked else ''} are stored here.",
            hint=f"there are answers to: {there}" if there else None,
        )
    return found


def _damaged(root: Path, error: Exception) -> TableError:
    return TableError(
        f"`{root / 'manifest.json'}` is damaged: {type(error).__name__}: {error}.",
        hint="run the study again; what was measured is kept",
    )
