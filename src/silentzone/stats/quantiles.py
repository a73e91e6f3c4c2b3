"""Quantiles with intervals that respect clusters.

Array shapes: n observations.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from silentzone.errors import InputError
from silentzone.stats.estimates import (
    clustered_standard_error,
    critical_t,
    linearised_estimate,
    null_estimate,
)
from silentzone.stats.results import Estimate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from silentzone.stats.clusters import ClusterPartition


def quantile_estimate(
    values: NDArray[np.float64],
    fraction: float,
    clusters: ClusterPartition,
    *,
    confidence: float = 0.95,
) -> Estimate:
    """Quantile by linear interpolation at f * (n - 1), with Woodruff's interval.

    Parameters
    ----------
    values : ndarray of shape (n,)
        Infinite values are allowed, NaN is not.
    fraction : float
        Strictly between 0 and 1.
    clusters : ClusterPartition
        Of the same n observations.
    confidence : float

    Returns
    -------
    Estimate
        Interval null with a caution where too few observations lie beyond the quantile.

    Raises
    ------
    InputError
        If a value is NaN or the fraction is outside (0, 1).

    Notes
    -----
    The share of values at or below the quantile gets a clustered t interval (its standard error
    not below the binomial one), and the ends of that interval are read off the ordered sample.
    The standard error is the interval's half width divided by the critical value.

    References
    ----------
    .. [1] Woodruff (1952), Confidence intervals for medians and other position measures,
       Journal of the American Statistical Association 47, 635-646.
    """
    if not 0.0 < fraction < 1.0:
        raise InputError(f"`fraction` must lie between 0 and 1, it is {fraction}.")
    if np.isnan(values).any():
        raise InputError("`values` must not hold NaN.")
    clusters.require(values)
    n = len(values)
    method = f"quantile {fraction:g}, linear; Woodruff interval, CR1 by {clusters.unit}"
    if n == 0:
        return null_estimate(method, "no observations", confidence=confidence)
    ordered = np.sort(values)
    value = interpolated(ordered, fraction)
    if not math.isfinite(value):
        return null_estimate(method, "infinite", n_observations=n, confidence=confidence)
    below = (values <= value).astype(np.float64)
    share_error, cautions = clustered_standard_error(below - below.mean(), clusters, scale=1.0)
    interval, standard_error = None, None
    if clusters.n_clusters > 1:
        binomial = math.sqrt(fraction * (1.0 - fraction) / n)
        critical = critical_t(confidence, clusters.n_clusters - 1)
        reach = critical * max(share_error or 0.0, binomial)
        interval, why = _read_off(ordered, fraction - reach, fraction + reach)
        cautions = tuple(text for text in cautions if "spread is unknown" not in text) + why
        if interval is not None and interval[1] > interval[0]:
            standard_error = (interval[1] - interval[0]) / (2.0 * critical)
    return Estimate(
        value=value,
        standard_error=standard_error,
        interval=interval,
        method=method,
        n_observations=n,
        n_clusters=clusters.n_clusters,
        confidence=confidence,
        cautions=cautions,
    )


def trimmed_mean_estimate(
    values: NDArray[np.float64],
    fraction: float,
    clusters: ClusterPartition,
    *,
    confidence: float = 0.95,
) -> Estimate:
    """Mean of the values up to a quantile; infinite values beyond it do no harm.

    Parameters
    ----------
    values : ndarray of shape (n,)
        Infinite values are allowed, NaN is not.
    fraction : float
        Strictly between 0 and 1; the rest of the sample is left out at the upper end.
    clusters : ClusterPartition
        Of the same n observations.
    confidence : float

    Raises
    ------
    InputError
        If a value is NaN or the fraction is outside (0, 1).

    Notes
    -----
    The error is that of the influence function: a value beyond the quantile counts as the
    quantile, since it moves the place of the cut.

    References
    ----------
    .. [1] Huber and Ronchetti (2009), Robust Statistics, 2nd ed., section 3.3.
    """
    if not 0.0 < fraction < 1.0:
        raise InputError(f"`fraction` must lie between 0 and 1, it is {fraction}.")
    if np.isnan(values).any():
        raise InputError("`values` must not hold NaN.")
    clusters.require(values)
    label = f"mean up to the quantile {fraction:g}"
    if len(values) == 0:
        return null_estimate(label, "no observations", confidence=confidence)
    ordered = np.sort(values)
    cut = interpolated(ordered, fraction)
    if not math.isfinite(cut):
        return null_estimate(label, "infinite", n_observations=len(values), confidence=confidence)
    # By rank, not by value: of values tied with the quantile only those below its place are kept.
    kept = ordered[: math.floor(fraction * (len(values) - 1)) + 1]
    value = float(kept.mean())
    winsorized = np.minimum(values, cut)
    influence = (winsorized - winsorized.mean()) * (len(values) / len(kept))
    return linearised_estimate(value, influence, clusters, label=label, confidence=confidence)


def interpolated(ordered: NDArray[np.float64], fraction: float) -> float:
    """Quantile of an ordered sample at f * (n - 1), without inf - inf between equal infinities."""
    place = fraction * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    below, above = float(ordered[low]), float(ordered[high])
    if below == above or place == low:
        return below
    return below + (place - low) * (above - below)


def _read_off(
    ordered: NDArray[np.float64], low: float, high: float
) -> tuple[tuple[float, float] | None, tuple[str, ...]]:
    """Read both ends of the interval off the sample, or say why there are none."""
    if low <= 0.0 or high >= 1.0:
        return None, ("too few observations beyond the quantile for an interval",)
    bounds = (interpolated(ordered, low), interpolated(ordered, high))
    if not all(map(math.isfinite, bounds)):
        return None, ("the interval reaches infinite values",)
    if bounds[0] == bounds[1]:
        return None, ("the values around the quantile are equal: its spread is unknown",)
    return bounds, ()
