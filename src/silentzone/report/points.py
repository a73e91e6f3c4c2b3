"""From a cohort to the points of a figure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from silentzone.report import numbers
from silentzone.report.charts import Point
from silentzone.report.findings import volume_row
from silentzone.report.reading import Model, Quantity
from silentzone.store.answers import Raw, rows

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
                label=model.short,
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
    inside = {m.short for m in cohort.models if m.name in members}
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


def decomposed_relation(cohort: Cohort, part: str, score: str, zone: str) -> Raw | None:
    """Return the relation of the headline metric with volume, direction or net in a zone."""
    row = volume_row(cohort, score, zone)
    for found in rows(row, "parts") if row is not None else ():
        if found.get("part") == part:
            return {**found, "n": (row or {}).get("n")}
    return cohort.relation(f"{part}:{score}", zone)
