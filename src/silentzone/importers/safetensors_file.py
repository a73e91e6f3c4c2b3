"""One array of a safetensors file: its header is checked before a value is read.

Layout: eight bytes with the header's length, a JSON object, then the values, little endian.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from silentzone.errors import TableError
from silentzone.importers.text_files import unreadable

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

    from numpy.typing import NDArray

_MOST_HEADER: Final = 4 * 2**20
_MOST_VALUES: Final = 200_000_000
_MOST_DIMENSIONS: Final = 8
_TYPES: Final = {"F16": "<f2", "F32": "<f4", "F64": "<f8"}


def read_floats(path: Path, name: str) -> tuple[NDArray[np.float64], str]:
    """Read an array of floating-point numbers.

    Parameters
    ----------
    path : Path
    name : str
        Of the array.

    Returns
    -------
    tuple of (ndarray of float64, str)
        The values, flat, and the type they are stored as: ``F16``, ``F32`` or ``F64``.

    Raises
    ------
    TableError
        If the file cannot be read, is damaged or cut, or has no such array.
    """
    try:
        with path.open("rb") as file:
            start, header = _header(file, path)
            kind, count, offset = _entry(header, name, path.stat().st_size - start, path)
            file.seek(start + offset)
            values = np.fromfile(file, _TYPES[kind], count)
    except OSError as error:
        raise unreadable(path, error) from error
    if len(values) < count:
        raise _damaged(path, f"it ends after {len(values):,} of {count:,} values")
    return values.astype(np.float64), kind


def _header(file: BinaryIO, path: Path) -> tuple[int, dict[str, Any]]:
    length_bytes = file.read(8)
    length = int.from_bytes(length_bytes, "little")
    if len(length_bytes) < 8 or not 2 <= length <= _MOST_HEADER:
        raise _damaged(path, "its header's length is impossible")
    text = file.read(length)
    try:
        header = json.loads(text.decode("utf-8")) if len(text) == length else None
    except (ValueError, RecursionError) as error:
        raise _damaged(path, "its header is no JSON") from error
    if not isinstance(header, dict):
        raise _damaged(path, "its header is cut or no object")
    return 8 + length, header


def _entry(header: dict[str, Any], name: str, n_bytes: int, path: Path) -> tuple[str, int, int]:
    """Type, number of values and place of an array, all within the file."""
    entry = header.get(name)
    if not isinstance(entry, dict):
        found = ", ".join(repr(one)[:40] for one in list(header)[:5])
        raise _damaged(path, f"it has no array `{name}`; it has: {found}")
    kind = entry.get("dtype")
    if not isinstance(kind, str) or kind not in _TYPES:
        raise _damaged(path, f"`{name}` must be of type F16, F32 or F64, it is {kind!r:.40}")
    shape, offsets = _whole_numbers(entry.get("shape")), _whole_numbers(entry.get("data_offsets"))
    if shape is None or offsets is None or len(offsets) != 2:
        raise _damaged(path, f"shape or place of `{name}` is no list of whole numbers")
    count = math.prod(shape)
    begin, end = offsets
    if count > _MOST_VALUES:
        raise _damaged(path, f"`{name}` claims {count:,} values")
    if not 0 <= begin <= end <= n_bytes or end - begin != count * np.dtype(_TYPES[kind]).itemsize:
        raise _damaged(path, f"`{name}` does not lie within the file, or not in its own length")
    return kind, count, begin


def _whole_numbers(values: object) -> list[int] | None:
    """Give a short list of whole numbers from 0 on; null for anything else."""
    if not isinstance(values, list) or len(values) > _MOST_DIMENSIONS:
        return None
    found = [one for one in values if type(one) is int and one >= 0]
    return found if len(found) == len(values) else None


def _damaged(path: Path, what: str) -> TableError:
    return TableError(f"`{path.name}` is no usable safetensors file: {what}.")
