"""Resampled cluster weights: halves of the data and bootstrap draws, both as matrix products.

Every replicate of a mean is ``weights @ cluster sums / weights @ cluster sizes``, so all models
and all columns share the same resamples: their joint noise is kept.

Array shapes: G clusters, B resamples, K columns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from silentzone.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

_ROWS_AT_ONCE = 128
_EXACT_IN_SINGLE = 2.0**24


def bootstrap_counts(
    n_clusters: int, n_resamples: int, *, rng: np.random.Generator
) -> Iterator[NDArray[np.float64]]:
    """How often each cluster is drawn in each bootstrap resample, some resamples at a time.

    Parameters
    ----------
    n_clusters : int
        Clusters drawn from, and number of draws per resample.
    n_resamples : int
    rng : numpy.random.Generator

    Yields
    ------
    ndarray of shape (b, G), float64
        Whole numbers; every row sums to G. The rows of all blocks together are the resamples.

    Raises
    ------
    InputError
        If there is no cluster or no resample.

    References
    ----------
    .. [1] Efron and Tibshirani (1993), An Introduction to the Bootstrap, chapter 6.
    """
    if n_clusters < 1 or n_resamples < 1:
        raise InputError(
            f"`n_clusters` and `n_resamples` must be at least 1; "
            f"they are {n_clusters} and {n_resamples}."
        )
    for start in range(0, n_resamples, _ROWS_AT_ONCE):
        counts = np.empty((min(_ROWS_AT_ONCE, n_resamples - start), n_clusters))
        for row in counts:  # one row stays in the processor's cache: four times as fast as a block
            row[:] = np.bincount(rng.integers(0, n_clusters, n_clusters), minlength=n_clusters)
        yield counts


def bootstrap_sums(
    columns_GK: NDArray[np.float64], n_resamples: int, *, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Add up cluster columns over every bootstrap resample of the clusters.

    Parameters
    ----------
    columns_GK : ndarray of shape (G, K)
        One row per cluster: sums of whatever is to be averaged, and the cluster's size.
    n_resamples : int
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of shape (B, K), float64

    Examples
    --------
    >>> sums = bootstrap_sums(np.ones((5, 1)), 3, rng=np.random.default_rng(0))
    >>> sums.ravel().tolist()
    [5.0, 5.0, 5.0]
    """
    blocks = bootstrap_counts(len(columns_GK), n_resamples, rng=rng)
    # Sums of whole numbers this small are exact in single precision, at half the work.
    is_whole = bool((columns_GK == np.rint(columns_GK)).all())
    largest = len(columns_GK) * float(np.abs(columns_GK).max(initial=0.0))
    if not is_whole or largest >= _EXACT_IN_SINGLE:
        return np.concatenate([counts @ columns_GK for counts in blocks])
    columns = columns_GK.astype(np.float32)
    sums = [counts.astype(np.float32) @ columns for counts in blocks]
    return np.concatenate(sums).astype(np.float64)
