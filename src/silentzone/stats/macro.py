"""Unweighted means over independent parts, as a composite over benchmarks is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from silentzone.stats.estimates import critical_t, null_estimate
from silentzone.stats.results import Estimate

if TYPE_CHECKING:
    from collections.abc import Sequence


def macro_mean_estimate(parts: Sequence[Estimate], *, confidence: float = 0.95) -> Estimate:
    """Unweighted mean of independent estimates.

    Parameters
    ----------
    parts : sequence of Estimate
        Independent of each other: benchmarks share no item.
    confidence : float

    Returns
    -------
    Estimate
        Null where a part is null; without error where a part's error is unknown. The interval
        uses Student's t with Satterthwaite's degrees of freedom.
    """
    method = f"macro mean of {len(parts)}, t with Satterthwaite df"
    if not parts:
        return null_estimate(method, "nothing to average", confidence=confidence)
    values = [part.value for part in parts if part.value is not None]
    n_observations = sum(part.n_observations for part in parts)
    if len(values) < len(parts):
        return null_estimate(
            method, "a part is missing", n_observations=n_observations, confidence=confidence
        )
    value = sum(values) / len(values)
    errors = [part.standard_error for part in parts if part.standard_error is not None]
    standard_error, interval = None, None
    cautions = list(dict.fromkeys(text for part in parts for text in part.cautions))
    if len(errors) == len(parts):
        standard_error = math.sqrt(sum(error * error for error in errors)) / len(parts)
        half = critical_t(confidence, satterthwaite_df(parts)) * standard_error
        interval = (value - half, value + half)
    else:
        cautions.append("the standard error of a part is unknown")
    return Estimate(
        value=value,
        standard_error=standard_error,
        interval=interval,
        method=method,
        n_observations=n_observations,
        n_clusters=sum(part.n_clusters or 0 for part in parts),
        confidence=confidence,
        cautions=tuple(cautions),
    )


def satterthwaite_df(parts: Sequence[Estimate]) -> float:
    """Degrees of freedom of a sum of independent estimates with G - 1 each.

    At least 1; parts without a standard error do not count.
    """
    variances = [
        (part.standard_error**2, max(part.n_clusters - 1, 1))
        for part in parts
        if part.standard_error and part.n_clusters is not None
    ]
    total = sum(variance for variance, _ in variances)
    spread = sum(variance * variance / df for variance, df in variances)
    return max(1.0, total * total / spread) if spread > 0.0 else 1.0
