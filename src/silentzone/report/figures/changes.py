"""What changed item by item: volume, direction, harm and gain."""

# ruff: noqa: RUF001 -- typographic signs are what a reader sees

from __future__ import annotations

from typing import TYPE_CHECKING

from silentzone.report import charts, numbers
from silentzone.report.charts import Axes, Bar, Yardstick
from silentzone.report.cohort import NOT_MEASURED, Cohort
from silentzone.report.figures.marks import bars, pick, zone_marks
from silentzone.report.findings import said, volume_row
from silentzone.report.places import items_link
from silentzone.report.points import (
    by_zone,
    decomposed_relation,
    omissions,
    place,
    scaled,
    summary,
)
from silentzone.report.reading import COMPOSITE, FULL
from silentzone.report.tables import decomposed, model_table
from silentzone.report.views import Figure, KeyEntry, Panel
from silentzone.report.words import metric_axis, panel_name, relation_words, score_title, zone_title

if TYPE_CHECKING:
    from collections.abc import Callable

_PARTS: tuple[tuple[str, float, str, Callable[[float], str]], ...] = (
    ("volume", 100, "volume, %", numbers.percent),
    ("direction", 1, "direction", numbers.coefficient),
    ("net", 100, "net, points", numbers.points),
)
"""Part, factor to its unit, title of its axis, how a table writes it."""


def volume_and_direction(cohort: Cohort) -> Figure | None:
    """Draw the headline metric against how much changed, which way, and what is left."""
    scores = list(dict.fromkeys(benchmark for _, benchmark in cohort.decomposition))
    if all(row.volume.value is None for row in cohort.decomposition.values()):
        # Scores without items give nets alone, which the composite shows already.
        return None
    score = COMPOSITE if COMPOSITE in scores else scores[0]
    panels: list[Panel] = []
    undrawn: dict[str, int] = {}
    for part, scale, y_title, _ in _PARTS:
        for zone in cohort.zones:
            panel, lost = _part_panel(cohort, score, zone, (part, scale, y_title))
            undrawn[f"{part}, {zone_title(zone)}"] = lost
            panels += [panel] if panel else []
    if not panels:
        return None
    columns = [
        (f"{score_title(score)}: {part}", decomposed(cohort, score, part), how)
        for part, _, _, how in _PARTS
    ]
    return Figure(
        identity="volume",
        title=f"Does {cohort.headline_words} say how much changed, or which way?",
        caption="Volume is the share of items whose outcome changed, direction runs from −1 (all"
        " changes are losses) to +1 (all are gains), net is what is left of both in the score.",
        said=said(volume_row(cohort, score)),
        key=(*zone_marks(cohort), *pick(cohort), *bars(cohort)),
        panels=tuple(panels),
        table=model_table(cohort, "volume-data", "Volume, direction and net.", columns),
        omitted=omissions(undrawn, "a value is missing or cannot be drawn on a log scale"),
        layout="thirds" if len(panels) > 3 else "",
    )


def _part_panel(
    cohort: Cohort, score: str, zone: str, drawn: tuple[str, float, str]
) -> tuple[Panel | None, int]:
    """One part against the headline metric in one zone, and how many models it cannot show."""
    part, scale, y_title = drawn
    members = cohort.zone_members()
    height = decomposed(cohort, score, part)
    x_title, is_log = metric_axis(cohort.headline)
    points, lost = place(
        [model for model in cohort.candidates if zone == FULL or model.name in members],
        lambda model: cohort.metric(model.name, cohort.corpus),
        lambda model: scaled(height(model.name), scale),
        positive_x=is_log,
    )
    if len(points) < 2:
        return None, lost
    if zone == FULL:
        points = by_zone(points, cohort)
    domain = (-1.05, 1.05) if part == "direction" else None
    zero = Yardstick(value=0.0, lower=None, upper=None, margin=None)
    axes = Axes(x_title=x_title, y_title=y_title, x_log=is_log, y_domain=domain)
    relation = decomposed_relation(cohort, part, score, zone)
    title, words = f"{part.capitalize()}, {zone_title(zone)}", relation_words(relation)
    spec = charts.scatter(points, axes, yardstick=None if part == "volume" else zero)
    label = f"{title}: {words}. {score_title(score)}: {summary(points, x_title, y_title)}"
    panel = Panel(title=title, detail=words, spec=spec, label=label, link=items_link(cohort))
    return panel, lost


def harm_and_gain(cohort: Cohort) -> Figure | None:
    """Diverging bars per candidate and benchmark."""
    panels = []
    for benchmark in cohort.benchmarks:
        drawn = []
        for model in cohort.candidates:
            row = cohort.decomposition.get((model.name, benchmark))
            if row is None or row.harm is None or row.gain is None or not row.items:
                continue
            floor = cohort.churn.get((model.name, benchmark), NOT_MEASURED).value
            drawn.append(
                Bar(
                    label=model.short,
                    harm=100 * row.harm / row.items,
                    gain=100 * row.gain / row.items,
                    floor=None if floor is None else 100 * floor,
                )
            )
        if drawn:
            worst = max(drawn, key=lambda bar: bar.harm)
            label = (
                f"{score_title(benchmark)}: harm and gain of {len(drawn)} candidates in percent of"
                f" the items; the largest harm is {worst.harm:.1f} % for {worst.label}."
            )
            panels.append(
                Panel(
                    title=panel_name(benchmark),
                    spec=charts.harm_gain(drawn),
                    label=label,
                    link=items_link(cohort, benchmark=benchmark),
                )
            )
    if not panels:
        return None
    has_floor = any(
        (m.name, b) in cohort.churn for m in cohort.candidates for b in cohort.benchmarks
    )
    tick = KeyEntry(mark="tick ink", text="churn floor, half on either side")
    benchmarks = list(dict.fromkeys(benchmark for _, benchmark in cohort.decomposition))
    columns = [(score_title(b), decomposed(cohort, b, "net"), numbers.points) for b in benchmarks]
    return Figure(
        identity="harm",
        title="What was lost, and what was won back?",
        caption="A score that did not move can hide many changed items: the whole bar is what"
        " changed, its lopsidedness is what the score shows"
        + (
            ", and bars within the ticks change no more than the same model does when it is asked"
            " again."
            if has_floor
            else ". No item was asked again, so nothing says how much would have changed by itself."
        ),
        key=(
            KeyEntry(mark="bar vermillion", text="harm: right before, wrong now"),
            KeyEntry(mark="bar blue", text="gain: wrong before, right now"),
            *((tick,) if has_floor else ()),
        ),
        panels=tuple(panels),
        table=model_table(cohort, "harm-data", "Net change per benchmark.", columns),
    )
