"""What the reference gave, stored: rows from which its logits come back, and what was measured.

Shape letters: W windows, C tokens of a window, T scored positions of a window, G groups of rows
(the windows of a text, or the continuations of a benchmark's items), n rows in all.

A trace is a folder that appears whole: ``trace.json``, ``rows.bin`` of n rows of equal bytes, one
``.npy`` per array. A trace of a text has W groups of T rows each, ``tokens.npy`` (W, C) int32 and
optionally ``documents.npy`` (W,) int32; a trace along items has G groups of any number of rows,
``item.npy``, ``choice.npy`` and ``length.npy`` (G,) int32, and ``token_id.npy`` (n,). All other
arrays have one entry per row.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from silentzone.errors import ShapeError, TableError
from silentzone.records.parts import PartKey
from silentzone.store.json_files import read_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

TRACE_SCHEMA_VERSION = 1

_HEADER_FIELDS = {
    "form": str,
    "vocabulary": int,
    "width": int,
    "row_encoding": str,
    "head": dict,
}
_FORMS = ("hidden", "logits")
_ARRAY_NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")
_DTYPES = ("bool", "int8", "int16", "int32", "int64", "uint8", "float32", "float64")
_HINT = "move the folder away and run the study again; only the reference is measured again"


@dataclass(frozen=True, slots=True)
class TraceLayout:
    """How the rows of one kind of trace are grouped."""

    folder: str
    """Where traces of this kind lie in a study."""
    group: str
    """Header field with the number of groups, and what people call them."""
    sizes: tuple[str, ...]
    """Header fields whose product is the number of rows."""
    group_arrays: Mapping[str, int]
    """Arrays of int32 with one entry per group, and their dimensions."""
    required: tuple[str, ...]


LAYOUTS = {
    "trace": TraceLayout(
        folder="traces",
        group="windows",
        sizes=("windows", "positions"),
        group_arrays={"tokens": 2, "documents": 1},
        required=("tokens",),
    ),
    "item_trace": TraceLayout(
        folder="item_traces",
        group="continuations",
        sizes=("rows",),
        group_arrays={"item": 1, "choice": 1, "length": 1},
        required=("item", "choice", "length", "token_id"),
    ),
}
"""By the kind of the part key."""


@dataclass(frozen=True, slots=True, eq=False)
class StoredRows:
    """A finished trace of any kind. Arrays are read-only and lie on disk until touched."""

    path: Path
    key: PartKey
    header: Mapping[str, Any]
    """Everything ``trace.json`` says: the fields below and whatever else was written."""
    row_bytes: int
    rows: NDArray[np.uint8]
    """Of shape (n, row_bytes), group by group."""
    starts: NDArray[np.int64]
    """Of shape (G + 1,): the first row of each group, then n."""
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

    def stretch(self, group: int) -> slice:
        """Rows of one group."""
        last = len(self.starts) - 2
        if not 0 <= group <= last:
            what = LAYOUTS[self.key.kind].group.removesuffix("s")
            raise ShapeError(f"`{what}` must be in 0..{last}, it is {group}.")
        return slice(int(self.starts[group]), int(self.starts[group + 1]))


@dataclass(frozen=True, slots=True, eq=False)
class ReferenceTrace(StoredRows):
    """The reference on one corpus: a group of rows per window."""

    tokens: NDArray[np.int32]
    """Of shape (W, C)."""
    documents: NDArray[np.int32] | None
    """Of shape (W,); None where the corpus knows no documents."""

    @property
    def window_count(self) -> int:
        """W."""
        return int(self.header["windows"])

    @property
    def positions_per_window(self) -> int:
        """T."""
        return int(self.header["positions"])

    def window_rows(self, window: int) -> NDArray[np.uint8]:
        """Rows of one window, of shape (T, row_bytes)."""
        return self.rows[self.stretch(window)]

    def window_array(self, name: str, window: int) -> NDArray[Any]:
        """Values of one window, of shape (T,) or (T, k)."""
        return self.arrays[name][self.stretch(window)]


@dataclass(frozen=True, slots=True, eq=False)
class ItemTrace(StoredRows):
    """The reference along the choices of a benchmark's items: a group of rows per choice."""

    item: NDArray[np.int32]
    """Of shape (G,): index of the item in the benchmark as asked, ascending."""
    choice: NDArray[np.int32]
    """Of shape (G,): index of the choice."""


def read_trace_key(path: Path) -> PartKey:
    """Key of a finished trace; TableError if it is damaged or of an unknown schema version."""
    return _read_header(path)[1]


def read_trace(path: Path) -> ReferenceTrace:
    """Open a finished trace of a text; every size is checked against its header first.

    Raises
    ------
    TableError
        If anything is missing, of another size than the header says, or of an unknown version.
    """
    common, own = _read_parts(path, "trace")
    return ReferenceTrace(**common, tokens=own["tokens"], documents=own.get("documents"))


def read_item_trace(path: Path) -> ItemTrace:
    """Open a finished trace along items; checked and refused as :func:`read_trace` does."""
    common, own = _read_parts(path, "item_trace")
    return ItemTrace(**common, item=own["item"], choice=own["choice"])


def _read_parts(path: Path, kind: str) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Fields of any trace, and the arrays with one entry per group."""
    header, key = _read_header(path)
    if key.kind != kind:
        raise _damaged(path, f"it must be of kind `{kind}`, it is `{key.kind:.40}`")
    layout = LAYOUTS[kind]
    listed = header.get("arrays")
    missing = [name for name in layout.required if name not in (listed or {})]
    if not isinstance(listed, dict) or missing:
        raise _damaged(path, f"it lists no {' and no '.join(missing)}")
    arrays = {name: _read_array(path, name, kind, header) for name in listed}
    own = {name: arrays.pop(name) for name in layout.group_arrays if name in arrays}
    fault = lengths_fault(kind, header, own)
    if fault is not None:
        raise _damaged(path, fault)
    count, row_bytes = row_count(kind, header), header["row_bytes"]
    try:
        size = (path / "rows.bin").stat().st_size
        if size != count * row_bytes:
            raise _damaged(path, f"rows.bin must have {count * row_bytes} bytes, it has {size}")
        rows = np.memmap(path / "rows.bin", dtype=np.uint8, mode="r", shape=(count, row_bytes))
    except OSError as error:
        raise _damaged(path, f"rows.bin: {error.strerror or error}") from error
    common = {
        "path": path,
        "key": key,
        "header": header,
        "row_bytes": row_bytes,
        "rows": rows,
        "starts": _starts(header, own),
        "arrays": arrays,
    }
    return common, own


def _starts(header: Mapping[str, Any], own: Mapping[str, NDArray[Any]]) -> NDArray[np.int64]:
    if "length" in own:
        return np.concatenate(([0], np.cumsum(own["length"], dtype=np.int64)))
    return np.arange(header["windows"] + 1, dtype=np.int64) * int(header["positions"])


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
    if key.kind not in LAYOUTS:
        raise _damaged(path, f"`{key.kind:.40}` is no kind of trace")
    fault = header_fault(key.kind, header)
    if fault is not None:
        raise _damaged(path, f"its header {fault}")
    return header, key


def _read_array(path: Path, name: str, kind: str, header: Mapping[str, Any]) -> NDArray[Any]:
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
    fault = array_fault(name, array.dtype, array.shape, kind, header)
    if fault is not None:
        raise _damaged(path, f"{name}.npy {fault}")
    return array


def row_count(kind: str, header: Mapping[str, Any]) -> int:
    """Rows of a trace by its header."""
    count = 1
    for name in LAYOUTS[kind].sizes:
        count *= int(header[name])
    return count


def header_fault(kind: str, header: Mapping[str, Any]) -> str | None:
    """Say what is wrong with a header, None if nothing is."""
    layout = LAYOUTS[kind]
    sizes = dict.fromkeys((layout.group, *layout.sizes, "row_bytes"), int)
    for name, wanted in (*_HEADER_FIELDS.items(), *sizes.items()):
        value = header.get(name)
        if not isinstance(value, wanted) or isinstance(value, bool):
            return f"must have `{name}` of type {wanted.__name__}"
        if isinstance(value, int) and not 0 < value < 2**40:
            return f"must have a positive `{name}`, it is {value}"
    if header["form"] not in _FORMS:
        return f"must have `form` hidden or logits, it is {header['form']!r:.40}"
    if not isinstance(header.get("rebuild_error"), dict | None):
        return "must have `rebuild_error` as a dict or null"
    return None


def array_fault(
    name: str,
    dtype: np.dtype[Any],
    shape: tuple[int, ...],
    kind: str,
    header: Mapping[str, Any],
) -> str | None:
    """Say what is wrong with an array of a trace, None if nothing is."""
    if _ARRAY_NAME.fullmatch(name) is None:
        return "must have a name of a-z, 0-9 and _"
    layout, rows = LAYOUTS[kind], row_count(kind, header)
    dimensions = layout.group_arrays.get(name)
    if dimensions is not None:
        is_right = len(shape) == dimensions and shape[0] == header[layout.group]
        wanted = f"int32 with one entry per {layout.group.removesuffix('s')}"
        return None if is_right and dtype == np.int32 else f"must be {wanted}, it is {shape}"
    if dtype.name not in _DTYPES or not dtype.isnative:
        return f"must hold plain numbers, it holds {dtype}"
    if len(shape) not in {1, 2} or shape[0] != rows:
        return f"must have {rows} rows in one or two dimensions, it has shape {shape}"
    return None


def lengths_fault(
    kind: str, header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
) -> str | None:
    """Say whether groups of any length do not make up the rows, None if they do."""
    length = arrays.get("length") if kind == "item_trace" else None
    if length is None:
        return None
    rows = row_count(kind, header)
    if int(length.min()) < 1 or int(length.sum(dtype=np.int64)) != rows:
        return f"`length` must be positive and add up to {rows}"
    return None


def _damaged(path: Path, what: str) -> TableError:
    """Error of a trace that cannot be used."""
    return TableError(f"`{path}` is not usable: {what}.", hint=_HINT)
