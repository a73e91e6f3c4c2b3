"""Every fidelity metric again from halves and from bootstrap draws of a corpus's clusters.

Array shapes: n positions, G clusters, B replicates (two halves per split, then the draws).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from silentzone.analysis.fidelity import ABOVE_NATS, TRIMMED_AT
from silentzone.stats.quantile_grid import grid_quantiles, grid_trimmed_means, quantile_grids
from silentzone.stats.reliability import random_halves
from silentzone.stats.resampling import bootstrap_counts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    Sums = Mapping[str, NDArray[np.float64]]

N_SPLITS = 200
N_DRAWS = 1000
QUANTILES = {"kld_median": 0.5, "kld_p90": 0.9, "kld_p95": 0.95, "kld_p99": 0.99, "kld_p999": 0.999}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClusterWeights:
    """How often every cluster is in each replicate; shared by all models and metrics."""

    weights_BG: NDArray[np.float64]
    n_splits: int

    @staticmethod
    def of(n_clusters: int, *, rng: np.random.Generator) -> ClusterWeights:
        """Random halves with their complements, then bootstrap draws, of at least two clusters."""
        first = random_halves(n_clusters, N_SPLITS, rng=rng)
        drawn = bootstrap_counts(n_clusters, N_DRAWS, rng=rng)
        weights = np.concatenate([first, ~first, *drawn]).astype(np.float64)
        return ClusterWeights(weights_BG=weights, n_splits=len(first))

    def parts(
        self, replicates: NDArray[np.float64]
    ) -> tuple[tuple[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]:
        """Separate both halves of every split and the draws; replicates are on the last axis."""
        n = self.n_splits
        return (replicates[..., :n], replicates[..., n : 2 * n]), replicates[..., 2 * n :]


def metric_replicates(
    columns: Mapping[str, NDArray[np.float64]],
    codes: NDArray[np.intp],
    weights: ClusterWeights,
) -> dict[str, NDArray[np.float64]]:
    """Replicates of every metric of one model.

    Parameters
    ----------
    columns : mapping of str to ndarray of shape (n,)
        By the names of the tokens table, usable positions only.
    codes : ndarray of shape (n,)
        Cluster of each position.
    weights : ClusterWeights

    Returns
    -------
    dict of str to ndarray of shape (B,)
        A metric that an infinite value makes infinite is not in it; a replicate without
        observations is NaN.
    """
    n_clusters = weights.weights_BG.shape[1]
    if len(codes) == 0:
        return {}
    with np.errstate(over="ignore"):  # an infinite square makes its metric infinite: left out below
        features = {name: make(columns) for name, make in _FEATURES.items()}
    matrix = np.stack(
        [np.bincount(codes, values, minlength=n_clusters) for values in features.values()], axis=1
    )
    finite = np.isfinite(matrix).all(axis=0)
    totals = weights.weights_BG @ np.where(finite, matrix, 0.0)
    totals[:, ~finite] = np.nan
    sums = dict(zip(features, totals.T, strict=True))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        found = {key: combine(sums) for key, combine in _COMBINED.items()}
    kld = columns["kl_divergence"]
    found["kld_max"] = _largest(kld, codes, weights)
    if np.isfinite(kld).all():
        grids = quantile_grids(kld, codes, n_clusters, tuple(QUANTILES.values()))
        for key, grid in zip(QUANTILES, grids, strict=True):
            found[key] = grid_quantiles(grid, weights.weights_BG, sums["n"])
            if grid.fraction == TRIMMED_AT:
                found["kld_trimmed"] = grid_trimmed_means(grid, weights.weights_BG, sums["n"])
    return {key: values for key, values in found.items() if np.isfinite(values).any()}


def _largest(
    kld: NDArray[np.float64], codes: NDArray[np.intp], weights: ClusterWeights
) -> NDArray[np.float64]:
    largest = np.full(weights.weights_BG.shape[1], -np.inf)
    np.maximum.at(largest, codes, kld)
    found: NDArray[np.float64] = np.where(weights.weights_BG > 0.0, largest, -np.inf).max(axis=1)
    return np.where(np.isfinite(found), found, np.nan)


def _log_of_positive(columns: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    kld = columns["kl_divergence"]
    return np.log(np.where(kld > 0.0, kld, 1.0))


_FEATURES: Mapping[str, Callable[[Mapping[str, NDArray[np.float64]]], NDArray[np.float64]]] = {
    "n": lambda c: np.ones(len(c["kl_divergence"])),
    "kld": lambda c: c["kl_divergence"],
    "kld_squared": lambda c: np.square(c["kl_divergence"]),
    "log_kld": _log_of_positive,
    "positive": lambda c: (c["kl_divergence"] > 0.0).astype(np.float64),
    "above": lambda c: (c["kl_divergence"] > ABOVE_NATS).astype(np.float64),
    "entropy": lambda c: c["reference_entropy"],
    "entropy_kld": lambda c: c["reference_entropy"] * c["kl_divergence"],
    "reverse_kld": lambda c: c["reverse_kl_divergence"],
    "js": lambda c: c["js_divergence"],
    "tv": lambda c: c["total_variation"],
    "reference_nll": lambda c: c["reference_nll"],
    "candidate_nll": lambda c: c["candidate_nll"],
    "delta_p": lambda c: c["delta_p"],
    "delta_p_squared": lambda c: np.square(c["delta_p"]),
    "top1": lambda c: c["top1_match"],
    "top5": lambda c: c["top5_match"],
}
"""Per position, what is summed inside each cluster."""


def _log_ratio(s: Sums) -> NDArray[np.float64]:
    return (s["candidate_nll"] - s["reference_nll"]) / s["n"]


_COMBINED: Mapping[str, Callable[[Sums], NDArray[np.float64]]] = {
    "kld_mean": lambda s: s["kld"] / s["n"],
    "kld_geomean": lambda s: np.exp(s["log_kld"] / s["positive"]),
    "kld_rms": lambda s: np.sqrt(s["kld_squared"] / s["n"]),
    "kld_share_above": lambda s: s["above"] / s["n"],
    "kld_entropy_weighted": lambda s: s["entropy_kld"] / s["entropy"],
    "reverse_kld_mean": lambda s: s["reverse_kld"] / s["n"],
    "js_mean": lambda s: s["js"] / s["n"],
    "tv_mean": lambda s: s["tv"] / s["n"],
    "ppl_candidate": lambda s: np.exp(s["candidate_nll"] / s["n"]),
    "ppl_ratio": lambda s: np.exp(_log_ratio(s)),
    "ppl_delta": lambda s: (
        np.exp(s["candidate_nll"] / s["n"]) - np.exp(s["reference_nll"] / s["n"])
    ),
    "ln_ppl_ratio": _log_ratio,
    "abs_ln_ppl_ratio": lambda s: np.abs(_log_ratio(s)),
    "delta_p_mean": lambda s: s["delta_p"] / s["n"],
    "delta_p_rms": lambda s: np.sqrt(s["delta_p_squared"] / s["n"]),
    "top1_agreement": lambda s: s["top1"] / s["n"],
    "top5_containment": lambda s: s["top5"] / s["n"],
}
"""Metrics that are a function of sums over the positions."""
