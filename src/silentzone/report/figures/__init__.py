"""The figures: what is drawn, what a reader should see in it, and the numbers behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from silentzone.report.figures.best import best_and_pairs
from silentzone.report.figures.changes import harm_and_gain, volume_and_direction
from silentzone.report.figures.floors import noise_floors
from silentzone.report.figures.heat import net_by_benchmark
from silentzone.report.figures.prompts import failed_prompts, router, signed_shift
from silentzone.report.figures.scores import fidelity_and_score, size_and_score
from silentzone.report.figures.spread import kld_spread
from silentzone.report.figures.variants import specification_curve
from silentzone.report.figures.widths import zone_widths

if TYPE_CHECKING:
    from silentzone.report.cohort import Cohort
    from silentzone.report.views import Figure

__all__ = ["build"]


def build(cohort: Cohort) -> tuple[Figure, ...]:
    """All figures that have something to show."""
    makers = (
        size_and_score,
        best_and_pairs,
        fidelity_and_score,
        zone_widths,
        specification_curve,
        volume_and_direction,
        net_by_benchmark,
        harm_and_gain,
        noise_floors,
        kld_spread,
        failed_prompts,
        router,
        signed_shift,
    )
    found = (make(cohort) for make in makers)
    return tuple(figure for figure in found if figure is not None)
