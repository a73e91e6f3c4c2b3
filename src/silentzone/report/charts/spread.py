"""Divergence divided up: one line per candidate over bins or shares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import altair as alt

from silentzone.report.charts.look import (
    CORPUS_MARKS,
    HEIGHT,
    WIDTH,
    Spec,
    data,
    finish,
    log_ticks,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_LINES = len(CORPUS_MARKS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One candidate's KLD in one bin."""

    label: str
    at: str
    """The bin, as its axis names it."""
    place: int
    value: float
    lower: float | None
    upper: float | None


def steps(rows: Sequence[Step], names: Sequence[str], *, x_title: str, y_title: str) -> Spec:
    """Mean KLD by bin on a log axis; the order of the names fixes their looks."""
    looks = CORPUS_MARKS[: len(names)]
    colour, shape = (
        make(
            "label:N",
            scale=alt.Scale(domain=list(names), range=[look[i] for look in looks]),
            legend=None,
        )
        for i, make in enumerate((alt.Color, alt.Shape))
    )
    order = [row.at for row in sorted(rows, key=lambda row: row.place)]
    base = alt.Chart(data(rows))
    x = alt.X(
        "at:N",
        sort=list(dict.fromkeys(order)),
        title=x_title,
        axis=alt.Axis(labelAngle=-30, labelOverlap=False, grid=False),
        scale=alt.Scale(type="point", padding=0.5),
    )
    ticks = log_ticks([row.value for row in rows])
    y = alt.Y(
        "value:Q",
        title=y_title,
        axis=alt.Axis(values=ticks, format="~g"),
        scale=alt.Scale(type="log", nice=False),
    )
    layers = [
        base.transform_filter("isValid(datum.lower) && datum.lower > 0")
        .mark_rule(strokeWidth=1.2, opacity=0.4)
        .encode(x=x, y=alt.Y("lower:Q"), y2="upper:Q", color=colour),
        base.mark_line(strokeWidth=1.4).encode(x=x, y=y, color=colour),
        base.mark_point(filled=True, size=46, opacity=1).encode(
            x=x, y=y, color=colour, shape=shape
        ),
    ]
    return finish(alt.layer(*layers).properties(width=WIDTH, height=HEIGHT))
