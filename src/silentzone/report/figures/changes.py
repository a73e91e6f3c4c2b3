"""What changed item by item: volume, direction, harm and gain."""

# ruff: noqa: RUF001 -- typographic signs are what a reader sees

from __future__ import annotations

from silentzone.report import charts, numbers
from silentzone.report.charts import Axes, Bar, Yardstick
from silentzone.report.cohort import NOT_MEASURED, Cohort
from silentzone.report.escaping import shorten
from silentzone.report.figures.marks import PICK
from silentzone.report.numbers import finite
from silentzone.report.points import (
    by_zone,
    decomposed_relation,
    omissions,
    place,
    scaled,
    summary,
)
from silentzone.report.tables import decomposed, model_table
from silentzone.report.views import (
    Figure,
    KeyEntry,
    Panel,
)
from silentzone.report.words import panel_name, relation_words, score_title

_ATTAINABLE = 0.6
"""Below this a flat panel may be nothing but noise."""


def volume_and_direction(cohort: Cohort) -> Figure | None:
    """KLD against how much changed, and against which way it changed."""
    panels: list[Panel] = []
    undrawn: dict[str, int] = {}
    benchmarks = list(dict.fromkeys(benchmark for _, benchmark in cohort.decomposition))
    pooled = [name for name in benchmarks if name not in cohort.benchmarks]
    for benchmark in pooled[:1] or benchmarks:
        for quantity, scale, title in (("volume", 100, "volume, %"), ("direction", 1, "direction")):
            height = decomposed(cohort, benchmark, quantity)
            points, lost = place(
                cohort.candidates,
                lambda model: cohort.metric(model.name, cohort.corpus),
                lambda model, height=height, scale=scale: scaled(height(model.name), scale),  # type: ignore[misc]
                positive_x=True,
            )
            points = by_zone(points, cohort)
            where = f"{score_title(benchmark)}, {quantity}"
            undrawn[where] = lost
            if len(points) > 1:
                domain = (-1.05, 1.05) if quantity == "direction" else None
                axes = Axes(
                    x_title="mean KLD, nats (log scale)", y_title=title, x_log=True, y_domain=domain
                )
                relation = decomposed_relation(cohort, quantity, benchmark)
                words = f": {relation_words(relation)}" if relation else ""
                what = summary(points, "mean KLD in nats", title)
                zero = Yardstick(value=0.0, lower=None, upper=None, margin=None)
                panels.append(
                    Panel(
                        title=f"{where}{words}",
                        spec=charts.scatter(points, axes, yardstick=zero if domain else None),
                        label=f"{where}. {what}",
                    )
                )
    if not panels:
        return None
    related = decomposed_relation(cohort, "direction", (pooled[:1] or benchmarks)[0])
    attainable = finite(related.get("attainable")) if related else None
    reading = (
        " KLD that follows volume but not direction counts changes without saying whether they"
        " hurt."
        if attainable is not None and attainable >= _ATTAINABLE
        else ""
    )
    columns = [
        (f"{score_title(b)}: {q}", decomposed(cohort, b, q), how)
        for b in (pooled[:1] or benchmarks)
        for q, how in (("volume", numbers.percent), ("direction", numbers.coefficient))
    ]
    return Figure(
        identity="volume",
        title="Does KLD say how much changed, or which way?",
        caption="Volume is the share of items whose outcome changed, direction runs from −1 (all"
        " changes are losses) to +1 (all are gains)." + reading,
        key=(
            KeyEntry(mark="dot blue", text="in the zone" if cohort.zone else "candidate"),
            *((KeyEntry(mark="dot muted", text="outside the zone"),) if cohort.zone else ()),
            PICK,
            KeyEntry(mark="bar blue", text=cohort.interval_name),
        ),
        panels=tuple(panels),
        table=model_table(cohort, "volume-data", "Volume and direction.", columns),
        omitted=omissions(undrawn, "a value is missing or KLD is zero"),
    )


def harm_and_gain(cohort: Cohort) -> Figure | None:
    """Diverging bars per candidate and benchmark."""
    panels = []
    for benchmark in cohort.benchmarks:
        bars = []
        for model in cohort.candidates:
            row = cohort.decomposition.get((model.name, benchmark))
            if row is None or row.harm is None or row.gain is None or not row.items:
                continue
            floor = cohort.churn.get((model.name, benchmark), NOT_MEASURED).value
            bars.append(
                Bar(
                    label=shorten(model.label, 22),
                    harm=100 * row.harm / row.items,
                    gain=100 * row.gain / row.items,
                    floor=None if floor is None else 100 * floor,
                )
            )
        if bars:
            worst = max(bars, key=lambda bar: bar.harm)
            label = (
                f"{score_title(benchmark)}: harm and gain of {len(bars)} candidates in percent of"
                f" the items; the largest harm is {worst.harm:.1f} % for {worst.label}."
            )
            panels.append(
                Panel(title=panel_name(benchmark), spec=charts.harm_gain(bars), label=label)
            )
    if not panels:
        return None
    benchmarks = list(dict.fromkeys(benchmark for _, benchmark in cohort.decomposition))
    columns = [(score_title(b), decomposed(cohort, b, "net"), numbers.points) for b in benchmarks]
    return Figure(
        identity="harm",
        title="What was lost, and what was won back?",
        caption="A score that did not move can hide many changed items: the whole bar is what"
        " changed, its lopsidedness is what the score shows, and bars within the ticks"
        " change no more than the same model does when it is asked again.",
        key=(
            KeyEntry(mark="bar vermillion", text="harm: right before, wrong now"),
            KeyEntry(mark="bar blue", text="gain: wrong before, right now"),
            KeyEntry(mark="tick ink", text="churn floor, half on either side"),
        ),
        panels=tuple(panels),
        table=model_table(cohort, "harm-data", "Net change per benchmark.", columns),
    )
