"""The decision step by step, the best set, and every pair of candidates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from silentzone.records.escaping import visible
from silentzone.report import numbers
from silentzone.report.reading import quantity
from silentzone.report.views import Cell, Notes, Table, make_table, number_cell, text_cell
from silentzone.report.words import score_title
from silentzone.store.answers import Raw, finite, rows

if TYPE_CHECKING:
    from silentzone.report.cohort import Cohort


def decision(cohort: Cohort) -> tuple[Table, ...]:
    """Every step of the sequence, and what is still open."""
    decision, notes = cohort.raw["decision"], Notes()
    label = {model.name: model.label for model in cohort.models}
    margin, guard = finite(decision.get("margin")), finite(decision.get("guard_margin"))
    alpha = finite(decision.get("alpha"))
    terms = (
        f"margin {numbers.DASH if margin is None else numbers.margin(margin)} on the composite, "
        f"{numbers.DASH if guard is None else numbers.margin(guard)} on every benchmark, one-sided"
        f" alpha {numbers.DASH if alpha is None else f'{alpha:g}'}"
    )
    steps = [
        [
            text_cell(label.get(str(step.get("model")), visible(step.get("model")))),
            notes.cell(quantity(step.get("composite")), numbers.points),
            _bound(step.get("lower_bound"), margin, notes),
            text_cell(_guards(step)),
            text_cell("passes" if step.get("passes") else "does not pass", strong=True),
            text_cell(visible(step.get("reason") or "")),
        ]
        for step in rows(decision, "steps")
    ]
    undecided = [
        [
            text_cell(label.get(str(row.get("model")), visible(row.get("model")))),
            text_cell(visible(row.get("why") or "")),
            number_cell(
                numbers.DASH
                if finite(row.get("items_needed")) is None
                else numbers.count(finite(row.get("items_needed")) or 0)
            ),
        ]
        for row in rows(decision, "undecided")
    ]
    return (
        make_table(
            "steps", f"Candidates in the order they were tested: {terms}.",
            ("candidate", "composite, difference", "at least", "benchmarks that do not hold",
             "outcome", "why"), steps, notes,
        ),
        make_table(
            "undecided", "Still open, and the items over the composite's benchmarks that would give"
            " an 80 % chance of showing it; the reason says what that supposes.",
            ("candidate", "why", "items needed"), undecided,
        ),
    )  # fmt: skip


def _bound(raw: object, margin: float | None, notes: Notes) -> Cell:
    """Bound with as many decimals as tell it from the margin it is held to."""
    value = finite(raw)
    if value is None:
        return notes.missing("no bound could be computed")
    edge = -(margin or 0.0)
    apart = (n for n in range(1, 9) if numbers.points(value, n) != numbers.points(edge, n))
    return number_cell(numbers.points(value, next(apart, 1)))


def _guards(step: Raw) -> str:
    guards = list(rows(step, "guards"))
    failing = [
        score_title(str(guard.get("benchmark"))) for guard in guards if not guard.get("passes")
    ]
    return ", ".join(failing) or (f"none of {len(guards)}" if guards else "none was set")


def best_set(cohort: Cohort) -> Table:
    """Return every candidate beside the best of the others."""
    notes = Notes()
    label = {model.name: model.label for model in cohort.models}
    best = cohort.raw["decision"].get("best") or {}
    made = [
        [
            text_cell(label.get(str(row.get("model")), visible(row.get("model")))),
            notes.cell(quantity(row.get("difference")), numbers.points),
            text_cell(
                "cannot be told from the best" if row.get("in_set") is True else "below the best"
            ),
        ]
        for row in rows(best, "comparisons")
    ]
    method = visible(best.get("method") or "")
    draws = finite(best.get("n_resamples"))
    terms = [method, *([] if draws is None else [f"{numbers.count(draws)} resamples"])]
    said = ", ".join(term for term in terms if term)
    return make_table(
        "best-data",
        f"Composite minus the best of the others{f': {said}' if said else ''}.",
        ("candidate", "difference", "set"),
        made,
        notes,
    )


def pairs(cohort: Cohort) -> Table:
    """Return every pair of candidates with its difference on the composite."""
    notes = Notes()
    label = {model.name: model.label for model in cohort.models}
    made = []
    for row in rows(cohort.raw["decision"], "pairs"):
        pvalue, holm = finite(row.get("pvalue")), finite(row.get("pvalue_holm"))
        made.append(
            [
                *(
                    text_cell(label.get(str(row.get(end)), visible(row.get(end))))
                    for end in ("first", "second")
                ),
                notes.cell(quantity(row.get("difference")), numbers.points),
                *(
                    notes.missing("not compared")
                    if p is None
                    else number_cell(numbers.probability(p))
                    for p in (pvalue, holm)
                ),
                text_cell(_told(row.get("is_distinguishable"))),
            ]
        )
    return make_table(
        "pairs",
        "Candidate against candidate on the composite, item by item: first minus second.",
        ("first", "second", "difference", "p", "Holm p over all pairs", "outcome"),
        made,
        notes,
    )


def _told(is_distinguishable: object) -> str:
    if not isinstance(is_distinguishable, bool):
        return "not compared"
    return "told apart" if is_distinguishable else "not told apart"


def predicted(cohort: Cohort) -> Table:
    """Return what KLD alone lets one expect of candidates without a benchmark."""
    notes = Notes()
    label = {model.name: model.label for model in cohort.models}
    made = []
    for row in rows(cohort.raw["decision"], "predicted"):
        kld, needed = finite(row.get("kld_mean")), finite(row.get("items_needed"))
        made.append(
            [
                text_cell(label.get(str(row.get("model")), visible(row.get("model")))),
                number_cell(numbers.DASH if kld is None else numbers.significant(kld)),
                notes.cell(quantity(row.get("volume")), numbers.percent),
                number_cell(numbers.DASH if needed is None else numbers.count(needed)),
                text_cell(visible(row.get("why") or "")),
            ]
        )
    return make_table(
        "predicted",
        "Candidates without a benchmark: the volume their KLD lets one expect, and the items a"
        " decision would then need.",
        ("candidate", "mean KLD, nats", "volume expected", "items needed", "why"),
        made,
        notes,
    )
