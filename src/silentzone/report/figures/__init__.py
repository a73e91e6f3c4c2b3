"""The figures: what is drawn, what a reader should see in it, and the numbers behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from silentzone.report.figures.changes import harm_and_gain, volume_and_direction
from silentzone.report.figures.floors import noise_floors
from silentzone.report.figures.scores import fidelity_and_score, size_and_score

if TYPE_CHECKING:
    from silentzone.report.cohort import Cohort
    from silentzone.report.views import Figure

__all__ = ["build"]


def build(cohort: Cohort) -> tuple[Figure, ...]:
    """All figures that have something to show."""
    makers = (size_and_score, fidelity_and_score, volume_and_direction, harm_and_gain, noise_floors)
    found = (make(cohort) for make in makers)
    return tuple(figure for figure in found if figure is not None)
