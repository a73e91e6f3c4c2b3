"""The five figures: what is drawn, what a reader should see in it, and the numbers behind it."""

# ruff: noqa: RUF001 -- typographic signs are what a reader sees

from __future__ import annotations

from silentzone.report import charts, numbers
from silentzone.report.charts import Axes, Bar, Dot, Yardstick
from silentzone.report.cohort import NOT_MEASURED, Cohort
from silentzone.report.escaping import shorten, visible
from silentzone.report.numbers import finite
from silentzone.report.points import (
    axis_name,
    by_zone,
    decomposed_relation,
    exact,
    omissions,
    panel_name,
    place,
    relation_words,
    scaled,
    summary,
)
from silentzone.report.reading import COMPOSITE, FULL
from silentzone.report.tables import decomposed, model_table, score_title, zone_title
from silentzone.report.views import (
    Figure,
    KeyEntry,
    Notes,
    Panel,
    make_table,
    number_cell,
    text_cell,
)

_ATTAINABLE = 0.6
"""Below this a flat panel may be nothing but noise."""
_CANDIDATE = KeyEntry(mark="dot blue", text="candidate")
_PICK = KeyEntry(mark="diamond vermillion", text="the pick")


def _bars(cohort: Cohort) -> KeyEntry:
    return KeyEntry(mark="bar blue", text=f"{cohort.interval_name} of each model by itself")


def build(cohort: Cohort) -> tuple[Figure, ...]:
    """All figures that have something to show."""
    makers = (size_and_score, fidelity_and_score, volume_and_direction, harm_and_gain, noise_floors)
    found = (make(cohort) for make in makers)
    return tuple(figure for figure in found if figure is not None)


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
            _CANDIDATE,
            _PICK,
            KeyEntry(mark="square ink", text="reference"),
            KeyEntry(mark="band green", text="reference ± margin"),
            KeyEntry(mark="dots muted", text="interval of the reference"),
            _bars(cohort),
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
            _PICK,
            _bars(cohort),
        )
        if cohort.zone
        else (_CANDIDATE, _PICK, _bars(cohort)),
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
            _PICK,
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


def noise_floors(cohort: Cohort) -> Figure | None:
    """Mean KLD per model and corpus beside the model's own noise floor."""
    dots, unmeasured = [], 0
    for model in cohort.candidates:
        for corpus in cohort.corpora:
            value = cohort.metric(model.name, corpus)
            if value.value is None or value.value <= 0:
                unmeasured += 1
                continue
            floor = cohort.floors.get((model.name, corpus))
            dots.append(
                Dot(
                    label=shorten(model.label, 26),
                    corpus=shorten(visible(corpus), 30),
                    value=value.value,
                    lower=value.lower,
                    upper=value.upper,
                    floor=floor.used if floor else None,
                )
            )
    if not dots:
        return None
    shown = list(dict.fromkeys(dot.corpus for dot in dots))
    low, high = min(dots, key=lambda d: d.value), max(dots, key=lambda d: d.value)
    label = (
        f"Mean KLD of {len({dot.label for dot in dots})} candidates on {len(shown)} corpora, from"
        f" {numbers.significant(low.value)} ({low.label}) to {numbers.significant(high.value)}"
        f" ({high.label}) nats."
    )
    columns = [
        (visible(c), (lambda m, c=c: cohort.metric(m, c)), numbers.significant)
        for c in cohort.corpora
    ]
    return Figure(
        identity="floors",
        title="How far has each candidate moved, beside its own noise?",
        caption="A dot close to its tick is a distance the engine makes by itself when the same"
        " model is run in another way; only dots well to the right of their ticks speak of the"
        " quantization.",
        key=(
            *(
                KeyEntry(mark=_CORPUS_LOOKS[i % len(_CORPUS_LOOKS)], text=corpus)
                for i, corpus in enumerate(shown)
            ),
            KeyEntry(mark="tick muted", text="own noise floor, in the colour of its corpus"),
        ),
        panels=(Panel(title="", spec=charts.dots(dots), label=label),),
        table=model_table(cohort, "floors-data", "Mean KLD in nats per corpus.", columns),
        omitted=omissions({"dots": unmeasured}, "mean KLD is missing or zero"),
    )


_CORPUS_LOOKS = (
    "dot blue", "square vermillion", "up green", "diamond purple", "down orange", "cross muted",
)  # fmt: skip
