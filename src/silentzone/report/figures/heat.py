"""Net change of every candidate on every benchmark, as one grid."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from silentzone.report import numbers
from silentzone.report.places import items_link
from silentzone.report.tables import decomposed, model_table
from silentzone.report.views import Cell, Figure, KeyEntry, Notes, make_table, text_cell
from silentzone.report.words import score_title

if TYPE_CHECKING:
    from silentzone.report.cohort import Cohort

_ALPHA = 0.05
_STEPS = (0.5, 2.0, 5.0)
"""Points of net change from which a cell is tinted, and tinted more."""


def net_by_benchmark(cohort: Cohort) -> Figure | None:
    """Show where each candidate loses, and which of the losses are more than chance."""
    benchmarks = [
        name for name in cohort.benchmarks if any(key[1] == name for key in cohort.decomposition)
    ]
    if not benchmarks or not cohort.candidates:
        return None
    notes = Notes()
    rows = [
        [
            text_cell(model.label, strong=model.is_pick, link=items_link(cohort, model=model.name)),
            *(_cell(cohort, model.name, name, notes) for name in benchmarks),
        ]
        for model in cohort.candidates
    ]
    adjusted = [row.adjusted_pvalue for row in cohort.decomposition.values()]
    tested = [pvalue for pvalue in adjusted if pvalue is not None]
    certain = sum(pvalue <= _ALPHA for pvalue in tested)
    columns = [(score_title(b), decomposed(cohort, b, "net"), numbers.points) for b in benchmarks]
    return Figure(
        identity="heat",
        title="On which benchmarks does each candidate lose?",
        caption="Net change against the reference in percentage points, paired item by item."
        " A loss on one benchmark that the composite hides stands out as a row of mixed colours;"
        " a filled dot marks what is more than chance once all cells are counted.",
        said=(
            f"{certain} of {len(tested)} cells are shown to differ from zero"
            f" (Holm over all of them, {100 * _ALPHA:g} %).",
        )
        if tested
        else (),
        key=(
            KeyEntry(mark="square vermillion", text="lost"),
            KeyEntry(mark="square blue", text="won"),
            KeyEntry(mark="dot ink", text="shown to differ from zero"),
        ),
        panels=(),
        grid=make_table(
            "net-grid",
            "Net change in points; the tint deepens at 0.5, 2 and 5 points.",
            ("model", *(score_title(name) for name in benchmarks)),
            rows,
            notes,
        ),
        table=model_table(cohort, "heat-data", "Net change with intervals.", columns),
    )


def _cell(cohort: Cohort, model: str, benchmark: str, notes: Notes) -> Cell:
    row = cohort.decomposition.get((model, benchmark))
    if row is None or row.net.value is None:
        return notes.missing("not measured")
    points = 100 * row.net.value
    depth = sum(abs(points) >= step for step in _STEPS)
    is_certain = row.adjusted_pvalue is not None and row.adjusted_pvalue <= _ALPHA
    cell = Cell(
        text=numbers.points(row.net.value) + (" ●" if is_certain else ""),
        is_number=True,
        is_strong=is_certain,
        tone=f"{'worse' if points < 0 else 'better'}-{depth}" if depth else "",
    )
    return replace(cell, link=items_link(cohort, model=model, benchmark=benchmark))
