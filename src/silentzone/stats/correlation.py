"""Rank correlations with a p-value whose method is named, and an interval where one is honest.

Array shapes: n pairs.
"""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np
from scipy import special
from scipy import stats as distributions

from silentzone.errors import InputError, ShapeError
from silentzone.stats.results import Correlation

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_PAIRS_PERMUTED = 9
MOST_TIED_PAIRS_PERMUTED = 7
MOST_PAIRS_EXACT = 60
N_PERMUTATIONS = 9_999
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
    ranks_x, ranks_y = mean_ranks(x), mean_ranks(y)
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
    """Kendall's tau-b with a two-sided p; no interval.

    p is exact without ties up to n = 60 and by all orders with ties up to n = 7; by random orders
    (always the same ones) with ties up to n = 9; by the tie-corrected normal law beyond.

    Raises
    ------
    ShapeError
        If x and y are not one-dimensional and of one length.
    InputError
        If a value is not finite.

    Examples
    --------
    >>> result = kendall(np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 2.0, 4.0, 3.0]))
    >>> round(result.value, 3), round(result.pvalue, 3), result.pvalue_method
    (0.667, 0.333, 'exact')
    """
    null = _unusable(x, y)
    if null is not None:
        return null
    n = len(x)
    signs_x, signs_y = _pair_signs(x), _pair_signs(y)
    score = float(signs_x @ signs_y)
    if signs_x.all() and signs_y.all() and n <= MOST_PAIRS_EXACT:
        pvalue, method = _exact_kendall_pvalue(n, abs(score)), "exact"
    elif n <= MOST_PAIRS_PERMUTED:
        pvalue, method = _kendall_permutation_pvalue(signs_x, y, abs(score))
    else:
        pvalue = _normal_kendall_pvalue(x, y, score)
        method = "normal approximation, tie-corrected"
    return Correlation(
        value=_tau_b(signs_x, signs_y),
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
    return _tau_b(_pair_signs(x), _pair_signs(y))


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
    return float(2.0 * special.stdtr(n_pairs - 2, -statistic))


def rho_interval(
    rho: float, n_pairs: int, *, confidence: float = 0.95
) -> tuple[tuple[float, float] | None, str, tuple[str, ...]]:
    """Interval of a Spearman correlation, its method, and why there is none if there is none."""
    if n_pairs < FEWEST_PAIRS_FOR_INTERVAL:
        reason = f"n = {n_pairs}, fewer than {FEWEST_PAIRS_FOR_INTERVAL}: no interval"
        return None, NO_INTERVAL, (reason,)
    if abs(rho) >= 1.0:
        return None, NO_INTERVAL, ("a perfect order has no interval by Fisher's z",)
    z = float(special.ndtri(0.5 + confidence / 2.0))
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
    z = float(special.ndtri(0.5 + confidence / 2.0))
    return math.tanh(z / math.sqrt(n_pairs - 3))


def mean_ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks from 1, ties by their mean; four times as fast as SciPy's for a handful of values.

    Examples
    --------
    >>> mean_ranks(np.array([3.0, 1.0, 3.0])).tolist()
    [2.5, 1.0, 2.5]
    """
    _, codes, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: NDArray[np.float64] = (np.cumsum(counts) - (counts - 1) / 2.0)[codes]
    return ranks


def permutation_pvalues(
    x: NDArray[np.float64], scores_nS: NDArray[np.float64]
) -> tuple[NDArray[np.float64], str]:
    """Two-sided permutation p of Spearman's rho of one variable with several others.

    Parameters
    ----------
    x : ndarray of shape (n,)
        Finite, not all equal.
    scores_nS : ndarray of shape (n, S)
        Finite; a column of equal values gets p = 1.

    Returns
    -------
    pvalues : ndarray of shape (S,)
    method : str
        All orders for n <= 8, otherwise 9,999 random orders (always the same ones), the
        observed one counted among them.
    """
    ranks_x = mean_ranks(x)
    ranks_S = distributions.rankdata(scores_nS, axis=0)
    ranks_x = ranks_x - ranks_x.mean()
    ranks_S = ranks_S - ranks_S.mean(axis=0)
    observed = np.abs(ranks_x @ ranks_S)
    is_exact = len(x) < MOST_PAIRS_PERMUTED
    orders = _orders(len(x)) if is_exact else _random_orders(len(x))
    reached = (np.abs(ranks_x[orders] @ ranks_S) >= observed - 1e-9).sum(axis=0)
    if is_exact:
        return reached / len(orders), "exact permutation"
    return (reached + 1) / (len(orders) + 1), f"{N_PERMUTATIONS} random permutations"


def masked_spearman(
    x_MS: NDArray[np.float64], y_MS: NDArray[np.float64], members_MS: NDArray[np.bool_] | None
) -> NDArray[np.float64]:
    """Spearman's rho of each column over the members of that column.

    Parameters
    ----------
    x_MS, y_MS : ndarray of shape (M, S)
        Finite.
    members_MS : ndarray of shape (M, S), bool, or None
        Null takes every row.

    Returns
    -------
    ndarray of shape (S,), float64
        NaN where fewer than three are members or all their values of one side are equal.
    """
    if members_MS is None:
        members_MS = np.ones(x_MS.shape, dtype=np.bool_)
    weights = members_MS.astype(np.float64)
    counts = weights.sum(axis=0)
    centred = []
    for values in (x_MS, y_MS):
        # Those outside rank behind all members, so the members' ranks are 1 .. k.
        ranks = distributions.rankdata(np.where(members_MS, values, np.inf), axis=0) * weights
        centred.append((ranks - ranks.sum(axis=0) / np.maximum(counts, 1.0)) * weights)
    scale = np.sqrt((centred[0] ** 2).sum(axis=0) * (centred[1] ** 2).sum(axis=0))
    product = (centred[0] * centred[1]).sum(axis=0)
    result: NDArray[np.float64] = np.full(counts.shape, np.nan)
    np.divide(product, scale, out=result, where=(scale > 0.0) & (counts >= 3.0))
    return result


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


def _pair_signs(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sign of the difference of every pair, in a fixed order of pairs."""
    first, second = _pairs(len(values))
    signs: NDArray[np.float64] = np.sign(values[second] - values[first])
    return signs


@lru_cache(maxsize=64)
def _pairs(n: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    return np.triu_indices(n, k=1)


def _tau_b(signs_x: NDArray[np.float64], signs_y: NDArray[np.float64]) -> float | None:
    scale = math.sqrt(float(signs_x @ signs_x) * float(signs_y @ signs_y))
    return float(signs_x @ signs_y) / scale if scale > 0.0 else None


def _exact_kendall_pvalue(n: int, score: float) -> float:
    """Two-sided p of concordant less discordant pairs, no ties."""
    inversions = (n * (n - 1) // 2 - round(score)) // 2
    return min(1.0, 2.0 * float(_inversion_law(n)[: inversions + 1].sum()))


@lru_cache(maxsize=64)
def _inversion_law(n: int) -> NDArray[np.float64]:
    """Probability of each number of inversions of a random order of n things."""
    law = np.ones(1)
    for size in range(2, n + 1):
        law = np.convolve(law, np.full(size, 1.0 / size))
    return law


def _normal_kendall_pvalue(x: NDArray[np.float64], y: NDArray[np.float64], score: float) -> float:
    """Two-sided p of concordant less discordant pairs by the normal law, corrected for ties.

    References
    ----------
    .. [1] Kendall (1970), Rank Correlation Methods, 4th ed., section 4.4.
    """
    n = float(len(x))
    ties = [np.unique(values, return_counts=True)[1].astype(np.float64) for values in (x, y)]
    pairs = [float((t * (t - 1)).sum()) for t in ties]
    triples = [float((t * (t - 1) * (t - 2)).sum()) for t in ties]
    variance = (
        n * (n - 1) * (2 * n + 5) - sum(float((t * (t - 1) * (2 * t + 5)).sum()) for t in ties)
    ) / 18.0
    variance += pairs[0] * pairs[1] / (2 * n * (n - 1))
    variance += triples[0] * triples[1] / (9 * n * (n - 1) * (n - 2))
    return math.erfc(abs(score) / math.sqrt(2.0 * variance))


def _kendall_permutation_pvalue(
    signs_x: NDArray[np.float64], y: NDArray[np.float64], observed: float
) -> tuple[float, str]:
    first, second = _pairs(len(y))
    is_exact = len(y) <= MOST_TIED_PAIRS_PERMUTED
    orders = _orders(len(y)) if is_exact else _random_orders(len(y))
    null = np.sign(y[orders[:, second]] - y[orders[:, first]]) @ signs_x
    reached = int((np.abs(null) >= observed - 1e-9).sum())
    if is_exact:
        return reached / len(orders), "exact permutation"
    return (reached + 1) / (len(orders) + 1), f"{N_PERMUTATIONS} random permutations"


@lru_cache(maxsize=64)
def _random_orders(n: int) -> NDArray[np.intp]:
    # The same orders every time: a p-value must not depend on what was computed before it.
    return np.argsort(np.random.default_rng(n).random((N_PERMUTATIONS, n)), axis=1)
