"""Models as points: a fidelity metric or a size against a score."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import altair as alt

from silentzone.report.charts.look import (
    BLUE,
    GREEN,
    HEIGHT,
    INK,
    MUTED,
    PAGE,
    PURPLE,
    VERMILLION,
    WIDTH,
    Spec,
    data,
    finish,
    log_ticks,
    looks,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

# Order fixes colour and shape together; what a reader must find first is drawn last, on top.
KINDS: dict[str, tuple[str, str, int]] = {
    "outside the zone": (MUTED, "circle", 30),
    "candidate": (BLUE, "circle", 50),
    "in the zone": (BLUE, "circle", 55),
    "reference": (INK, "square", 70),
    "pick": (VERMILLION, "diamond", 110),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One model in a scatter chart."""

    label: str
    kind: str
    x: float
    y: float
    x_lower: float | None = None
    x_upper: float | None = None
    y_lower: float | None = None
    y_upper: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Axes:
    """Titles and scales of a scatter chart."""

    x_title: str
    y_title: str
    x_log: bool = False
    y_domain: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Yardstick:
    """The reference behind a score chart, all in the unit of y."""

    value: float
    lower: float | None
    upper: float | None
    margin: float | None


def undominated(points: Sequence[Point]) -> tuple[Point, ...]:
    """Points to whose left none is as high: no smaller model scores as well, in order of x."""
    best: list[Point] = []
    for point in sorted(points, key=lambda one: (one.x, -one.y)):
        if not best or point.y > best[-1].y:
            best.append(point)
    return tuple(best)


def scatter(
    points: Sequence[Point],
    axes: Axes,
    *,
    yardstick: Yardstick | None = None,
    has_frontier: bool = False,
) -> Spec:
    """Points with both intervals; behind them, if given, the reference and its margin band.

    Parameters
    ----------
    points : sequence of Point
        In the units of the axes; positive x where ``axes.x_log``.
    axes : Axes
        Titles and scales.
    yardstick : Yardstick, optional
        Drawn as a line (value), dotted lines (interval) and a band (margin either side).
    has_frontier : bool
        Whether a stepped line joins the `undominated` points.

    Returns
    -------
    dict
        A Vega-Lite specification that names no outside data.
    """
    x, y = _axes(axes, points)
    layers = [] if yardstick is None else _yardstick_layers(yardstick, y)
    if has_frontier:
        layers.append(
            alt.Chart(data(undominated(points)))
            .mark_line(interpolate="step-after", color=PURPLE, strokeWidth=1.6)
            .encode(x=x, y=y)
        )
    bars = alt.Chart(data(points)).mark_rule(strokeWidth=1.2, opacity=0.4)
    colour, shape, size = looks("kind", KINDS)
    layers += [
        bars.transform_filter("isValid(datum.y_lower)").encode(
            x=x, y=alt.Y("y_lower:Q", title=axes.y_title), y2="y_upper:Q", color=colour
        ),
        bars.transform_filter("isValid(datum.x_lower)").encode(
            x=alt.X("x_lower:Q", title=axes.x_title), x2="x_upper:Q", y=y, color=colour
        ),
    ]
    ordered = sorted(points, key=lambda point: list(KINDS).index(point.kind))
    layers.append(
        alt.Chart(data(ordered))
        .mark_point(filled=True, opacity=0.95)
        .encode(
            x=x,
            y=y,
            color=colour,
            shape=shape,
            size=size,
        )
    )
    layers += _label_layers(points, axes, x, y)
    return finish(alt.layer(*layers).properties(width=WIDTH, height=HEIGHT))


def labelled(points: Sequence[Point]) -> tuple[Point, ...]:
    """Return the few points that carry their name in the chart.

    The pick and the reference first, then both ends of x and the lowest y; one that would lie on
    a label already placed stays without, since the table names every point.
    """
    if not points:
        return ()
    wanted = [point for kind in ("pick", "reference") for point in points if point.kind == kind]
    wanted += [
        min(points, key=lambda point: point.y),
        min(points, key=lambda point: point.x),
        max(points, key=lambda point: point.x),
    ]
    chosen: list[Point] = []
    for point in wanted:
        if all(_apart(point, other, points) for other in chosen):
            chosen.append(point)
    return tuple(chosen)


def _apart(first: Point, second: Point, points: Sequence[Point]) -> bool:
    """Whether two labels beside these points cannot touch: a line's height between them."""
    ends = [end for p in points for end in (p.y, p.y_lower, p.y_upper) if end is not None]
    heights = [_relative(point.y, ends) for point in (first, second)]
    return first is not second and abs(heights[0] - heights[1]) > 0.08


def _relative(value: float, among: Sequence[float]) -> float:
    low, high = min(among), max(among)
    return 0.5 if high == low else (value - low) / (high - low)


def _label_layers(points: Sequence[Point], axes: Axes, x: alt.X, y: alt.Y) -> list[alt.Chart]:
    """Names on the side of the point that has room."""
    middle = [point.x for point in points]
    right = {
        point.label
        for point in points
        if _relative(_position(point.x, axes), [_position(v, axes) for v in middle]) > 0.5
    }
    named = labelled(points)
    layers = []
    for align, dx, side in (
        ("right", -9, [point for point in named if point.label in right]),
        ("left", 9, [point for point in named if point.label not in right]),
    ):
        if side:
            look = {"align": align, "dx": dx, "dy": -8, "fontSize": 11, "fontWeight": 600}
            halo = {"stroke": PAGE, "strokeWidth": 4, "color": PAGE, "opacity": 0.85}
            for colours in (halo, {"color": INK}):
                text = alt.Chart(data(side)).mark_text(limit=150, **look, **colours)
                layers.append(text.encode(x=x, y=y, text="label:N"))
    return layers


def _position(value: float, axes: Axes) -> float:
    return math.log(value) if axes.x_log else value


def _axes(axes: Axes, points: Sequence[Point]) -> tuple[alt.X, alt.Y]:
    x_axis = alt.Axis(tickCount=5, grid=False)
    if axes.x_log:
        reach = [v for point in points for v in (point.x, point.x_lower, point.x_upper) if v]
        x_axis = alt.Axis(format="~g", values=log_ticks(reach), grid=False, labelOverlap=True)
    x_scale = alt.Scale(
        type="log" if axes.x_log else "linear", zero=False, nice=not axes.x_log, padding=14
    )
    # Drawings beside each other keep one height only if their labels take the same room.
    y_axis = alt.Axis(tickCount=5, minExtent=30)
    y_scale = (
        alt.Scale(domain=list(axes.y_domain))
        if axes.y_domain
        else alt.Scale(zero=False, padding=10)
    )
    return (
        alt.X("x:Q", title=axes.x_title, axis=x_axis, scale=x_scale),
        alt.Y("y:Q", title=axes.y_title, axis=y_axis, scale=y_scale),
    )


def _yardstick_layers(yardstick: Yardstick, y: alt.Y) -> list[alt.Chart]:
    layers = []
    if yardstick.margin is not None:
        low, high = yardstick.value - yardstick.margin, yardstick.value + yardstick.margin
        layers.append(
            alt.Chart(alt.Data(values=[{"y": low, "high": high}]))
            .mark_rect(color=GREEN, opacity=0.13)
            .encode(y=y, y2="high:Q")
        )
    ends = [{"y": end} for end in (yardstick.lower, yardstick.upper) if end is not None]
    layers.append(
        alt.Chart(alt.Data(values=ends))
        .mark_rule(color=MUTED, strokeDash=[2, 3], strokeWidth=1)
        .encode(y=y)
    )
    layers.append(
        alt.Chart(alt.Data(values=[{"y": yardstick.value}]))
        .mark_rule(color=INK, strokeWidth=1.2)
        .encode(y=y)
    )
    return layers
