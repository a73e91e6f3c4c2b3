"""Shapes of a relation between a metric and a score, fitted to a whole cohort.

Array shapes: n candidates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import isotonic_regression

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHAPES = ("isotonic", "linear", "logarithmic")
ORDER = "order"
"""A perfect order; see `perfect_order`."""


def fitted_shape(
    shape: str, losses: NDArray[np.float64], scores: NDArray[np.float64]
) -> NDArray[np.float64] | None:
    """Least-squares fit of a shape, at the candidates' own losses.

    Parameters
    ----------
    shape : {"isotonic", "linear", "logarithmic"}
        Isotonic: never rising with the loss, equal losses pooled. Linear and logarithmic: a
        straight line in the loss or its logarithm, of either slope.
    losses : ndarray of shape (n,)
        The metric, growing when a candidate is worse.
    scores : ndarray of shape (n,)
        Growing when a candidate is better.

    Returns
    -------
    ndarray of shape (n,), or None
        Null where the shape does not exist: a logarithm of a loss that is not positive, or a
        slope through losses that are all equal.

    Examples
    --------
    >>> fitted_shape("isotonic", np.array([1.0, 2.0, 3.0]), np.array([3.0, 1.0, 2.0])).tolist()
    [3.0, 1.5, 1.5]
    """
    if shape == "isotonic":
        return _isotonic(losses, scores)
    if shape == "logarithmic":
        if not (losses > 0.0).all():
            return None
        losses = np.log(losses)
    centred = losses - losses.mean()
    scale = float(centred @ centred)
    if not scale > 0.0:
        return None
    slope = float(centred @ (scores - scores.mean())) / scale
    fitted: NDArray[np.float64] = scores.mean() + slope * centred
    return fitted


def perfect_order(
    losses: NDArray[np.float64], scores: NDArray[np.float64], error_variance: float
) -> NDArray[np.float64]:
    """Give true scores that would follow the losses without fail, as far apart as those measured.

    The measured scores spread by truth and by noise. They are drawn towards their mean until they
    spread by truth alone, and given to the candidates in the order of their losses. Isotonic
    regression would not do: fitted to scores in no order, it is flat and predicts no order.

    Parameters
    ----------
    losses, scores : ndarray of shape (n,)
        Losses grow when a candidate is worse, scores when it is better.
    error_variance : float
        Mean variance of the scores' noise.

    Returns
    -------
    ndarray of shape (n,)

    Examples
    --------
    >>> perfect_order(np.array([3.0, 1.0, 2.0]), np.array([5.0, 6.0, 7.0]), 0.0).tolist()
    [5.0, 7.0, 6.0]
    """
    variance = float(scores.var(ddof=1))
    share = max(0.0, 1.0 - error_variance / variance) if variance > 0.0 else 0.0
    spread = scores.mean() + np.sqrt(share) * (scores - scores.mean())
    placed: NDArray[np.float64] = np.empty_like(scores)
    placed[np.argsort(losses, kind="stable")] = np.sort(spread)[::-1]
    return placed


def _isotonic(losses: NDArray[np.float64], scores: NDArray[np.float64]) -> NDArray[np.float64]:
    levels, codes, counts = np.unique(losses, return_inverse=True, return_counts=True)
    means = np.bincount(codes, weights=scores, minlength=len(levels)) / counts
    fitted = isotonic_regression(means, weights=counts, increasing=False).x
    result: NDArray[np.float64] = fitted[codes]
    return result
