"""What a caller hands over as a column, checked and turned into an Arrow array.

Nothing is cast that could lose a bit, and a missing value is never written as a number: a NaN is
refused, a null comes as None or under the mask of a masked array.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute

from silentzone.errors import ShapeError, TableError
from silentzone.store.arrow_schema import ARROW_TYPES
from silentzone.store.compact import CompactColumn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from silentzone.records.tables import Column

_EXACT_INTEGER = 2**53
_INT32 = np.iinfo(np.int32)


def arrow_column(column: Column, values: object) -> pa.Array:
    """Arrow array of one column.

    Parameters
    ----------
    column : Column
        What the column must be.
    values : ndarray, numpy.ma.MaskedArray or sequence, of length n
        None, or a masked entry, is null.

    Returns
    -------
    pyarrow.Array of length n

    Raises
    ------
    TableError
        If a value is of another type, out of range, NaN, or null where nulls are not allowed;
        names the column and the first such row.
    ShapeError
        If the values are not one-dimensional.
    """
    if isinstance(values, CompactColumn):
        array = _compact(column, values)
    elif column.kind in {"string", "dictionary"}:
        array = _texts(column, values)
    elif column.kind in {"list<float64>", "list<int32>"}:
        array = _lists(column, values)
    else:
        array = _numbers(column, values)
    if array.null_count and not column.is_nullable:
        row = int(np.flatnonzero(np.asarray(array.is_null()))[0])
        raise TableError(f"`{column.name}` must not be null; row {row} is.")
    return array


def _compact(column: Column, values: CompactColumn[Any]) -> pa.Array:
    """Column that Arrow holds already."""
    array, wanted = values.arrow, ARROW_TYPES[column.kind]
    if array.type != wanted and not (column.kind == "dictionary" and array.type == pa.string()):
        raise TableError(f"`{column.name}` must be {column.kind}, it is {array.type}.")
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    inner = array.flatten() if column.kind.startswith("list") else array
    if pa.types.is_floating(inner.type) and pa.compute.any(pa.compute.is_nan(inner)).as_py():
        raise TableError(f"`{column.name}` must not hold NaN.")
    return array.dictionary_encode() if column.kind == "dictionary" else array


def _rows(column: Column, values: object) -> list[Any]:
    """Values as a list with None where there is none."""
    if isinstance(values, str | bytes) or not hasattr(values, "__len__"):
        raise ShapeError(f"`{column.name}` must be a sequence, it is {type(values).__name__}.")
    if isinstance(values, np.ndarray):
        if values.ndim == 0:
            raise ShapeError(f"`{column.name}` must be a sequence, it is a single value.")
        return list(values.tolist())
    return [None if value is np.ma.masked else value for value in values]  # type: ignore[attr-defined]


def _texts(column: Column, values: object) -> pa.Array:
    """Text, kept exactly."""
    rows = _rows(column, values)
    for row, value in enumerate(rows):
        if value is not None and not isinstance(value, str):
            raise TableError(f"`{column.name}` must be text, row {row} is {type(value).__name__}.")
    try:
        array = pa.array(rows, type=pa.string())
    except UnicodeEncodeError as error:
        raise TableError(
            f"`{column.name}` must be valid Unicode text, one row is not: {error.reason}."
        ) from error
    return array.dictionary_encode() if column.kind == "dictionary" else array


def _lists(column: Column, values: object) -> pa.Array:
    """Give lists of numbers; an inner value cannot be null."""
    rows: list[list[float] | list[int] | None] = []
    for row, value in enumerate(_rows(column, values)):
        if value is None:
            rows.append(None)
            continue
        name, data = f"{column.name}, row {row}", np.asarray(value)
        nowhere = np.zeros(data.shape, dtype=bool)
        if column.kind == "list<int32>":
            rows.append(_as_int32(name, data, nowhere).tolist())
            continue
        inner = _as_floats(name, data)
        _refuse_nan(name, inner, nowhere)
        rows.append(inner.tolist())
    return pa.array(rows, type=ARROW_TYPES[column.kind])


def _numbers(column: Column, values: object) -> pa.Array:
    """Numbers or booleans with a mask."""
    data, is_null = _masked(column, values)
    if data.ndim != 1:
        raise ShapeError(f"`{column.name}` must have one dimension, it has {data.ndim}.")
    if column.kind == "float64":
        data = _as_floats(column.name, data)
        _refuse_nan(column.name, data, is_null)
    elif column.kind == "int32":
        data = _as_int32(column.name, data, is_null)
    elif data.dtype.kind != "b":
        raise TableError(f"`{column.name}` must hold booleans, it holds {data.dtype}.")
    return pa.array(data, type=ARROW_TYPES[column.kind], mask=is_null)


def _masked(column: Column, values: object) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Separate the data from where they are null."""
    if isinstance(values, np.ma.MaskedArray) and values.dtype.kind != "O":
        return np.asarray(values.data), np.array(np.ma.getmaskarray(values))
    if isinstance(values, np.ndarray) and values.dtype.kind != "O":
        return values, np.zeros(values.shape, dtype=bool)
    rows = _rows(column, values)
    is_null = np.array([value is None for value in rows], dtype=bool)
    return _filled(column, rows), is_null


def _filled(column: Column, rows: Sequence[Any]) -> NDArray[Any]:
    """Array of the values, nulls replaced by one of them so that the type stays theirs."""
    filler = next((value for value in rows if value is not None), None)
    if filler is None:
        return np.zeros(len(rows), dtype=ARROW_TYPES[column.kind].to_pandas_dtype())
    try:
        return np.array([filler if value is None else value for value in rows])
    except ValueError as error:
        raise ShapeError(f"`{column.name}` must have one value per row: {error}.") from error


def _as_floats(name: str, data: NDArray[Any]) -> NDArray[np.float64]:
    """Give the same values in float64."""
    if data.ndim != 1:
        raise ShapeError(f"`{name}` must have one dimension, it has {data.ndim}.")
    if (
        data.size == 0
        or data.dtype.kind == "b"
        or data.dtype in (np.float16, np.float32, np.float64)
    ):
        return data.astype(np.float64)
    is_exact = data.dtype.kind in "iu" and (
        int(data.min()) >= -_EXACT_INTEGER and int(data.max()) <= _EXACT_INTEGER
    )
    if not is_exact:
        raise TableError(f"`{name}` must fit float64 without loss, it holds {data.dtype}.")
    return data.astype(np.float64)


def _as_int32(name: str, data: NDArray[Any], is_null: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Give the same values in int32; what lies under a null does not matter."""
    if data.dtype.kind not in "iub" and data.size:
        raise TableError(f"`{name}` must hold integers, it holds {data.dtype}.")
    outside = ((data < _INT32.min) | (data > _INT32.max)) & ~is_null
    if outside.any():
        row = int(np.flatnonzero(outside)[0])
        raise TableError(f"`{name}` must fit int32, row {row} is {data[row]}.")
    return np.where(is_null, 0, data).astype(np.int32)


def _refuse_nan(name: str, data: NDArray[np.float64], is_null: NDArray[np.bool_]) -> None:
    """Refuse NaN: a missing value is null and has a status, an infinite one is infinite."""
    bad = np.isnan(data) & ~is_null
    if bad.any():
        raise TableError(
            f"`{name}` must not be NaN, row {int(np.flatnonzero(bad)[0])} is.",
            hint="a value that is not there is null (None, or masked) and the status says why",
        )
