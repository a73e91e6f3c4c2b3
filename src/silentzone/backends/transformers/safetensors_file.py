"""The header of a safetensors file, read without trusting a byte of it."""

from __future__ import annotations

import json
import math
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from silentzone.errors import ModelFileError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

_MAX_HEADER_BYTES: Final = 100 * 2**20
"""The format's own limit."""
_MAX_DIMENSIONS: Final = 8
BITS: Final = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "I16": 16, "U16": 16,
    "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32, "I64": 64, "U64": 64, "F64": 64,
    "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "C64": 64,
}  # fmt: skip
"""Of one element of each type."""
FLOATS: Final = frozenset({"F64", "F32", "F16", "BF16"})
"""Types in which a weight is a number by itself, without a scale that lies elsewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTensor:
    """One tensor: what it is and where its bytes lie."""

    name: str
    type: str
    """As the format names it, for example ``BF16``."""
    shape: tuple[int, ...]
    path: Path
    offset: int
    """Of its first byte in the file."""
    n_bytes: int

    @property
    def n_elements(self) -> int:
        """Stored elements; of a packed tensor fewer than weights."""
        return math.prod(self.shape)


def read_tensors(path: Path) -> list[StoredTensor]:
    """Tensors of a safetensors file, in the order of their names.

    Raises
    ------
    ModelFileError
        If the file is missing, is of another kind, cut off, or names bytes that are not there.
    """
    try:
        with path.open("rb") as file:
            length, total = file.read(8), path.stat().st_size
            size = _header_bytes(path, length, total)
            text = file.read(size)
    except OSError as error:
        raise ModelFileError(f"`{path}` cannot be read: {error}") from error
    try:
        header = json.loads(text.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise _damaged(path, "its header is not JSON") from error
    if not isinstance(header, dict):
        raise _damaged(path, "its header is not a table of tensors")
    header.pop("__metadata__", None)
    found = [_tensor(path, name, entry, 8 + size, total) for name, entry in sorted(header.items())]
    end = 8 + size
    for tensor in sorted(found, key=lambda one: (one.offset, one.n_bytes)):
        if tensor.offset != end:
            raise _damaged(path, f"`{tensor.name}` overlaps another tensor or leaves a hole")
        end += tensor.n_bytes
    return found


def as_float32(tensor: StoredTensor) -> NDArray[np.float32]:
    """Values of a tensor of one of the ``FLOATS``, its shape kept."""
    kinds = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}
    stored = np.memmap(
        tensor.path, np.dtype(kinds[tensor.type]), "r", tensor.offset, shape=tensor.shape
    )
    if tensor.type == "BF16":
        return (stored.astype(np.uint32) << np.uint32(16)).view(np.float32)
    return np.ascontiguousarray(stored, np.float32)


def as_integers(tensor: StoredTensor) -> tuple[int, ...]:
    """Values of a small tensor of the type I32 or I64, one after the other."""
    kind = np.dtype("<i4" if tensor.type == "I32" else "<i8")
    with tensor.path.open("rb") as file:
        file.seek(tensor.offset)
        return tuple(np.frombuffer(file.read(min(tensor.n_bytes, 64)), kind).tolist())


def _header_bytes(path: Path, length: bytes, total: int) -> int:
    size: int = struct.unpack("<Q", length)[0] if len(length) == 8 else 0
    if size < 2:
        raise _damaged(path, "its header is not that of a safetensors file")
    if size > total - 8:
        raise _damaged(path, f"it names a header of {size:,} bytes, and only {total - 8:,} follow")
    if size > _MAX_HEADER_BYTES:
        raise _damaged(
            path, f"it names a header of {size:,} bytes, and {_MAX_HEADER_BYTES:,} are the most"
        )
    return size


def _tensor(path: Path, name: str, entry: Any, first: int, total: int) -> StoredTensor:  # noqa: ANN401
    no_tensor = _damaged(path, f"the entry of `{name[:200]}` is not one of a tensor")
    try:
        kind, shape = entry["dtype"], tuple(entry["shape"])
        start, stop = entry["data_offsets"]
        is_known = kind in BITS
    except (TypeError, KeyError, ValueError) as error:
        raise no_tensor from error
    numbers = (*shape, start, stop)
    are_counts = all(type(number) is int and 0 <= number < 2**62 for number in numbers)
    if not is_known or len(shape) > _MAX_DIMENSIONS or not are_counts:
        raise no_tensor
    if 8 * (stop - start) != BITS[kind] * math.prod(shape) or first + stop > total:
        raise _damaged(path, f"`{name[:200]}` is not as long as its shape says, or is cut off")
    return StoredTensor(
        name=name, type=kind, shape=shape, path=path, offset=first + start, n_bytes=stop - start
    )


def _damaged(path: Path, what: str) -> ModelFileError:
    return ModelFileError(
        f"`{path}` is not usable: {what}", hint="the file may be damaged or not fully downloaded"
    )
