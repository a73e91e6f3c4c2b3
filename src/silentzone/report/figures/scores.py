"""Scores against size, and against mean KLD."""

from __future__ import annotations

from typing import TYPE_CHECKING

from silentzone.report import charts, numbers
from silentzone.report.charts import Axes, Yardstick
from silentzone.report.escaping import visible
from silentzone.report.figures.marks import CANDIDATE, PICK, bars
from silentzone.report.numbers import finite
from silentzone.report.points import (
    by_zone,
    exact,
    omissions,
    place,
    scaled,
    summary,
)
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
from silentzone.report.words import axis_name, panel_name, relation_words, score_title, zone_title

if TYPE_CHECKING:
    from silentzone.report.cohort import Cohort


def size_and_score(cohort: Cohort) -> Figure | None:
    """File size against each score, the reference's level and the margin behind it."""
    decision = cohort.raw["decision"]
    panels, notes = [], Notes()
    undrawn: dict[str, int] = {}
    for score in cohort.score_names:
        points, lost = place(
            cohort.models,
            lambda model: exact(model.gigabytes),
            lambda model, score=score: scaled(cohort.score(model.name, score), 100),  # type: ignore[misc]
            positive_x=True,
        )
        undrawn[score_title(score)] = lost
        key = "margin" if score == COMPOSITE else "guard_margin"
        margin = finite(decision.get(key))
        level = scaled(cohort.score(cohort.reference.name, score), 100)
        yardstick = level.value is not None and Yardstick(
            value=level.value,
            lower=level.lower,
            upper=level.upper,
            margin=None if margin is None else 100 * margin,
        )
        if len(points) > 1:
            axes = Axes(
                x_title="file size, GB (log scale)", x_log=True, y_title=f"{axis_name(score)}, %"
            )
            panels.append(
                Panel(
                    title=panel_name(score),
                    spec=charts.scatter(points, axes, yardstick=yardstick or None),
                    label=summary(points, "file size in GB", f"{score_title(score)} in percent"),
                )
            )
    if not panels:
        return None
    rows = [
        [
            text_cell(model.label, strong=model.is_pick),
            notes.missing("not recorded")
            if model.gigabytes is None
            else number_cell(numbers.decimal(model.gigabytes)),
            *(notes.cell(cohort.score(model.name, s), numbers.percent) for s in cohort.score_names),
        ]
        for model in cohort.models
    ]
    return Figure(
        identity="size",
        title="How small can the file be before the score gives way?",
        caption="The score against the size of the file. A point inside the band is not yet shown"
        " to be within the margin; the decision tests the paired differences.",
        key=(
            CANDIDATE,
            PICK,
            KeyEntry(mark="square ink", text="reference"),
            KeyEntry(mark="band green", text="reference ± margin"),
            KeyEntry(mark="dots muted", text="interval of the reference"),
            bars(cohort),
        ),
        panels=tuple(panels),
        table=make_table(
            "size-data",
            "Size and scores.",
            ("model", "GB", *(score_title(s) for s in cohort.score_names)),
            rows,
            notes,
        ),
        omitted=omissions(undrawn, "size or score is missing"),
    )


def fidelity_and_score(cohort: Cohort) -> Figure | None:
    """Mean KLD against the composite, over the full cohort and inside the zone."""
    if not cohort.has_composite:
        return None
    panels: list[Panel] = []
    undrawn: dict[str, int] = {}
    zones = [FULL] if cohort.zone is None else [FULL, cohort.zone]
    members = cohort.zone_members()
    for zone in zones:
        chosen = [m for m in cohort.candidates if zone == FULL or m.name in members]
        points, lost = place(
            chosen,
            lambda model: cohort.metric(model.name, cohort.corpus),
            lambda model: scaled(cohort.score(model.name, COMPOSITE), 100),
            positive_x=True,
        )
        if zone == FULL:
            points = by_zone(points, cohort)
        undrawn[zone_title(zone)] = lost
        if len(points) > 1:
            relation = cohort.relation(COMPOSITE, zone, cohort.corpus)
            axes = Axes(x_title="mean KLD, nats (log scale)", y_title="composite, %", x_log=True)
            title = f"{zone_title(zone).capitalize()}: {relation_words(relation)}"
            what = summary(points, "mean KLD in nats", "composite in percent")
            panels.append(
                Panel(title=title, spec=charts.scatter(points, axes), label=f"{title}. {what}")
            )
    if not panels:
        return None
    relation = cohort.relation(COMPOSITE, cohort.zone or FULL, cohort.corpus)
    definition = relation.get("definition") if relation and cohort.zone else None
    words = f" The zone here: {visible(definition)}." if definition else ""
    return Figure(
        identity="fidelity",
        title="Does mean KLD order the candidates by score?",
        caption="A clear slope over the whole cohort says little about the candidates near the"
        " reference: compare the two panels, each on its own scale." + words,
        key=(
            KeyEntry(mark="dot blue", text="candidate in the zone"),
            KeyEntry(mark="dot muted", text="candidate outside the zone"),
            PICK,
            bars(cohort),
        )
        if cohort.zone
        else (CANDIDATE, PICK, bars(cohort)),
        panels=tuple(panels),
        table=model_table(
            cohort,
            "fidelity-data",
            f"Mean KLD on “{visible(cohort.corpus)}” and composite.",
            (
                ("mean KLD, nats", lambda m: cohort.metric(m, cohort.corpus), numbers.significant),
                ("composite", lambda m: cohort.score(m, COMPOSITE), numbers.percent),
            ),
        ),
        omitted=omissions(undrawn, "a value is missing or KLD is zero"),
    )
