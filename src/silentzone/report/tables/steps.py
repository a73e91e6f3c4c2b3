"""The decision step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from silentzone.report import numbers
from silentzone.report.escaping import visible
from silentzone.report.numbers import finite
from silentzone.report.reading import Raw, quantity, rows
from silentzone.report.views import Cell, Notes, Table, make_table, number_cell, text_cell
from silentzone.report.words import score_title

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
