"""When an answer that a model wrote is right: four rules, each with what it reads in the text."""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from silentzone.errors import BenchmarkError

if TYPE_CHECKING:
    from collections.abc import Callable

    from silentzone.records.items import Gold

    Search = Callable[[str, str], str | None]

RULES = ("target", "number", "regex", "contains")
_LONGEST_PATTERN = 1000
_NUMBER = re.compile(
    r"(?:(?<![\w.)])[-\u2212])?"
    r"(?:(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d{1,3}(?!\w))?"
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was read in an answer, and whether it is right."""

    prediction: str | None
    """Null where the text holds nothing the rule can read; such an answer is wrong."""
    score: float


def normalized(text: str) -> str:
    r"""Text as the rules ``target`` and ``contains`` compare it.

    Unicode NFC, letters without case, every run of white space one space, none at the ends, and
    full stops, exclamation and question marks at the end removed.

    Examples
    --------
    >>> normalized(" The  Answer.\n")
    'the answer'
    """
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
    return " ".join(folded.split()).rstrip(" .!?")


def last_number(text: str) -> str | None:
    """Last number of a text, digit groups and a Unicode minus made plain; null where none is.

    Examples
    --------
    >>> last_number("3 boxes of 1,250.50 each, so 3,751.5.")
    '3751.5'
    """
    found = _NUMBER.findall(text)
    return found[-1].replace(",", "").replace("\u2212", "-") if found else None


def judge(text: str, gold: Gold, search: Search) -> Verdict:
    """Read an answer and hold it against the gold.

    Parameters
    ----------
    text : str
        The whole answer.
    gold : Gold
    search : callable
        ``(pattern, text)``: what a regular expression finds, null where nothing. A pattern can
        take for ever, so whoever calls this decides how long it may.
    """
    if gold.rule == "target":
        prediction = normalized(text)
        return Verdict(prediction, float(prediction == normalized(gold.value)))
    if gold.rule == "number":
        number = last_number(text)
        if number is None or not math.isfinite(float(number)):
            return Verdict(None, 0.0)
        return Verdict(number, float(abs(float(number) - float(gold.value)) <= gold.tolerance))
    if gold.rule == "regex":
        found = search(gold.value, text)
        return Verdict(found, float(found is not None))
    wanted = normalized(gold.value)
    whole = rf"(?<!\w){re.escape(wanted)}(?!\w)"
    is_there = re.search(whole, normalized(text)) is not None
    return Verdict(wanted if is_there else None, float(is_there))


def search_pattern(payload: dict[str, Any]) -> dict[str, Any]:
    """Give what a regular expression finds first: its first group if it has one, else all of it.

    Parameters
    ----------
    payload : dict
        ``pattern`` and ``text``.

    Returns
    -------
    dict
        ``found``, null where the pattern is not in the text.
    """
    match = re.search(payload["pattern"], payload["text"])
    if match is None:
        return {"found": None}
    return {"found": match[1] if match.re.groups and match[1] is not None else match[0]}


def check_gold(gold: Gold, where: str) -> None:
    """Refuse a gold no answer could meet, or any would.

    Raises
    ------
    BenchmarkError
        If a text is empty once normalized, a number or tolerance is not finite, or a pattern is
        too long, broken, or found in an empty text.
    """
    if gold.rule in {"target", "contains"} and not normalized(gold.value):
        raise BenchmarkError(f"{where}: `{gold.rule}` is empty once normalized")
    if gold.rule == "number" and not math.isfinite(float(gold.value)):
        raise BenchmarkError(f"{where}: `number` must be finite")
    if not (math.isfinite(gold.tolerance) and gold.tolerance >= 0.0):
        raise BenchmarkError(f"{where}: `tolerance` must be a finite number that is not negative")
    if gold.rule == "regex":
        _check_pattern(gold.value, where)


def _check_pattern(pattern: str, where: str) -> None:
    if len(pattern) > _LONGEST_PATTERN:
        raise BenchmarkError(f"{where}: `regex` is longer than {_LONGEST_PATTERN} characters")
    try:
        finds_nothing = re.compile(pattern).search("") is not None
    except (re.error, OverflowError, RecursionError) as error:
        raise BenchmarkError(f"{where}: `regex` is not a pattern: {error}") from error
    if finds_nothing:
        raise BenchmarkError(f"{where}: `regex` is found in an empty text, so any answer is right")
