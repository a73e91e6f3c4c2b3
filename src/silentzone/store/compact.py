"""Columns of millions of rows, held as Arrow holds them instead of as Python objects.

A hash of 64 digits is 120 bytes as a text of Python's and 68 in a column; four log-likelihoods are
168 bytes as a tuple and 36.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute

if TYPE_CHECKING:
    from numpy.typing import NDArray

_Value = TypeVar("_Value", covariant=True)

_BLOCK_ROWS = 8192
_BLOCK_BYTES = 2**30
"""Of text; the offsets of an Arrow column have 32 bits."""


class CompactColumn(Sequence[_Value], Generic[_Value]):
    """Values of a column in their order, made into Python objects one block at a time.

    Parameters
    ----------
    arrow : pyarrow.Array or pyarrow.ChunkedArray
    """

    def __init__(self, arrow: Any) -> None:  # noqa: ANN401 - Arrow has no types
        self.arrow = arrow

    @property
    def n_distinct(self) -> int:
        """Number of different values; null is none."""
        known = self.arrow.drop_null()
        if not len(known):
            return 0
        # Sorting takes 30 bytes a row, and Arrow's table of hashes 200.
        ordered = known.take(pa.compute.sort_indices(known))
        changes = pa.compute.not_equal(ordered.slice(1), ordered.slice(0, len(ordered) - 1))
        return 1 + int(pa.compute.sum(changes).as_py() or 0)

    @property
    def is_empty(self) -> bool:
        """Whether no row has a value."""
        return bool(self.arrow.null_count == len(self.arrow))

    def where(self, is_wanted: Any) -> CompactColumn[_Value]:  # noqa: ANN401
        """Give the rows of which a column of booleans is true; null is not."""
        return CompactColumn(self.arrow.filter(is_wanted))

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.arrow)

    def __getitem__(self, place: Any) -> Any:  # noqa: ANN401 - a value, or a list of them
        """Give a row, or some rows as a list."""
        if isinstance(place, slice):
            return list(self)[place]
        return self.arrow[place].as_py()

    def __iter__(self) -> Iterator[_Value]:
        """Go through the rows."""
        for first in range(0, len(self.arrow), _BLOCK_ROWS):
            yield from self.arrow.slice(first, _BLOCK_ROWS).to_pylist()

    def __eq__(self, other: object) -> bool:
        """Whether another sequence has the same values."""
        if not isinstance(other, Sequence) or isinstance(other, str):
            return NotImplemented
        return len(self) == len(other) and all(
            mine == its for mine, its in zip(self, other, strict=True)
        )

    __hash__ = None  # type: ignore[assignment]


class CompactTexts:
    """Texts that come one by one."""

    def __init__(self) -> None:
        self._blocks: list[Any] = []
        self._open_block()

    def append(self, text: str | None) -> None:
        """Add a row."""
        if text is not None:
            self._bytes += text.encode()
        self._is_there.append(text is not None)
        self._ends.append(len(self._bytes))
        if len(self._bytes) > _BLOCK_BYTES:
            self._close_block()

    def column(self) -> CompactColumn[Any]:
        """Give all rows so far; null where null was added."""
        self._close_block()
        return CompactColumn(pa.chunked_array(self._blocks, type=pa.string()))

    def _open_block(self) -> None:
        # Not Arrow's own builders: their pool keeps what growing columns leave behind.
        self._bytes, self._ends, self._is_there = bytearray(), array("i", [0]), bytearray()

    def _close_block(self) -> None:
        is_there = np.packbits(np.frombuffer(self._is_there, dtype=np.bool_), bitorder="little")
        buffers = map(pa.py_buffer, (is_there, self._ends, self._bytes))
        self._blocks.append(pa.Array.from_buffers(pa.string(), len(self._is_there), [*buffers]))
        self._open_block()


def compact_texts(texts: Sequence[str | None]) -> CompactColumn[str | None]:
    """Give texts as a column; one that is compact already is not copied."""
    if isinstance(texts, CompactColumn):
        return texts
    return CompactColumn(pa.array(texts, type=pa.string()))


def compact_lists(values: array[float], counts: array[int]) -> CompactColumn[list[float] | None]:
    """Give lists of numbers that lie one behind the other.

    Parameters
    ----------
    values : array of float
    counts : array of int
        Values of each row; a row with 0 is null.
    """
    lengths: NDArray[np.int64] = np.array(counts, dtype=np.int64)
    ends = np.concatenate([[0], np.cumsum(lengths)])
    is_null = np.append(lengths == 0, [False])
    offsets = pa.array(ends.astype(np.int32), mask=is_null)
    numbers = pa.array(np.frombuffer(values or b"", dtype=np.float64))
    return CompactColumn(pa.ListArray.from_arrays(offsets, numbers))
