"""The folder that other tools' results are imported into.

``import.json`` names every table that counts; it is replaced last and in one step, so an import
that was interrupted, or refused half-way, leaves the folder as it was.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np

from silentzone import __version__
from silentzone.errors import StorageError, TableError
from silentzone.records.imported import (
    IMPORTED_ITEMS,
    IMPORTED_POSITIONS,
    IMPORTED_WINDOWS,
    protocol_sha256,
)
from silentzone.records.parts import PartKey
from silentzone.store import atomic
from silentzone.store.import_document import AGAIN, ImportDocument, document_as_json, read_document
from silentzone.store.json_files import read_json, write_json
from silentzone.store.lock import exclusive_lock
from silentzone.store.names import ANALYSIS, FLIPS, slug
from silentzone.store.tables import StoredTable, build_table, read_table, write_parquet

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from numpy.typing import NDArray

    from silentzone.records.imported import FidelityRow, ItemAnswers, SourceFile
    from silentzone.records.tables import Column, TableSchema

IMPORT = "import.json"

_KNOWN = {IMPORT, "tables", ANALYSIS, FLIPS, "report", "card.md", "release-note.txt"}
_KEY_DIGITS = 8


@dataclass(frozen=True, slots=True)
class ImportFolder:
    """One folder of imported results. Making the object touches nothing on disk."""

    root: Path

    def __post_init__(self) -> None:
        object.__setattr__(self, "root", Path(self.root))

    def create(self) -> ImportFolder:
        """Make the folder, or accept it if results were imported into it before.

        Raises
        ------
        StorageError
            If it cannot be made, or holds something else.
        """
        atomic.make_folder(self.root)
        held = {path.name for path in self.root.iterdir() if not path.name.startswith(".")}
        if "manifest.json" in held:
            raise StorageError(
                f"`{self.root}` is a study, measured here; imported results need a folder of "
                "their own.",
                hint=f"silentzone import study {self.root} --into OTHER brings the study's results "
                "beside them",
            )
        if held and not held & _KNOWN:
            raise StorageError(
                f"`{self.root}` must be empty or hold imported results; it holds other files.",
                hint="give --into a new folder",
            )
        return self

    def exists(self) -> bool:
        """Whether something was imported here."""
        return (self.root / IMPORT).is_file()

    def lock(self) -> AbstractContextManager[None]:
        """Keep other imports out while the body runs."""
        return exclusive_lock(self.root / ".lock")

    def document(self) -> ImportDocument:
        """Read what was imported; empty where nothing was.

        Raises
        ------
        TableError
            If ``import.json`` is damaged or of a version not known here.
        """
        path = self.root / IMPORT
        if not path.exists():
            return ImportDocument()
        with _again():
            content = read_json(path)
        return read_document(content, str(path))

    def commit(self, document: ImportDocument) -> None:
        """Make a document the one that counts, and remove tables that it does not name."""
        write_json(
            self.root / IMPORT,
            {**document_as_json(document), "written_by": f"silentzone {__version__}"},
        )
        self.remove_unnamed(document)

    def remove_unnamed(self, document: ImportDocument) -> None:
        """Remove tables that a document does not name."""
        wanted = {self.root / place for place in document.tables()}
        for schema in (IMPORTED_ITEMS, IMPORTED_POSITIONS, IMPORTED_WINDOWS):
            for path in (self.root / "tables" / schema.name).rglob("*.parquet"):
                if path not in wanted:
                    path.unlink(missing_ok=True)

    def write_answers(
        self, analysis: Mapping[str, object], flips: Mapping[str, object] | None
    ) -> None:
        """Store the answers to what was imported, and the items whose answer changed."""
        write_json(self.root / ANALYSIS, analysis)
        if flips is None:
            (self.root / FLIPS).unlink(missing_ok=True)
        else:
            write_json(self.root / FLIPS, flips)

    # -- tables ----------------------------------------------------------------------------

    def write_items(self, answers: ItemAnswers) -> str:
        """Store a model's answers; the path inside the folder."""
        key = PartKey.of(
            IMPORTED_ITEMS.name, files=_digests(answers.sources), **_named(answers.settings)
        )
        return self._write(
            IMPORTED_ITEMS, (answers.benchmark, answers.model), _item_columns(answers), key
        )

    def write_positions(self, row: FidelityRow) -> str | None:
        """Store values per position where there are any; the path inside the folder."""
        return self._write_rows(IMPORTED_POSITIONS, row, row.positions)

    def write_windows(self, row: FidelityRow) -> str | None:
        """Store means per window where there are any; the path inside the folder."""
        if row.windows is None:
            return None
        count = len(next(iter(row.windows.values())))
        numbered: dict[str, NDArray[Any]] = {"window": np.arange(count, dtype=np.int32)}
        numbered.update(row.windows)
        return self._write_rows(IMPORTED_WINDOWS, row, numbered)

    def read(self, schema: TableSchema, place: str, names: tuple[str, str]) -> StoredTable:
        """Read a table that the document names.

        Raises
        ------
        TableError
            If it is missing, damaged, outside the folder, or not what its place says.
        """
        parts = PurePosixPath(place).parts
        if not parts or place.startswith("/") or ".." in parts:
            raise TableError(f"`{place}` must be the path of a file inside the folder.")
        with _again():
            return read_table(self.root.joinpath(*parts), schema, names)

    def _write_rows(
        self, schema: TableSchema, row: FidelityRow, values: Mapping[str, NDArray[Any]] | None
    ) -> str | None:
        if values is None:
            return None
        rows = len(next(iter(values.values())))
        columns = {
            column.name: _cells(column, values.get(column.name), rows) for column in schema.columns
        }
        key = PartKey.of(
            schema.name, files=_digests(row.sources), protocol=protocol_sha256(row.full_protocol)
        )
        return self._write(schema, (row.corpus, row.model), columns, key)

    def _write(
        self,
        schema: TableSchema,
        names: tuple[str, str],
        columns: Mapping[str, object],
        key: PartKey,
    ) -> str:
        file_name = f"{slug(names[1])}-{key.sha256[:_KEY_DIGITS]}.parquet"
        place = PurePosixPath("tables", schema.name, slug(names[0]), file_name)
        table = build_table(schema, columns, key, names, {})
        path = self.root.joinpath(*place.parts)
        with atomic.partial_file(path) as (file, partial):
            write_parquet(table, schema, file)
        atomic.move(partial, path)
        return str(place)


@contextlib.contextmanager
def _again() -> Iterator[None]:
    """Name the way out of a damaged file: what is stored was read elsewhere, never measured."""
    try:
        yield
    except TableError as error:
        raise TableError(error.message, hint=AGAIN) from error


def _item_columns(answers: ItemAnswers) -> dict[str, object]:
    rows = len(answers.item_ids)
    nothing = [None] * rows
    tokens = answers.output_tokens
    return {
        "item_id": answers.item_ids,
        "cluster_id": answers.clusters or nothing,
        "repeat": answers.repeats,
        "status": answers.statuses,
        "score": _floats(answers.scores, rows),
        "prediction": answers.predictions or nothing,
        "target": answers.targets or nothing,
        "choice_log_likelihoods": answers.choice_log_likelihoods or nothing,
        "margin": _floats(answers.margin, rows),
        "confidence": _floats(answers.confidence, rows),
        "prompt_sha256": answers.prompt_sha256 or nothing,
        "target_sha256": answers.target_sha256 or nothing,
        "output_tokens": nothing if tokens is None else [v if v >= 0 else None for v in tokens],
    }


def _floats(values: NDArray[np.float64] | None, rows: int) -> object:
    if values is None:
        return [None] * rows
    return np.ma.masked_invalid(values)


def _cells(column: Column, values: NDArray[Any] | None, rows: int) -> object:
    """One column of a table of positions or windows; what is not there is null."""
    if values is None:
        return ["ok"] * rows if column.name == "status" else [None] * rows
    if column.kind == "float64":
        return np.ma.masked_invalid(np.asarray(values, dtype=np.float64))
    if column.kind == "bool" and values.dtype.kind == "f":
        return np.ma.MaskedArray(np.nan_to_num(values).astype(bool), mask=~np.isfinite(values))
    return values


def _digests(sources: Sequence[SourceFile]) -> str:
    return " ".join(sorted(one.sha256 for one in sources))


def _named(settings: Mapping[str, str]) -> dict[str, str]:
    return {f"setting_{name}": value for name, value in settings.items()}
