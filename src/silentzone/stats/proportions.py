"""Proportions: Wilson and exact intervals, and the direction of discordant pairs."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import special
from scipy import stats as distributions

from silentzone.errors import InputError
from silentzone.stats.estimates import mean_estimate, null_estimate, within
from silentzone.stats.results import Estimate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from silentzone.stats.clusters import ClusterPartition


def wilson_interval(
    successes: int, n_observations: int, *, confidence: float = 0.95
) -> tuple[float, float]:
    """Wilson's score interval of a proportion.

    Raises
    ------
    InputError
        If the counts are impossible.

    Examples
    --------
    >>> [round(bound, 4) for bound in wilson_interval(8, 10)]
    [0.4902, 0.9433]
    """
    _require_counts(successes, n_observations)
    z = float(special.ndtri(0.5 + confidence / 2.0))
    n, share = n_observations, successes / n_observations
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == n else min(1.0, centre + half)
    return low, high


def exact_interval(
    successes: float, n_observations: float, *, confidence: float = 0.95
) -> tuple[float, float]:
    """Clopper-Pearson interval of a proportion; of whole counts it never covers less than it says.

    Parameters
    ----------
    successes, n_observations : float
        Whole counts, or effective ones of a clustered sample.
    confidence : float

    Raises
    ------
    InputError
        If the counts are impossible.
    """
    _require_counts(successes, n_observations)
    tail = (1.0 - confidence) / 2.0
    failures = n_observations - successes
    low = distributions.beta.ppf(tail, successes, failures + 1) if successes > 0 else 0.0
    high = distributions.beta.isf(tail, successes + 1, failures) if failures > 0 else 1.0
    return float(low), float(high)


def wilson_estimate(successes: int, n_observations: int, *, confidence: float = 0.95) -> Estimate:
    """Proportion with Wilson's interval; the standard error is null at 0 and 1."""
    method = "proportion, Wilson interval"
    if n_observations == 0:
        return null_estimate(method, "no observations", confidence=confidence)
    interval = wilson_interval(successes, n_observations, confidence=confidence)
    share = successes / n_observations
    is_inside = 0 < successes < n_observations
    return Estimate(
        value=share,
        standard_error=math.sqrt(share * (1 - share) / n_observations) if is_inside else None,
        interval=interval,
        method=method,
        n_observations=n_observations,
        n_clusters=n_observations,
        confidence=confidence,
        cautions=()
        if is_inside
        else ("all observations are equal: read the interval, the standard error is unknown",),
    )


def proportion_estimate(
    values: NDArray[np.float64], clusters: ClusterPartition, *, confidence: float = 0.95
) -> Estimate:
    """Mean of values in [0, 1]: Wilson for independent 0/1 values, clustered t otherwise.

    A clustered t interval is cut to [0, 1]. Where all values are 0, or all are 1, the clusters show
    no spread; then Wilson's interval is that of as many observations as there are clusters.
    """
    clusters.require(values)
    if len(values) and clusters.has_only_singletons and is_binary(values):
        return wilson_estimate(int(values.sum()), len(values), confidence=confidence)
    if len(values) and is_binary(values) and np.ptp(values) == 0.0:
        n = clusters.n_clusters
        plain = wilson_estimate(n * int(values[0]), n, confidence=confidence)
        reason = f"all values are equal: Wilson's interval as of {n} {clusters.unit}s"
        return replace(
            plain,
            method=f"proportion, Wilson interval by {clusters.unit}",
            n_observations=len(values),
            cautions=(reason,),
        )
    return within(mean_estimate(values, clusters, confidence=confidence), 0.0, 1.0)


def direction_estimate(harm: int, gain: int, *, confidence: float = 0.95) -> Estimate:
    """Direction (c - b) / (b + c) of discordant pairs with a Clopper-Pearson interval.

    Parameters
    ----------
    harm, gain : int
        Items only the reference got right (b), items only the candidate got right (c).

    Returns
    -------
    Estimate
        In [-1, 1], negative where the candidate mostly lost; null when b + c = 0.
    """
    method = "direction of discordant pairs, Clopper-Pearson interval"
    discordant = harm + gain
    if discordant == 0:
        return null_estimate(method, "no discordant item", confidence=confidence)
    low, high = exact_interval(gain, discordant, confidence=confidence)
    share = gain / discordant
    return Estimate(
        value=(gain - harm) / discordant,
        standard_error=2.0 * math.sqrt(share * (1 - share) / discordant) if harm and gain else None,
        interval=(2.0 * low - 1.0, 2.0 * high - 1.0),
        method=method,
        n_observations=discordant,
        n_clusters=discordant,
        confidence=confidence,
        cautions=() if harm and gain else ("all discordant items go one way: read the interval",),
    )


def is_binary(values: NDArray[np.float64]) -> bool:
    """Whether all values are 0 or 1."""
    return bool(np.isin(values, (0.0, 1.0)).all())


def _require_counts(successes: float, n_observations: float) -> None:
    if n_observations <= 0 or not 0 <= successes <= n_observations:
        raise InputError(
            f"`successes` must lie between 0 and `n_observations` (above 0); "
            f"they are {successes} and {n_observations}."
        )
