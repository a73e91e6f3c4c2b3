"""Axes of the fidelity metrics measured on a corpus."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from silentzone.analysis.axes import Axis, Noise, RankedMetric
from silentzone.analysis.fidelity import METRICS, RANKED, measured_words

if TYPE_CHECKING:
    from silentzone.analysis.positions import CorpusPositions

HEADLINE_METRICS = (
    "kld_mean",
    "kld_median",
    "kld_p99",
    "top1_agreement",
    "ln_ppl_ratio",
    "js_mean",
)
"""Metrics that are judged by themselves; the others are variants of them."""


def metric_axes(positions: CorpusPositions, context_length: int | None) -> tuple[RankedMetric, ...]:
    """Axes of every metric that ranks candidates, in the order of ``RANKED``."""
    return tuple(
        RankedMetric(
            metric=metric,
            corpus=positions.corpus,
            context_length=context_length,
            axis=_axis(positions, metric),
        )
        for metric in RANKED
    )


def _axis(positions: CorpusPositions, metric: str) -> Axis:
    found = {name: own.fidelity[metric].value for name, own in positions.models.items()}
    return Axis(
        name=measured_words(metric, positions.corpus),
        is_loss=METRICS[metric].is_loss is True,
        values={name: value for name, value in found.items() if value is not None},
        noise=_noise(positions, metric),
        why_no_noise=None if positions.weights else "one window only: nothing to draw again",
    )


def _noise(positions: CorpusPositions, metric: str) -> Noise | None:
    if positions.weights is None:
        return None
    models = tuple(
        name
        for name, own in positions.models.items()
        if metric in own.replicates and own.fidelity[metric].value is not None
    )
    if not models:
        return None
    replicates = np.stack([positions.models[name].replicates[metric] for name in models])
    halves, draws = positions.weights.parts(replicates)
    values = np.array([positions.models[name].fidelity[metric].value for name in models])
    # A draw without a usable position says nothing of the noise: it stays where the sample is.
    deviations = np.nan_to_num(draws - values[:, None], nan=0.0)
    return Noise(models=models, deviations=deviations, halves=halves)
