"""Rank correlations with a p-value whose method is named, and an interval where one is honest.

Array shapes: n pairs.
"""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats as distributions

from silentzone.errors import InputError, ShapeError
from silentzone.stats.results import Correlation

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_PAIRS_PERMUTED = 9
FEWEST_PAIRS_FOR_INTERVAL = 8
INTERVAL_METHOD = "Fisher z, Bonett-Wright variance"
NO_INTERVAL = "none"
EQUAL = "all values of one side are equal"


def spearman(
    x: NDArray[np.float64], y: NDArray[np.float64], *, confidence: float = 0.95
) -> Correlation:
    """Spearman's rank correlation, ties by mean ranks.

    Parameters
    ----------
    x, y : ndarray of shape (n,)
        Finite values of the same n things.
    confidence : float

    Returns
    -------
    Correlation
        p by exact permutation for n <= 9 or a perfect order, by the t approximation otherwise;
        interval by Fisher's z with Bonett and Wright's variance for n >= 8 and |rho| < 1. Null
        with a caution for fewer than three pairs or where all values of one side are equal.

    Raises
    ------
    ShapeError
        If x and y are not one-dimensional and of one length.
    InputError
        If a value is not finite.

    References
    ----------
    .. [1] Bonett and Wright (2000), Sample size requirements for estimating Pearson, Kendall and
       Spearman correlations, Psychometrika 65, 23-28.

    Examples
    --------
    >>> result = spearman(np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 2.0, 4.0, 3.0]))
    >>> round(result.value, 3), round(result.pvalue, 3)
    (0.8, 0.333)
    """
    null = _unusable(x, y)
    if null is not None:
        return null
    ranks_x, ranks_y = distributions.rankdata(x), distributions.rankdata(y)
    rho = _product_moment(ranks_x, ranks_y)
    pvalue, method = _spearman_pvalue(rho, ranks_x, ranks_y)
    interval, interval_method, cautions = rho_interval(rho, len(x), confidence=confidence)
    return Correlation(
        value=rho,
        pvalue=pvalue,
        pvalue_method=method,
        interval=interval,
        interval_method=interval_method,
        n_observations=len(x),
        cautions=cautions,
    )


def kendall(x: NDArray[np.float64], y: NDArray[np.float64]) -> Correlation:
    """Kendall's tau-b; p exact for n <= 9 or without ties up to n = 50, else normal.

    Raises
    ------
    ShapeError
        If x and y are not one-dimensional and of one length.
    InputError
        If a value is not finite.
    """
    null = _unusable(x, y)
    if null is not None:
        return null
    n = len(x)
    has_ties = len(np.unique(x)) < n or len(np.unique(y)) < n
    if has_ties and n <= MOST_PAIRS_PERMUTED:
        pvalue, method = _kendall_permutation_pvalue(x, y), "exact permutation"
    else:
        is_exact = not has_ties and n <= 50
        result = distributions.kendalltau(x, y, method="exact" if is_exact else "asymptotic")
        pvalue = float(result.pvalue)
        method = "exact" if is_exact else "normal approximation, tie-corrected"
    return Correlation(
        value=kendall_tau(x, y),
        pvalue=pvalue,
        pvalue_method=method,
        interval=None,
        interval_method=NO_INTERVAL,
        n_observations=n,
        cautions=("no interval is computed for Kendall's tau",),
    )


def kendall_tau(x: NDArray[np.float64], y: NDArray[np.float64]) -> float | None:
    """Kendall's tau-b alone, without its p-value; null where all values of one side are equal.

    Examples
    --------
    >>> round(kendall_tau(np.array([1.0, 2.0, 3.0]), np.array([1.0, 3.0, 2.0])), 3)
    0.333
    """
    first, second = np.triu_indices(len(x), k=1)
    signs_x, signs_y = np.sign(x[second] - x[first]), np.sign(y[second] - y[first])
    scale = math.sqrt(float(signs_x @ signs_x) * float(signs_y @ signs_y))
    return float(signs_x @ signs_y) / scale if scale > 0.0 else None


def t_approximation_pvalue(rho: float, n_pairs: int) -> float:
    """Two-sided p of a rank correlation by Student's t with n - 2 df.

    Raises
    ------
    InputError
        If n < 3 or |rho| >= 1, where the approximation means nothing.

    Examples
    --------
    >>> round(t_approximation_pvalue(-0.24, 16), 2), round(t_approximation_pvalue(0.55, 16), 2)
    (0.37, 0.03)
    """
    if n_pairs < 3 or not abs(rho) < 1.0:
        raise InputError(f"no t approximation for rho = {rho} with n = {n_pairs}.")
    statistic = abs(rho) * math.sqrt((n_pairs - 2) / (1.0 - rho * rho))
    return float(2.0 * distributions.t.sf(statistic, n_pairs - 2))


def rho_interval(
    rho: float, n_pairs: int, *, confidence: float = 0.95
) -> tuple[tuple[float, float] | None, str, tuple[str, ...]]:
    """Interval of a Spearman correlation, its method, and why there is none if there is none."""
    if n_pairs < FEWEST_PAIRS_FOR_INTERVAL:
        reason = f"n = {n_pairs}, fewer than {FEWEST_PAIRS_FOR_INTERVAL}: no interval"
        return None, NO_INTERVAL, (reason,)
    if abs(rho) >= 1.0:
        return None, NO_INTERVAL, ("a perfect order has no interval by Fisher's z",)
    z = float(distributions.norm.ppf(0.5 + confidence / 2.0))
    half = z * math.sqrt((1.0 + rho * rho / 2.0) / (n_pairs - 3))
    centre = math.atanh(rho)
    return (math.tanh(centre - half), math.tanh(centre + half)), INTERVAL_METHOD, ()


def minimum_detectable(n_pairs: int, *, confidence: float = 0.95) -> float | None:
    """Smallest |rho| whose interval would leave out zero, taken as the half interval at rho = 0.

    Null below eight pairs, where no interval is computed.

    Examples
    --------
    >>> [round(minimum_detectable(n), 2) for n in (8, 16, 28, 40)]
    [0.7, 0.5, 0.37, 0.31]
    """
    if n_pairs < FEWEST_PAIRS_FOR_INTERVAL:
        return None
    z = float(distributions.norm.ppf(0.5 + confidence / 2.0))
    return math.tanh(z / math.sqrt(n_pairs - 3))


def null_correlation(n_pairs: int, *cautions: str) -> Correlation:
    """Give the correlation that could not be had, with the reasons."""
    return Correlation(
        value=None,
        pvalue=None,
        pvalue_method=NO_INTERVAL,
        interval=None,
        interval_method=NO_INTERVAL,
        n_observations=n_pairs,
        cautions=cautions,
    )


def _unusable(x: NDArray[np.float64], y: NDArray[np.float64]) -> Correlation | None:
    if x.ndim != 1 or x.shape != y.shape:
        raise ShapeError(
            f"`x` and `y` must be one-dimensional and of one length, "
            f"they have shapes {x.shape} and {y.shape}."
        )
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise InputError("`x` and `y` must be finite.", hint="drop pairs with missing values")
    if len(x) < 3:
        return null_correlation(len(x), f"n = {len(x)}: a correlation needs three pairs")
    if np.ptp(x) == 0.0 or np.ptp(y) == 0.0:
        return null_correlation(len(x), EQUAL)
    return None


def _product_moment(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    dx, dy = x - x.mean(), y - y.mean()
    r = float(dx @ dy / math.sqrt(float(dx @ dx) * float(dy @ dy)))
    # A perfect order must compare equal to one, whatever the rounding.
    return math.copysign(1.0, r) if abs(r) > 1.0 - 1e-12 else r


def _spearman_pvalue(
    rho: float, ranks_x: NDArray[np.float64], ranks_y: NDArray[np.float64]
) -> tuple[float, str]:
    n = len(ranks_x)
    if n <= MOST_PAIRS_PERMUTED:
        null = _null_products(tuple(np.sort(ranks_x)), tuple(np.sort(ranks_y)))
        centre = n * ranks_x.mean() * ranks_y.mean()
        deviation = abs(float(ranks_x @ ranks_y) - centre)
        return float(np.mean(np.abs(null - centre) >= deviation - 1e-9)), "exact permutation"
    if abs(rho) == 1.0:
        _, ties = np.unique(ranks_x, return_counts=True)
        log_p = math.log(2.0) + sum(math.lgamma(t + 1) for t in ties) - math.lgamma(n + 1)
        return min(1.0, math.exp(log_p)), "exact permutation, perfect order"
    return t_approximation_pvalue(rho, n), "t approximation"


@lru_cache(maxsize=4)
def _orders(n: int) -> NDArray[np.int8]:
    return np.array(list(permutations(range(n))), dtype=np.int8)


@lru_cache(maxsize=64)
def _null_products(ranks_x: tuple[float, ...], ranks_y: tuple[float, ...]) -> NDArray[np.float64]:
    """Sum of rank products under every order; depends on the two sets of ranks alone."""
    products: NDArray[np.float64] = np.asarray(ranks_x)[_orders(len(ranks_x))] @ np.asarray(ranks_y)
    return products


def _kendall_permutation_pvalue(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    first, second = np.triu_indices(len(x), k=1)
    signs_x = np.sign(x[second] - x[first])
    orders = _orders(len(x))
    observed = abs(float(signs_x @ np.sign(y[second] - y[first])))
    null = np.sign(y[orders[:, second]] - y[orders[:, first]]) @ signs_x
    return float(np.mean(np.abs(null) >= observed - 1e-9))
