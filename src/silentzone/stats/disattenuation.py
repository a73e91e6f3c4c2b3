"""Rank correlations corrected for the noise of both axes.

Array shapes: n candidates, R splits, B resamples.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from silentzone.stats.correlation import masked_spearman
from silentzone.stats.reliability import LOWEST_RELIABILITY

if TYPE_CHECKING:
    from numpy.typing import NDArray

METHOD = "rho / sqrt(reliability x reliability), percentile bootstrap over candidates"
FEWEST = 8
_SPLITS_USED = 10


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HalvedAxis:
    """An axis with what tells its reliability; with neither halves nor errors it has no noise."""

    values: NDArray[np.float64]
    """Of shape (n,)."""
    halves: tuple[NDArray[np.float64], NDArray[np.float64]] | None
    """Values in two halves of the data, each of shape (n, R)."""
    errors: NDArray[np.float64] | None = None
    """Stated standard errors of shape (n,), where there are no data to halve."""


def disattenuated_interval(
    x: HalvedAxis,
    y: HalvedAxis,
    *,
    n_resamples: int,
    rng: np.random.Generator,
    confidence: float = 0.95,
) -> tuple[tuple[float, float] | None, tuple[str, ...]]:
    """Interval of a disattenuated rho: candidates drawn with replacement, all of it done again.

    Parameters
    ----------
    x, y : HalvedAxis
        Of the same n candidates in the same order.
    n_resamples : int
    rng : numpy.random.Generator
    confidence : float

    Returns
    -------
    interval : tuple of float, or None
        Uncapped. Null for n < 8, or where reliabilities are too low in a tenth of the resamples.
    cautions : tuple of str

    References
    ----------
    .. [1] Spearman (1904), The proof and measurement of association between two things, American
       Journal of Psychology 15, 72-101.
    """
    n = len(x.values)
    if n < FEWEST:
        return None, (f"n = {n}, fewer than {FEWEST}: no interval",)
    drawn = rng.integers(0, n, (n_resamples, n)).T
    rho = masked_spearman(x.values[drawn], y.values[drawn], None)
    product = np.ones(n_resamples)
    for axis in (x, y):
        if axis.halves is not None:
            product *= _reliabilities(axis.halves, drawn)
        elif axis.errors is not None:
            product *= _stated_reliabilities(axis.values, axis.errors, drawn)
    usable = np.isfinite(rho) & (product > LOWEST_RELIABILITY**2)
    if usable.sum() < 0.9 * n_resamples:
        return None, ("a reliability is too low in many resamples: no interval",)
    found = rho[usable] / np.sqrt(product[usable])
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(found, (tail, 1.0 - tail))
    return (float(low), float(high)), ()


def disattenuated(rho: float, attainable: float) -> float:
    """Rho over the largest |rho| that noise leaves attainable; uncapped.

    Examples
    --------
    >>> round(disattenuated(-0.4, 0.8), 2)
    -0.5
    """
    return rho / attainable if attainable > 0.0 else math.nan


def _reliabilities(
    halves: tuple[NDArray[np.float64], NDArray[np.float64]], drawn_nB: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Spearman-Brown reliability of every resample, from some of the splits."""
    total = np.zeros(drawn_nB.shape[1])
    counted = np.zeros(drawn_nB.shape[1])
    for split in range(min(_SPLITS_USED, halves[0].shape[1])):
        first, second = halves[0][:, split][drawn_nB], halves[1][:, split][drawn_nB]
        known = np.isfinite(first).all(axis=0) & np.isfinite(second).all(axis=0)
        own = masked_spearman(np.nan_to_num(first), np.nan_to_num(second), None)
        known &= np.isfinite(own)
        total += np.where(known, own, 0.0)
        counted += known
    half = np.divide(total, counted, out=np.zeros_like(total), where=counted > 0)
    reliability: NDArray[np.float64] = 2.0 * half / np.maximum(1.0 + half, 1e-9)
    return np.maximum(reliability, 0.0)


def _stated_reliabilities(
    values: NDArray[np.float64], errors: NDArray[np.float64], drawn_nB: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Share of the variance of every resample that is not stated error."""
    variance = np.var(values[drawn_nB], axis=0, ddof=1)
    noise = np.mean(np.square(errors[drawn_nB]), axis=0)
    is_spread = np.ptp(values[drawn_nB], axis=0) > 0.0
    share = np.divide(noise, variance, out=np.ones_like(noise), where=is_spread)
    return np.asarray(np.maximum(1.0 - share, 0.0))
