"""Scores against size, and against the headline metric."""

from __future__ import annotations

from math import isclose
from typing import TYPE_CHECKING

from silentzone.records.escaping import visible
from silentzone.report import charts, numbers
from silentzone.report.charts import Axes, Yardstick
from silentzone.report.figures.marks import CANDIDATE, bars, pick, zone_marks
from silentzone.report.places import items_link
from silentzone.report.points import by_zone, exact, omissions, place, scaled, summary
from silentzone.report.reading import COMPOSITE, FULL
from silentzone.report.tables import model_table
from silentzone.report.views import (
    Figure,
    KeyEntry,
    Notes,
    Panel,
    make_table,
    number_cell,
    text_cell,
)
from silentzone.report.words import (
    axis_name,
    metric_axis,
    on_corpus,
    opening,
    panel_name,
    relation_words,
    score_title,
    zone_title,
)
from silentzone.store.answers import finite

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from silentzone.report.cohort import Cohort
    from silentzone.report.reading import Model, Quantity
    from silentzone.report.views import Table


_FRONTIER = KeyEntry(mark="bar purple", text="no smaller file scores as well")
_MOST_NAMED = 5


def size_and_score(cohort: Cohort) -> Figure | None:
    """File size against each score, the reference's level and the margin behind it."""
    size = _size_axis(cohort)
    if size is None:
        return None
    size_title, size_words, size_of = size
    panels: list[Panel] = []
    undrawn: dict[str, int] = {}
    for score in cohort.score_names:
        points, lost = place(
            cohort.models,
            size_of,
            lambda model, score=score: scaled(cohort.score(model.name, score), 100),  # type: ignore[misc]
            positive_x=True,
        )
        undrawn[score_title(score)] = lost
        if len(points) > 1:
            axes = Axes(x_title=size_title, x_log=True, y_title=f"{axis_name(score)}, %")
            panels.append(
                Panel(
                    title=panel_name(score),
                    spec=charts.scatter(
                        points, axes, yardstick=_level(cohort, score), has_frontier=True
                    ),
                    label=summary(points, size_words, f"{score_title(score)} in percent"),
                    link=items_link(cohort, benchmark=score)
                    if score in cohort.benchmarks
                    else None,
                )
            )
    if not panels:
        return None
    return Figure(
        identity="size",
        title="How small can the file be before the score gives way?",
        caption="The score against the size of the file. "
        + (
            "No model is marked as the reference, so there is no level to hold the scores to."
            if cohort.reference is None
            else "A point inside the band is not yet shown to be within the margin; the decision"
            " tests the paired differences."
        )
        + _on_other_items(cohort, cohort.score_names),
        key=(CANDIDATE, *pick(cohort), *_reference_marks(cohort), _FRONTIER, *bars(cohort)),
        panels=tuple(panels),
        said=_noise_floor(cohort),
        table=_size_table(cohort),
        omitted=omissions(undrawn, "size or score is missing"),
    )


def _on_other_items(cohort: Cohort, scores: Sequence[str]) -> str:
    """Name what is drawn at a score over other items than the reference's; empty without any."""
    if cohort.reference is None:
        return ""
    reference = cohort.reference.name

    def differs(model: Model, score: str) -> bool:
        shared = cohort.against_reference(model.name, score)
        own, level = (cohort.score(name, score).value for name in (model.name, reference))
        if shared is None or own is None or level is None:
            return False
        return not isclose(own - level, shared, abs_tol=1e-9)

    named = [m.short for m in cohort.candidates if any(differs(m, score) for score in scores)]
    if not named:
        return ""
    shown = ", ".join(named[:_MOST_NAMED])
    more = f" and {len(named) - _MOST_NAMED} more" if len(named) > _MOST_NAMED else ""
    return (
        f" Drawn at a score over other items than the reference's: {shown}{more}. Correlations and"
        " the decision take the difference to the reference on the items both answered."
    )


def _noise_floor(cohort: Cohort) -> tuple[str, ...]:
    """Say what the reference changes by itself: a score that differs by less is no news."""
    if cohort.reference is None:
        return ()
    told = []
    for name in cohort.benchmarks:
        floor = cohort.churn.get((cohort.reference.name, name))
        if floor is not None and floor.value is not None:
            told.append(f"{score_title(name)} {numbers.percent(floor.value)}")
        elif floor is not None and floor.cautions:
            told.append(f"{score_title(name)} {floor.cautions[0]}")
    if not told:
        return ()
    return (
        "Answers that the reference itself changes when it is asked again in other batches: "
        + "; ".join(told)
        + ".",
    )


def _size_axis(cohort: Cohort) -> tuple[str, str, Callable[[Model], Quantity]] | None:
    """Title, words and values of the size: bytes where two models have them, else bits."""
    if sum(model.gigabytes is not None for model in cohort.models) > 1:
        return (
            "file size, GB (log scale)",
            "file size in GB",
            lambda model: exact(model.gigabytes),
        )
    if sum(model.bits_per_weight is not None for model in cohort.models) > 1:
        return (
            "bits per weight (log scale)",
            "bits per weight",
            lambda model: exact(model.bits_per_weight),
        )
    return None


def _level(cohort: Cohort, score: str) -> Yardstick | None:
    """Level of the reference with the margin the decision holds the score to, in percent."""
    if cohort.reference is None:
        return None
    margin = finite(cohort.raw["decision"].get("margin" if score == COMPOSITE else "guard_margin"))
    level = scaled(cohort.score(cohort.reference.name, score), 100)
    if level.value is None:
        return None
    return Yardstick(
        value=level.value,
        lower=level.lower,
        upper=level.upper,
        margin=None if margin is None else 100 * margin,
    )


def _reference_marks(cohort: Cohort) -> tuple[KeyEntry, ...]:
    if cohort.reference is None:
        return ()
    name = cohort.reference.name
    has_interval = any(cohort.score(name, s).lower is not None for s in cohort.score_names)
    interval = KeyEntry(mark="dots muted", text="interval of the reference")
    return (
        KeyEntry(mark="square ink", text="reference"),
        KeyEntry(mark="band green", text="reference ± margin"),
        *((interval,) if has_interval else ()),
    )


def _size_table(cohort: Cohort) -> Table:
    notes = Notes()
    rows = [
        [
            text_cell(model.label, strong=model.is_pick),
            *(
                notes.missing("not recorded")
                if size is None
                else number_cell(numbers.decimal(size))
                for size in (model.gigabytes, model.bits_per_weight)
            ),
            *(notes.cell(cohort.score(model.name, s), numbers.percent) for s in cohort.score_names),
        ]
        for model in cohort.models
    ]
    headers = ("model", "GB", "bits per weight", *(score_title(s) for s in cohort.score_names))
    return make_table("size-data", "Size and scores.", headers, rows, notes)


def fidelity_and_score(cohort: Cohort) -> Figure | None:
    """Draw the headline metric against the composite, over the full cohort and inside the zone."""
    if not cohort.has_composite:
        return None
    panels: list[Panel] = []
    undrawn: dict[str, int] = {}
    x_title, is_log = metric_axis(cohort.headline)
    for zone in cohort.zones:
        panel, lost = _zone_panel(cohort, zone)
        undrawn[zone_title(zone)] = lost
        panels += [panel] if panel else []
    if not panels:
        return None
    relation = cohort.relation(COMPOSITE, cohort.zone or FULL)
    definition = relation.get("definition") if relation and cohort.zone else None
    words = f" The zone here: {visible(definition)}." if definition else ""
    return Figure(
        identity="fidelity",
        title=f"Does {cohort.headline_words} order the candidates by score?",
        caption=(
            "A clear slope over the whole cohort says little about the candidates near the"
            " reference: compare the two panels, each on its own scale."
            if len(panels) > 1
            else "The whole cohort. No zone near the reference could be formed, so nothing is said"
            " about the candidates that resemble it."
        )
        + words
        + _on_other_items(cohort, (COMPOSITE,)),
        key=(*zone_marks(cohort), *pick(cohort), *bars(cohort)),
        panels=tuple(panels),
        table=model_table(
            cohort,
            "fidelity-data",
            f"{opening(cohort.headline_words)} and composite{on_corpus(cohort.corpus)}.",
            (
                (x_title, lambda m: cohort.metric(m, cohort.corpus), numbers.significant),
                ("composite", lambda m: cohort.score(m, COMPOSITE), numbers.percent),
            ),
        ),
        omitted=omissions(
            undrawn, "a value is missing or KLD is zero" if is_log else "a value is missing"
        ),
    )


def _zone_panel(cohort: Cohort, zone: str) -> tuple[Panel | None, int]:
    """Draw the headline metric against the composite in one zone; also how many are not drawn."""
    members = cohort.zone_members()
    x_title, is_log = metric_axis(cohort.headline)
    points, lost = place(
        [m for m in cohort.candidates if zone == FULL or m.name in members],
        lambda model: cohort.metric(model.name, cohort.corpus),
        lambda model: scaled(cohort.score(model.name, COMPOSITE), 100),
        positive_x=is_log,
    )
    if len(points) < 2:
        return None, lost
    if zone == FULL:
        points = by_zone(points, cohort)
    axes = Axes(x_title=x_title, y_title="composite, %", x_log=is_log)
    words = relation_words(cohort.relation(COMPOSITE, zone))
    title = opening(zone_title(zone))
    label = f"{title}: {words}. {summary(points, x_title, 'composite in percent')}"
    return (
        Panel(
            title=title,
            detail=words,
            spec=charts.scatter(points, axes),
            label=label,
            link=items_link(cohort),
        ),
        lost,
    )
