"""Where the divergence lies: by the reference's confidence, by depth, and among positions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from silentzone.report import charts, numbers
from silentzone.report.charts import MOST_LINES, Step
from silentzone.report.points import omissions
from silentzone.report.reading import quantity
from silentzone.report.views import Figure, KeyEntry, Notes, Panel, Table, make_table, text_cell
from silentzone.report.words import on_corpus
from silentzone.store.answers import Raw, finite, rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from silentzone.report.cohort import Cohort
    from silentzone.report.reading import Model

_MARKS = ("dot blue", "square vermillion", "up green", "diamond purple", "down orange",
          "cross muted")  # fmt: skip


def kld_spread(cohort: Cohort) -> Figure | None:
    """Draw the headline corpus's KLD divided up, for a few candidates from near to far."""
    found = {
        str(row.get("model")): row
        for row in rows(cohort.raw, "kld_spread")
        if row.get("corpus") == cohort.corpus
    }
    measured = [model for model in cohort.candidates if model.name in found]
    shown = _chosen(cohort, measured)
    if not shown:
        return None
    ways: tuple[tuple[str, str, Callable[[Raw], list[tuple[str, Raw]]]], ...] = (
        ("By the reference's confidence", "largest probability of the reference", _by_confidence),
        ("By depth in the window", "index of the predicted token", _by_depth),
        ("From the calmest position to the wildest", "share of the positions below", _by_quantile),
    )
    panels, zeros = [], 0
    for title, x_title, binned in ways:
        steps, lost = _steps(shown, found, binned)
        zeros += lost
        if steps:
            panels.append(_panel(title, x_title, steps, [model.short for model in shown]))
    if not panels:
        return None
    rest = len(measured) - len(shown)
    more = f" Shown are {len(shown)} of {len(measured)} candidates, from near to far." * (rest > 0)
    return Figure(
        identity="spread",
        title="Where does the divergence lie?",
        caption="The same mean KLD can come from a few wild positions or from all of them, and from"
        " positions where the reference was sure or where it was guessing." + more,
        key=tuple(
            KeyEntry(mark=mark, text=model.short)
            for mark, model in zip(_MARKS, shown, strict=False)
        ),
        panels=tuple(panels),
        table=_table(cohort, measured, found),
        omitted=omissions({"values": zeros}, "a log axis has no zero"),
        rests_on_items=False,
    )


def _chosen(cohort: Cohort, models: Sequence[Model]) -> list[Model]:
    """Give as many as have a look of their own, evenly by their mean KLD, the pick among them."""

    def distance(model: Model) -> float:
        value = cohort.metric(model.name, cohort.corpus, "kld_mean").value
        return float("inf") if value is None else value

    ordered = sorted(models, key=distance)
    if len(ordered) <= MOST_LINES:
        return ordered
    last = len(ordered) - 1
    kept = {ordered[round(k * last / (MOST_LINES - 1))].name for k in range(MOST_LINES)}
    pick = next((model.name for model in ordered if model.is_pick), None)
    if pick is not None and pick not in kept:
        middle = [model.name for model in ordered if model.name in kept][MOST_LINES // 2]
        kept = kept - {middle} | {pick}
    return [model for model in ordered if model.name in kept]


def _steps(
    models: Sequence[Model],
    found: dict[str, Raw],
    binned: Callable[[Raw], list[tuple[str, Raw]]],
) -> tuple[list[Step], int]:
    steps, lost = [], 0
    for model in models:
        for place, (at, raw) in enumerate(binned(found[model.name])):
            value = quantity(raw)
            if value.value is None or value.value <= 0.0:
                lost += 1
                continue
            steps.append(
                Step(
                    label=model.short,
                    at=at,
                    place=place,
                    value=value.value,
                    lower=value.lower,
                    upper=value.upper,
                )
            )
    return steps, lost


def _panel(title: str, x_title: str, steps: list[Step], names: list[str]) -> Panel:
    y_title = "KLD, nats (log scale)"
    low, high = min(steps, key=lambda s: s.value), max(steps, key=lambda s: s.value)
    label = (
        f"{title}, {len({s.label for s in steps})} candidates: from"
        f" {numbers.significant(low.value)} ({low.label}, {low.at}) to"
        f" {numbers.significant(high.value)} ({high.label}, {high.at}) nats."
    )
    spec = charts.steps(steps, names, x_title=x_title, y_title=y_title)
    return Panel(title=title, spec=spec, label=label)


def _by_confidence(row: Raw) -> list[tuple[str, Raw]]:
    return [
        (f"{one.get('low'):g}-{one.get('high'):g}", one.get("kld") or {})
        for one in row.get("confidence") or ()
    ]


def _by_depth(row: Raw) -> list[tuple[str, Raw]]:
    return [
        (f"{one.get('low'):g}-{one.get('high') - 1:g}", one.get("kld") or {})
        for one in row.get("depth") or ()
    ]


def _by_quantile(row: Raw) -> list[tuple[str, Raw]]:
    return [
        (f"{100 * share:g} %", {"value": finite(value)})
        for share, value in row.get("quantiles") or ()
    ]


def _table(cohort: Cohort, models: Sequence[Model], found: dict[str, Raw]) -> Table:
    notes = Notes()
    rows_ = []
    for model in models:
        for kind, name in (("confidence", "confidence"), ("depth", "index")):
            for one in found[model.name].get(kind) or ():
                excess = finite(one.get("excess"))
                rows_.append(
                    [
                        text_cell(model.label),
                        text_cell(f"{name} {one.get('low'):g} to {one.get('high'):g}"),
                        notes.cell(quantity(one.get("kld")), numbers.significant),
                        notes.missing("no floor is known")
                        if excess is None
                        else text_cell(numbers.significant(excess)),
                    ]
                )
    return make_table(
        "spread-data",
        f"Mean KLD by bin{on_corpus(cohort.corpus)}, and what is left of it less the candidate's"
        " own noise floor over all positions.",
        ("model", "positions", "mean KLD, nats", "less the floor"),
        rows_,
        notes,
    )
