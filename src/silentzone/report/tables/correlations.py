"""Tables of correlations and of the verdicts that rest on them."""

# ruff: noqa: RUF001 -- typographic signs are what a reader sees

from __future__ import annotations

from typing import TYPE_CHECKING

from silentzone.report import numbers
from silentzone.report.escaping import visible
from silentzone.report.numbers import finite
from silentzone.report.reading import (
    COMPOSITE,
    HEADLINE_METRIC,
    Quantity,
    Raw,
    bounds,
    quantity,
    rows,
    texts,
)
from silentzone.report.views import Cell, Notes, Table, make_table, number_cell, text_cell
from silentzone.report.words import metric_title, score_title, written_range, zone_title

if TYPE_CHECKING:
    from collections.abc import Callable

    from silentzone.report.cohort import Cohort


def verdicts(cohort: Cohort) -> Table:
    """Every question asked of the headline metric, with its answer."""
    asked = list(rows(cohort.raw, "verdicts"))
    shown = [row for row in asked if row.get("metric") == HEADLINE_METRIC]
    return make_table(
        "verdicts",
        "Every question asked of mean KLD, with the verdict and what it rests on."
        + _elsewhere(len(asked) - len(shown)),
        ("question", "corpus", "score", "zone", "verdict", "in words"),
        [
            [
                text_cell(visible(row.get("question"))),
                text_cell(visible(row.get("corpus") or "all")),
                text_cell(score_title(str(row.get("score")))),
                text_cell(zone_title(row.get("zone"))),
                text_cell(visible(row.get("verdict")), strong=True),
                text_cell(
                    visible(row.get("sentence")),
                    detail="; ".join(texts(row.get("reasons"))) or None,
                ),
            ]
            for row in shown
        ],
    )


def relations(cohort: Cohort) -> Table:
    """Every relation, with all that is needed to judge it."""
    notes = Notes()
    shown = [
        row
        for row in cohort.relations
        if row.get("score") == COMPOSITE
        or (row.get("metric") == HEADLINE_METRIC and row.get("corpus") in (cohort.corpus, None))
    ]
    simulated = any(row.get("expected") is not None for row in shown)
    expected = "expected ρ" if simulated else "expected ρ (not simulated yet)"
    return make_table(
        "relations",
        "Rank correlation of every metric with the composite, and of mean KLD with every score:"
        " raw as the field prints it, aligned so that positive means the metric ranks well."
        + _elsewhere(len(cohort.relations) - len(shown)),
        ("metric", "corpus", "score", "zone", "n", "Spearman ρ", "aligned", "p", "attainable |ρ|",
         expected, "smallest |ρ| this n can show"),
        [_relation_row(row, notes) for row in shown],
        notes,
    )  # fmt: skip


def _elsewhere(count: int) -> str:
    """Return where the rows are that a page cannot hold."""
    return f" {numbers.count(count)} more are in analysis.json." if count > 0 else ""


def _relation_row(row: Raw, notes: Notes) -> list[Cell]:
    lower, upper = bounds(row.get("interval"))
    rho = Quantity(
        value=finite(row.get("spearman")), lower=lower, upper=upper,
        cautions=_relation_cautions(row), confidence=None,
    )  # fmt: skip
    pvalue = finite(row.get("pvalue"))
    return [
        text_cell(metric_title(str(row.get("metric")))),
        text_cell(visible(row.get("corpus") or "all")),
        text_cell(score_title(str(row.get("score")))),
        text_cell(zone_title(row.get("zone")), detail=visible(row.get("definition") or "") or None),
        number_cell(_whole(row.get("n"))),
        notes.cell(rho, numbers.coefficient),
        _plain(row.get("aligned"), numbers.coefficient, notes),
        notes.missing("no p-value was computed")
        if pvalue is None
        else number_cell(numbers.probability(pvalue), visible(row.get("pvalue_method") or "")),
        _plain(row.get("attainable"), numbers.decimal, notes),
        notes.missing("no range to expect was computed")
        if row.get("expected") is None
        else number_cell(written_range(row.get("expected"))),
        _plain(row.get("minimum_detectable"), numbers.decimal, notes),
    ]


def _relation_cautions(row: Raw) -> tuple[str, ...]:
    cautions = texts(row.get("cautions"))
    if row.get("spearman") is None and not cautions:
        return ("no correlation could be computed",)
    if row.get("interval") is None and not cautions:
        return ("no interval could be computed",)
    return cautions


def _plain(raw: object, how: Callable[[float], str], notes: Notes) -> Cell:
    """Return a number that may come with or without an interval of its own."""
    found = quantity(raw)
    if found.value is None:
        return notes.missing("could not be computed" if raw is None else "; ".join(found.cautions))
    return Cell(text=found.written(how), detail=found.interval(how), is_number=True)


def _whole(raw: object) -> str:
    value = finite(raw)
    return numbers.DASH if value is None else numbers.count(value)
