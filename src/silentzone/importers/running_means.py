"""Window means from the running means a tool prints, and how far the printing lets them be known.

A running mean m over windows of equal length gives the mean of windows a + 1 .. b as
(b m_b - a m_a) / (b - a). Rounded to the last digit printed, u above or below, it is off by at most
u (a + b) / (b - a): late windows, and small values, drown in it.

Array shapes: w windows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from silentzone.stats.clusters import ClusterPartition
from silentzone.stats.estimates import clustered_standard_error

if TYPE_CHECKING:
    from numpy.typing import NDArray

LARGEST_SHARE: Final = 0.25
"""Of the spread between windows that rounding may make up; the variance is then 6 % too large."""
FEWEST_WINDOWS: Final = 5
"""Below this number nothing is said of the spread between windows."""
_FEWEST_BLOCKS: Final = 10
"""Windows are pooled only as long as so many blocks are left."""


@dataclass(frozen=True, slots=True, eq=False)
class RunningMeans:
    """A running mean after each window, and half the unit of its last printed digit."""

    values: NDArray[np.float64]
    """Of shape (w,); finite."""
    half_units: NDArray[np.float64]
    """Of shape (w,), or what they amount to after a transformation."""

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True, slots=True)
class WindowSpread:
    """What the windows say of the error of a mean."""

    standard_error: float
    method: str


def window_means(running: RunningMeans, size: int = 1) -> NDArray[np.float64]:
    """Means of blocks of ``size`` consecutive windows; what is left at the end joins the last.

    Examples
    --------
    >>> rounded = RunningMeans(np.array([1.0, 1.5, 2.0]), np.full(3, 0.05))
    >>> window_means(rounded)
    array([1., 2., 3.])
    """
    ends = _ends(len(running), size)
    totals = np.concatenate(([0.0], running.values[ends - 1] * ends))
    return np.diff(totals) / np.diff(np.concatenate(([0], ends)))


def rounding(running: RunningMeans, size: int = 1) -> NDArray[np.float64]:
    """Largest error of each of :func:`window_means` that rounding can cause."""
    ends = _ends(len(running), size)
    errors = np.concatenate(([0.0], running.half_units[ends - 1] * ends))
    return (errors[1:] + errors[:-1]) / np.diff(np.concatenate(([0], ends)))


def are_resolved(running: RunningMeans, size: int = 1) -> bool:
    """Whether rounding is small beside the spread of the block means."""
    means, errors = window_means(running, size), rounding(running, size)
    if len(means) < 2:
        return False
    # Spread evenly over the last digit at either end of a block, the error has a root mean square
    # of its largest value divided by the root of six.
    typical = float(np.sqrt(np.mean(np.square(errors)) / 6.0))
    return typical <= LARGEST_SHARE * float(means.std(ddof=1))


def spread(running: RunningMeans) -> WindowSpread | None:
    """Give the standard error of the last mean, clustered by window.

    Windows are pooled in blocks of 2, 4, 8 ... where the printing does not resolve single ones.

    Returns
    -------
    WindowSpread or None
        Null with fewer than five windows, or where no block is resolved.
    """
    count, size = len(running), 1
    if count < FEWEST_WINDOWS:
        return None
    while not are_resolved(running, size):
        size *= 2
        if count // size < _FEWEST_BLOCKS:
            return None
    ends = _ends(count, size)
    lengths = np.diff(np.concatenate(([0], ends)))
    # One observation per window: each has the mean of its block.
    codes = np.repeat(np.arange(len(ends)), lengths)
    values = np.repeat(window_means(running, size), lengths)
    error, _ = clustered_standard_error(
        values - values.mean(),
        ClusterPartition.of(codes, unit="window"),
        scale=float(np.abs(values).max(initial=1.0)),
    )
    if error is None:
        return None
    pooled = "" if size == 1 else f"blocks of {size} consecutive windows, of "
    return WindowSpread(error, f"clustered by {pooled}{count} windows (CR1), from running means")


def _ends(count: int, size: int) -> NDArray[np.int64]:
    """Last window of each block, counted from 1."""
    ends = np.arange(size, count + 1, size, dtype=np.int64)
    ends[-1] = count
    return ends
