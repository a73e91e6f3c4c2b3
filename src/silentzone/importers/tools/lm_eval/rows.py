"""Rows of a samples file one after another, however large the file is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from silentzone.errors import TableError
from silentzone.importers.text_files import (
    LONGEST_LINE,
    first_bytes,
    read_lines,
    refuse_other_formats,
    unreadable,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_BLOCK_CHARACTERS: Final = 2**20
_LONGEST_ROW: Final = 4 * LONGEST_LINE
_SPACE: Final = " \t\r\n"


def read_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Rows of a samples file and where they stand.

    Parameters
    ----------
    path : Path
        JSON Lines, or one JSON array as versions before 0.4.3 wrote it under the same name.

    Yields
    ------
    int
        Line, or number of the row in an array; from 1.
    dict
        The row.

    Raises
    ------
    TableError
        If the file cannot be read, is cut off, or a row is no JSON object.
    """
    if is_array(path):
        yield from _array_rows(path)
        return
    for number, line in enumerate(read_lines(path), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise _no_row(path, number, line, error) from error
        yield number, _checked(path, f"line {number}", row)


def is_array(path: Path) -> bool:
    """Whether all rows stand in one JSON array."""
    return first_bytes(path).removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"[")


def _no_row(path: Path, number: int, line: str, error: Exception) -> TableError:
    if not line.endswith("\n"):
        return TableError(
            f"`{path.name}` line {number} ends in the middle of a row: the file was cut off",
            hint="copy the file again from where lm-eval wrote it",
        )
    return TableError(f"`{path.name}` line {number} is no JSON: {_reason(error)}")


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at character {error.colno}"
    return "it is nested too deeply" if isinstance(error, RecursionError) else str(error)


def _checked(path: Path, place: str, row: object) -> dict[str, Any]:
    if not isinstance(row, dict):
        raise TableError(f"`{path.name}` {place} is no JSON object; every row of samples is one")
    return row


def _array_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    refuse_other_formats(path)
    try:
        with path.open(encoding="utf-8-sig") as file:
            array = _Array(path, file)
            number = 0
            while array.has_more():
                number += 1
                yield number, _checked(path, f"row {number}", array.take(number))
    except UnicodeDecodeError as error:
        raise TableError(
            f"`{path.name}` is not UTF-8 text", hint="save it again with the encoding UTF-8"
        ) from error
    except OSError as error:
        raise unreadable(path, error) from error


class _Array:
    """A JSON array of objects, of which only one stands in memory."""

    def __init__(self, path: Path, file: Any) -> None:  # noqa: ANN401 - an open text file
        self._path = path
        self._file = file
        self._decoder = json.JSONDecoder()
        self._text = ""
        self._place = 0
        self._count = 0
        self._skip()
        self._place += 1  # the opening bracket, which is_array has seen

    def has_more(self) -> bool:
        """Step to the next object; false where the array ends, and the file with it."""
        sign = self._skip()
        if sign == "]":
            self._place += 1
            if self._skip():
                raise TableError(f"`{self._path.name}` goes on behind the end of its JSON array")
            return False
        if self._count and sign == ",":
            self._place += 1
            sign = self._skip()
        elif self._count and sign:
            raise TableError(f"`{self._path.name}` row {self._count} is not followed by a comma")
        if not sign:
            raise self._cut_off()
        return True

    def take(self, number: int) -> object:
        """Give the object that begins here."""
        if self._text[self._place] != "{":
            raise TableError(f"`{self._path.name}` row {number} is no JSON object")
        while True:
            try:
                row, self._place = self._decoder.raw_decode(self._text, self._place)
            except (ValueError, RecursionError) as error:
                # An object that goes on in the next block looks like one that is wrong.
                long = len(self._text) - self._place > _LONGEST_ROW
                if long or isinstance(error, RecursionError):
                    raise TableError(
                        f"`{self._path.name}` row {number} is no JSON: {_reason(error)}"
                    ) from error
                if not self._more():
                    raise self._cut_off() from error
            else:
                self._count += 1
                return row

    def _skip(self) -> str:
        """Pass over white space; the sign that stands here, empty at the end of the file."""
        while True:
            while self._place < len(self._text):
                if self._text[self._place] not in _SPACE:
                    return self._text[self._place]
                self._place += 1
            if not self._more():
                return ""

    def _more(self) -> bool:
        left = self._text[self._place :]
        block = self._file.read(max(_BLOCK_CHARACTERS, len(left)))
        self._text, self._place = left + block, 0
        return bool(block)

    def _cut_off(self) -> TableError:
        return TableError(
            f"`{self._path.name}` ends in the middle of its rows, behind row {self._count}: the "
            "file was cut off, or is no JSON",
            hint="copy the file again from where lm-eval wrote it",
        )
