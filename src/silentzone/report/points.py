"""From a cohort to the points and words of a figure."""

# ruff: noqa: RUF001 -- typographic signs are what a reader sees

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from silentzone.report import numbers
from silentzone.report.charts import Point
from silentzone.report.escaping import shorten
from silentzone.report.numbers import finite
from silentzone.report.reading import COMPOSITE, FULL, Model, Quantity, Raw, bounds
from silentzone.report.tables import score_title

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from silentzone.report.cohort import Cohort


def place(
    models: Sequence[Model],
    across: Callable[[Model], Quantity],
    up: Callable[[Model], Quantity],
    *,
    positive_x: bool = False,
) -> tuple[list[Point], int]:
    """Points of the models that have both numbers, and how many have not."""
    found = []
    for model in models:
        x, y = across(model), up(model)
        if x.value is None or y.value is None or (positive_x and x.value <= 0):
            continue
        drawable = x.lower is not None and not (positive_x and x.lower <= 0)
        found.append(
            Point(
                label=shorten(model.label, 24),
                kind="reference"
                if model.is_reference
                else "pick"
                if model.is_pick
                else "candidate",
                x=x.value,
                y=y.value,
                x_lower=x.lower if drawable else None,
                x_upper=x.upper if drawable else None,
                y_lower=y.lower,
                y_upper=y.upper,
            )
        )
    return found, len(models) - len(found)


def by_zone(points: Sequence[Point], cohort: Cohort) -> list[Point]:
    """Return the same points, those in the zone and those outside it told apart; the pick stays."""
    if cohort.zone is None:
        return list(points)
    members = cohort.zone_members()
    inside = {shorten(m.label, 24) for m in cohort.models if m.name in members}
    return [
        point
        if point.kind != "candidate"
        else replace(point, kind="in the zone" if point.label in inside else "outside the zone")
        for point in points
    ]


def exact(value: float | None) -> Quantity:
    """Return a number known without error, such as a file size."""
    why = () if value is not None else ("not recorded",)
    # Both ends at the value would draw a bar of no length: no interval is the honest form.
    return Quantity(value=value, lower=None, upper=None, cautions=why, confidence=None)


def scaled(quantity: Quantity, factor: float) -> Quantity:
    """Return the same quantity in another unit, as an axis needs it."""
    return replace(
        quantity,
        value=None if quantity.value is None else factor * quantity.value,
        lower=None if quantity.lower is None else factor * quantity.lower,
        upper=None if quantity.upper is None else factor * quantity.upper,
    )


def omissions(lost: Mapping[str, int], why: str) -> tuple[str, ...]:
    """Return a sentence on what is not drawn, by panel, or none."""
    counted = [f"{where} {count}" for where, count in lost.items() if count]
    return (f"Not drawn because {why}: {', '.join(counted)}.",) if counted else ()


def panel_name(score: str) -> str:
    """Return a score as a panel's title; names of benchmarks stay as they are typed."""
    return "Composite" if score == COMPOSITE else score_title(score)


def summary(points: Sequence[Point], across: str, up: str) -> str:
    """Return what a drawing shows, for those who cannot see it."""
    low, high = min(points, key=lambda p: p.x), max(points, key=lambda p: p.x)
    text = (
        f"{len(points)} models, {across} against {up}; from {low.label} at"
        f" {numbers.significant(low.x)}, {numbers.significant(low.y)} to {high.label} at"
        f" {numbers.significant(high.x)}, {numbers.significant(high.y)}."
    )
    pick = next((point for point in points if point.kind == "pick"), None)
    if pick is None:
        return text
    at = f"{numbers.significant(pick.x)}, {numbers.significant(pick.y)}"
    return f"{text} The pick {pick.label} is at {at}."


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


def decomposed_relation(cohort: Cohort, quantity: str, benchmark: str) -> Raw | None:
    """Return the full-cohort relation of the headline metric with volume or direction."""
    return cohort.relation(f"{quantity}:{benchmark}", FULL, cohort.corpus)


def axis_name(score: str) -> str:
    """Return a score's name that fits beside an axis."""
    return shorten(score_title(score), 28)
