"""Names of scores, metrics, zones and correlations as the page writes them."""

# ruff: noqa: RUF001 -- typographic signs are what a reader sees

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from silentzone.analysis.fidelity import METRICS
from silentzone.records.escaping import shorten, visible
from silentzone.report import numbers
from silentzone.report.reading import COMPOSITE, FULL, bounds
from silentzone.store.answers import Raw, finite

if TYPE_CHECKING:
    from collections.abc import Callable


_UNNAMED = "table"
"""Corpus of a table's metric that names none."""
_PARTS = {"volume", "direction", "net", "harm", "gain"}
_SCORES = {
    COMPOSITE: "composite",
    "composite_normalised": "reference-normalised composite",
    "composite_rank": "rank composite",
}


def score_title(name: str) -> str:
    """Name of a score as the page writes it."""
    part, _, benchmark = name.partition(":")
    if part in _PARTS and benchmark:
        return f"{part}, {score_title(benchmark)}"
    return _SCORES.get(name) or shorten(visible(name), 44)


def panel_name(score: str) -> str:
    """Return a score as a panel's title; names of benchmarks stay as they are typed."""
    return "Composite" if score == COMPOSITE else score_title(score)


def axis_name(score: str) -> str:
    """Return a score's name that fits beside an axis."""
    return shorten(score_title(score), 28)


def metric_title(key: str) -> str:
    """Name of a metric in a sentence or a table header.

    Examples
    --------
    >>> metric_title("kld_mean"), metric_title("odd_kld")
    ('mean KLD', 'odd kld')
    """
    known = METRICS.get(key)
    return known.words if known else shorten(visible(key).replace("_", " "), 44)


def metric_axis(key: str) -> tuple[str, bool]:
    """Title of a metric's axis, and whether its axis is logarithmic: divergences span decades."""
    is_log = key.startswith(("kld_", "reverse_kld", "js_"))
    return f"{metric_title(key)}{', nats (log scale)' if is_log else ''}", is_log


def metric_writer(key: str) -> Callable[[float], str]:
    """How values of a metric are written."""
    proportion = key in {"top1_agreement", "top5_containment", "tv_mean"}
    return numbers.percent if proportion else numbers.significant


def zone_title(zone: object) -> str:
    """Name of a zone in words."""
    if zone == FULL:
        return "full cohort"
    return "error band zone" if zone == "band_errors" else f"{visible(zone)} zone"


def turn(row: Raw) -> int | None:
    """Return what turns a raw coefficient into the aligned one: 1, -1, or null if not seen.

    The aligned coefficient is positive where the metric ranks well.
    """
    rho, aligned = finite(row.get("spearman")), finite(row.get("aligned"))
    if not rho or not aligned:
        return None
    return 1 if (rho > 0) == (aligned > 0) else -1


def aligned_interval(row: Raw) -> tuple[float | None, float | None]:
    """Both ends of the interval on the aligned scale; the stored one belongs to the raw rho."""
    lower, upper = bounds(row.get("interval"))
    if lower is None or upper is None or turn(row) != -1:
        return lower, upper
    return -upper, -lower


def expected_range(raw: object) -> tuple[float | None, float | None]:
    """Both ends of the range to expect, on the aligned scale, or two nulls."""
    return bounds([raw.get("low"), raw.get("high")] if isinstance(raw, Mapping) else raw)


def written_range(lower: float | None, upper: float | None) -> str:
    """Return a range of coefficients as `low to high`, as one number where both read the same.

    Examples
    --------
    >>> written_range(-0.61, -0.2), written_range(0.501, 0.502), written_range(None, None)
    ('−0.61 to −0.20', '+0.50', '–')
    """
    if lower is None or upper is None:
        return numbers.DASH
    low, high = numbers.coefficient(lower), numbers.coefficient(upper)
    return low if low == high else f"{low} to {high}"


def expected_bounds(relation: Raw) -> tuple[float | None, float | None]:
    """Range to expect on the scale of the raw coefficient beside which it stands, or two nulls."""
    lower, upper = expected_range(relation.get("expected"))
    sign = turn(relation)
    # Over the full cohort the relation is held against itself.
    if lower is None or upper is None or sign is None or relation.get("zone") == FULL:
        return None, None
    return (lower, upper) if sign > 0 else (-upper, -lower)


def expected_words(relation: Raw) -> str | None:
    """Range to expect beside a raw coefficient, or null."""
    lower, upper = expected_bounds(relation)
    return None if lower is None else f"expected {written_range(lower, upper)}"


def relation_words(relation: Raw | None) -> str:
    """Correlation, interval, n, what to expect and what was attainable, as a panel's title."""
    if relation is None:
        return "no correlation was computed"
    attainable = finite(relation.get("attainable"))
    most = "unknown" if attainable is None else f"up to {numbers.decimal(attainable)}"
    expected = expected_words(relation)
    parts = (coefficient_words(relation), expected, f"attainable {most}")
    return ", ".join(part for part in parts if part)


def coefficient_words(relation: Raw) -> str:
    """Correlation, interval and n."""
    rho = finite(relation.get("spearman"))
    if rho is None:
        return f"no correlation could be computed, {relation_detail(relation)}"
    detail = relation_detail(relation)
    gap = " " if detail.startswith("[") else ", "
    return f"ρ = {numbers.coefficient(rho)}{gap}{detail}"


def opening(text: str) -> str:
    """Return a text with a capital first letter; the rest stays as it is written."""
    return text[:1].upper() + text[1:]


def on_corpus(corpus: str | None) -> str:
    """Return `` on “wikitext”``, or nothing where no corpus is named."""
    if corpus in (None, _UNNAMED):
        return ""
    return f" on “{shorten(visible(corpus), 44)}”"


def relation_detail(relation: Raw) -> str:
    """Interval and n of a correlation."""
    count = finite(relation.get("n"))
    many = "n unknown" if count is None else f"n = {numbers.count(count)}"
    lower, upper = bounds(relation.get("interval"))
    if lower is None or upper is None:
        return f"no interval, {many}"
    return f"[{numbers.coefficient(lower)}, {numbers.coefficient(upper)}], {many}"
