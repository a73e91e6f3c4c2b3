"""How far a candidate moved from the reference: every fidelity metric, each an estimate.

Array shapes: n positions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from silentzone.stats.estimates import (
    absolute_mean_estimate,
    exp_mean_difference_estimate,
    exp_mean_estimate,
    geometric_mean_estimate,
    maximum_estimate,
    mean_estimate,
    null_estimate,
    ratio_of_means_estimate,
    root_mean_square_estimate,
    within,
)
from silentzone.stats.proportions import proportion_estimate
from silentzone.stats.quantiles import quantile_estimate, trimmed_mean_estimate
from silentzone.stats.results import Estimate

if TYPE_CHECKING:
    from silentzone.stats.clusters import ClusterPartition

ABOVE_NATS = 0.1
"""Divergence beyond which a position counts for ``kld_share_above``."""
TRIMMED_AT = 0.99
"""``kld_trimmed`` is the mean up to this quantile."""
FAMILIES = ("aggregation", "divergence", "perplexity", "delta p", "agreement")

Columns = Mapping[str, NDArray[np.float64]]
Aggregate = Callable[..., Estimate]


@dataclass(frozen=True, slots=True, kw_only=True)
class FidelityMetric:
    """What a metric is made from and which way it points."""

    words: str
    """What the metric is called in a sentence."""
    family: str
    """One of ``FAMILIES``: what is varied."""
    columns: tuple[str, ...]
    aggregate: Aggregate
    """Called with the columns, the clusters and ``confidence``."""
    is_loss: bool | None
    """Whether it grows when the candidate is worse; null for a mere description."""


def fidelity_of_columns(
    columns: Columns, clusters: ClusterPartition, *, confidence: float = 0.95
) -> dict[str, Estimate]:
    """Every fidelity metric of one candidate from its values per position.

    Parameters
    ----------
    columns : mapping of str to ndarray of shape (n,)
        By the names of the tokens table; without NaN. A metric whose columns are not all there
        is null with a caution.
    clusters : ClusterPartition
        What is independent: windows, or documents.
    confidence : float

    Returns
    -------
    dict of str to Estimate
        By metric key, in the order in which people read them.

    Raises
    ------
    InputError
        If a column holds NaN.
    ShapeError
        If a column and the clusters differ in length.
    """
    result = {}
    for key, metric in METRICS.items():
        missing = [name for name in metric.columns if name not in columns]
        if missing:
            result[key] = null_estimate(
                "not computed", f"no `{missing[0]}` per position", confidence=confidence
            )
            continue
        arrays = [np.asarray(columns[name], dtype=np.float64) for name in metric.columns]
        result[key] = metric.aggregate(*arrays, clusters, confidence=confidence)
    return result


def _quantile(fraction: float) -> Aggregate:
    def aggregate(
        values: NDArray[np.float64], clusters: ClusterPartition, *, confidence: float
    ) -> Estimate:
        return quantile_estimate(values, fraction, clusters, confidence=confidence)

    return aggregate


def _trimmed(
    values: NDArray[np.float64], clusters: ClusterPartition, *, confidence: float
) -> Estimate:
    return trimmed_mean_estimate(values, TRIMMED_AT, clusters, confidence=confidence)


def _share_above(
    values: NDArray[np.float64], clusters: ClusterPartition, *, confidence: float
) -> Estimate:
    above = (values > ABOVE_NATS).astype(np.float64)
    return proportion_estimate(above, clusters, confidence=confidence)


def _weighted_mean(
    values: NDArray[np.float64],
    weights: NDArray[np.float64],
    clusters: ClusterPartition,
    *,
    confidence: float,
) -> Estimate:
    if np.isinf(values).any():
        return null_estimate(
            "weighted mean", "a divergence is infinite", n_observations=len(values)
        )
    return ratio_of_means_estimate(values * weights, weights, clusters, confidence=confidence)


def _maximum(
    values: NDArray[np.float64], clusters: ClusterPartition, *, confidence: float
) -> Estimate:
    del confidence  # a maximum has no interval at any confidence
    return maximum_estimate(values, clusters)


def _share(
    values: NDArray[np.float64], clusters: ClusterPartition, *, confidence: float
) -> Estimate:
    return within(mean_estimate(values, clusters, confidence=confidence), 0.0, 1.0)


def _of_difference(aggregate: Aggregate) -> Aggregate:
    """Aggregate of candidate - reference, position by position."""

    def paired(
        reference: NDArray[np.float64],
        candidate: NDArray[np.float64],
        clusters: ClusterPartition,
        *,
        confidence: float,
    ) -> Estimate:
        if not (np.isfinite(reference).all() and np.isfinite(candidate).all()):
            return null_estimate(
                "paired difference", "an NLL is infinite", n_observations=len(reference)
            )
        return aggregate(candidate - reference, clusters, confidence=confidence)

    return paired


def _metric(
    words: str, family: str, aggregate: Aggregate, *columns: str, is_loss: bool | None = True
) -> FidelityMetric:
    return FidelityMetric(
        words=words, family=family, columns=columns, aggregate=aggregate, is_loss=is_loss
    )


_KLD, _NLLS = "kl_divergence", ("reference_nll", "candidate_nll")
_SUM, _KIND, _PPL, _DELTA, _AGREE = FAMILIES

METRICS: Mapping[str, FidelityMetric] = {
    "kld_mean": _metric("mean KLD", _SUM, mean_estimate, _KLD),
    "kld_median": _metric("median KLD", _SUM, _quantile(0.5), _KLD),
    "kld_geomean": _metric("geometric mean of KLD", _SUM, geometric_mean_estimate, _KLD),
    "kld_trimmed": _metric("mean KLD without the highest 1 %", _SUM, _trimmed, _KLD),
    "kld_rms": _metric("root mean square of KLD", _SUM, root_mean_square_estimate, _KLD),
    "kld_max": _metric("largest KLD", _SUM, _maximum, _KLD),
    "kld_p90": _metric("90th percentile of KLD", _SUM, _quantile(0.9), _KLD),
    "kld_p95": _metric("95th percentile of KLD", _SUM, _quantile(0.95), _KLD),
    "kld_p99": _metric("99th percentile of KLD", _SUM, _quantile(0.99), _KLD),
    "kld_p999": _metric("99.9th percentile of KLD", _SUM, _quantile(0.999), _KLD),
    "kld_share_above": _metric(f"share of KLD above {ABOVE_NATS:g}", _SUM, _share_above, _KLD),
    "kld_entropy_weighted": _metric(
        "KLD weighted by entropy", _SUM, _weighted_mean, _KLD, "reference_entropy"
    ),
    "reverse_kld_mean": _metric("mean reverse KLD", _KIND, mean_estimate, "reverse_kl_divergence"),
    "js_mean": _metric("mean JS divergence", _KIND, mean_estimate, "js_divergence"),
    "tv_mean": _metric("mean total variation", _KIND, _share, "total_variation"),
    "ppl_reference": _metric(
        "perplexity of the reference", _PPL, exp_mean_estimate, "reference_nll", is_loss=None
    ),
    "ppl_candidate": _metric("perplexity", _PPL, exp_mean_estimate, "candidate_nll"),
    "ppl_ratio": _metric("perplexity ratio", _PPL, _of_difference(exp_mean_estimate), *_NLLS),
    "ppl_delta": _metric("perplexity difference", _PPL, exp_mean_difference_estimate, *_NLLS),
    "ln_ppl_ratio": _metric("log perplexity ratio", _PPL, _of_difference(mean_estimate), *_NLLS),
    "abs_ln_ppl_ratio": _metric(
        "absolute log perplexity ratio", _PPL, _of_difference(absolute_mean_estimate), *_NLLS
    ),
    "delta_p_mean": _metric("mean delta p", _DELTA, mean_estimate, "delta_p", is_loss=False),
    "delta_p_rms": _metric("RMS delta p", _DELTA, root_mean_square_estimate, "delta_p"),
    "top1_agreement": _metric(
        "top-1 agreement", _AGREE, proportion_estimate, "top1_match", is_loss=False
    ),
    "top5_containment": _metric(
        "top-5 containment", _AGREE, proportion_estimate, "top5_match", is_loss=False
    ),
}
"""Every fidelity metric by its key."""

RANKED = tuple(
    key for key, metric in METRICS.items() if metric.is_loss is not None and key != "ppl_candidate"
)
"""Metrics that rank candidates; perplexity alone ranks as its ratio to one reference does."""


UNNAMED_CORPUS = "table"
"""Corpus of a metric for which a table names none."""


def measured_words(metric: str, corpus: str) -> str:
    """Return a metric and where it was measured, in words."""
    words = metric_words(metric)
    return words if corpus == UNNAMED_CORPUS else f"{words} on {corpus}"


def metric_words(metric: str) -> str:
    """Return what a metric is called in a sentence; one that is not ours keeps its own name."""
    return METRICS[metric].words if metric in METRICS else metric.replace("_", " ")
