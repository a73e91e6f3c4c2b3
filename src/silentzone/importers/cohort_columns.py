"""Headings of a cohort table: which columns are read, and why the others are not."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from silentzone.importers.layouts import METRIC_PREFIXES, TABLE_COLUMNS, TABLE_PREFIXES
from silentzone.importers.problems import heading_shown, listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from silentzone.importers.problems import Problems


@dataclass(frozen=True, slots=True)
class Column:
    """One column that is read."""

    place: int
    heading: str
    prefix: str
    name: str
    """Metric or benchmark; empty where the heading has no prefix."""


def read_columns(headings: Sequence[str], problems: Problems) -> tuple[Column, ...]:
    """Pick the columns that are read; what keeps the whole table from being read is noted."""
    columns = []
    for place, heading in enumerate(headings):
        prefix, dot, name = heading.partition(".")
        if heading in TABLE_COLUMNS:
            columns.append(Column(place, heading, heading, ""))
        elif dot and prefix in TABLE_PREFIXES:
            columns.append(Column(place, heading, prefix, name.strip()))
            _check_name(heading, prefix, name, problems)
    if not any(column.heading == "name" for column in columns):
        near = [heading for heading in headings if heading.casefold() in {"name", "model", "quant"}]
        found = f"; rename {heading_shown(near[0])}" if near else f", found: {_found(headings)}"
        problems.add(f"has no column `name`{found}")
    if not any(column.prefix in {"fidelity", "score"} for column in columns):
        problems.add(
            "has no column like `fidelity.kld_mean` and none like `score.mmlu`, so there is "
            f"nothing to relate; found: {_found(headings)}"
        )
    owners = {(column.prefix, column.name) for column in columns}
    return tuple(
        column
        for column in columns
        if not column.name or (_owner(column.prefix), column.name) in owners
    )


def _owner(prefix: str) -> str:
    """Give the prefix of the column without which one of this prefix says nothing."""
    return "fidelity" if prefix in METRIC_PREFIXES else "score"


def _check_name(heading: str, prefix: str, name: str, problems: Problems) -> None:
    metric, at, corpus = name.partition("@")
    if not name.strip():
        problems.add(f"names nothing after `{prefix}.`", column=heading)
    elif prefix in METRIC_PREFIXES and not (metric.strip() and (corpus.strip() or not at)):
        problems.add(
            "must read metric@corpus, or name the metric alone; one of the two is empty",
            column=heading,
        )


def _found(headings: Iterable[str]) -> str:
    return listed(heading_shown(heading) for heading in headings)


def names_of(columns: Iterable[Column], prefix: str) -> tuple[str, ...]:
    """Give the metrics or benchmarks of the columns with a prefix, in file order."""
    return tuple(column.name for column in columns if column.prefix == prefix)


def column_notes(headings: Sequence[str], columns: Sequence[Column]) -> tuple[str, ...]:
    """Name the columns that are not read, in one note."""
    read = {column.place for column in columns}
    others = [heading for place, heading in enumerate(headings) if place not in read]
    if not others:
        return ()
    named = (
        heading_shown(other) + _why(other) if other else "one without a heading" for other in others
    )
    return (f"columns that are not used: {listed(named)}",)


def _why(heading: str) -> str:
    """Say why a column is not used, where its heading looks as if it should be."""
    prefix, dot, rest = heading.partition(".")
    if dot and prefix in TABLE_PREFIXES:
        return f" (there is no {heading_shown(f'{_owner(prefix)}.{rest.strip()}')})"
    known = TABLE_PREFIXES if dot else TABLE_COLUMNS
    near = difflib.get_close_matches(prefix, known, n=1, cutoff=0.8)
    return f" (did you mean {heading_shown(near[0] + dot + rest)}?)" if near else ""
