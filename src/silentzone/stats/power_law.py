"""A straight line on log scales, and what it predicts with an interval.

Array shapes: n points.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from silentzone.errors import InputError, ShapeError
from silentzone.stats.estimates import critical_t
from silentzone.stats.results import Estimate

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEWEST_POINTS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerLaw:
    """Fitted log(y) = intercept + slope log(x) with normal scatter about it."""

    slope: float
    intercept: float
    residual_deviation: float
    """Of log(y), with n - 2 degrees of freedom."""
    n_points: int
    mean_log_x: float
    spread_log_x: float
    """Sum of squared deviations of log(x)."""
    lowest_x: float
    highest_x: float


def fit_power_law(x: NDArray[np.float64], y: NDArray[np.float64]) -> PowerLaw | str:
    """Least squares on log scales; a reason in words where there is nothing to fit.

    Parameters
    ----------
    x, y : ndarray of shape (n,)
        Points at which one of the two is not positive are left out.

    Returns
    -------
    PowerLaw or str

    Raises
    ------
    ShapeError
        If the arrays differ in shape.
    """
    if x.shape != y.shape or x.ndim != 1:
        raise ShapeError(
            f"`x` and `y` must be of one length, they have shapes {x.shape}, {y.shape}."
        )
    usable = np.isfinite(x) & np.isfinite(y) & (x > 0.0) & (y > 0.0)
    n = int(usable.sum())
    if n < FEWEST_POINTS:
        return f"{n} candidates have both values above zero, fewer than {FEWEST_POINTS}"
    log_x, log_y = np.log(x[usable]), np.log(y[usable])
    centred = log_x - log_x.mean()
    spread = float(centred @ centred)
    if spread <= 1e-12 * n:
        return "all candidates have the same value, so no line can be drawn"
    slope = float(centred @ log_y) / spread
    residuals = log_y - log_y.mean() - slope * centred
    return PowerLaw(
        slope=slope,
        intercept=float(log_y.mean() - slope * log_x.mean()),
        residual_deviation=math.sqrt(float(residuals @ residuals) / (n - 2)),
        n_points=n,
        mean_log_x=float(log_x.mean()),
        spread_log_x=spread,
        lowest_x=float(x[usable].min()),
        highest_x=float(x[usable].max()),
    )


def predict(law: PowerLaw, x: float, *, confidence: float = 0.95) -> Estimate:
    """Median of y at x, with the interval for one new point.

    Parameters
    ----------
    law : PowerLaw
    x : float
        Positive.
    confidence : float

    Returns
    -------
    Estimate
        The standard error is null: the scatter belongs to log(y). A caution says where x lies
        beyond the points fitted.

    Raises
    ------
    InputError
        If x is not positive.

    References
    ----------
    .. [1] Draper and Smith (1998), Applied Regression Analysis, 3rd ed., section 3.1.

    Examples
    --------
    >>> law = fit_power_law(
    ...     np.array([1.0, 2.0, 4.0, 8.0, 16.0]), np.array([1.1, 1.9, 4.0, 8.2, 16])
    ... )
    >>> round(predict(law, 10.0).value, 2)
    9.99
    """
    if not x > 0.0:
        raise InputError(f"`x` must be positive, it is {x}.")
    log_x = math.log(x)
    centre = law.intercept + law.slope * log_x
    lever = 1.0 + 1.0 / law.n_points + (log_x - law.mean_log_x) ** 2 / law.spread_log_x
    half = critical_t(confidence, law.n_points - 2) * law.residual_deviation * math.sqrt(lever)
    is_inside = law.lowest_x <= x <= law.highest_x
    span = f"{law.lowest_x:.3g} to {law.highest_x:.3g}"
    return Estimate(
        value=math.exp(centre),
        standard_error=None,
        interval=(math.exp(centre - half), math.exp(centre + half)),
        method=f"line on log scales through {law.n_points} points, t prediction interval for one",
        n_observations=law.n_points,
        n_clusters=None,
        confidence=confidence,
        cautions=() if is_inside else (f"{x:.3g} lies beyond the points fitted ({span})",),
    )
