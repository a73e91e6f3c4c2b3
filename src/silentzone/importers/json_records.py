"""Results as numbers in named places of a JSON file: whatever is wrong, its place is named."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from silentzone.errors import TableError
from silentzone.importers.json_documents import read_document
from silentzone.importers.limits import problem_of
from silentzone.importers.problems import shown
from silentzone.records.imported import Stated

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_WHOLE_LIMIT: Final = 2**63
_LONGEST_TEXT: Final = 10_000


@dataclass(frozen=True, slots=True)
class Record:
    """One JSON object; what is asked of it is there and of its kind, or the place is named."""

    fields: dict[str, Any]
    source: str
    """Name of the file."""
    place: str = ""
    """Where the object stands in it, such as ``kld.`` or ``entry 3: ``."""

    def error(self, name: str, what: str) -> TableError:
        """Make the error of a field."""
        return TableError(f"`{self.source}`: `{self.place}{name}` {what}")

    def section(self, name: str) -> Record:
        """Give an object inside.

        Raises
        ------
        TableError
            If it is missing or no object.
        """
        value = self.fields.get(name)
        if not isinstance(value, dict):
            raise self.error(name, f"must be an object, it is {_named(value, name in self.fields)}")
        return Record(value, self.source, f"{self.place}{name}.")

    def text(self, name: str) -> str:
        """Give a text that is not empty.

        Raises
        ------
        TableError
            If it is missing, empty, of another kind or far too long.
        """
        value = self.fields.get(name)
        if not isinstance(value, str) or not value.strip():
            raise self.error(name, f"must be a text, it is {_named(value, name in self.fields)}")
        if len(value) > _LONGEST_TEXT:
            raise self.error(name, f"must have at most {_LONGEST_TEXT:,} characters")
        return storable(value)

    def said(self, name: str) -> str | None:
        """Give whatever stands there as text, null for null and for what is not there."""
        value = self.fields.get(name)
        if value is None:
            return None
        try:
            text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
        except RecursionError as error:
            raise self.error(name, "is nested too deep") from error
        return storable(text[:_LONGEST_TEXT])

    def whole(self, name: str) -> int | None:
        """Give a whole number from 0 on, null for null and for what is not there.

        Raises
        ------
        TableError
            If it is anything else.
        """
        value = self.fields.get(name)
        if value is None:
            return None
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        if not is_whole or not 0 <= value < _WHOLE_LIMIT:
            raise self.error(name, f"must be a whole number from 0 on, it is {_named(value, True)}")
        return int(value)

    def number(self, name: str) -> float | None:
        """Give a number, which may be infinite or NaN; null for null and for what is not there.

        Raises
        ------
        TableError
            If it is anything else.
        """
        value = self.fields.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.error(name, f"must be a number, it is {_named(value, True)}")
        try:
            return float(value)
        except OverflowError:
            return math.inf if value > 0 else -math.inf

    def finite(self, name: str) -> float | None:
        """Give a number, null also for one that is not finite."""
        value = self.number(name)
        return value if value is not None and math.isfinite(value) else None

    def stated(self, name: str, metric: str, method: str = "as the file states it") -> Stated:
        """Give a metric with the reason where it has no value.

        Raises
        ------
        TableError
            If it is no number, or one that the metric cannot have.
        """
        if name not in self.fields:
            return Stated(value=None, method=method, status="not in the file")
        value = self.number(name)
        if value is None or not math.isfinite(value):
            what = "null" if value is None else "nan" if math.isnan(value) else "an infinite value"
            return Stated(value=None, method=method, status=f"the tool wrote {what}")
        self.require_possible(name, metric, value)
        return Stated(value=value, method=method)

    def require_possible(self, name: str, metric: str, value: float) -> None:
        """Refuse a value that a metric cannot have; a small negative KLD is rounding and can be.

        Raises
        ------
        TableError
            If the metric cannot have it.
        """
        is_rounding = metric.startswith("kld_") and -_MOST_ROUNDING < value < 0.0
        problem = None if is_rounding else problem_of("fidelity", metric, value)
        if problem is not None:
            raise self.error(name, f"cannot be right: {problem}")


def perplexity_ratio(candidate: float, reference: float, method: str) -> Stated:
    """Give the ratio of two finite perplexities above 0; null where no number can hold it."""
    value = candidate / reference
    if math.isinf(value):
        return Stated(value=None, method=method, status="too large for a number")
    return Stated(value=value, method=method)


_MOST_ROUNDING: Final = 0.01
"""Nats; a mean KLD further below zero is no rounding of a reference."""


def read_record(path: Path) -> Record:
    """Read a JSON file that is one object.

    Raises
    ------
    TableError
        As `read_document`, and if it is no object.
    """
    value = read_document(path)
    if not isinstance(value, dict):
        raise TableError(f"`{path.name}` must hold one object, it holds {_named(value, True)}")
    return Record(value, path.name)


def records_of(value: object, source: str, place: str) -> Iterator[Record]:
    """Give the objects of a list.

    Raises
    ------
    TableError
        If it is no list, or something in it is no object.
    """
    if not isinstance(value, list):
        raise TableError(f"`{source}`: {place} must be a list, it is {_named(value, True)}")
    for number, one in enumerate(value, start=1):
        if not isinstance(one, dict):
            raise TableError(
                f"`{source}`: entry {number} of {place} must be an object, it is "
                f"{_named(one, True)}"
            )
        yield Record(one, source, f"entry {number}: ")


def storable(text: str) -> str:
    """Give a text with half a surrogate pair spelled out, which no UTF-8 file can hold."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def _named(value: object, is_there: bool) -> str:
    if not is_there:
        return "not there"
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    return shown(value)
