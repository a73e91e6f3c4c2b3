"""The reference's trace of one corpus: rows from which its logits come back, and what was measured.

Shape letters: W windows, C tokens of a window, T scored positions of a window, n = W x T rows.

A trace is a folder that appears whole: ``trace.json``, ``tokens.npy`` (W, C) int32, optionally
``documents.npy`` (W,) int32, ``rows.bin`` of n rows of equal bytes, and one ``.npy`` of n rows per
further array.
"""

from __future__ import annotations

import contextlib
import re
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from silentzone.errors import ShapeError, StorageError, TableError
from silentzone.records.parts import PartKey
from silentzone.store import atomic
from silentzone.store.json_files import read_json, write_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from typing import BinaryIO

    from numpy.typing import NDArray

TRACE_SCHEMA_VERSION = 1

_HEADER_FIELDS = {
    "form": str,
    "windows": int,
    "positions": int,
    "vocabulary": int,
    "width": int,
    "row_encoding": str,
    "head": dict,
}
_FORMS = ("hidden", "logits")
_ARRAY_NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")
_DTYPES = ("bool", "int8", "int16", "int32", "int64", "uint8", "float32", "float64")
_HINT = "move the folder away and run the study again; only the reference is measured again"


@dataclass(frozen=True, slots=True, eq=False)
class ReferenceTrace:
    """A finished trace. Arrays are read-only and lie on disk until touched."""

    path: Path
    key: PartKey
    header: Mapping[str, Any]
    """Everything ``trace.json`` says: the fields below and whatever else was written."""
    row_bytes: int
    tokens: NDArray[np.int32]
    """Of shape (W, C)."""
    documents: NDArray[np.int32] | None
    """Of shape (W,); None where the corpus knows no documents."""
    rows: NDArray[np.uint8]
    """Of shape (n, row_bytes), window by window."""
    arrays: Mapping[str, NDArray[Any]] = field(repr=False)
    """Of shape (n,) or (n, k) each."""

    @property
    def form(self) -> str:
        """``hidden`` (rows are final hidden states) or ``logits``."""
        return str(self.header["form"])

    @property
    def row_encoding(self) -> str:
        """How a row's bytes are numbers, for example ``f16`` or ``q8_0``."""
        return str(self.header["row_encoding"])

    @property
    def window_count(self) -> int:
        """W."""
        return int(self.header["windows"])

    @property
    def positions_per_window(self) -> int:
        """T."""
        return int(self.header["positions"])

    @property
    def vocabulary_size(self) -> int:
        """Vocabulary entries of the reference."""
        return int(self.header["vocabulary"])

    @property
    def width(self) -> int:
        """Width of the final hidden state."""
        return int(self.header["width"])

    @property
    def head(self) -> dict[str, Any]:
        """Description of the output head as the writer gave it."""
        return dict(self.header["head"])

    @property
    def rebuild_error(self) -> dict[str, Any] | None:
        """How far logits rebuilt from the rows were from the engine's, as measured."""
        measured = self.header.get("rebuild_error")
        return dict(measured) if measured is not None else None

    def window_rows(self, window: int) -> NDArray[np.uint8]:
        """Rows of one window, of shape (T, row_bytes)."""
        return self.rows[self._stretch(window)]

    def window_array(self, name: str, window: int) -> NDArray[Any]:
        """Values of one window, of shape (T,) or (T, k)."""
        return self.arrays[name][self._stretch(window)]

    def _stretch(self, window: int) -> slice:
        """Rows of one window."""
        if not 0 <= window < self.window_count:
            raise ShapeError(f"`window` must be in 0..{self.window_count - 1}, it is {window}.")
        start = window * self.positions_per_window
        return slice(start, start + self.positions_per_window)


class TraceWriter:
    """Writes a trace beside its final name, window by window. Use as a context manager.

    Parameters
    ----------
    path : Path
        Final folder.
    key : PartKey
        Of kind ``trace``.
    header : mapping
        ``form`` (hidden or logits), ``windows``, ``positions``, ``vocabulary``, ``width``,
        ``row_encoding``, ``head`` (dict); further fields of JSON are kept.
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
        if key.kind != "trace":
            raise TableError(f"`key` must be of kind `trace`, it is `{key.kind}`.")
        fault = _header_fault({**header, "row_bytes": row_bytes})
        if fault is not None:
            raise TableError(f"`header` of a trace {fault}.")
        self._path, self._key, self._place = path, key, place
        self._header = {**header, "row_bytes": row_bytes}
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
        """Add the rows of one window, of shape (T, row_bytes)."""
        wanted = (self._header["positions"], self._header["row_bytes"])
        if rows.dtype != np.uint8 or rows.shape != wanted:
            raise ShapeError(
                f"`rows` of a window must be bytes of shape {wanted}, "
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
    ) -> ReferenceTrace:
        """Complete the trace and give it its name.

        Parameters
        ----------
        arrays : mapping of str to ndarray
            ``tokens`` (W, C) int32, optionally ``documents`` (W,) int32; all others per row, of
            shape (n,) or (n, k).
        measured : mapping, optional
            Header fields known only now, for example ``rebuild_error``.

        Raises
        ------
        ShapeError
            If windows are missing, or an array has another shape.
        StorageError
            If the disk refuses.
        """
        try:
            return self._finish(arrays, measured or {})
        except OSError as error:
            if isinstance(error, StorageError):
                raise
            raise atomic.storage_error(error, self._path) from error
        finally:
            self.abandon()

    def _finish(
        self, arrays: Mapping[str, NDArray[Any]], measured: Mapping[str, object]
    ) -> ReferenceTrace:
        """Write what is missing and rename."""
        header = {**self._header, **measured}
        expected = _row_count(header)
        if self._rows_written != expected:
            raise ShapeError(
                f"a trace of {header['windows']} windows must have {expected} rows, "
                f"it has {self._rows_written}."
            )
        atomic.sync_file(self._file)
        self._file.close()
        described = {}
        for name, array in arrays.items():
            fault = _array_fault(name, array.dtype, array.shape, header)
            if fault is not None:
                raise ShapeError(f"array `{name}` of a trace {fault}.")
            with (self._partial / f"{name}.npy").open("xb") as file:
                np.save(file, np.ascontiguousarray(array), allow_pickle=False)
                atomic.sync_file(file)
            described[name] = {"dtype": array.dtype.name, "shape": list(array.shape)}
        if "tokens" not in described:
            raise ShapeError("a trace must have an array `tokens` of shape (W, C).")
        part = {"kind": self._key.kind, "protocol": dict(self._key.protocol)}
        document = {**header, "arrays": described, "part": part, "part_key": self._key.sha256}
        write_json(
            self._partial / "trace.json", {**document, "schema_version": TRACE_SCHEMA_VERSION}
        )
        self._place(self._partial)
        return read_trace(self._path)

    def abandon(self) -> None:
        """Remove what was written; does nothing once the trace is finished."""
        with contextlib.suppress(OSError):
            self._file.close()
        self._remove()

    def _remove(self) -> None:
        """Remove the unfinished folder."""
        shutil.rmtree(self._partial, ignore_errors=True)


def read_trace_key(path: Path) -> PartKey:
    """Key of a finished trace; TableError if it is damaged or of an unknown schema version."""
    return _read_header(path)[1]


def read_trace(path: Path) -> ReferenceTrace:
    """Open a finished trace; every size is checked against its header first.

    Raises
    ------
    TableError
        If anything is missing, of another size than the header says, or of an unknown version.
    """
    header, key = _read_header(path)
    listed = header.get("arrays")
    if not isinstance(listed, dict) or "tokens" not in listed:
        raise _damaged(path, "it lists no tokens")
    arrays = {name: _read_array(path, name, header) for name in listed}
    count, row_bytes = _row_count(header), header["row_bytes"]
    try:
        size = (path / "rows.bin").stat().st_size
        if size != count * row_bytes:
            raise _damaged(path, f"rows.bin must have {count * row_bytes} bytes, it has {size}")
        rows = np.memmap(path / "rows.bin", dtype=np.uint8, mode="r", shape=(count, row_bytes))
    except OSError as error:
        raise _damaged(path, f"rows.bin: {error.strerror or error}") from error
    return ReferenceTrace(
        path=path,
        key=key,
        header=header,
        row_bytes=row_bytes,
        tokens=arrays.pop("tokens"),
        documents=arrays.pop("documents", None),
        rows=rows,
        arrays=arrays,
    )


def _read_header(path: Path) -> tuple[dict[str, Any], PartKey]:
    """Content of trace.json and the key it states."""
    header = read_json(path / "trace.json")
    version = header.get("schema_version") if isinstance(header, dict) else None
    if version != TRACE_SCHEMA_VERSION or isinstance(version, bool):
        raise TableError(
            f"`{path}` has trace version {version!r:.40}; this silentzone reads version "
            f"{TRACE_SCHEMA_VERSION}.",
            hint="use the silentzone that wrote it, or measure into a new folder",
        )
    part = header.get("part")
    protocol = part.get("protocol") if isinstance(part, dict) else None
    if not isinstance(protocol, dict) or not all(isinstance(v, str) for v in protocol.values()):
        raise _damaged(path, "it states no protocol")
    key = PartKey(kind=str(part["kind"]), protocol=tuple(sorted(protocol.items())))
    if key.sha256 != header.get("part_key"):
        raise _damaged(path, "its key does not belong to its protocol")
    fault = _header_fault(header)
    if fault is not None:
        raise _damaged(path, f"its header {fault}")
    return header, key


def _read_array(path: Path, name: str, header: Mapping[str, Any]) -> NDArray[Any]:
    """One array of a trace, if it is what the header says."""
    if _ARRAY_NAME.fullmatch(name) is None:
        raise _damaged(path, f"it lists an array with the name {name!r:.60}")
    try:
        array: NDArray[Any] = np.load(path / f"{name}.npy", mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise _damaged(path, f"{name}.npy: {str(error)[:200]}") from error
    described = {"dtype": array.dtype.name, "shape": list(array.shape)}
    if header["arrays"][name] != described:
        raise _damaged(path, f"{name}.npy must be {header['arrays'][name]!s:.80}")
    fault = _array_fault(name, array.dtype, array.shape, header)
    if fault is not None:
        raise _damaged(path, f"{name}.npy {fault}")
    return array


def _row_count(header: Mapping[str, Any]) -> int:
    """N = W x T."""
    return int(header["windows"]) * int(header["positions"])


def _header_fault(header: Mapping[str, Any]) -> str | None:
    """Say what is wrong with a header, None if nothing is."""
    for name, kind in (*_HEADER_FIELDS.items(), ("row_bytes", int)):
        value = header.get(name)
        if not isinstance(value, kind) or isinstance(value, bool):
            return f"must have `{name}` of type {kind.__name__}"
        if isinstance(value, int) and not 0 < value < 2**40:
            return f"must have a positive `{name}`, it is {value}"
    if header["form"] not in _FORMS:
        return f"must have `form` hidden or logits, it is {header['form']!r:.40}"
    if not isinstance(header.get("rebuild_error"), dict | None):
        return "must have `rebuild_error` as a dict or null"
    return None


def _array_fault(
    name: str, dtype: np.dtype[Any], shape: tuple[int, ...], header: Mapping[str, Any]
) -> str | None:
    """Say what is wrong with an array of a trace, None if nothing is."""
    if _ARRAY_NAME.fullmatch(name) is None:
        return "must have a name of a-z, 0-9 and _"
    if name in {"tokens", "documents"}:
        is_right = len(shape) == (2 if name == "tokens" else 1) and shape[0] == header["windows"]
        wanted = "int32 with one entry per window"
        return None if is_right and dtype == np.int32 else f"must be {wanted}, it is {shape}"
    if dtype.name not in _DTYPES or not dtype.isnative:
        return f"must hold plain numbers, it holds {dtype}"
    if len(shape) not in {1, 2} or shape[0] != _row_count(header):
        return f"must have {_row_count(header)} rows in one or two dimensions, it has shape {shape}"
    return None


def _damaged(path: Path, what: str) -> TableError:
    """Error of a trace that cannot be used."""
    return TableError(f"`{path}` is not usable: {what}.", hint=_HINT)
