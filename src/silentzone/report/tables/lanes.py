"""Tables of the lanes that are never ranked with files as they are served."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from silentzone.records.escaping import visible
from silentzone.report import numbers
from silentzone.report.cohort import Cohort, lane_cohorts
from silentzone.report.reading import quantity
from silentzone.report.tables.measured import candidates, decomposition, fidelity, net
from silentzone.report.views import Lane, Notes, Table, make_table, text_cell
from silentzone.report.words import on_corpus
from silentzone.store.answers import Raw, finite, rows

if TYPE_CHECKING:
    from collections.abc import Iterator


def lanes(cohort: Cohort) -> tuple[Lane, ...]:
    """Every lane but the serving one: its candidates beside the reference, in no order of merit."""
    return tuple(
        Lane(
            title=f"The lane {visible(section.get('lane'))}",
            why=visible(section.get("why") or ""),
            tables=tuple(_tables(f"lane-{number}", visible(section.get("lane")), own)),
        )
        for number, (section, own) in enumerate(lane_cohorts(cohort.raw), 1)
    )


def _tables(place: str, lane: str, own: Cohort) -> Iterator[Table]:
    caption = f"Candidates of the lane {lane}, not ranked. Fidelity{on_corpus(own.corpus)}."
    yield _placed(candidates(own), place, caption)
    for table in (net(own), _by_depth(own), decomposition(own), fidelity(own)):
        if table.rows:
            yield _placed(table, place, f"Lane {lane}: {table.caption}")


def _placed(table: Table, place: str, caption: str) -> Table:
    return replace(table, identity=f"{place}-{table.identity}", caption=caption)


def _by_depth(own: Cohort) -> Table:
    """Mean KLD by the place in the window: what a cache has rounded adds up along a text."""
    notes = Notes()
    found = {
        str(row.get("model")): list(rows(row, "depth"))
        for row in rows(own.raw, "kld_spread")
        if row.get("corpus") == own.corpus
    }
    bounds = list(dict.fromkeys(_bound(one) for depth in found.values() for one in depth))
    made = []
    for model in own.candidates:
        cells = {_bound(one): quantity(one.get("kld")) for one in found.get(model.name, ())}
        made.append(
            [
                text_cell(model.label),
                *(
                    notes.cell(cells[place], numbers.significant)
                    if place in cells
                    else notes.missing("not measured")
                    for place in bounds
                ),
            ]
        )
    return make_table(
        "depth",
        f"mean KLD by the place in the window{on_corpus(own.corpus)}.",
        ("model", *(f"positions {low:,.0f} to {high - 1:,.0f}" for low, high in bounds)),
        made if bounds else [],
        notes,
    )


def _bound(row: Raw) -> tuple[float, float]:
    return finite(row.get("low")) or 0.0, finite(row.get("high")) or 0.0
