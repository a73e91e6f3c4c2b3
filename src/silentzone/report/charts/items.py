"""Items one by one: failures by bin of a predictor, and how often a rule is right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import altair as alt

from silentzone.report.charts.look import (
    BLUE,
    GREEN,
    INK,
    MUTED,
    ORANGE,
    PURPLE,
    VERMILLION,
    WIDTH,
    Spec,
    data,
    finish,
    row_axis,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

RULE_MARKS = (
    (VERMILLION, "diamond"),
    (BLUE, "circle"),
    (GREEN, "triangle-up"),
    (PURPLE, "square"),
    (ORANGE, "triangle-down"),
)
_HEIGHT = 190


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """Items whose predictor lies between two values; the failed among them, in percent."""

    low: float
    high: float
    middle: float
    share: float
    lower: float | None
    upper: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """How often a rule picks the right model, in percent."""

    group: str
    rule: str
    value: float
    lower: float | None
    upper: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BinAxes:
    """Axes of a drawing of bins; two drawings beside each other share `top`."""

    title: str
    is_falling: bool
    """Whether the axis runs from high to low, so that the doubtful items stand to the right."""
    top: float
    """Upper end of the axis of shares, in percent."""
    overall: float | None
    """Failed among all items, in percent: the level without any predictor."""


def failures(bins: Sequence[Bin], axes: BinAxes) -> Spec:
    """Failed share by bin: each bin as wide as its range, with its interval."""
    x_axis = alt.Axis(format="~g", grid=False, labelOverlap=True, tickCount=5)
    x_scale = alt.Scale(
        type="linear",
        nice=False,
        zero=False,
        padding=8,
        reverse=axes.is_falling,
    )
    y_scale = alt.Scale(domain=[0, axes.top], nice=False, clamp=True)
    x = alt.X("low:Q", title=axes.title, axis=x_axis, scale=x_scale)
    middle = alt.X("middle:Q", title=axes.title, axis=x_axis, scale=x_scale)
    y = alt.Y("share:Q", title="failed, %", axis=alt.Axis(tickCount=5), scale=y_scale)
    base = alt.Chart(data(bins))
    layers = [
        base.mark_rule(strokeWidth=2.4, color=BLUE, opacity=0.75).encode(x=x, x2="high:Q", y=y),
        base.transform_filter("isValid(datum.lower)")
        .mark_rule(strokeWidth=1.2, color=BLUE, opacity=0.5)
        .encode(x=middle, y=alt.Y("lower:Q", scale=y_scale), y2="upper:Q"),
        base.mark_point(filled=True, size=40, color=BLUE, opacity=1).encode(x=middle, y=y),
    ]
    if axes.overall is not None:
        level = alt.Chart(alt.Data(values=[{"level": axes.overall}]))
        layers.insert(
            0,
            level.mark_rule(color=MUTED, strokeDash=[2, 3], strokeWidth=1.2).encode(
                y=alt.Y("level:Q", scale=y_scale)
            ),
        )
    return finish(alt.layer(*layers).properties(width=WIDTH, height=_HEIGHT))


def rulings(rows: Sequence[Ruling]) -> Spec:
    """Share of right picks per group and rule, beside the half that a coin gets."""
    groups = list(dict.fromkeys(row.group for row in rows))
    rules = list(dict.fromkeys(row.rule for row in rows))
    looks = [RULE_MARKS[i % len(RULE_MARKS)] for i in range(len(rules))]
    colour, shape = (
        make(
            "rule:N",
            scale=alt.Scale(domain=rules, range=[look[i] for look in looks]),
            legend=None,
        )
        for i, make in enumerate((alt.Color, alt.Shape))
    )
    ends = [50.0, *(v for row in rows for v in (row.value, row.lower, row.upper) if v is not None)]
    scale = alt.Scale(domain=[max(min(ends) - 2, 0), min(max(ends) + 2, 100)], nice=False)
    title = "right, % of the decisions"
    x = alt.X("value:Q", title=title, scale=scale, axis=alt.Axis(tickCount=6))
    y = alt.Y("group:N", sort=groups, title=None, axis=row_axis(grid=True))
    offset = alt.YOffset("rule:N", sort=rules)
    base = alt.Chart(data(rows))
    layers = [
        alt.Chart(alt.Data(values=[{"coin": 50}]))
        .mark_rule(color=INK, strokeWidth=1.2)
        .encode(x=alt.X("coin:Q", title=title, scale=scale)),
        base.transform_filter("isValid(datum.lower)")
        .mark_rule(strokeWidth=1.5, opacity=0.6)
        .encode(y=y, yOffset=offset, color=colour, x=alt.X("lower:Q", scale=scale), x2="upper:Q"),
        base.mark_point(filled=True, size=46, opacity=1).encode(
            y=y, yOffset=offset, color=colour, shape=shape, x=x
        ),
    ]
    step = alt.Step(max(22, 9 * len(rules) + 6), **{"for": "position"})
    return finish(alt.layer(*layers).properties(width=WIDTH, height=step))
