"""CSV and TSV files: the header, and every row with the line it starts on."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Final

from silentzone.errors import TableError
from silentzone.importers.cells import LONGEST_CELL, LONGEST_NAME
from silentzone.importers.layouts import is_known_column
from silentzone.importers.problems import Problems, heading_shown, shown
from silentzone.importers.text_files import read_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_DELIMITERS: Final = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "bars"}
"""The usual one first: it wins where two would do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The first row of a text table."""

    columns: tuple[str, ...]
    """Headings without surrounding blanks, in file order."""
    delimiter: str

    @property
    def notes(self) -> tuple[str, ...]:
        """Say so where the columns are not separated by commas or tabs."""
        if self.delimiter in ",\t":
            return ()
        return (f"the columns are separated by {_DELIMITERS[self.delimiter]}",)


def read_header(path: Path) -> Header:
    """Header of a CSV or TSV file; the delimiter is the one that gives the most known columns.

    Raises
    ------
    TableError
        If the file is no text table or holds nothing.
    """
    lines = read_lines(path)
    first = next((line for line in lines if line.strip("\r\n")), "")
    if first.lstrip().startswith(("{", "[")):
        raise TableError(f"`{path.name}` is JSON", hint="only an items table may be JSON Lines")
    delimiter = max(_DELIMITERS, key=lambda sign: _columns_known(first, sign))
    _, cells = next(_rows(path, chain([first], lines), delimiter), (0, [""]))
    columns = tuple(cell.strip() for cell in cells)
    problems = Problems(path.name)
    for column in columns:
        if len(column) > LONGEST_NAME:
            problems.add(f"a heading must have at most {LONGEST_NAME} characters", column=column)
    _note_doubled(cells, problems)
    problems.raise_if_any()
    return Header(columns=columns, delimiter=delimiter)


def read_rows(path: Path, header: Header, problems: Problems) -> Iterator[tuple[int, list[str]]]:
    """Rows below the header and their lines, all of the header's length.

    A row of another length is noted as a problem and not given. Blank lines are passed over.

    Raises
    ------
    TableError
        If a line cannot be read as CSV: a quote that does not close, an endless cell.
    """
    rows = _rows(path, read_lines(path), header.delimiter)
    next(rows, None)
    n_columns = len(header.columns)
    for line, cells in rows:
        if len(cells) == n_columns:
            yield line, cells
        else:
            problems.add(
                f"has {len(cells)} cells, the header has {n_columns}; put a text that holds a "
                f"{shown(header.delimiter)} in double quotes",
                place=f"line {line}",
            )


def _rows(path: Path, lines: Iterator[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    line = 1
    try:
        for cells in reader:
            if cells:
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise TableError(f"`{path.name}` line {line}: {_csv_problem(error)}") from error


def _csv_problem(error: csv.Error) -> str:
    text = str(error)
    if "field larger" in text:
        return f"a cell has more than {LONGEST_CELL:,} characters; is a double quote not closed?"
    if "unexpected end" in text:
        return "a double quote is opened and never closed"
    return f"this is no CSV ({text}); double quotes stand around a whole cell, or doubled inside"


def _columns_known(line: str, delimiter: str) -> tuple[int, int]:
    try:
        cells = next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return (0, 0)
    return (sum(is_known_column(cell.strip()) for cell in cells), len(cells))


def _note_doubled(cells: Sequence[str], problems: Problems) -> None:
    """Note headings that occur twice, also when they differ in blanks only."""
    places: dict[str, int] = {}
    for place, cell in enumerate(cells):
        plain = "".join(cell.split())
        other = places.setdefault(plain, place)
        if not plain or other == place:
            continue
        how = "are both" if cells[other].strip() == cell.strip() else "differ in blanks only:"
        problems.add(
            f"columns {other + 1} and {place + 1} {how} {heading_shown(cell.strip())}; "
            "rename or remove one"
        )
