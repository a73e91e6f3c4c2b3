"""Cluster-robust estimates of means and of smooth functions of means.

Every estimate here is a function of means, so its error comes from one place: the influence of
each observation, summed inside its cluster (CR1), with Student's t on G - 1 degrees of freedom.
Array shapes: n observations, G clusters.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from silentzone.errors import InputError
from silentzone.stats.clusters import ClusterPartition
from silentzone.stats.results import Estimate

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

FEW_CLUSTERS = 10


def null_estimate(
    method: str, *cautions: str, n_observations: int = 0, confidence: float = 0.95
) -> Estimate:
    """Give the estimate of something that could not be had, with the reasons."""
    return Estimate(
        value=None,
        standard_error=None,
        interval=None,
        method=method,
        n_observations=n_observations,
        n_clusters=None,
        confidence=confidence,
        cautions=cautions,
    )


def clustered_standard_error(
    influence: NDArray[np.float64], clusters: ClusterPartition, *, scale: float
) -> tuple[float | None, tuple[str, ...]]:
    """CR1 standard error of a mean whose per-observation influence is given.

    Parameters
    ----------
    influence : ndarray of shape (n,)
        Deviation each observation contributes to the estimate; sums to zero.
    clusters : ClusterPartition
        What is independent.
    scale : float
        Size of the numbers the influence was computed from: a spread below 1e-14 of it is rounding.

    Returns
    -------
    standard_error : float or None
        ``None`` with one cluster or where the clusters do not differ.
    cautions : tuple of str
    """
    unit, n_clusters = clusters.unit, clusters.n_clusters
    if n_clusters < 2:
        return None, (f"one {unit} only: the spread between {unit}s is unknown",)
    sums = clusters.sums(influence)
    # Not a product of vectors: a threaded library takes longer to share it out than to compute it.
    variance = n_clusters / (n_clusters - 1) * float(np.square(sums).sum())
    standard_error = math.sqrt(variance) / len(influence)
    if not standard_error > 1e-14 * scale:
        return None, (f"the {unit}s do not differ: their spread is unknown",)
    cautions = (
        (f"{n_clusters} {unit}s, fewer than {FEW_CLUSTERS}: the interval is approximate",)
        if n_clusters < FEW_CLUSTERS
        else ()
    )
    return standard_error, cautions


def mean_estimate(
    values: NDArray[np.float64], clusters: ClusterPartition, *, confidence: float = 0.95
) -> Estimate:
    """Mean with a CR1 cluster-robust standard error and a t interval with G - 1 df.

    Parameters
    ----------
    values : ndarray of shape (n,)
        No NaN: what is missing is dropped, and counted, by the caller.
    clusters : ClusterPartition
        Of the same n observations.
    confidence : float

    Returns
    -------
    Estimate
        Null with a caution for no observations or an infinite mean.

    Raises
    ------
    InputError
        If a value is NaN.
    ShapeError
        If values and clusters differ in length.

    Examples
    --------
    >>> from silentzone.stats.clusters import ClusterPartition
    >>> values = np.array([1.0, 2.0, 3.0, 4.0])
    >>> estimate = mean_estimate(values, ClusterPartition.of([0, 0, 1, 1], unit="window"))
    >>> estimate.value, estimate.standard_error, estimate.n_clusters
    (2.5, 1.0, 2)
    """
    return transformed_mean_estimate(
        values, clusters, transform=_identity, label="mean", confidence=confidence
    )


def mean_of_sums_estimate(
    sums: NDArray[np.float64], clusters: ClusterPartition, *, confidence: float = 0.95
) -> Estimate:
    """Give `mean_estimate` from the sums of the clusters alone.

    Parameters
    ----------
    sums : ndarray of shape (G,)
        Finite; of the values of each cluster.
    clusters : ClusterPartition
        Of the n observations behind them.
    confidence : float

    Notes
    -----
    What is rounding is judged by the size of the clusters' means, not of single observations.
    """
    n, unit = len(clusters), clusters.unit
    if n == 0:
        return null_estimate("mean", "no observations", confidence=confidence)
    mean = float(sums.sum()) / n
    per_cluster = ClusterPartition.singletons(clusters.n_clusters, unit=unit)
    # Influence per cluster, scaled so that its mean over clusters has the error of the mean.
    influence = (sums - clusters.sizes * mean) * (clusters.n_clusters / n)
    return replace(
        linearised_estimate(mean, influence, per_cluster, label="mean", confidence=confidence),
        n_observations=n,
    )


def exp_mean_estimate(
    values: NDArray[np.float64], clusters: ClusterPartition, *, confidence: float = 0.95
) -> Estimate:
    """Exponential of a mean, as perplexity is of the mean NLL; error by the delta method.

    The interval is the exponential of the mean's interval, so it stays positive.
    """
    return transformed_mean_estimate(
        values, clusters, transform=_exp, label="exp of mean (delta method)", confidence=confidence
    )


def absolute_mean_estimate(
    values: NDArray[np.float64], clusters: ClusterPartition, *, confidence: float = 0.95
) -> Estimate:
    """Absolute value of a mean; the interval is the mean's, folded at zero."""
    mean = mean_estimate(values, clusters, confidence=confidence)
    method = f"absolute {mean.method}"
    if mean.value is None:
        return replace(mean, method=method)
    folded = None
    if mean.interval is not None:
        low, high = sorted(map(abs, mean.interval))
        folded = (0.0 if mean.interval[0] <= 0.0 <= mean.interval[1] else low, high)
    return replace(mean, value=abs(mean.value), interval=folded, method=method)


def root_mean_square_estimate(
    values: NDArray[np.float64], clusters: ClusterPartition, *, confidence: float = 0.95
) -> Estimate:
    """Root of the mean square; error by the delta method, interval through the mean square."""
    return transformed_mean_estimate(
        np.square(values),
        clusters,
        transform=_root,
        label="root mean square (delta method)",
        confidence=confidence,
    )


def geometric_mean_estimate(
    values: NDArray[np.float64], clusters: ClusterPartition, *, confidence: float = 0.95
) -> Estimate:
    """Geometric mean over the positive values; the others are counted in a caution."""
    _refuse_nan(values)
    clusters.require(values)
    positive = values > 0.0
    left_out = int(len(values) - positive.sum())
    cautions = (
        (f"{left_out} of {len(values)} values are not positive and are left out",)
        if left_out
        else ()
    )
    label = "geometric mean of positive values (delta method)"
    if not positive.any():
        return null_estimate(label, *cautions, "no positive value", confidence=confidence)
    result = transformed_mean_estimate(
        np.log(values[positive]),
        clusters.select(positive),
        transform=_exp,
        label=label,
        confidence=confidence,
    )
    return with_cautions(result, *cautions)


def exp_mean_difference_estimate(
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    clusters: ClusterPartition,
    *,
    confidence: float = 0.95,
) -> Estimate:
    """Difference exp(mean(second)) - exp(mean(first)) of paired values, by the delta method."""
    label = "difference of exp of means (delta method)"
    for values in (first, second):
        clusters.require(values)
        _refuse_nan(values)
    if len(first) == 0:
        return null_estimate(label, "no observations", confidence=confidence)
    exp_first, exp_second = _exp(float(first.mean()))[0], _exp(float(second.mean()))[0]
    if not (math.isfinite(exp_first) and math.isfinite(exp_second)):
        return null_estimate(label, "infinite", n_observations=len(first), confidence=confidence)
    influence = exp_second * (second - second.mean()) - exp_first * (first - first.mean())
    return linearised_estimate(
        exp_second - exp_first, influence, clusters, label=label, confidence=confidence
    )


def ratio_of_means_estimate(
    numerator: NDArray[np.float64],
    denominator: NDArray[np.float64],
    clusters: ClusterPartition,
    *,
    confidence: float = 0.95,
) -> Estimate:
    """Ratio of two paired means by the delta method; null where the denominator's mean is 0."""
    label = "ratio of means (delta method)"
    for values in (numerator, denominator):
        clusters.require(values)
        _refuse_nan(values)
    total = float(denominator.sum())
    if total == 0.0:
        return null_estimate(
            label, "the denominator is zero", n_observations=len(numerator), confidence=confidence
        )
    ratio = float(numerator.sum()) / total
    influence = (numerator - ratio * denominator) * (len(numerator) / total)
    return linearised_estimate(ratio, influence, clusters, label=label, confidence=confidence)


def linearised_estimate(
    value: float,
    influence: NDArray[np.float64],
    clusters: ClusterPartition,
    *,
    label: str,
    confidence: float = 0.95,
) -> Estimate:
    """Estimate of a smooth statistic from its value and each observation's influence."""
    scale = abs(value) + float(np.abs(influence).max(initial=0.0))
    standard_error, cautions = clustered_standard_error(influence, clusters, scale=scale)
    interval = None
    if standard_error is not None:
        half = critical_t(confidence, clusters.n_clusters - 1) * standard_error
        interval = (value - half, value + half)
    return Estimate(
        value=value,
        standard_error=standard_error,
        interval=interval,
        method=clustered_method(label, clusters),
        n_observations=len(influence),
        n_clusters=clusters.n_clusters,
        confidence=confidence,
        cautions=cautions,
    )


def transformed_mean_estimate(
    values: NDArray[np.float64],
    clusters: ClusterPartition,
    *,
    transform: Callable[[float], tuple[float, float]],
    label: str,
    confidence: float = 0.95,
) -> Estimate:
    """Monotone function of a mean; ``transform`` gives its value and its derivative."""
    clusters.require(values)
    _refuse_nan(values)
    if len(values) == 0:
        return null_estimate(label, "no observations", confidence=confidence)
    infinite = int(np.isinf(values).sum())
    mean = float(values.mean()) if not infinite else math.inf
    value, derivative = transform(mean) if not infinite else (math.inf, 0.0)
    if not math.isfinite(value):
        reason = f"{infinite} of {len(values)} values are infinite" if infinite else "overflow"
        return null_estimate(label, reason, n_observations=len(values), confidence=confidence)
    plain = linearised_estimate(mean, values - mean, clusters, label=label, confidence=confidence)
    if plain.standard_error is None or plain.interval is None or not math.isfinite(derivative):
        return _replaced(plain, value, None, None)
    bounds = (transform(plain.interval[0])[0], transform(plain.interval[1])[0])
    finite = bounds if all(map(math.isfinite, bounds)) else None
    return _replaced(plain, value, abs(derivative) * plain.standard_error, finite)


def maximum_estimate(values: NDArray[np.float64], clusters: ClusterPartition) -> Estimate:
    """Largest value; a maximum has no honest standard error or interval from one sample."""
    clusters.require(values)
    _refuse_nan(values)
    if len(values) == 0:
        return null_estimate("maximum", "no observations")
    largest = float(values.max())
    return Estimate(
        value=largest if math.isfinite(largest) else None,
        standard_error=None,
        interval=None,
        method="maximum",
        n_observations=len(values),
        n_clusters=clusters.n_clusters,
        cautions=("a maximum has no interval and grows with the sample",)
        if math.isfinite(largest)
        else ("infinite",),
    )


def clustered_method(label: str, clusters: ClusterPartition) -> str:
    """Name the method of a clustered t interval."""
    return f"{label}, CR1 by {clusters.unit}, t with G-1 df"


def with_cautions(estimate: Estimate, *cautions: str) -> Estimate:
    """Copy an estimate with further cautions put first."""
    return replace(estimate, cautions=(*cautions, *estimate.cautions))


def within(estimate: Estimate, low: float, high: float) -> Estimate:
    """Cut an interval to the range its value can have; the method says so where it was cut."""
    if estimate.interval is None:
        return estimate
    bounds = (max(low, estimate.interval[0]), min(high, estimate.interval[1]))
    if bounds == estimate.interval:
        return estimate
    cut = replace(estimate, method=f"{estimate.method}, cut to [{low:g}, {high:g}]")
    return replace(cut, interval=bounds)


def critical_t(confidence: float, degrees_of_freedom: float) -> float:
    """Two-sided critical value of Student's t."""
    return float(special.stdtrit(degrees_of_freedom, 0.5 + confidence / 2.0))


def _replaced(
    plain: Estimate,
    value: float,
    standard_error: float | None,
    interval: tuple[float, float] | None,
) -> Estimate:
    return Estimate(
        value=value,
        standard_error=standard_error,
        interval=interval,
        method=plain.method,
        n_observations=plain.n_observations,
        n_clusters=plain.n_clusters,
        confidence=plain.confidence,
        cautions=plain.cautions,
    )


def _refuse_nan(values: NDArray[np.float64]) -> None:
    if np.isnan(values).any():
        raise InputError(
            "`values` must not hold NaN.", hint="drop missing observations and count them"
        )


def _identity(mean: float) -> tuple[float, float]:
    return mean, 1.0


def _exp(mean: float) -> tuple[float, float]:
    value = math.exp(mean) if mean < 700.0 else math.inf
    return value, value


def _root(mean: float) -> tuple[float, float]:
    value = math.sqrt(max(mean, 0.0))
    return value, 0.5 / value if value > 0.0 else math.inf
