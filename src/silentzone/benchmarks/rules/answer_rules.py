"""When an answer that a model wrote is right, by what can be read in the text at once."""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from silentzone.errors import BenchmarkError

if TYPE_CHECKING:
    from silentzone.records.items import Gold

RULES = ("target", "number", "contains")
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
    """In [0, 1]."""


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


def judge(text: str, gold: Gold) -> Verdict:
    """Read an answer and hold it against the gold of one of `RULES`.

    Parameters
    ----------
    text : str
        The whole answer.
    gold : Gold
    """
    if gold.rule == "target":
        prediction = normalized(text)
        return Verdict(prediction, float(prediction == normalized(gold.value)))
    if gold.rule == "number":
        number = last_number(text)
        if number is None or not math.isfinite(float(number)):
            return Verdict(None, 0.0)
        return Verdict(number, float(abs(float(number) - float(gold.value)) <= gold.tolerance))
    wanted = normalized(gold.value)
    whole = rf"(?<!\w){re.escape(wanted)}(?!\w)"
    is_there = re.search(whole, normalized(text)) is not None
    return Verdict(wanted if is_there else None, float(is_there))


def check_pattern(payload: dict[str, Any]) -> dict[str, Any]:
    """Checker of the rule ``regex``: an answer is right where the pattern is found in it.

    Returns
    -------
    dict
        The prediction is the first group of the first match if it has one, else all of it.
    """
    match = re.search(payload["value"], payload["text"])
    if match is None:
        return {"prediction": None, "score": 0.0}
    found = match[1] if match.re.groups and match[1] is not None else match[0]
    return {"prediction": found, "score": 1.0}


def check_gold(gold: Gold, where: str) -> None:
    """Refuse a gold no answer could meet, or any would.

    Raises
    ------
    BenchmarkError
        If a text is empty once normalized, or a number or tolerance is not finite.
    """
    if gold.rule in {"target", "contains"} and not normalized(gold.value):
        raise BenchmarkError(f"{where}: `{gold.rule}` is empty once normalized")
    if gold.rule == "number" and not math.isfinite(float(gold.value)):
        raise BenchmarkError(f"{where}: `number` must be finite")
    if not (math.isfinite(gold.tolerance) and gold.tolerance >= 0.0):
        raise BenchmarkError(f"{where}: `tolerance` must be a finite number that is not negative")


def check_pattern_gold(pattern: str, where: str) -> None:
    """Refuse a pattern that is too long, broken, or found in an empty text.

    Raises
    ------
    BenchmarkError
        Saying which.
    """
    if len(pattern) > _LONGEST_PATTERN:
        raise BenchmarkError(f"{where}: `regex` is longer than {_LONGEST_PATTERN} characters")
    try:
        finds_nothing = re.compile(pattern).search("") is not None
    except (re.error, OverflowError, RecursionError) as error:
        raise BenchmarkError(f"{where}: `regex` is not a pattern: {error}") from error
    if finds_nothing:
        raise BenchmarkError(f"{where}: `regex` is found in an empty text, so any answer is right")
