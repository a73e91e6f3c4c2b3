"""Chart specifications as data: rows in, Vega-Lite dict out.

Colours are Okabe and Ito's, told apart in every common colour blindness; shape always repeats what
colour says. The writer (`svg.py`) turns each of these colours into a CSS variable, so one drawing
serves light, dark and print.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import altair as alt

if TYPE_CHECKING:
    from collections.abc import Sequence

INK, MUTED, GRID, PAGE = "#1c2127", "#5f6873", "#d9dee4", "#fefefe"
BLUE, VERMILLION, GREEN, ORANGE, PURPLE = "#0072b2", "#d55e00", "#009e73", "#e69f00", "#cc79a7"

# Order fixes colour and shape together; what a reader must find first is drawn last, on top.
KINDS: dict[str, tuple[str, str, int]] = {
    "outside the zone": (MUTED, "circle", 30),
    "candidate": (BLUE, "circle", 50),
    "in the zone": (BLUE, "circle", 55),
    "reference": (INK, "square", 70),
    "pick": (VERMILLION, "diamond", 130),
}
CORPUS_MARKS = (
    (BLUE, "circle"),
    (VERMILLION, "square"),
    (GREEN, "triangle-up"),
    (PURPLE, "diamond"),
    (ORANGE, "triangle-down"),
    (MUTED, "cross"),
)
_WIDTH, _HEIGHT = 330, 230

Spec = dict[str, Any]


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


def scatter(points: Sequence[Point], axes: Axes, *, yardstick: Yardstick | None = None) -> Spec:
    """Points with both intervals; behind them, if given, the reference and its margin band.

    Parameters
    ----------
    points : sequence of Point
        In the units of the axes; positive x where ``axes.x_log``.
    axes : Axes
        Titles and scales.
    yardstick : Yardstick, optional
        Drawn as a line (value), dotted lines (interval) and a band (margin either side).

    Returns
    -------
    dict
        A Vega-Lite specification that names no outside data.
    """
    x, y = _axes(axes, points)
    layers = [] if yardstick is None else _yardstick_layers(yardstick, y)
    bars = alt.Chart(_data(points)).mark_rule(strokeWidth=1.2, opacity=0.4)
    colour = _kind_scale("color", 0)
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
        alt.Chart(_data(ordered))
        .mark_point(filled=True, opacity=0.95)
        .encode(
            x=x,
            y=y,
            color=colour,
            shape=_kind_scale("shape", 1),
            size=_kind_scale("size", 2),
        )
    )
    layers += _label_layers(points, axes, x, y)
    return _finish(alt.layer(*layers).properties(width=_WIDTH, height=_HEIGHT))


def harm_gain(bars: Sequence[Bar]) -> Spec:
    """Diverging bars: harm to the left, gain to the right, half the churn floor on either side."""
    order = [bar.label for bar in bars]
    y = alt.Y("label:N", sort=order, title=None, axis=_row_axis())
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
    return _finish(alt.layer(*lines).properties(width=_WIDTH - 70, height=alt.Step(17)))


def dots(rows: Sequence[Dot]) -> Spec:
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
    y = alt.Y("label:N", sort=order, title=None, axis=_row_axis(grid=True))
    offset = alt.YOffset("corpus:N", sort=corpora)
    reach = [v for row in rows for v in (row.value, row.lower, row.upper, row.floor) if v]
    x_axis = alt.Axis(format="~g", values=log_ticks(reach), labelOverlap=True)
    scale = alt.Scale(type="log", nice=False, padding=8)
    title = "mean KLD, nats (log scale)"
    base = alt.Chart(_data(rows))
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
    return _finish(alt.layer(*lines).properties(width=_WIDTH + 60, height=step))


def log_ticks(values: Sequence[float]) -> list[float]:
    """Tick positions of a log axis: decades, and 2 and 5 between them on a short one.

    Examples
    --------
    >>> log_ticks([0.0012, 0.04])
    [0.001, 0.002, 0.005, 0.01, 0.02, 0.05]
    >>> log_ticks([0.00002, 0.4])
    [1e-05, 0.0001, 0.001, 0.01, 0.1]
    """
    positive = [value for value in values if value > 0]
    if not positive:
        return []
    low, high = math.floor(math.log10(min(positive))), math.ceil(math.log10(max(positive)))
    steps = (1, 2, 5) if high - low <= 2 else (1,)
    ticks = [float(f"{step}e{power}") for power in range(low, high) for step in steps]
    ticks.append(float(f"1e{high}"))
    within = [t for t in ticks if min(positive) / 2 <= t <= 2 * max(positive)]
    return within or ticks


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
                text = alt.Chart(_data(side)).mark_text(limit=150, **look, **colours)
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
    y_scale = (
        alt.Scale(domain=list(axes.y_domain))
        if axes.y_domain
        else alt.Scale(zero=False, padding=10)
    )
    return (
        alt.X("x:Q", title=axes.x_title, axis=x_axis, scale=x_scale),
        alt.Y("y:Q", title=axes.y_title, axis=alt.Axis(tickCount=5), scale=y_scale),
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


def _kind_scale(channel: str, index: int) -> alt.Color | alt.Shape | alt.Size:
    make = {"color": alt.Color, "shape": alt.Shape, "size": alt.Size}[channel]
    scale = alt.Scale(domain=list(KINDS), range=[look[index] for look in KINDS.values()])
    return make("kind:N", scale=scale, legend=None)


def _row_axis(*, grid: bool = False) -> alt.Axis:
    return alt.Axis(labelLimit=170, domain=False, ticks=False, grid=grid)


def _data(rows: Sequence[Point | Dot]) -> alt.Data:
    return alt.Data(values=[asdict(row) for row in rows])


def _finish(chart: alt.LayerChart) -> Spec:
    """Shared look, set on the finished specification: Altair copies a chart at every call."""
    spec: Spec = chart.to_dict(validate=False)
    return {**spec, "config": _LOOK}


_LOOK = {
    "background": "transparent",
    # No accessibility attributes per mark: the drawing as a whole has one text.
    "aria": False,
    "padding": 4,
    "font": "sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelColor": MUTED,
        "titleColor": INK,
        "gridColor": GRID,
        "domainColor": GRID,
        "tickColor": GRID,
        "labelFontSize": 11,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "titlePadding": 8,
    },
}
