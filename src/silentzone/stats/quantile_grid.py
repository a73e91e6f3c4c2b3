"""Quantiles and trimmed means of many resamples of clusters, without sorting again for each.

A sample is sorted once. Around the quantile a grid of its order statistics is laid, and for each
cluster it is counted how many of its values lie below every grid point: then a resample's counts
are one matrix product, and its quantile is read off between two grid points.

Array shapes: n observations, G clusters, K grid points, B resamples.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from silentzone.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

GRID_POINTS = 33
_REACH = 6.0
"""Standard errors of the share below that the grid reaches to either side."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class QuantileGrid:
    """What is needed of a sample to find one quantile in any resample of its clusters."""

    fraction: float
    values: NDArray[np.float64]
    """Grid of order statistics, of shape (K,), not falling."""
    counts_GK: NDArray[np.float64]
    """Observations of each cluster up to each grid point."""
    sums_GK: NDArray[np.float64]
    """Sum of those observations."""


def quantile_grids(
    values: NDArray[np.float64],
    codes: NDArray[np.intp],
    n_clusters: int,
    fractions: tuple[float, ...],
) -> tuple[QuantileGrid, ...]:
    """Grids of several quantiles of one sample.

    Parameters
    ----------
    values : ndarray of shape (n,)
        Finite, at least one.
    codes : ndarray of shape (n,)
        Cluster of each, 0 .. G - 1.
    n_clusters : int
    fractions : tuple of float
        Each strictly between 0 and 1.

    Raises
    ------
    InputError
        If there is no value or one is not finite.
    """
    if len(values) == 0 or not np.isfinite(values).all():
        raise InputError("a grid of quantiles needs finite values, at least one.")
    order = np.argsort(values)
    ordered, codes = values[order], codes[order]
    return tuple(_grid(ordered, codes, n_clusters, fraction) for fraction in fractions)


def grid_quantiles(
    grid: QuantileGrid, weights_BG: NDArray[np.float64], totals_B: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Quantile of every resample, by linear interpolation between grid points.

    Parameters
    ----------
    grid : QuantileGrid
    weights_BG : ndarray of shape (B, G)
        How often each cluster is in each resample.
    totals_B : ndarray of shape (B,)
        Observations of each resample.

    Returns
    -------
    ndarray of shape (B,)
        NaN for a resample without observations. A quantile beyond the grid is its end.
    """
    low, share = _place(weights_BG @ grid.counts_GK, grid.fraction, totals_B)
    below, above = grid.values[low], grid.values[low + 1]
    result: NDArray[np.float64] = np.where(totals_B > 0.0, below + share * (above - below), np.nan)
    return result


def grid_trimmed_means(
    grid: QuantileGrid, weights_BG: NDArray[np.float64], totals_B: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Mean of the observations up to the quantile, of every resample; shape (B,)."""
    counts = weights_BG @ grid.counts_GK
    sums = weights_BG @ grid.sums_GK
    low, share = _place(counts, grid.fraction, totals_B)
    rows = np.arange(len(low))
    parts = [
        matrix[rows, low] + share * (matrix[rows, low + 1] - matrix[rows, low])
        for matrix in (sums, counts)
    ]
    result: NDArray[np.float64] = np.full(len(low), np.nan)
    np.divide(parts[0], parts[1], out=result, where=parts[1] > 0.0)
    return result


def _grid(
    ordered: NDArray[np.float64], codes: NDArray[np.intp], n_clusters: int, fraction: float
) -> QuantileGrid:
    n = len(ordered)
    below = np.bincount(codes[: int(fraction * n)], minlength=n_clusters)
    sizes = np.bincount(codes, minlength=n_clusters)
    clustered = float(np.sqrt(((below - fraction * sizes) ** 2).sum())) / n
    binomial = float(np.sqrt(fraction * (1.0 - fraction) / n))
    reach = _REACH * max(clustered, binomial)
    places = np.linspace(fraction - reach, fraction + reach, GRID_POINTS) * (n - 1)
    ranks = np.clip(np.round(places), 0, n - 1).astype(np.intp)
    counts = np.empty((n_clusters, GRID_POINTS))
    sums = np.empty((n_clusters, GRID_POINTS))
    start = 0
    running_counts, running_sums = np.zeros(n_clusters), np.zeros(n_clusters)
    for column, rank in enumerate(ranks):
        part = slice(start, int(rank) + 1)
        if part.stop > start:
            running_counts += np.bincount(codes[part], minlength=n_clusters)
            running_sums += np.bincount(codes[part], ordered[part], minlength=n_clusters)
            start = part.stop
        counts[:, column], sums[:, column] = running_counts, running_sums
    return QuantileGrid(fraction=fraction, values=ordered[ranks], counts_GK=counts, sums_GK=sums)


def _place(
    counts_BK: NDArray[np.float64], fraction: float, totals_B: NDArray[np.float64]
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Grid point below the quantile of each resample, and how far it is to the next, in [0, 1]."""
    target = fraction * (totals_B - 1.0) + 1.0
    low = np.clip((counts_BK < target[:, None]).sum(axis=1) - 1, 0, counts_BK.shape[1] - 2)
    rows = np.arange(len(low))
    before, after = counts_BK[rows, low], counts_BK[rows, low + 1]
    width = np.maximum(after - before, 1e-300)
    return low, np.clip((target - before) / width, 0.0, 1.0)
