"""Correlations under other choices: zone widths, measurement variants, numbers of items."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import altair as alt

from silentzone.report.charts.look import (
    BLUE,
    FAMILY_MARKS,
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
    looks,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

ALIGNED = "aligned ρ"  # noqa: RUF001 -- the sign a reader sees


@dataclass(frozen=True, slots=True, kw_only=True)
class Width:
    """One width of a zone with the correlation inside it, aligned."""

    width: float
    n: int
    rho: float | None
    lower: float | None
    upper: float | None
    expected_low: float | None
    expected_high: float | None
    attainable: float | None
    is_default: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One measurement variant with its correlation, aligned."""

    place: int
    """Position in the order of rho, from 1."""
    family: str
    rho: float
    lower: float | None
    upper: float | None
    look: str
    """One of ``VARIANT_LOOKS``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One predictor's correlation with the other half, at one number of items."""

    items: float
    predictor: str
    rho: float
    lower: float | None
    upper: float | None


_STRIP_LABELS = 74
"""Room for the names of the families, in pixels."""
VARIANT_LOOKS: dict[str, tuple[str, str, int]] = {
    "does not stand out": (MUTED, "circle", 14),
    "stands out": (BLUE, "circle", 26),
    "headline": (VERMILLION, "diamond", 90),
}
PREDICTOR_MARKS = (
    (BLUE, "circle", [1, 0]),
    (PURPLE, "square", [6, 2]),
    (VERMILLION, "diamond", [2, 2]),
    (GREEN, "triangle-up", [8, 3, 2, 3]),
    (MUTED, "cross", [3, 4]),
)


def zone_widths(rows: Sequence[Width], *, title: str) -> Spec:
    """Rho against the width of a zone, before the range to expect and below what was attainable.

    A width whose zone has no correlation keeps its place: its number of candidates stands at
    the bottom.
    """
    x = alt.X(
        "width:Q",
        title=title,
        axis=alt.Axis(tickCount=6, grid=False),
        scale=alt.Scale(zero=False, nice=False, padding=16),
    )
    y = _rho_axis("rho:Q")
    base = alt.Chart(data(rows))
    expected = base.transform_filter("isValid(datum.expected_low)")
    known = base.transform_filter("isValid(datum.rho)")
    band = {"y": alt.Y("expected_low:Q", title=ALIGNED), "y2": alt.Y2("expected_high:Q")}
    # An area of one width has no extent, so it is drawn as a bar.
    lone = [expected.mark_rule(color=GREEN, opacity=0.28, strokeWidth=6).encode(x=x, **band)]
    if sum(row.expected_low is not None for row in rows) > 1:
        lone = []
    text = {"fontSize": 10, "align": "left", "dx": 6, "dy": -7}
    label = alt.Text("n:Q")
    shape = {True: VARIANT_LOOKS["headline"], False: (BLUE, "circle", 34)}
    layers = [
        expected.mark_area(color=GREEN, opacity=0.16).encode(x=x, **band),
        *lone,
        base.transform_filter("isValid(datum.attainable)")
        .mark_line(color=MUTED, strokeDash=[2, 3], strokeWidth=1.2)
        .encode(x=x, y=alt.Y("attainable:Q")),
        _zero(),
        known.transform_filter("isValid(datum.lower)")
        .mark_rule(color=BLUE, strokeWidth=1.3, opacity=0.55)
        .encode(x=x, y=alt.Y("lower:Q"), y2="upper:Q"),
        known.mark_line(color=BLUE, strokeWidth=1, opacity=0.6).encode(x=x, y=y),
        *(
            known.transform_filter(f"datum.is_default === {str(is_default).lower()}")
            .mark_point(filled=True, opacity=1, color=colour, shape=mark, size=size)
            .encode(x=x, y=y)
            for is_default, (colour, mark, size) in sorted(shape.items())
        ),
        known.mark_text(stroke=PAGE, strokeWidth=3, color=PAGE, **text).encode(
            x=x, y=y, text=label
        ),
        known.mark_text(color=INK, **text).encode(x=x, y=y, text=label),
        base.transform_filter("!isValid(datum.rho)")
        .mark_text(color=MUTED, fontSize=10)
        .encode(x=x, y=alt.datum(-0.93), text=label),
    ]
    return finish(alt.layer(*layers).properties(width=WIDTH, height=HEIGHT))


def specification(rows: Sequence[Variant]) -> Spec:
    """Sorted rho of every variant with its interval; below, which family each belongs to."""
    families = [name for name in FAMILY_MARKS if any(row.family == name for row in rows)]
    families += sorted({row.family for row in rows} - set(families))
    x = alt.X(
        "place:Q",
        title=None,
        axis=None,
        scale=alt.Scale(domain=[0, len(rows) + 1], nice=False),
    )
    # Both axes take the same room, so that a variant stands above its own tick.
    room = {"minExtent": _STRIP_LABELS, "maxExtent": _STRIP_LABELS}
    base = alt.Chart(data(rows))
    colour, shape, size = looks("look", VARIANT_LOOKS)
    y = _rho_axis("rho:Q", room=room)
    layers = [
        _zero(),
        base.transform_filter("isValid(datum.lower)")
        .mark_rule(strokeWidth=1, opacity=0.45)
        .encode(x=x, y=alt.Y("lower:Q"), y2="upper:Q", color=colour),
        *(
            base.transform_filter(f"datum.look === '{look}'")
            .mark_point(filled=True, opacity=1)
            .encode(x=x, y=y, color=colour, shape=shape, size=size)
            for look in VARIANT_LOOKS
        ),
    ]
    strip = base.mark_tick(orient="vertical", thickness=2, height={"band": 0.72}).encode(
        x=x,
        y=alt.Y(
            "family:N",
            sort=families,
            title=None,
            axis=alt.Axis(
                grid=True, domain=False, ticks=False, labelLimit=_STRIP_LABELS - 4, **room
            ),
        ),
        color=alt.Color(
            "family:N",
            scale=alt.Scale(
                domain=families, range=[FAMILY_MARKS.get(name, MUTED) for name in families]
            ),
            legend=None,
        ),
    )
    drawn = alt.vconcat(
        alt.layer(*layers).properties(width=WIDTH, height=HEIGHT - 30),
        strip.properties(width=WIDTH, height=alt.Step(14)),
        spacing=8,
    ).resolve_scale(color="independent", x="shared")
    return finish(drawn)


def by_items(rows: Sequence[Curve], predictors: Sequence[str]) -> Spec:
    """Rho with the other half against the number of items, one line per predictor.

    The order of the predictors fixes their looks, also where a drawing lacks one of them.
    """
    looks = [PREDICTOR_MARKS[i % len(PREDICTOR_MARKS)] for i in range(len(predictors))]
    colour, shape, dash = (
        make(
            "predictor:N",
            scale=alt.Scale(domain=list(predictors), range=[look[i] for look in looks]),
            legend=None,
        )
        for i, make in enumerate((alt.Color, alt.Shape, alt.StrokeDash))
    )
    counts = sorted({row.items for row in rows})
    # Intervals of several predictors at one number of items would hide each other.
    aside = [
        {
            "at": row.items
            * 1.025 ** (predictors.index(row.predictor) - (len(predictors) - 1) / 2),
            "predictor": row.predictor,
            "rho": row.rho,
            "lower": row.lower,
            "upper": row.upper,
        }
        for row in rows
    ]
    base = alt.Chart(alt.Data(values=aside))
    x = alt.X(
        "at:Q",
        title="items in the half that predicts (log scale)",
        axis=alt.Axis(values=counts, format="d", grid=False, labelOverlap=True),
        scale=alt.Scale(type="log", nice=False, padding=14),
    )
    y = _rho_axis("rho:Q", title="aligned ρ with net, other half")  # noqa: RUF001
    layers = [
        _zero(),
        base.transform_filter("isValid(datum.lower)")
        .mark_rule(strokeWidth=1.2, opacity=0.4)
        .encode(x=x, y=alt.Y("lower:Q"), y2="upper:Q", color=colour),
        base.mark_line(strokeWidth=1.6).encode(x=x, y=y, color=colour, strokeDash=dash),
        base.mark_point(filled=True, size=46, opacity=1).encode(
            x=x, y=y, color=colour, shape=shape
        ),
    ]
    return finish(alt.layer(*layers).properties(width=WIDTH, height=HEIGHT))


def _rho_axis(field: str, *, title: str = ALIGNED, room: dict[str, int] | None = None) -> alt.Y:
    return alt.Y(
        field,
        title=title,
        axis=alt.Axis(values=[-1, -0.5, 0, 0.5, 1], format="+.1f", **(room or {})),
        scale=alt.Scale(domain=[-1, 1]),
    )


def _zero() -> alt.Chart:
    return (
        alt.Chart(alt.Data(values=[{"zero": 0}]))
        .mark_rule(color=INK, strokeWidth=1)
        .encode(y=alt.Y("zero:Q"))
    )
