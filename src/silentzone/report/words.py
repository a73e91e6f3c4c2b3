"""Names of scores, metrics, zones and correlations as the page writes them."""

# ruff: noqa: RUF001 -- typographic signs are what a reader sees

from __future__ import annotations

from typing import TYPE_CHECKING

from silentzone.report import numbers
from silentzone.report.escaping import shorten, visible
from silentzone.report.numbers import finite
from silentzone.report.reading import COMPOSITE, FULL, Raw, bounds

if TYPE_CHECKING:
    from collections.abc import Callable


def score_title(name: str) -> str:
    """Name of a score as the page writes it."""
    part, _, benchmark = name.partition(":")
    if part in {"volume", "direction", "net", "harm", "gain"} and benchmark:
        return f"{part}, {score_title(benchmark)}"
    return "composite" if name == COMPOSITE else shorten(visible(name), 44)


def panel_name(score: str) -> str:
    """Return a score as a panel's title; names of benchmarks stay as they are typed."""
    return "Composite" if score == COMPOSITE else score_title(score)


def axis_name(score: str) -> str:
    """Return a score's name that fits beside an axis."""
    return shorten(score_title(score), 28)


def metric_title(key: str) -> str:
    """Name of a metric in a table header."""
    return visible(key).replace("_", " ").replace("kld", "KLD").replace("ppl", "perplexity")


def metric_writer(key: str) -> Callable[[float], str]:
    """How values of a metric are written."""
    proportion = key in {"top1_agreement", "top5_containment", "tv_mean"}
    return numbers.percent if proportion else numbers.significant


def zone_title(zone: object) -> str:
    """Name of a zone in words."""
    return "full cohort" if zone == FULL else f"{visible(zone)} zone"


def written_range(raw: object) -> str:
    """Return a range, one number, or ranges by name, as `low to high`.

    Examples
    --------
    >>> written_range([-0.61, -0.2]), written_range(None)
    ('−0.61 to −0.20', '–')
    """
    if isinstance(raw, dict):
        if {"low", "high"} <= raw.keys():
            return written_range([raw["low"], raw["high"]])
        inside = (f"{visible(key)}: {written_range(value)}" for key, value in raw.items())
        return "; ".join(inside) or numbers.DASH
    lower, upper = bounds(raw)
    if lower is not None and upper is not None:
        return f"{numbers.coefficient(lower)} to {numbers.coefficient(upper)}"
    value = finite(raw)
    return numbers.DASH if value is None else numbers.coefficient(value)


def relation_words(relation: Raw | None) -> str:
    """Correlation, interval, n and what was attainable, as a panel's title says them."""
    if relation is None:
        return "no correlation was computed"
    attainable = finite(relation.get("attainable"))
    most = "unknown" if attainable is None else f"|ρ| = {numbers.decimal(attainable)}"
    return f"{coefficient_words(relation)}, attainable {most}"


def coefficient_words(relation: Raw) -> str:
    """Correlation, interval and n."""
    rho = finite(relation.get("spearman"))
    if rho is None:
        return f"no correlation could be computed, {relation_detail(relation)}"
    detail = relation_detail(relation)
    gap = " " if detail.startswith("[") else ", "
    return f"ρ = {numbers.coefficient(rho)}{gap}{detail}"


def relation_detail(relation: Raw) -> str:
    """Interval and n of a correlation."""
    count = finite(relation.get("n"))
    many = "n unknown" if count is None else f"n = {numbers.count(count)}"
    lower, upper = bounds(relation.get("interval"))
    if lower is None or upper is None:
        return f"no interval, {many}"
    return f"[{numbers.coefficient(lower)}, {numbers.coefficient(upper)}], {many}"
