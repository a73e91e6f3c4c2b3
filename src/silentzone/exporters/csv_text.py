"""CSV of cells that are texts already."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_QUOTED = re.compile(r'[",;|\t\r\n]|^ | $')
"""A reader with another delimiter keeps such a cell whole too."""


def csv_text(rows: Iterable[Iterable[str]]) -> str:
    r"""Give rows as CSV with line feeds.

    Python's own writer leaves a carriage return unquoted where lines end in line feeds alone, and
    a reader then takes it for the end of the row.

    Examples
    --------
    >>> csv_text([["name", "a;b"], ["Q4\r", "0.5"]])
    'name,"a;b"\n"Q4\r",0.5\n'
    """
    return "".join(",".join(map(_cell, row)) + "\n" for row in rows)


def _cell(text: str) -> str:
    if _QUOTED.search(text) is None:
        return text
    doubled = text.replace('"', '""')
    return f'"{doubled}"'
