"""Rows of a samples file one after another, however large the file is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from silentzone.errors import TableError
from silentzone.importers.json_documents import read_objects
from silentzone.importers.text_files import first_bytes, read_lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


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
        yield from enumerate(read_objects(path), start=1)
        return
    for number, line in enumerate(read_lines(path), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise _no_row(path, number, line, error) from error
        if not isinstance(row, dict):
            raise TableError(
                f"`{path.name}` line {number} is no JSON object; every row of samples is one"
            )
        yield number, row


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
