"""Writes a trace of the reference beside its final name, a stretch of rows at a time."""

from __future__ import annotations

import contextlib
import shutil
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from silentzone.errors import ShapeError, StorageError, TableError
from silentzone.store import atomic
from silentzone.store.json_files import write_json
from silentzone.store.traces import (
    LAYOUTS,
    TRACE_SCHEMA_VERSION,
    array_fault,
    header_fault,
    lengths_fault,
    row_count,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from typing import BinaryIO

    from numpy.typing import NDArray

    from silentzone.records.parts import PartKey


class TraceWriter:
    """Writes a trace beside its final name. Use as a context manager.

    Parameters
    ----------
    path : Path
        Final folder.
    key : PartKey
        Of kind ``trace`` or ``item_trace``.
    header : mapping
        ``form`` (hidden or logits), ``vocabulary``, ``width``, ``row_encoding``, ``head`` (dict),
        and ``windows`` and ``positions`` of a text, or ``continuations`` and ``rows`` of items;
        further fields of JSON are kept.
    row_bytes : int
        Bytes of one row.
    place : callable
        Gives the finished folder its final name.

    Raises
    ------
    TableError
        If the header lacks a field or one is impossible.
    StorageError
        If the disk refuses; what was written is removed.

    Notes
    -----
    Leaving the context without :meth:`finish` abandons the trace.
    """

    def __init__(
        self,
        path: Path,
        key: PartKey,
        header: Mapping[str, object],
        row_bytes: int,
        place: Callable[[Path], None],
    ) -> None:
        fault = header_fault(key.kind, {**header, "row_bytes": row_bytes})
        if fault is not None:
            raise TableError(f"`header` of a trace {fault}.")
        self._path, self._key, self._place = path, key, place
        self._header: dict[str, Any] = {**header, "row_bytes": row_bytes}
        self._rows_written = 0
        self._partial = atomic.partial_path(path)
        atomic.make_folder(self._partial)
        try:
            self._file: BinaryIO = (self._partial / "rows.bin").open("xb")
        except OSError as error:
            self._remove()
            raise atomic.storage_error(error, path) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.abandon()

    def append_rows(self, rows: NDArray[np.uint8]) -> None:
        """Add rows in order, of shape (k, row_bytes)."""
        wanted = (len(rows) if rows.ndim == 2 else None, self._header["row_bytes"])
        if rows.dtype != np.uint8 or rows.shape != wanted:
            raise ShapeError(
                f"`rows` must be bytes of shape {wanted}, "
                f"they are {rows.dtype} of shape {rows.shape}."
            )
        try:
            self._file.write(np.ascontiguousarray(rows).data)
        except OSError as error:
            self.abandon()
            raise atomic.storage_error(error, self._path) from error
        self._rows_written += len(rows)

    def finish(
        self,
        arrays: Mapping[str, NDArray[Any]],
        measured: Mapping[str, object] | None = None,
    ) -> None:
        """Complete the trace and give it its name.

        Parameters
        ----------
        arrays : mapping of str to ndarray
            Those with one entry per group that the layout asks for (see ``traces``); all others
            per row, of shape (n,) or (n, k).
        measured : mapping, optional
            Header fields known only now, for example ``rebuild_error``.

        Raises
        ------
        ShapeError
            If rows are missing, or an array has another shape.
        StorageError
            If the disk refuses.
        """
        try:
            self._finish(arrays, measured or {})
        except OSError as error:
            if isinstance(error, StorageError):
                raise
            raise atomic.storage_error(error, self._path) from error
        finally:
            self.abandon()

    def _finish(self, arrays: Mapping[str, NDArray[Any]], measured: Mapping[str, object]) -> None:
        """Write what is missing and rename."""
        header = {**self._header, **measured}
        kind = self._key.kind
        layout, expected = LAYOUTS[kind], row_count(kind, header)
        if self._rows_written != expected:
            raise ShapeError(
                f"a trace of {header[layout.group]} {layout.group} must have {expected} rows, "
                f"it has {self._rows_written}."
            )
        for name in layout.required:
            if name not in arrays:
                raise ShapeError(f"a trace must have an array `{name}`.")
        atomic.sync_file(self._file)
        self._file.close()
        described = {}
        for name, array in arrays.items():
            fault = array_fault(name, array.dtype, array.shape, kind, header)
            if fault is not None:
                raise ShapeError(f"array `{name}` of a trace {fault}.")
            with (self._partial / f"{name}.npy").open("xb") as file:
                np.save(file, np.ascontiguousarray(array), allow_pickle=False)
                atomic.sync_file(file)
            described[name] = {"dtype": array.dtype.name, "shape": list(array.shape)}
        fault = lengths_fault(kind, header, arrays)
        if fault is not None:
            raise ShapeError(f"of a trace {fault}.")
        part = {"kind": self._key.kind, "protocol": dict(self._key.protocol)}
        document = {**header, "arrays": described, "part": part, "part_key": self._key.sha256}
        write_json(
            self._partial / "trace.json", {**document, "schema_version": TRACE_SCHEMA_VERSION}
        )
        self._place(self._partial)

    def abandon(self) -> None:
        """Remove what was written; does nothing once the trace is finished."""
        with contextlib.suppress(OSError):
            self._file.close()
        self._remove()

    def _remove(self) -> None:
        """Remove the unfinished folder."""
        shutil.rmtree(self._partial, ignore_errors=True)
