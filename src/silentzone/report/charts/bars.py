"""Models as rows: harm and gain, and mean KLD beside its floor."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import altair as alt

from silentzone.report.charts.look import (
    BLUE,
    CORPUS_MARKS,
    INK,
    VERMILLION,
    WIDTH,
    Spec,
    data,
    finish,
    log_ticks,
    row_axis,
)

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """Harm and gain of one candidate on one benchmark, in percent of the items."""

    label: str
    harm: float
    gain: float
    floor: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """Mean KLD of one model on one corpus, in nats."""

    label: str
    corpus: str
    value: float
    lower: float | None
    upper: float | None
    floor: float | None


def harm_gain(bars: Sequence[Bar]) -> Spec:
    """Diverging bars: harm to the left, gain to the right, half the churn floor on either side."""
    order = [bar.label for bar in bars]
    y = alt.Y("label:N", sort=order, title=None, axis=row_axis())
    title = "← harm · gain →, % of the items"
    base = alt.Chart(alt.Data(values=[{**asdict(bar), "loss": -bar.harm} for bar in bars]))
    x_axis = alt.Axis(labelExpr="format(abs(datum.value), '~g')", tickCount=6)
    lines = [
        base.mark_bar(height={"band": 0.66}, color=VERMILLION).encode(
            y=y, x=alt.X("loss:Q", title=title, axis=x_axis)
        ),
        base.mark_bar(height={"band": 0.66}, color=BLUE).encode(y=y, x=alt.X("gain:Q")),
        alt.Chart(alt.Data(values=[{"zero": 0}]))
        .mark_rule(color=INK, strokeWidth=1)
        .encode(x=alt.X("zero:Q")),
    ]
    ticks = [
        {"label": bar.label, "at": sign * bar.floor / 2}
        for bar in bars
        if bar.floor is not None
        for sign in (-1, 1)
    ]
    if ticks:
        lines.append(
            alt.Chart(alt.Data(values=ticks))
            .mark_tick(color=INK, thickness=2, height={"band": 0.95})
            .encode(y=y, x=alt.X("at:Q"))
        )
    return finish(alt.layer(*lines).properties(width=WIDTH - 70, height=alt.Step(17)))


def dots(rows: Sequence[Dot], title: str = "mean KLD, nats (log scale)") -> Spec:
    """Mean KLD per model and corpus on a log scale, with each model's own noise floor as a tick.

    Rows keep the order they come in; only positive values can be drawn.
    """
    order = list(dict.fromkeys(row.label for row in rows))
    corpora = list(dict.fromkeys(row.corpus for row in rows))
    marks = [CORPUS_MARKS[index % len(CORPUS_MARKS)] for index in range(len(corpora))]
    colour = alt.Color(
        "corpus:N",
        scale=alt.Scale(domain=corpora, range=[mark[0] for mark in marks]),
        legend=None,
    )
    shape = alt.Shape(
        "corpus:N",
        scale=alt.Scale(domain=corpora, range=[mark[1] for mark in marks]),
        legend=None,
    )
    y = alt.Y("label:N", sort=order, title=None, axis=row_axis(grid=True))
    offset = alt.YOffset("corpus:N", sort=corpora)
    reach = [v for row in rows for v in (row.value, row.lower, row.upper, row.floor) if v]
    x_axis = alt.Axis(format="~g", values=log_ticks(reach), labelOverlap=True)
    scale = alt.Scale(type="log", nice=False, padding=8)
    base = alt.Chart(data(rows))
    lines = [
        base.transform_filter("isValid(datum.lower) && datum.lower > 0")
        .mark_rule(strokeWidth=1.5, opacity=0.6)
        .encode(
            y=y,
            yOffset=offset,
            color=colour,
            x=alt.X("lower:Q", scale=scale, title=title, axis=x_axis),
            x2="upper:Q",
        ),
        base.transform_filter("isValid(datum.floor) && datum.floor > 0")
        .mark_tick(thickness=2, height=7, opacity=0.9)
        .encode(y=y, yOffset=offset, color=colour, x=alt.X("floor:Q")),
        base.mark_point(filled=True, size=34, opacity=0.95).encode(
            y=y, yOffset=offset, color=colour, shape=shape, x=alt.X("value:Q", scale=scale)
        ),
    ]
    step = alt.Step(max(18, 6 * len(corpora) + 4), **{"for": "position"})
    return finish(alt.layer(*lines).properties(width=WIDTH + 60, height=step))
