"""Whether an item's divergence says more about failure than the reference's confidence alone.

Array shapes: N observations.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats as distributions
from scipy.special import expit

from silentzone.stats.classification import (
    Outcomes,
    auroc_from_influence,
    auroc_influence,
    influence_estimate,
    why_too_few,
)
from silentzone.stats.estimates import critical_t, linearised_estimate, null_estimate
from silentzone.stats.logistic import NOT_FITTED, fit_logistic

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from silentzone.stats.logistic import LogisticFit
    from silentzone.stats.results import Estimate

NEAREST_TO_CERTAIN = 1e-6
"""A confidence of exactly 0 or 1 has no logit; closer ones are taken for this far from it."""
N_SPLITS = 4
ENOUGH_FAILED = 250
"""With so many failed a single split into halves hardly differs from another."""
AUROC_LABEL = "AUROC, fitted on the other half of the items"
GAIN_LABEL = (
    "AUROC of confidence and KLD, fitted on the other half of the items, minus that of confidence "
    "alone, placements"
)
SLOPE_LABEL = "log odds of failure per e-fold of KLD, logistic regression, sandwich"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Gain:
    """What the divergence adds to the confidence."""

    auroc: Estimate
    """Of both together."""
    auroc_gain: Estimate
    """Both together minus the confidence alone."""
    coefficient: Estimate
    """Of the logarithm of the divergence, beside the logit of the confidence."""
    pvalue: float | None
    pvalue_method: str
    probability: NDArray[np.float64]
    """Of failure, from a fit on other items, of shape (N,); NaN where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Split:
    """One random split into halves, each predicted by a fit on the other."""

    value: float
    """AUROC of both features."""
    influence: NDArray[np.float64]
    gain: float
    """Minus that of the confidence alone."""
    gain_influence: NDArray[np.float64]
    probability: NDArray[np.float64]


def has_logarithm(divergence: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether a divergence is positive and finite, of shape (N,)."""
    usable: NDArray[np.bool_] = np.isfinite(divergence) & (divergence > 0.0)
    return usable


def added_value(
    confidence: NDArray[np.float64],
    divergence: NDArray[np.float64],
    outcomes: Outcomes,
    *,
    rng: np.random.Generator,
) -> Gain:
    """Compare logistic regressions of failure with and without the divergence.

    Parameters
    ----------
    confidence, divergence : ndarray of shape (N,)
        Of the reference in its answer; of the candidate along the item. NaN where missing.
    outcomes : Outcomes
        Strata are candidates; each has an intercept of its own.
    rng : Generator
        Draws the halves of items.

    Returns
    -------
    Gain
        Null estimates with a caution for fewer than five failed or passed, or without a fit.

    Notes
    -----
    The coefficient is fitted on everything. The AUROC of both is of predictions for items the fit
    has not seen (clusters whole, compared inside a half), so that a second feature is not rewarded
    for being there; a useless one comes out slightly below zero. The confidence alone needs no fit:
    its order is given.
    """
    usable = has_logarithm(divergence) & ~np.isnan(confidence)
    own = outcomes.select(usable)
    inside = np.clip(confidence[usable], NEAREST_TO_CERTAIN, 1.0 - NEAREST_TO_CERTAIN)
    features = np.stack([np.log(inside / (1.0 - inside)), np.log(divergence[usable])], axis=1)
    reason = why_too_few(own) or (None if own.comparable().any() else "no candidate has both")
    if reason is not None:
        return _nothing(reason, len(divergence))
    fit = fit_logistic(features, own)
    coefficient, pvalue, method = _coefficient(fit, own)
    n_splits = N_SPLITS if int(own.is_failed.sum()) < ENOUGH_FAILED else 1
    start = None if fit is None else fit.slopes
    splits = [_split(features, own, start, rng) for _ in range(n_splits)]
    found = [split for split in splits if split is not None]
    if not found:
        nothing = _nothing(NOT_FITTED, len(divergence))
        auroc, gain, probability = nothing.auroc, nothing.auroc_gain, nothing.probability
    else:
        value = float(np.mean([split.value for split in found]))
        gained = float(np.mean([split.gain for split in found]))
        influence = np.mean([split.influence for split in found], axis=0)
        gain_influence = np.mean([split.gain_influence for split in found], axis=0)
        fitted = np.mean([split.probability for split in found], axis=0)
        auroc = auroc_from_influence(value, influence, own, label=AUROC_LABEL)
        gain = influence_estimate(gained, gain_influence, own, label=GAIN_LABEL)
        probability = np.full(len(divergence), np.nan)
        probability[usable] = fitted
    return Gain(
        auroc=auroc,
        auroc_gain=gain,
        coefficient=coefficient,
        pvalue=pvalue,
        pvalue_method=method,
        probability=probability,
    )


def _coefficient(fit: LogisticFit | None, outcomes: Outcomes) -> tuple[Estimate, float | None, str]:
    clusters = outcomes.clusters
    # Few failed leave the sandwich too small: they, not the many passed, give the df.
    df = outcomes.fewest_clusters - 1
    method = f"Wald, sandwich by {clusters.unit}, t with {df} df of the rarer group"
    if fit is None:
        empty = null_estimate(SLOPE_LABEL, NOT_FITTED, n_observations=len(outcomes))
        return empty, None, method
    slope, influence = float(fit.slopes[1]), fit.influence[:, 1] * len(outcomes)
    estimate = linearised_estimate(slope, influence, clusters, label=SLOPE_LABEL)
    if estimate.standard_error is None:
        return estimate, None, method
    half = critical_t(0.95, df) * estimate.standard_error
    statistic = abs(slope) / estimate.standard_error
    found = replace(
        estimate,
        interval=(slope - half, slope + half),
        method=f"{SLOPE_LABEL} by {clusters.unit}, t with the df of the rarer group",
    )
    return found, float(2.0 * distributions.t.sf(statistic, df)), method


def _split(
    features: NDArray[np.float64],
    outcomes: Outcomes,
    start: NDArray[np.float64] | None,
    rng: np.random.Generator,
) -> _Split | None:
    """Fit each half of the items for the other; null where one has no fit."""
    n_clusters = outcomes.clusters.n_clusters
    is_first = rng.permutation(n_clusters) < n_clusters // 2
    side = is_first[outcomes.clusters.codes]
    both = np.zeros(len(outcomes))
    probability = np.full(len(outcomes), np.nan)
    for fitted_on in (side, ~side):
        other = outcomes.select(fitted_on)
        full = fit_logistic(features[fitted_on], other, start=start)
        if full is None:
            return None
        rest = ~fitted_on
        both[rest] = features[rest] @ full.slopes
        intercepts = np.append(full.intercepts, np.nan)
        known = np.minimum(outcomes.strata[rest], len(full.intercepts))
        probability[rest] = expit(intercepts[known] + both[rest])
    # Two fits have two intercepts: items are compared inside their half only.
    halves = Outcomes(
        is_failed=outcomes.is_failed,
        strata=2 * outcomes.strata + side,
        clusters=outcomes.clusters,
    )
    if not halves.comparable().any():
        return None
    (value, influence), (base_value, base_influence) = (
        auroc_influence(scores, halves) for scores in (both, -features[:, 0])
    )
    return _Split(
        value=value,
        influence=influence,
        gain=value - base_value,
        gain_influence=influence - base_influence,
        probability=probability,
    )


def _nothing(reason: str, n_observations: int) -> Gain:
    auroc, gain, slope = (
        null_estimate(label, reason, n_observations=n_observations)
        for label in (AUROC_LABEL, GAIN_LABEL, SLOPE_LABEL)
    )
    return Gain(
        auroc=auroc,
        auroc_gain=gain,
        coefficient=slope,
        pvalue=None,
        pvalue_method="none",
        probability=np.full(n_observations, np.nan),
    )
