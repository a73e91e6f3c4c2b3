"""The one definition of what is treated as independent.

Array shapes: n observations, G clusters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from silentzone.errors import ShapeError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, slots=True, eq=False)
class ClusterPartition:
    """Which observations belong together; results do not depend on how clusters are named."""

    codes: NDArray[np.intp]
    """Cluster of each observation, 0 .. n_clusters - 1, of shape (n,)."""
    n_clusters: int
    unit: str
    """What a cluster is, in the singular: ``window``, ``document``, ``item``."""

    @staticmethod
    def of(labels: ArrayLike, *, unit: str) -> ClusterPartition:
        """Partition from one label per observation.

        Parameters
        ----------
        labels : array-like of shape (n,)
            Equal labels are one cluster.
        unit : str
            What a cluster is, for the method text of results.

        Raises
        ------
        ShapeError
            If the labels are not one-dimensional.
        """
        array = np.asarray(labels)
        if array.ndim != 1:
            raise ShapeError(f"`labels` must be one-dimensional, it has shape {array.shape}.")
        names, codes = np.unique(array, return_inverse=True)
        return ClusterPartition(codes.astype(np.intp), len(names), unit)

    @staticmethod
    def singletons(n_observations: int, *, unit: str = "observation") -> ClusterPartition:
        """Partition in which every observation stands alone."""
        return ClusterPartition(np.arange(n_observations, dtype=np.intp), n_observations, unit)

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def has_only_singletons(self) -> bool:
        """Whether every observation is a cluster of its own."""
        return self.n_clusters == len(self.codes)

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Observations per cluster, of shape (G,)."""
        return np.bincount(self.codes, minlength=self.n_clusters).astype(np.int64)

    def sums(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sum of the values of each cluster, of shape (G,)."""
        self.require(values)
        sums = np.bincount(self.codes, weights=values, minlength=self.n_clusters)
        return sums.astype(np.float64)

    def select(self, mask: NDArray[np.bool_]) -> ClusterPartition:
        """Partition of the observations under a mask; clusters left empty disappear."""
        if bool(mask.all()):
            return self
        return ClusterPartition.of(self.codes[mask], unit=self.unit)

    def require(self, values: NDArray[np.float64]) -> None:
        """Refuse values that do not belong to this partition."""
        if values.shape != self.codes.shape:
            raise ShapeError(
                f"`values` must have shape {self.codes.shape} as the clusters do, "
                f"it has shape {values.shape}."
            )
