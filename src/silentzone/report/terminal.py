"""The same verdict and short tables as plain data for a terminal; printing is the caller's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.markup import escape

from silentzone.records.escaping import visible
from silentzone.report import numbers
from silentzone.report.cohort import index, lane_cohorts
from silentzone.report.findings import findings
from silentzone.report.head import answers
from silentzone.report.reading import COMPOSITE, bounds, texts
from silentzone.report.words import (
    expected_bounds,
    metric_axis,
    on_corpus,
    opening,
    score_title,
    written_range,
    zone_title,
)
from silentzone.store.answers import finite, rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from silentzone.report.cohort import Cohort
    from silentzone.report.reading import Model

MOST_NOTES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class TextTable:
    """A table of a few columns; a missing number is a dash."""

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    """As many cells as headers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What a terminal shows of a study, in this order. Every text went through `printable`."""

    title: str
    sentences: tuple[str, ...]
    """Question and answer, one line each."""
    relations: TextTable | None
    """The headline metric against the composite by zone; null where there is no relation."""
    findings: tuple[str, ...]
    """One line a topic."""
    candidates: TextTable
    """One row per model; the first column is its name."""
    lanes: tuple[TextTable, ...]
    """Candidates of every other lane, which the tables above must not be laid beside."""
    notes: tuple[str, ...]
    """Cautions and failures, each once; the last counts what is left out."""


def printable(text: object) -> str:
    r"""Text that a Rich console prints as it is read, and that no terminal acts on.

    Control sequences and direction characters are spelled out, square brackets that Rich would
    take for markup are escaped: print with markup on and emoji off. Rich's escape may drop or
    double a backslash beside a bracket or at the end; nothing becomes markup by that. For a plain
    stream, take `escaping.visible`.

    Examples
    --------
    >>> print(printable("[red]Q4\x1b[0m"))
    \[red]Q4\u001b[0m
    """
    return escape(visible(text))


def summarize(analysis: object) -> Summary:
    """Return the answers and the tables of an analysis.

    Parameters
    ----------
    analysis : object
        What ``analysis.json`` holds.

    Raises
    ------
    TableError
        If the analysis has another schema version or layout.
    """
    cohort = index(analysis)
    said = (
        f"{answer.question} {answer.answer}"
        f"{f' ({answer.detail})' if answer.detail else ''}. "
        + " ".join((answer.sentence, *answer.reasons))
        for answer in answers(cohort)
    )
    found = (f"{finding.title}: {finding.sentence}" for finding in findings(cohort))
    return Summary(
        title=printable(cohort.title),
        sentences=tuple(printable(text) for text in said),
        relations=_relations(cohort),
        findings=tuple(printable(text) for text in found),
        candidates=_candidates(cohort),
        lanes=tuple(
            _candidates(own, f"lane {section.get('lane')}, not ranked")
            for section, own in lane_cohorts(cohort.raw)
        ),
        notes=tuple(printable(note) for note in _notes(cohort)),
    )


def _relations(cohort: Cohort) -> TextTable | None:
    found = [row for row in cohort.relations if cohort.is_headline(row)]
    if not found:
        return None
    verdicts = {
        row.get("zone"): row.get("verdict")
        for row in rows(cohort.raw, "verdicts")
        if cohort.is_headline(row)
    }
    metric = f"{opening(cohort.headline_words)}{on_corpus(cohort.corpus)} and {COMPOSITE}"
    return _table(
        (metric, "n", "rho", "interval", "expected", "attainable", "verdict"),
        (
            (
                zone_title(row.get("zone")),
                _written(row.get("n"), numbers.count),
                _written(row.get("spearman"), numbers.coefficient),
                written_range(*bounds(row.get("interval"))),
                written_range(*expected_bounds(row)),
                _written(row.get("attainable"), numbers.decimal),
                str(verdicts.get(row.get("zone")) or numbers.DASH),
            )
            for row in found
        ),
    )


def _candidates(cohort: Cohort, first: str = "model") -> TextTable:
    """Sizes, the headline metric, its floor and the composite; empty columns are left out."""
    title, _ = metric_axis(cohort.headline)
    columns: list[tuple[str, Callable[[Model], str]]] = [
        ("size", _size),
        (
            f"{title.removesuffix(' (log scale)')}{on_corpus(cohort.corpus)}",
            lambda model: _metric(cohort, model),
        ),
        ("own noise floor", lambda model: _floor(cohort, model)),
    ]
    if cohort.score_names:
        score = cohort.score_names[0]
        columns.append((score_title(score), lambda model: _score(cohort, model, score)))
    filled = [
        (header, cell)
        for header, cell in columns
        if any(cell(model) != numbers.DASH for model in cohort.models)
    ]
    if any(model.status != "complete" for model in cohort.models):
        filled.append(("status", lambda model: model.status))
    return _table(
        (first, *(header for header, _ in filled)),
        ((_role(model), *(cell(model) for _, cell in filled)) for model in cohort.models),
    )


def _role(model: Model) -> str:
    if model.is_reference:
        return f"{model.label} (reference)"
    said = "pick" if model.is_pick else model.cache
    return f"{model.label} ({said})" if said else model.label


def _size(model: Model) -> str:
    if model.gigabytes is not None:
        return numbers.file_size(1e9 * model.gigabytes)
    bits = model.bits_per_weight
    return numbers.DASH if bits is None else f"{numbers.decimal(bits)} bits"


def _metric(cohort: Cohort, model: Model) -> str:
    found = cohort.metric(model.name, cohort.corpus)
    return _with_interval(found.written(numbers.significant), found.interval(numbers.significant))


def _floor(cohort: Cohort, model: Model) -> str:
    floor = cohort.floors.get((model.name, cohort.corpus or ""))
    used = floor.used if floor else None
    return numbers.DASH if used is None else numbers.significant(used)


def _score(cohort: Cohort, model: Model, score: str) -> str:
    found = cohort.score(model.name, score)
    return _with_interval(found.written(numbers.percent), found.interval(numbers.percent))


def _notes(cohort: Cohort) -> tuple[str, ...]:
    failures = [
        f"{row.get('model')}: {row.get('part')}: {row.get('cause')}"
        for row in rows(cohort.raw, "failures")
    ]
    every = tuple(dict.fromkeys((*failures, *texts(cohort.raw.get("cautions")))))
    left = len(every) - MOST_NOTES
    return every if left <= 0 else (*every[:MOST_NOTES], f"{left} more are in the report")


def _table(headers: Iterable[str], made: Iterable[Iterable[str]]) -> TextTable:
    return TextTable(
        headers=tuple(printable(header) for header in headers),
        rows=tuple(tuple(printable(cell) for cell in row) for row in made),
    )


def _written(raw: object, how: Callable[[float], str]) -> str:
    value = finite(raw)
    return numbers.DASH if value is None else how(value)


def _with_interval(value: str, interval: str | None) -> str:
    return value if interval is None else f"{value} {interval}"
