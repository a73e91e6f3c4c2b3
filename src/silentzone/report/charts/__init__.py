"""Chart specifications as data: rows in, Vega-Lite dict out."""

from __future__ import annotations

from silentzone.report.charts.bars import Bar, Dot, dots, harm_gain
from silentzone.report.charts.items import Bin, BinAxes, Ruling, failures, rulings
from silentzone.report.charts.look import (
    BLUE,
    CORPUS_MARKS,
    FAMILY_MARKS,
    GREEN,
    GRID,
    INK,
    MUTED,
    ORANGE,
    PAGE,
    PURPLE,
    VERMILLION,
    Spec,
    log_ticks,
)
from silentzone.report.charts.pairs import Difference, PairCell, differences, told_apart
from silentzone.report.charts.rho import (
    Curve,
    Variant,
    Width,
    by_items,
    specification,
    zone_widths,
)
from silentzone.report.charts.scatter import (
    KINDS,
    Axes,
    Point,
    Yardstick,
    labelled,
    scatter,
    undominated,
)
from silentzone.report.charts.spread import MOST_LINES, Step, steps

__all__ = [
    "BLUE",
    "CORPUS_MARKS",
    "FAMILY_MARKS",
    "GREEN",
    "GRID",
    "INK",
    "KINDS",
    "MOST_LINES",
    "MUTED",
    "ORANGE",
    "PAGE",
    "PURPLE",
    "VERMILLION",
    "Axes",
    "Bar",
    "Bin",
    "BinAxes",
    "Curve",
    "Difference",
    "Dot",
    "PairCell",
    "Point",
    "Ruling",
    "Spec",
    "Step",
    "Variant",
    "Width",
    "Yardstick",
    "by_items",
    "differences",
    "dots",
    "failures",
    "harm_gain",
    "labelled",
    "log_ticks",
    "rulings",
    "scatter",
    "specification",
    "steps",
    "told_apart",
    "undominated",
    "zone_widths",
]
