"""Logistic regression with one intercept per stratum, by Newton's method, nothing shrunk.

Array shapes: n observations, K features, S strata.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit

from silentzone.errors import InputError, ShapeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from silentzone.stats.classification import Outcomes

MOST_STEPS = 30
TOLERANCE = 1e-8
LONGEST_STEP = 5.0
LARGEST_SLOPE = 100.0
"""Per standard deviation of a feature; beyond it the fit runs away to infinity."""
NOT_FITTED = (
    "the logistic regression has no finite fit: the features tell failed from passed exactly, or "
    "repeat each other"
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LogisticFit:
    """A maximum-likelihood fit of the probability of failure."""

    slopes: NDArray[np.float64]
    """Change of the log odds per unit of each feature, of shape (K,)."""
    intercepts: NDArray[np.float64]
    """Of shape (S,); NaN where a stratum lacks failed or passed observations."""
    influence: NDArray[np.float64]
    """What each observation contributes to the slopes' deviation, of shape (n, K); sums to zero."""
    n_steps: int

    def log_odds(
        self, features_nK: NDArray[np.float64], strata: NDArray[np.intp]
    ) -> NDArray[np.float64]:
        """Fitted log odds of other observations of the same strata, of shape (n,)."""
        fitted: NDArray[np.float64] = self.intercepts[strata] + features_nK @ self.slopes
        return fitted


def fit_logistic(
    features_nK: NDArray[np.float64],
    outcomes: Outcomes,
    *,
    start: NDArray[np.float64] | None = None,
) -> LogisticFit | None:
    """Fit log odds of failure = intercept of the stratum + features @ slopes.

    Parameters
    ----------
    features_nK : ndarray of shape (n, K)
        Finite.
    outcomes : Outcomes
        A stratum without both failed and passed observations says nothing about the slopes.
    start : ndarray of shape (K,), optional
        Slopes to begin at; they change the number of steps, not the fit.

    Returns
    -------
    LogisticFit or None
        ``None`` where no finite fit exists: separation, or features that repeat each other.

    Raises
    ------
    ShapeError
        If features and outcomes differ in length.
    InputError
        If a feature is not finite.

    Notes
    -----
    The intercepts are solved for inside each Newton step, so its cost does not grow with their
    number. Under separation the steps never shrink: a fit that has not converged after 30 of them,
    or has a slope above 100 per standard deviation, does not exist [1]_.

    References
    ----------
    .. [1] Albert and Anderson (1984), On the existence of maximum likelihood estimates in logistic
       regression models, Biometrika 71, 1-10.
    """
    if features_nK.ndim != 2 or len(features_nK) != len(outcomes):
        raise ShapeError(f"`features_nK` must have {len(outcomes)} rows.")
    if not np.isfinite(features_nK).all():
        raise InputError("`features_nK` must be finite.")
    usable = np.flatnonzero(outcomes.comparable())
    usable = usable[np.argsort(outcomes.strata[usable], kind="stable")]
    if not len(usable):
        return None
    features, names = features_nK[usable].T, outcomes.strata[usable]
    centre, scale = features.mean(axis=1), features.std(axis=1)
    if not (scale > 0.0).all():
        return None
    problem = _Problem(
        scaled_Kn=(features - centre[:, None]) / scale[:, None],
        failed=outcomes.is_failed[usable].astype(np.float64),
        starts=np.flatnonzero(np.diff(names, prepend=-1)),
    )
    found = _newton(problem, np.zeros(len(scale)) if start is None else start * scale)
    if found is None:
        return None
    own_intercepts, slopes, own_influence, n_steps = found
    slopes = slopes / scale
    intercepts = np.full(int(names[-1]) + 1, np.nan)
    intercepts[names[problem.starts]] = own_intercepts - centre @ slopes
    influence = np.zeros_like(features_nK)
    influence[usable] = own_influence.T / scale
    return LogisticFit(slopes=slopes, intercepts=intercepts, influence=influence, n_steps=n_steps)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Problem:
    """Observations in the order of their strata, a row per feature.

    Long rows are quick; products are formed by einsum, since threads of a BLAS wait for each other
    longer than the few rows take.
    """

    scaled_Kn: NDArray[np.float64]
    failed: NDArray[np.float64]
    starts: NDArray[np.intp]
    """First observation of each stratum."""

    def sums(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Add up inside the strata, of shape (..., S)."""
        result: NDArray[np.float64] = np.add.reduceat(values, self.starts, axis=-1)
        return result

    def spread(self, by_stratum: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give each observation the value of its stratum, of shape (..., n)."""
        sizes = np.diff(self.starts, append=len(self.failed))
        return np.repeat(by_stratum, sizes, axis=-1)


def _newton(
    problem: _Problem, slopes: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], int] | None:
    scaled = problem.scaled_Kn
    sizes = problem.sums(np.ones_like(problem.failed))
    share = problem.sums(problem.failed) / sizes
    intercepts = np.log(share / (1.0 - share)) - slopes @ problem.sums(scaled) / sizes
    for step in range(MOST_STEPS):
        odds = problem.spread(intercepts) + np.einsum("k,kn->n", slopes, scaled)
        probability = expit(odds)
        residual, weight = problem.failed - probability, probability * (1.0 - probability)
        weighted = weight * scaled
        total, crossed = problem.sums(weight), problem.sums(weighted)
        if not (total > 0.0).all() or np.abs(slopes).max() > LARGEST_SLOPE:
            return None
        means, left = crossed / total, problem.sums(residual)
        hessian = np.einsum("kn,ln->kl", scaled, weighted) - crossed @ means.T
        if np.linalg.cond(hessian) > 1e12:
            return None
        score = np.einsum("kn,n->k", scaled, residual) - means @ left
        by_slope = np.linalg.solve(hessian, score)
        by_intercept = left / total - by_slope @ means
        largest = max(np.abs(by_slope).max(), np.abs(by_intercept).max())
        if largest < TOLERANCE:
            within = (scaled - problem.spread(means)) * residual
            return intercepts, slopes, np.linalg.solve(hessian, within), step
        # A longer step overshoots where the fit is far off; the last ones are always short.
        damping = min(1.0, LONGEST_STEP / largest)
        intercepts, slopes = intercepts + damping * by_intercept, slopes + damping * by_slope
    return None
