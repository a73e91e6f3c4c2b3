"""Candidates against each other: the set that cannot be told from the best, and every pair."""

from __future__ import annotations

from typing import TYPE_CHECKING

from silentzone.report import charts, numbers, tables
from silentzone.report.charts import Difference, PairCell
from silentzone.report.findings import said
from silentzone.report.points import omissions
from silentzone.report.reading import COMPOSITE, quantity
from silentzone.report.views import Figure, KeyEntry, Panel
from silentzone.store.answers import Raw, rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from silentzone.report.cohort import Cohort


def best_and_pairs(cohort: Cohort) -> Figure | None:
    """Draw the best set, and beside it which pairs of candidates can be told apart."""
    decision = cohort.raw["decision"]
    best, pairs = decision.get("best") or {}, list(rows(decision, "pairs"))
    if not best and not pairs:
        return None
    order = _order(cohort, best, pairs)
    drawn = _differences(cohort, best, order)
    panels = []
    if drawn:
        short, inside = cohort.short_labels(), [str(name) for name in best.get("set") or ()]
        title = f"{len(inside)} of {len(drawn)} models cannot be told from the best"
        label = f"{title}: {', '.join(short[name] for name in order if name in inside)}."
        panels.append(Panel(title=title, spec=charts.differences(drawn), label=label))
    if pairs:
        panels.append(_matrix(cohort, pairs, order))
    if not panels:
        return None
    lost = len(list(rows(best, "comparisons"))) - len(drawn)
    return Figure(
        identity="best",
        title="Which candidates can be told from each other?",
        caption="Best composite first, by the difference to the reference on the items both"
        " answered. The cells without a colour are the choices these items cannot settle.",
        said=said(best, decision.get("yardstick")),
        key=(
            KeyEntry(mark="dot blue", text="cannot be told from the best"),
            KeyEntry(mark="dot muted", text="shown to be below the best"),
            KeyEntry(mark="diamond vermillion", text="the pick"),
            KeyEntry(mark="square ink", text="reference"),
            KeyEntry(mark="square blue", text="row better than column"),
            KeyEntry(mark="square vermillion", text="row worse than column"),
            KeyEntry(mark="point muted", text="cannot be told apart"),
            KeyEntry(mark="cross muted", text="not compared"),
        ),
        panels=tuple(panels),
        table=tables.best_set(cohort),
        omitted=omissions({"candidates": lost}, "a difference is missing"),
        layout="pairs",
    )


def _order(cohort: Cohort, best: Raw, pairs: Sequence[Raw]) -> list[str]:
    """Names of the models that are compared, highest composite first.

    Composites of models that answered other items are no order: their differences to the reference
    are, which is what the decision takes.
    """
    compared = {str(row.get("model")) for row in rows(best, "comparisons")}
    compared |= {str(row.get(end)) for row in pairs for end in ("first", "second")}
    named = [model.name for model in cohort.models if model.name in compared]

    def level(name: str) -> float:
        value = cohort.against_reference(name, COMPOSITE)
        return float("inf") if value is None else -value

    return sorted(named, key=level)


def _differences(cohort: Cohort, best: Raw, order: Sequence[str]) -> list[Difference]:
    found = {str(row.get("model")): row for row in rows(best, "comparisons")}
    short = cohort.short_labels()
    picked = {model.name for model in cohort.models if model.is_pick}
    drawn = []
    for name in order:
        row = found.get(name)
        difference = quantity(row.get("difference")) if row else None
        if row is None or difference is None or difference.value is None:
            continue
        drawn.append(
            Difference(
                label=short[name],
                value=100 * difference.value,
                lower=None if difference.lower is None else 100 * difference.lower,
                upper=None if difference.upper is None else 100 * difference.upper,
                look="pick"
                if name in picked
                else "reference"
                if cohort.reference is not None and name == cohort.reference.name
                else "in the set"
                if row.get("in_set") is True
                else "outside",
            )
        )
    return drawn


def _matrix(cohort: Cohort, pairs: Sequence[Raw], order: Sequence[str]) -> Panel:
    short = cohort.short_labels()
    # The reference may stand among the best and is never one of a pair.
    paired = {str(row.get(end)) for row in pairs for end in ("first", "second")}
    order = [name for name in order if name in paired]
    place = {name: i for i, name in enumerate(order, start=1)}
    rows_ = {name: f"{short[name]} · {place[name]}" for name in order}
    cells: list[PairCell] = []
    apart = unknown = 0
    for row in pairs:
        ends = str(row.get("first")), str(row.get("second"))
        if not set(ends) <= place.keys():
            continue
        told = row.get("is_distinguishable")
        apart += told is True
        unknown += not isinstance(told, bool)
        value = quantity(row.get("difference")).value
        first_is_better = place[ends[0]] < place[ends[1]] if value is None else value > 0
        for (one, other), is_better in ((ends, first_is_better), (ends[::-1], not first_is_better)):
            state = "better" if is_better else "worse"
            if told is not True:
                state = "open" if told is False else "unknown"
            cells.append(PairCell(row=rows_[one], column=place[other], state=state))
    total = len(cells) // 2
    title = f"{numbers.count(apart)} of {numbers.count(total)} pairs can be told apart"
    rest = f" {numbers.count(unknown)} were not compared." if unknown else ""
    spec = charts.told_apart(cells, [rows_[name] for name in order])
    return Panel(title=title, spec=spec, label=f"{title}.{rest} Rows and columns best first.")
