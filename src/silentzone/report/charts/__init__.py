"""Chart specifications as data: rows in, Vega-Lite dict out."""

from __future__ import annotations

from silentzone.report.charts.bars import Bar, Dot, dots, harm_gain
from silentzone.report.charts.look import (
    BLUE,
    CORPUS_MARKS,
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
from silentzone.report.charts.scatter import KINDS, Axes, Point, Yardstick, labelled, scatter

__all__ = [
    "BLUE",
    "CORPUS_MARKS",
    "GREEN",
    "GRID",
    "INK",
    "KINDS",
    "MUTED",
    "ORANGE",
    "PAGE",
    "PURPLE",
    "VERMILLION",
    "Axes",
    "Bar",
    "Dot",
    "Point",
    "Spec",
    "Yardstick",
    "dots",
    "harm_gain",
    "labelled",
    "log_ticks",
    "scatter",
]
