"""How well one axis of a cohort would repeat on other windows or items, by split halves.

Array shapes: M models, n observations, G clusters, R splits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats as distributions

from silentzone.errors import InputError, ShapeError

if TYPE_CHECKING:
    from numpy.typing import NDArray


LOWEST_RELIABILITY = 0.3
FEWEST_SPLITS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Reliability:
    """Spearman-Brown reliability of an axis; null where it is too low to divide by."""

    value: float | None
    half_correlation: float | None
    """Mean Spearman correlation between two halves over models, before Spearman-Brown."""
    n_splits: int
    """Splits that had a correlation."""
    cautions: tuple[str, ...] = ()


def random_halves(n_clusters: int, n_splits: int, *, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Random halves of the clusters, one row per split; the other half is the complement.

    Returns
    -------
    ndarray of shape (R, G), bool
        Each row has n_clusters // 2 members.

    Raises
    ------
    InputError
        If there are fewer than two clusters or fewer than 200 splits.
    """
    if n_clusters < 2 or n_splits < FEWEST_SPLITS:
        raise InputError(
            f"`n_clusters` must be at least 2 and `n_splits` at least {FEWEST_SPLITS}; "
            f"they are {n_clusters} and {n_splits}."
        )
    order = np.argsort(rng.random((n_splits, n_clusters)), axis=1)
    ranks = np.argsort(order, axis=1)
    halves: NDArray[np.bool_] = ranks < n_clusters // 2
    return halves


def half_ratios(
    numerator_MG: NDArray[np.float64],
    denominator_MG: NDArray[np.float64],
    halves_RG: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Ratio of cluster sums in each half: a mean where the denominator counts observations.

    Returns
    -------
    ndarray of shape (M, R), float64
        NaN where a half has nothing in its denominator.
    """
    if numerator_MG.shape != denominator_MG.shape:
        raise ShapeError("`numerator_MG` and `denominator_MG` must have one shape.")
    weights = halves_RG.T.astype(np.float64)
    top, bottom = numerator_MG @ weights, denominator_MG @ weights
    return np.divide(top, bottom, out=np.full_like(top, np.nan), where=bottom > 0.0)


def split_half_reliability(
    first_MR: NDArray[np.float64], second_MR: NDArray[np.float64]
) -> Reliability:
    """Reliability of an axis from its values in two halves of the data.

    Parameters
    ----------
    first_MR, second_MR : ndarray of shape (M, R)
        The axis of each model in a half and in its complement, one column per split. Splits in
        which a value is missing (NaN) or all models are equal do not count.

    Returns
    -------
    Reliability
        Mean Spearman correlation over splits, stepped up by Spearman-Brown 2r / (1 + r); null
        with a caution below 0.3, and with fewer than three models.
    """
    n_models = len(first_MR)
    if first_MR.shape != second_MR.shape:
        raise ShapeError("`first_MR` and `second_MR` must have one shape.")
    if n_models < 3:
        return _unknown(f"{n_models} models: a split-half correlation needs three")
    correlations = column_spearman(first_MR, second_MR)
    usable = correlations[np.isfinite(correlations)]
    if len(usable) < FEWEST_SPLITS // 2:
        return _unknown("most splits have no correlation: values equal or missing")
    half = float(usable.mean())
    value = 2.0 * half / (1.0 + half) if half > -1.0 else -1.0
    if value < LOWEST_RELIABILITY:
        reason = f"split-half reliability {value:.2f}, below {LOWEST_RELIABILITY:g}"
        return Reliability(
            value=None, half_correlation=half, n_splits=len(usable), cautions=(reason,)
        )
    return Reliability(value=value, half_correlation=half, n_splits=len(usable))


def reliability_from_errors(
    values_M: NDArray[np.float64], errors_M: NDArray[np.float64]
) -> Reliability:
    """Reliability of an axis whose data are not at hand, from the standard errors stated for it.

    Parameters
    ----------
    values_M, errors_M : ndarray of shape (M,)

    Returns
    -------
    Reliability
        Share of the variance between models that is not error; null with a caution below 0.3, and
        with fewer than three models or equal values. Errors of models that share their items
        overstate what separates the models, so the true reliability is at least about this.
    """
    if len(values_M) < 3:
        return _unknown(f"{len(values_M)} models: a reliability needs three")
    if np.ptp(values_M) == 0.0:  # their variance may be a rounding error above zero
        return _unknown("all values are equal")
    variance = float(np.var(values_M, ddof=1))
    value = 1.0 - float(np.mean(np.square(errors_M))) / variance
    caution = "reliability from stated standard errors, taken as independent"
    if value < LOWEST_RELIABILITY:
        reason = f"reliability {value:.2f}, below {LOWEST_RELIABILITY:g}"
        return Reliability(
            value=None, half_correlation=None, n_splits=0, cautions=(reason, caution)
        )
    return Reliability(value=value, half_correlation=None, n_splits=0, cautions=(caution,))


def column_spearman(
    first_MR: NDArray[np.float64], second_MR: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Spearman correlation of each column, of shape (R,); NaN where it does not exist."""
    missing = np.isnan(first_MR).any(axis=0) | np.isnan(second_MR).any(axis=0)
    ranks_a = distributions.rankdata(np.where(missing, 0.0, first_MR), axis=0)
    ranks_b = distributions.rankdata(np.where(missing, 0.0, second_MR), axis=0)
    ranks_a -= ranks_a.mean(axis=0)
    ranks_b -= ranks_b.mean(axis=0)
    scale = np.sqrt((ranks_a**2).sum(axis=0) * (ranks_b**2).sum(axis=0))
    covariance = (ranks_a * ranks_b).sum(axis=0)
    result: NDArray[np.float64] = np.full(covariance.shape, np.nan)
    np.divide(covariance, scale, out=result, where=scale > 0.0)
    return result


def attainable_correlation(first: Reliability, second: Reliability) -> float | None:
    """Largest |rho| two axes of these reliabilities can be expected to show, or null."""
    if first.value is None or second.value is None:
        return None
    return math.sqrt(first.value * second.value)


def _unknown(reason: str) -> Reliability:
    return Reliability(value=None, half_correlation=None, n_splits=0, cautions=(reason,))
