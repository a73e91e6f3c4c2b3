"""The folder of one study: where everything lies, and the rules by which parts come and go.

A part is finished when a file under its final name carries the wanted key. Parts appear by rename
only. A part with another key is moved to ``superseded/`` and comes back if its settings do.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from silentzone.errors import StorageError, TableError
from silentzone.store import atomic
from silentzone.store.json_files import read_json, write_json
from silentzone.store.lock import exclusive_lock, shared_lock
from silentzone.store.names import ANALYSIS, FLIPS, slug
from silentzone.store.tables import (
    StoredTable,
    build_table,
    read_part_key,
    read_table,
    write_parquet,
)
from silentzone.store.trace_writer import TraceWriter
from silentzone.store.traces import (
    LAYOUTS,
    ItemTrace,
    ReferenceTrace,
    read_item_trace,
    read_trace,
    read_trace_key,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from silentzone.records.parts import PartKey
    from silentzone.records.tables import TableSchema

MANIFEST = "manifest.json"
MANIFEST_SCHEMA_VERSION = 1
CLAIMS = ".claims"
_LOCK = ".lock"

_KNOWN = {
    MANIFEST, "study.toml", "tables", "superseded", ANALYSIS, FLIPS, "report",
    *(layout.folder for layout in LAYOUTS.values()),
}  # fmt: skip
_KEY_DIGITS = 8


@dataclass(frozen=True, slots=True)
class StudyFolder:
    """One study folder. Making the object touches nothing on disk.

    Whoever writes holds :meth:`lock`, or :meth:`share` and a claim, or was started by such a one.
    """

    root: Path

    def __post_init__(self) -> None:
        object.__setattr__(self, "root", Path(self.root))

    def create(self) -> StudyFolder:
        """Make the folder, or accept it if it is a study folder already.

        Raises
        ------
        StorageError
            If it cannot be made, or holds things but no study.
        TableError
            If its manifest is damaged or of a schema version not known here.
        """
        atomic.make_folder(self.root)
        try:
            held = {path.name for path in self.root.iterdir() if not path.name.startswith(".")}
        except OSError as error:
            raise atomic.storage_error(error, self.root) from error
        if held and not held & _KNOWN:
            raise StorageError(
                f"`{self.root}` must be empty or a study folder; it holds other files.",
                hint="give a new folder, or an existing study folder to go on with it",
            )
        if MANIFEST in held:
            self.manifest()
        return self

    def lock(self) -> AbstractContextManager[None]:
        """Keep other runs out while the body runs.

        Raises
        ------
        StorageError
            On entry, if another run is in the folder (its process id is named).
        """
        return exclusive_lock(self.root / _LOCK)

    def share(self) -> AbstractContextManager[None]:
        """Keep those out who :meth:`lock`, together with others who share the folder.

        Raises
        ------
        StorageError
            On entry, if a run has the folder for itself (its process id is named).
        """
        return shared_lock(self.root / _LOCK)

    @property
    def claims(self) -> Path:
        """Where those who share the folder divide the work."""
        return self.root / CLAIMS

    def remove_leftovers(self) -> list[Path]:
        """Remove what interrupted runs left half written; hold the lock.

        Returns
        -------
        list of Path
            What was removed.
        """
        removed: list[Path] = []
        for place, folders, files in os.walk(self.root):
            if CLAIMS in folders:
                folders.remove(CLAIMS)  # others write there at any time
            for name in [name for name in folders if atomic.is_partial(name)]:
                folders.remove(name)
                shutil.rmtree(Path(place, name), ignore_errors=True)
                removed.append(Path(place, name))
            for name in filter(atomic.is_partial, files):
                Path(place, name).unlink(missing_ok=True)
                removed.append(Path(place, name))
        return removed

    # -- documents -------------------------------------------------------------------------

    def has_manifest(self) -> bool:
        """Whether a run has begun here."""
        return (self.root / MANIFEST).is_file()

    def manifest(self) -> dict[str, Any]:
        """Say what ran here.

        Raises
        ------
        TableError
            If there is no manifest, it is damaged, or of a schema version not known here.
        """
        if not self.has_manifest():
            raise TableError(
                f"`{self.root}` is not a study folder: it has no {MANIFEST}.",
                hint="give the folder that a study was run or imported into",
            )
        manifest = self.read_json(MANIFEST)
        version = manifest.get("schema_version") if isinstance(manifest, dict) else None
        if version != MANIFEST_SCHEMA_VERSION or isinstance(version, bool):
            raise TableError(
                f"`{self.root / MANIFEST}` has schema version {version!r:.40}; this silentzone "
                f"reads version {MANIFEST_SCHEMA_VERSION}.",
                hint="use the silentzone that wrote the folder, or measure into a new one",
            )
        return dict(manifest)

    def write_manifest(self, manifest: Mapping[str, object]) -> None:
        """Replace the manifest in one step; the schema version is added."""
        self.write_json_atomic(MANIFEST, {**manifest, "schema_version": MANIFEST_SCHEMA_VERSION})

    def write_json_atomic(self, relative: str, value: object) -> None:
        """Replace a JSON file of the folder in one step.

        Raises
        ------
        TableError
            If a value has no JSON form (NaN and infinity have none); says where it stands.
        StorageError
            If it cannot be written.
        """
        write_json(self._inside(relative), value)

    def read_json(self, relative: str) -> Any:  # noqa: ANN401 - JSON is any of its types
        """Content of a JSON file of the folder; TableError if missing, damaged or too large."""
        path = self._inside(relative)
        if relative not in {ANALYSIS, FLIPS}:
            return read_json(path)
        try:
            return read_json(path)
        except TableError as error:
            hint = f"make it again from the stored tables: silentzone analyze {self.root}"
            raise TableError(error.message, hint=hint) from error

    def _inside(self, relative: str) -> Path:
        """Path of a file of the folder."""
        parts = PurePosixPath(relative).parts
        if not parts or relative.startswith("/") or ".." in parts:
            raise TableError(f"`{relative}` must be the path of a file inside the study folder.")
        return self.root.joinpath(*parts)

    # -- tables ----------------------------------------------------------------------------

    def table_path(self, schema: TableSchema, group: str, model: str) -> Path:
        """Where the table of a model on a corpus or benchmark lies."""
        return self.root / "tables" / schema.name / slug(group) / f"{slug(model)}.parquet"

    def has_table(self, schema: TableSchema, group: str, model: str) -> bool:
        """Whether there is a table, whatever its key."""
        return self.table_path(schema, group, model).is_file()

    def has_part(self, schema: TableSchema, group: str, model: str, key: PartKey) -> bool:
        """Whether the wanted part is finished; one that was superseded is brought back.

        Raises
        ------
        TableError
            If a file stands in its place that is damaged or of an unknown schema version.
        StorageError
            If a superseded part cannot be moved back.
        """

        def key_of(path: Path) -> PartKey:
            return read_part_key(path, schema)

        return self._brought_back(self.table_path(schema, group, model), key, key_of)

    def write_table(
        self,
        schema: TableSchema,
        group: str,
        model: str,
        columns: Mapping[str, object],
        key: PartKey,
        extra: Mapping[str, str] | None = None,
    ) -> Path:
        """Store a finished table; a table with another key makes way for it.

        Parameters
        ----------
        schema : TableSchema
        group : str
            Corpus or benchmark, as people call it.
        model : str
        columns : mapping of str to array-like of shape (n,)
            One entry per column of the schema. Null is None or masked; NaN is refused.
        key : PartKey
            Its kind is the schema's name.
        extra : mapping of str to str, optional
            Remarks kept in the file that decide nothing.

        Returns
        -------
        Path
            The finished file.

        Raises
        ------
        TableError
            If the columns are not the schema's, or a value cannot be stored without loss.
        ShapeError
            If the columns differ in length.
        StorageError
            If the part is there already, or the disk refuses; nothing half written stays behind.
        """
        if key.kind != schema.name:
            raise TableError(f"`key` must be of kind `{schema.name}`, it is `{key.kind}`.")
        path = self.table_path(schema, group, model)
        table = build_table(schema, columns, key, (group, model), extra or {})
        current = read_part_key(path, schema) if path.is_file() else None
        if current == key:
            raise _finished(path)
        with atomic.partial_file(path) as (file, partial):
            write_parquet(table, schema, file)
        try:
            if current is not None:
                self._retire(path, current)
            atomic.move(partial, path)
        finally:
            partial.unlink(missing_ok=True)
        return path

    def set_aside(
        self, schema: TableSchema, group: str, model: str, wanted: PartKey | None
    ) -> None:
        """Move a table that is not the wanted part to the superseded ones; null wants none.

        For what was measured under other settings and could not be, or need not be, again:
        nothing may be read from it any more.
        """
        path = self.table_path(schema, group, model)
        current = read_part_key(path, schema) if path.is_file() else None
        if current is not None and current != wanted:
            self._retire(path, current)

    def read_table(self, schema: TableSchema, group: str, model: str) -> StoredTable:
        """Read a table; TableError if missing, damaged, or not what its place says."""
        return read_table(self.table_path(schema, group, model), schema, (group, model))

    # -- traces ----------------------------------------------------------------------------

    def trace_path(self, group: str, kind: str = "trace") -> Path:
        """Where the reference trace of a corpus, or along a benchmark's items, lies."""
        return self.root / LAYOUTS[kind].folder / slug(group)

    def has_trace(self, group: str, key: PartKey) -> bool:
        """Whether the wanted trace is finished; one that was superseded is brought back."""
        return self._brought_back(self.trace_path(group, key.kind), key, read_trace_key)

    def trace(self, corpus: str) -> ReferenceTrace | None:
        """Open the reference trace of a corpus, None if there is none; TableError if damaged."""
        path = self.trace_path(corpus)
        return read_trace(path) if path.exists() else None

    def item_trace(self, benchmark: str) -> ItemTrace | None:
        """Open the reference's trace along items, None if there is none; TableError if damaged."""
        path = self.trace_path(benchmark, "item_trace")
        return read_item_trace(path) if path.exists() else None

    def trace_writer(
        self, group: str, key: PartKey, header: Mapping[str, object], row_bytes: int
    ) -> TraceWriter:
        """Begin a reference trace; it appears when finished. See :class:`TraceWriter`."""
        if key.kind not in LAYOUTS:
            raise TableError(f"`key` must be of the kind of a trace, it is `{key.kind}`.")
        path = self.trace_path(group, key.kind)
        current = read_trace_key(path) if path.exists() else None
        if current == key:
            raise _finished(path)

        def place(partial: Path) -> None:
            if current is not None:
                self._retire(path, current)
            atomic.move(partial, path)

        return TraceWriter(path, key, header, row_bytes, place)

    # -- superseded parts ------------------------------------------------------------------

    def _superseded(self, path: Path) -> tuple[Path, str]:
        """Folder of what once stood at a place, and the ending of its files."""
        place = path.relative_to(self.root)
        if place.parts[0] == "tables":
            inner = place.relative_to("tables").with_suffix("")
            return self.root / "superseded" / inner, ".parquet"
        return self.root / "superseded" / place, ""

    def _retire(self, path: Path, key: PartKey) -> None:
        """Move a part out of the way, never onto another one."""
        folder, ending = self._superseded(path)
        stem, count = key.sha256[:_KEY_DIGITS], 1
        target = folder / f"{stem}{ending}"
        while target.exists():
            count += 1
            target = folder / f"{stem}-{count}{ending}"
        atomic.move(path, target)

    def _brought_back(self, path: Path, key: PartKey, key_of: Callable[[Path], PartKey]) -> bool:
        """Whether a part with the key stands at its place, after restoring it if need be."""
        current = key_of(path) if path.exists() else None
        if current == key:
            return True
        digits = key.sha256[:_KEY_DIGITS]
        for candidate in sorted(self._superseded(path)[0].glob(f"{digits}*")):
            try:
                if key_of(candidate) == key:
                    if current is not None:
                        self._retire(path, current)
                    atomic.move(candidate, path)
                    return True
            except (TableError, StorageError):
                if path.exists() and key_of(path) == key:
                    return True  # a process that shares the folder was faster
                raise
        return False


def _finished(path: Path) -> StorageError:
    """Error of writing a part again that is there."""
    return StorageError(
        f"`{path}` is finished already with these very settings; a finished part stays.",
        hint="ask has_part before measuring",
    )
