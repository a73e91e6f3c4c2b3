"""Candidates against candidates: differences from the best, and who can be told from whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import altair as alt

from silentzone.report.charts.look import (
    BLUE,
    GRID,
    INK,
    MUTED,
    VERMILLION,
    WIDTH,
    Spec,
    data,
    finish,
    looks,
    row_axis,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

STATES: dict[str, str] = {
    "better": BLUE,
    "worse": VERMILLION,
    "open": GRID,
    "unknown": MUTED,
}
"""What the row is beside the column; `open` is not told apart, `unknown` was not compared."""
LOOKS: dict[str, tuple[str, str, int]] = {
    "outside": (MUTED, "circle", 34),
    "in the set": (BLUE, "circle", 46),
    "reference": (INK, "square", 46),
    "pick": (VERMILLION, "diamond", 90),
}


_MOST_NUMBERED = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One candidate minus the best of the others, in points."""

    label: str
    value: float
    lower: float | None
    upper: float | None
    look: str
    """One of ``LOOKS``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairCell:
    """One candidate beside another; both are counted from 1 in the order of the rows."""

    row: str
    column: int
    state: str
    """One of ``STATES``."""


def differences(rows: Sequence[Difference]) -> Spec:
    """Difference of each candidate from the best of the others, with its interval."""
    order = [row.label for row in rows]
    y = alt.Y("label:N", sort=order, title=None, axis=row_axis(grid=True))
    title = "minus the best of the others, points"
    base = alt.Chart(data(rows))
    colour, shape, size = looks("look", LOOKS)
    layers = [
        alt.Chart(alt.Data(values=[{"zero": 0}]))
        .mark_rule(color=INK, strokeWidth=1)
        .encode(x=alt.X("zero:Q")),
        base.transform_filter("isValid(datum.lower)")
        .mark_rule(strokeWidth=1.4, opacity=0.5)
        .encode(y=y, x=alt.X("lower:Q", title=title), x2="upper:Q", color=colour),
        base.mark_point(filled=True, opacity=1).encode(
            y=y,
            x=alt.X("value:Q", title=title, axis=alt.Axis(tickCount=5, labelOverlap=True)),
            color=colour,
            shape=shape,
            size=size,
        ),
    ]
    return finish(alt.layer(*layers).properties(width=WIDTH - 70, height=alt.Step(_step(order))))


def told_apart(cells: Sequence[PairCell], order: Sequence[str]) -> Spec:
    """Rows against columns: filled where two candidates can be told apart, a dot where not."""
    n = len(order)
    every = 1 if n <= _MOST_NUMBERED else 5
    y = alt.Y("row:N", sort=list(order), scale=alt.Scale(domain=list(order)), title=None,
              axis=row_axis())  # fmt: skip
    x = alt.X(
        "column:O",
        title="number of the row",
        scale=alt.Scale(domain=list(range(1, n + 1))),
        axis=alt.Axis(
            values=[i for i in range(1, n + 1) if i % every == 0 or i == 1],
            labelAngle=0,
            domain=False,
            ticks=False,
            orient="bottom",
        ),
    )
    base = alt.Chart(data(cells))
    colour = alt.Color(
        "state:N", scale=alt.Scale(domain=list(STATES), range=list(STATES.values())), legend=None
    )
    layers = [
        base.transform_filter("datum.state === 'better' || datum.state === 'worse'")
        .mark_rect(width={"band": 0.86}, height={"band": 0.86})
        .encode(x=x, y=y, color=colour),
        base.transform_filter("datum.state === 'open'")
        .mark_point(filled=True, size=7, color=MUTED, opacity=0.8)
        .encode(x=x, y=y),
        base.transform_filter("datum.state === 'unknown'")
        .mark_point(shape="cross", size=14, color=MUTED, filled=True, angle=45)
        .encode(x=x, y=y),
    ]
    wide = alt.Step(max(7, min(17, (WIDTH - 50) / n)))
    return finish(alt.layer(*layers).properties(width=wide, height=alt.Step(_step(order))))


def _step(rows: Sequence[str]) -> int:
    """Height of a row: the two drawings stand beside each other and share their rows."""
    return 17 if len(rows) <= 24 else 14
