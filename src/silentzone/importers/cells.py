"""Single cells of a text table: numbers, yes and no, and what stands for nothing."""

from __future__ import annotations

import math
import re
from typing import Final

from silentzone.importers.problems import shown

MISSING: Final = frozenset({"", "na", "n/a", "nan", "-", "null", "none"})
"""Lower case. Such a cell has no value; it is never read as 0."""

BOOLEANS: Final = {
    **dict.fromkeys(("true", "yes", "1"), True),
    **dict.fromkeys(("false", "no", "0", *MISSING), False),
}
LONGEST_NAME: Final = 1000
LONGEST_CELL: Final = 131_072
"""The limit of Python's csv module, which is left as it is."""

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_INFINITE = re.compile(r"([+-]?)inf(?:inity)?", re.ASCII | re.IGNORECASE)
_SEPARATED = re.compile(r"[+-]?\d[\d.,' ]*", re.ASCII)


def parse_number(text: str) -> float | None:
    """Give the number of a cell, null where the cell stands for nothing.

    Raises
    ------
    ValueError
        If the cell holds anything else; the message is one for a person.

    Examples
    --------
    >>> parse_number(" 1e-3 "), parse_number("NA")
    (0.001, None)
    """
    plain = text.strip()
    if _NUMBER.fullmatch(plain):
        return float(plain)
    if plain.casefold() in MISSING:
        return None
    if found := _INFINITE.fullmatch(plain):
        return -math.inf if found[1] == "-" else math.inf
    raise ValueError(_not_a_number(plain))


def parse_boolean(text: str) -> bool | None:
    """Yes or no of a cell, null where it is neither; an empty cell means no."""
    return BOOLEANS.get(text.strip().casefold())


def _not_a_number(text: str) -> str:
    if text.endswith("%"):
        advice = "write percent as a proportion, 0.83 for 83 %"
    elif _SEPARATED.fullmatch(text):
        advice = "write a point where the decimals begin, and no separator of thousands"
    else:
        advice = "write a number, or leave the cell empty where there is none"
    return f"{shown(text)} is not a number; {advice}"
