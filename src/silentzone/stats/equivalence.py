"""Equivalence and non-inferiority of paired differences."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scipy import stats as distributions

from silentzone.errors import InputError

if TYPE_CHECKING:
    from silentzone.stats.results import Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class EquivalenceResult:
    """Two one-sided tests; the margin travels with the verdict."""

    difference: Estimate
    margin: float
    alpha: float
    pvalue_lower: float | None
    """Of the claim that the difference lies above -margin."""
    pvalue_upper: float | None
    """Of the claim that the difference lies below +margin."""
    is_equivalent: bool | None
    """Null where the standard error is unknown."""


def equivalence_test(
    difference: Estimate,
    margin: float,
    *,
    alpha: float = 0.05,
    degrees_of_freedom: float | None = None,
) -> EquivalenceResult:
    """Two one-sided t tests that a difference lies inside (-margin, +margin).

    Parameters
    ----------
    difference : Estimate
        Candidate - reference.
    margin : float
        Positive, in the units of the difference.
    alpha : float
        Of each one-sided test.
    degrees_of_freedom : float, optional
        Default is the number of clusters less one.

    Raises
    ------
    InputError
        If the margin is not positive.
    """
    if not margin > 0.0:
        raise InputError(f"`margin` must be positive, it is {margin}.")
    lower = upper = None
    if difference.value is not None and difference.standard_error:
        df = _degrees_of_freedom(difference, degrees_of_freedom)
        error = difference.standard_error
        lower = float(distributions.t.sf((difference.value + margin) / error, df))
        upper = float(distributions.t.cdf((difference.value - margin) / error, df))
    return EquivalenceResult(
        difference=difference,
        margin=margin,
        alpha=alpha,
        pvalue_lower=lower,
        pvalue_upper=upper,
        is_equivalent=None if lower is None or upper is None else max(lower, upper) < alpha,
    )


def lower_bound(
    difference: Estimate, *, alpha: float, degrees_of_freedom: float | None = None
) -> float | None:
    """One-sided lower confidence bound at 1 - alpha; non-inferior where it exceeds -margin.

    Null where the standard error is unknown.
    """
    if difference.value is None or not difference.standard_error:
        return None
    df = _degrees_of_freedom(difference, degrees_of_freedom)
    return difference.value - float(distributions.t.isf(alpha, df)) * difference.standard_error


def upper_bound(
    difference: Estimate, *, alpha: float, degrees_of_freedom: float | None = None
) -> float | None:
    """One-sided upper confidence bound at 1 - alpha; null where the error is unknown."""
    if difference.value is None or not difference.standard_error:
        return None
    df = _degrees_of_freedom(difference, degrees_of_freedom)
    return difference.value + float(distributions.t.isf(alpha, df)) * difference.standard_error


def default_degrees_of_freedom(difference: Estimate) -> float:
    """Clusters less one, at least 1.

    Where nobody spoke of clusters the observations take their place; where not even their number is
    known, the error was given from outside and is taken as exact.
    """
    if difference.n_clusters is not None:
        return float(max(difference.n_clusters - 1, 1))
    return float(max(difference.n_observations - 1, 1)) if difference.n_observations else math.inf


def _degrees_of_freedom(difference: Estimate, given: float | None) -> float:
    return given if given is not None else default_degrees_of_freedom(difference)
