"""Where a candidate's divergence lies: among positions, by the reference's confidence, by depth.

Array shapes: n positions.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from silentzone.stats.estimates import mean_estimate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from silentzone.stats.clusters import ClusterPartition
    from silentzone.stats.results import Estimate

CONFIDENCE_EDGES = (0.0, 0.25, 0.5, 0.75, 0.9, 0.99, 1.0)
"""Of the reference's largest probability; the last bin holds its upper end."""
DEPTH_BINS = 8
QUANTILES = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """Mean KLD of the positions between two bounds."""

    low: float
    high: float
    kld: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """One candidate's KLD on one corpus, divided up."""

    confidence: tuple[Bin, ...]
    """By the reference's largest probability; empty bins are left out."""
    depth: tuple[Bin, ...]
    """By the index of the predicted token in its window."""
    quantiles: tuple[tuple[float, float], ...]
    """Share of the positions at or below, and that KLD in nats."""


def position_spread(
    kld: NDArray[np.float64],
    confidence: NDArray[np.float64],
    depth: NDArray[np.int64],
    clusters: ClusterPartition,
) -> Spread:
    """Divide up the KLD of one candidate.

    Parameters
    ----------
    kld, confidence : ndarray of shape (n,)
        Nats, and the reference's largest probability.
    depth : ndarray of shape (n,)
        Index of the predicted token in its window.
    clusters : ClusterPartition
        What is independent.
    """
    if len(kld) == 0:
        return Spread(confidence=(), depth=(), quantiles=())
    edges = np.array(CONFIDENCE_EDGES)
    of_confidence = np.clip(np.searchsorted(edges, confidence, side="right") - 1, 0, len(edges) - 2)
    first, last = int(depth.min()), int(depth.max()) + 1
    bounds = np.unique(np.linspace(first, last, DEPTH_BINS + 1).round().astype(np.int64))
    of_depth = np.searchsorted(bounds, depth, side="right") - 1
    found = np.quantile(kld, QUANTILES)
    return Spread(
        confidence=_bins(kld, of_confidence, edges.tolist(), clusters),
        depth=_bins(kld, of_depth, bounds.astype(float).tolist(), clusters),
        quantiles=tuple(zip(QUANTILES, found.tolist(), strict=True)),
    )


def _bins(
    kld: NDArray[np.float64],
    places: NDArray[np.intp],
    bounds: Sequence[float],
    clusters: ClusterPartition,
) -> tuple[Bin, ...]:
    found = []
    for place, (low, high) in enumerate(pairwise(bounds)):
        own = places == place
        if own.any():
            estimate = mean_estimate(kld[own], clusters.select(own))
            found.append(Bin(low=low, high=high, kld=estimate))
    return tuple(found)
