"""Every pair of models at once: paired differences of a mean over benchmarks, with their errors.

A difference of two candidates is the difference of their differences to the reference, item by
item, so one matrix product gives all pairs. Shape letters: M models, n items, G clusters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from silentzone.errors import InputError, ShapeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from silentzone.stats.clusters import ClusterPartition

_ROUNDING = 1e-13
"""Error of a difference of scores in [0, 1] that is no spread but rounding."""


@dataclass(frozen=True, slots=True, eq=False)
class ItemDifferences:
    """Scores of M models on one benchmark, less the reference's, item by item."""

    values_Mn: NDArray[np.float64]
    """NaN where a model has no score on an item."""
    clusters: ClusterPartition
    """Of the n items."""

    def __post_init__(self) -> None:
        """Refuse clusters of another number of items."""
        if self.values_Mn.ndim != 2 or self.values_Mn.shape[1] != len(self.clusters):
            raise ShapeError(
                f"`values_Mn` must have one column for each of the {len(self.clusters)} items, "
                f"it has shape {self.values_Mn.shape}."
            )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PairwiseDifferences:
    """Row less column, for all pairs; NaN where it is not known."""

    values_MM: NDArray[np.float64]
    errors_MM: NDArray[np.float64]
    degrees_of_freedom_MM: NDArray[np.float64]
    n_items_MM: NDArray[np.int64]
    n_clusters_MM: NDArray[np.int64]


def pairwise_differences(benchmarks: Sequence[ItemDifferences]) -> PairwiseDifferences:
    """Unweighted mean over benchmarks of the paired difference of every two models.

    Parameters
    ----------
    benchmarks : sequence of ItemDifferences
        Of the same M models; benchmarks are independent of each other.

    Returns
    -------
    PairwiseDifferences
        The same numbers as `paired_difference` on the items both models have and
        `macro_mean_estimate` over benchmarks: CR1 by cluster, for 0/1 scores not below Bonett and
        Price's error. Unknown where a benchmark has no item of both or fewer than two clusters.

    Raises
    ------
    InputError
        If there is no benchmark.
    ShapeError
        If the number of models differs.
    """
    if not benchmarks:
        raise InputError("`benchmarks` must not be empty.")
    n_models = len(benchmarks[0].values_Mn)
    if any(len(one.values_Mn) != n_models for one in benchmarks):
        raise ShapeError("`benchmarks` must all have the same models.")
    parts = [_on_benchmark(one) for one in benchmarks]
    variances = np.stack([part.errors_MM**2 for part in parts])
    freedom = np.stack([part.degrees_of_freedom_MM for part in parts])
    total = variances.sum(axis=0)
    return PairwiseDifferences(
        values_MM=np.mean([part.values_MM for part in parts], axis=0),
        errors_MM=np.sqrt(total) / len(parts),
        degrees_of_freedom_MM=np.maximum(1.0, total**2 / (variances**2 / freedom).sum(axis=0)),
        n_items_MM=np.sum([part.n_items_MM for part in parts], axis=0),
        n_clusters_MM=np.sum([part.n_clusters_MM for part in parts], axis=0),
    )


def _on_benchmark(benchmark: ItemDifferences) -> PairwiseDifferences:
    """All pairs on one benchmark, block by block of models that lack the same items."""
    values, clusters = benchmark.values_Mn, benchmark.clusters
    is_there = ~np.isnan(values)
    is_binary = bool(np.isin(values[is_there], (-1.0, 0.0, 1.0)).all())
    patterns, pattern_of = np.unique(is_there, axis=0, return_inverse=True)
    members = [np.flatnonzero(pattern_of.reshape(-1) == k) for k in range(len(patterns))]
    shape = (len(values), len(values))
    result = PairwiseDifferences(
        values_MM=np.full(shape, np.nan),
        errors_MM=np.full(shape, np.nan),
        degrees_of_freedom_MM=np.full(shape, np.nan),
        n_items_MM=np.zeros(shape, dtype=np.int64),
        n_clusters_MM=np.zeros(shape, dtype=np.int64),
    )
    for first, rows in enumerate(members):
        for second in range(first, len(members)):
            mask = patterns[first] & patterns[second]
            _fill(result, (rows, members[second]), (values, mask), clusters, is_binary=is_binary)
    return result


def _fill(
    result: PairwiseDifferences,
    models: tuple[NDArray[np.intp], NDArray[np.intp]],
    data: tuple[NDArray[np.float64], NDArray[np.bool_]],
    clusters: ClusterPartition,
    *,
    is_binary: bool,
) -> None:
    """Write the block of rows by columns, and its mirror image, from the items all of them have."""
    (rows, columns), (values, mask) = models, data
    n = int(mask.sum())
    if n == 0:
        return
    codes = clusters.codes[mask]
    n_clusters = int(np.count_nonzero(np.bincount(codes, minlength=clusters.n_clusters)))
    blocks = [values[np.ix_(chosen, np.flatnonzero(mask))] for chosen in (rows, columns)]
    means = [block.mean(axis=1) for block in blocks]
    net = means[0][:, None] - means[1][None, :]
    variance = np.full_like(net, np.nan)
    if n_clusters >= 2:
        sums = [
            _cluster_sums(block - mean[:, None], codes, n_clusters)
            for block, mean in zip(blocks, means, strict=True)
        ]
        variance = _squared_distances(*sums) * n_clusters / (n_clusters - 1) / n**2
        if is_binary:
            discordant = _squared_distances(*blocks)
            adjusted = (discordant + 2.0) / (n + 2) - (net * n / (n + 2)) ** 2
            variance = np.maximum(variance, adjusted / (n + 2))
    errors = np.sqrt(variance)
    errors = np.where(errors > _ROUNDING, errors, np.nan)
    for index, sign in ((np.ix_(rows, columns), 1.0), (np.ix_(columns, rows), -1.0)):
        is_mirror = sign < 0.0
        result.values_MM[index] = -net.T if is_mirror else net
        result.errors_MM[index] = errors.T if is_mirror else errors
        result.degrees_of_freedom_MM[index] = max(1, n_clusters - 1)
        result.n_items_MM[index] = n
        result.n_clusters_MM[index] = n_clusters


def _cluster_sums(
    values_Kn: NDArray[np.float64], codes: NDArray[np.intp], n_clusters: int
) -> NDArray[np.float64]:
    """Give the sums per cluster; where every item stands alone, the values themselves."""
    if n_clusters == values_Kn.shape[1]:
        return values_Kn
    width = int(codes.max()) + 1
    return np.stack([np.bincount(codes, weights=row, minlength=width) for row in values_Kn])


def _squared_distances(
    first_Kn: NDArray[np.float64], second_Ln: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Sum of squared differences of each row to each row; what is left of rounding is zero."""
    squares = (first_Kn**2).sum(axis=1)[:, None] + (second_Ln**2).sum(axis=1)[None, :]
    distances = squares - 2.0 * (first_Kn @ second_Ln.T)
    return np.where(distances > 1e-12 * squares, distances, 0.0)
