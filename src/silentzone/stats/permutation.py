"""Permutation tests of several rank correlations with one score at once.

Array shapes: V variants, n candidates, P permutations.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from math import factorial
from typing import TYPE_CHECKING

import numpy as np

from silentzone.errors import InputError, ShapeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_ENUMERATED = 8
"""Candidates up to which every order is tried: 40,320 of them."""
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MaxTResult:
    """Correlations with p-values adjusted for all variants together."""

    correlations: NDArray[np.float64]
    """Of shape (V,)."""
    pvalues: NDArray[np.float64]
    """Two-sided, of each variant alone, by the same permutations."""
    adjusted: NDArray[np.float64]
    """Two-sided, adjusted for the family; never below ``pvalues``."""
    method: str
    n_resamples: int


def maxt(
    standard_Vn: NDArray[np.float64],
    target_n: NDArray[np.float64],
    *,
    n_resamples: int,
    rng: np.random.Generator,
) -> MaxTResult:
    """Westfall and Young's step-down maxT over variants, permutations shared by all of them.

    Parameters
    ----------
    standard_Vn : ndarray of shape (V, n)
        Each row centred and scaled to length one: its product with another such row is their
        correlation. Ranks for Spearman's.
    target_n : ndarray of shape (n,)
        The score, centred and scaled likewise.
    n_resamples : int
        Random permutations where n > 8; up to 8 every order is tried.
    rng : numpy.random.Generator

    Returns
    -------
    MaxTResult

    Raises
    ------
    ShapeError
        If the shapes do not fit.
    InputError
        If there is no variant or no resample.

    Notes
    -----
    Under the hypothesis that no variant is related to the score, every order of the scores is
    equally likely, whatever the variants have in common; so variants that rank alike cost little.
    Step-down: the variants are ordered by |rho|, and each is compared with the largest |rho| among
    itself and the weaker ones. Random permutations count the observed order as one of them.

    References
    ----------
    .. [1] Westfall and Young (1993), Resampling-Based Multiple Testing, algorithm 4.1.
    """
    if standard_Vn.ndim != 2 or target_n.shape != standard_Vn.shape[1:]:
        raise ShapeError(
            f"`standard_Vn` and `target_n` must have shapes (V, n) and (n,); "
            f"they have {standard_Vn.shape} and {target_n.shape}."
        )
    if len(standard_Vn) == 0 or n_resamples < 1:
        raise InputError("maxT needs at least one variant and one resample.")
    orders, method, observed_counts = _orders(len(target_n), n_resamples, rng)
    observed = np.abs(standard_Vn @ target_n)
    null_VP = np.abs(standard_Vn @ target_n[orders].T)
    order = np.argsort(-observed, kind="stable")
    # Row k holds the largest null |rho| among the k-th strongest variant and all weaker ones.
    largest = np.maximum.accumulate(null_VP[order][::-1], axis=0)[::-1]
    reached = (largest >= observed[order][:, None] - _ROUNDING).sum(axis=1)
    alone = (null_VP >= observed[:, None] - _ROUNDING).sum(axis=1)
    total = len(orders) + observed_counts
    adjusted = np.empty(len(observed))
    adjusted[order] = np.maximum.accumulate((reached + observed_counts) / total)
    return MaxTResult(
        correlations=standard_Vn @ target_n,
        pvalues=(alone + observed_counts) / total,
        adjusted=adjusted,
        method=method,
        n_resamples=len(orders),
    )


def _orders(
    n: int, n_resamples: int, rng: np.random.Generator
) -> tuple[NDArray[np.intp], str, int]:
    """Orders of n things, the method's name, and how often the observed order is added to them."""
    if n <= MOST_ENUMERATED:
        orders = np.array(list(permutations(range(n))), dtype=np.intp)
        return orders, f"maxT, all {factorial(n)} orders", 0
    orders = np.argsort(rng.random((n_resamples, n)), axis=1)
    return orders, f"maxT, {n_resamples} random permutations", 1
