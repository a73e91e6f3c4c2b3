"""Colours, sizes and the look that all drawings share.

Colours are Okabe and Ito's, told apart in every common colour blindness; shape always repeats what
colour says. The writer (`svg.py`) turns each of these colours into a CSS variable, so one drawing
serves light, dark and print.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import altair as alt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from _typeshed import DataclassInstance

INK, MUTED, GRID, PAGE = "#1c2127", "#5f6873", "#d9dee4", "#fefefe"
BLUE, VERMILLION, GREEN, ORANGE, PURPLE = "#0072b2", "#d55e00", "#009e73", "#e69f00", "#cc79a7"
CORPUS_MARKS = (
    (BLUE, "circle"),
    (VERMILLION, "square"),
    (GREEN, "triangle-up"),
    (PURPLE, "diamond"),
    (ORANGE, "triangle-down"),
    (MUTED, "cross"),
)
FAMILY_MARKS = {
    "aggregation": BLUE,
    "divergence": VERMILLION,
    "perplexity": GREEN,
    "delta p": PURPLE,
    "agreement": ORANGE,
}
"""Families of measurement variants, in the order of their rows."""
WIDTH, HEIGHT = 330, 230

Spec = dict[str, Any]


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


Looks = Mapping[str, tuple[str, str, int]]
"""Colour, shape and size by name; later ones are drawn above earlier ones."""


def looks(field: str, table: Looks) -> tuple[alt.Color, alt.Shape, alt.Size]:
    """Return encodings that give each name its colour, shape and size.

    Notes
    -----
    The kind of scale is named because sizes of names are otherwise spread evenly between the first
    two of the range.
    """

    def scale(index: int) -> alt.Scale:
        return alt.Scale(
            type="ordinal", domain=list(table), range=[look[index] for look in table.values()]
        )

    return (
        alt.Color(f"{field}:N", legend=None, scale=scale(0)),
        alt.Shape(f"{field}:N", legend=None, scale=scale(1)),
        alt.Size(f"{field}:N", legend=None, scale=scale(2)),
    )


def row_axis(*, grid: bool = False) -> alt.Axis:
    """Return the axis of named rows."""
    return alt.Axis(labelLimit=170, domain=False, ticks=False, grid=grid)


def data(rows: Sequence[DataclassInstance]) -> alt.Data:
    """Return records as the data of a chart, inside the specification."""
    return alt.Data(values=[asdict(row) for row in rows])


def finish(chart: alt.LayerChart | alt.VConcatChart) -> Spec:
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
