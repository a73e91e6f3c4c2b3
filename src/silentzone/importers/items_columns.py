"""Arrow columns of any type -> NumPy columns of numbers, texts and yes or no.

Array shapes: n rows of the file.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from silentzone.errors import TableError
from silentzone.importers.cells import BOOLEANS, LONGEST_NAME, MISSING, parse_number
from silentzone.importers.problems import SHOWN_PROBLEMS, Problems, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from silentzone.importers.items_source import RawItems


_NUMBERED: Final = {"true": "1", "false": "0"}
"""A score may be written as right or wrong."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TextColumn:
    """Texts of a column, each different one once."""

    codes: NDArray[np.int64]
    """Of shape (n,); index of each row's text, -1 where there is none."""
    values: tuple[str, ...]
    """In the order of first appearance."""
    lookup: NDArray[np.object_] = field(repr=False)
    """The same with None at the end, where the code -1 points."""

    @staticmethod
    def of(codes: NDArray[np.int64], values: Sequence[str]) -> TextColumn:
        """Make a column of its parts."""
        lookup = np.array([*values, None], dtype=object)
        return TextColumn(codes=codes, values=tuple(values), lookup=lookup)

    def take(self, rows: NDArray[np.int64]) -> tuple[Any, ...]:
        """Texts of some rows, None where there is none."""
        return tuple(self.lookup[self.codes[rows]].tolist())


class ColumnReader:
    """Reads columns of one file and notes the cells that cannot be used."""

    def __init__(self, raw: RawItems, problems: Problems) -> None:
        self._raw = raw
        self._problems = problems

    @property
    def n_rows(self) -> int:
        """Rows of the file."""
        return int(self._raw.table.num_rows)

    def has(self, name: str) -> bool:
        """Whether the file has the column."""
        return name in self._raw.table.column_names

    def numbers(self, name: str) -> NDArray[np.float64] | None:
        """Read a column of numbers; NaN where there is none, null where there is no column."""
        if not self.has(name):
            return None
        column = _plain(self._raw.table.column(name))
        kind = column.type
        if _is_text(kind):
            values, is_bad = _numbers_of_texts(column)
            self.report(is_bad, name, _why_no_number)
            return values
        if not _is_number(kind):
            raise self._wrong_type(name, kind, "numbers")
        return _as_floats(column)

    def texts(self, name: str, *, limit: int = LONGEST_NAME) -> TextColumn | None:
        """Read a column of texts; blanks around them are left out, null where there is none."""
        if not self.has(name):
            return None
        column = _plain(self._raw.table.column(name))
        kind = column.type
        if pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_null(kind):
            column = column.cast(pa.string())
        elif not _is_text(kind):
            raise self._wrong_type(name, kind, "texts or whole numbers")
        texts = _encoded(column)
        too_long = np.array([*(len(value) > limit for value in texts.values), False])
        self.report(
            too_long[texts.codes], name, lambda _: f"must have at most {limit:,} characters"
        )
        return texts

    def booleans(self, name: str) -> NDArray[np.bool_] | None:
        """Read a column of yes and no; an empty cell means no."""
        texts = self.texts(name)
        if texts is None:
            return None
        answers = [BOOLEANS.get(value.casefold()) for value in texts.values]
        is_bad = np.array([*(answer is None for answer in answers), False])
        self.report(
            is_bad[texts.codes], name, lambda cell: f"{shown(cell)} is neither true nor false"
        )
        return np.array([*map(bool, answers), False])[texts.codes]

    def report(self, is_bad: NDArray[np.bool_], column: str, what: Callable[[object], str]) -> None:
        """Note the rows of a column that cannot be used, the first few in words.

        Parameters
        ----------
        is_bad : ndarray of shape (n,), bool
        column : str
        what : callable
            Given the cell, says what is wrong with it.
        """
        rows = np.flatnonzero(is_bad)
        if not len(rows):
            return
        first = rows[:SHOWN_PROBLEMS].tolist()
        cells = self._raw.table.column(column)
        for row, place in zip(first, self._raw.places(first), strict=True):
            self._problems.add(what(cells[row].as_py()), place=place, column=column)
        self._problems.add_unseen(len(rows) - len(first))

    def places(self, rows: NDArray[np.int64]) -> list[str]:
        """Where rows (ascending) stand in the file."""
        return self._raw.places(rows.tolist())

    def _wrong_type(self, name: str, kind: pa.DataType, wanted: str) -> TableError:
        return TableError(
            f"`{self._problems.source}`, column `{name}`: must hold {wanted}, it holds {kind}"
        )


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Give the ordinary column that a dictionary of numbers or a text of another width is."""
    if pa.types.is_dictionary(column.type) and not _is_text(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_large_string(column.type) or pa.types.is_string_view(column.type):
        column = column.cast(pa.string())
    return column


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind))


def _is_number(kind: pa.DataType) -> bool:
    return any(
        test(kind)
        for test in (
            pa.types.is_integer,
            pa.types.is_floating,
            pa.types.is_boolean,
            pa.types.is_decimal,
            pa.types.is_null,
        )
    )


def _as_floats(column: pa.ChunkedArray) -> NDArray[np.float64]:
    """Give a column of numbers with NaN where there is none."""
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.uint8())
    floats = pc.fill_null(pc.cast(column, pa.float64(), safe=False), np.nan)
    return np.array(floats.to_numpy(), dtype=np.float64)


def _numbers_of_texts(
    column: pa.ChunkedArray,
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Numbers of text cells, and which cells are none; true and false are 1 and 0."""
    if pa.types.is_dictionary(column.type):
        return _numbers_one_by_one(_encoded(column))
    text = pc.utf8_lower(pc.utf8_trim_whitespace(column))
    is_missing = pc.is_in(text, value_set=pa.array(sorted(MISSING)))
    text = pc.if_else(is_missing, pa.scalar(None, pa.string()), text)
    try:
        floats = _as_floats(pc.cast(text, pa.float64()))
    except pa.ArrowInvalid:
        # Some cell is none of the numbers Arrow knows; the different texts are few then.
        return _numbers_one_by_one(_encoded(text))
    return floats, np.zeros(len(floats), dtype=np.bool_)


def _numbers_one_by_one(texts: TextColumn) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    values = np.full(len(texts.values) + 1, np.nan)
    is_bad = np.zeros(len(texts.values) + 1, dtype=np.bool_)
    for place, text in enumerate(texts.values):
        try:
            number = parse_number(_NUMBERED.get(text.casefold(), text))
        except ValueError:
            is_bad[place] = True
        else:
            values[place] = np.nan if number is None else number
    return values[texts.codes], is_bad[texts.codes]


def _why_no_number(cell: object) -> str:
    try:
        parse_number(str(cell))
    except ValueError as error:
        return str(error)
    return f"{shown(cell)} is not a number"


def _encoded(column: pa.ChunkedArray) -> TextColumn:
    """Give each different text a number; blanks around a text do not make it another one."""
    is_dictionary = pa.types.is_dictionary(column.type)
    encoded = column.unify_dictionaries() if is_dictionary else column.dictionary_encode()
    encoded = encoded.combine_chunks()
    texts = [(text or "").strip(" ") for text in encoded.dictionary.to_pylist()]
    code_of_text = {"": -1}
    for text in texts:
        code_of_text.setdefault(text, len(code_of_text) - 1)
    code_of_index = np.array([*(code_of_text[text] for text in texts), -1], dtype=np.int64)
    indices = pc.fill_null(encoded.indices.cast(pa.int64()), -1).to_numpy()
    codes, values = code_of_index[indices], tuple(code_of_text)[1:]
    return _by_appearance(codes, values) if is_dictionary else TextColumn.of(codes, values)


def _by_appearance(codes: NDArray[np.int64], values: Sequence[str]) -> TextColumn:
    """Put the texts in the order the rows use them; a file's own dictionary can have any."""
    present, first = np.unique(codes, return_index=True)
    used = [code for code in present[np.argsort(first)].tolist() if code >= 0]
    renumbered = np.full(len(values) + 1, -1)
    renumbered[used] = np.arange(len(used))
    return TextColumn.of(renumbered[codes], [values[code] for code in used])
