"""What a statistic returns. Unknown is ``None`` with a caution, never 0 and never NaN."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A number with its uncertainty and the way it was made."""

    value: float | None
    standard_error: float | None
    interval: tuple[float, float] | None
    """Two-sided, at ``confidence``."""
    method: str
    n_observations: int
    n_clusters: int | None
    confidence: float = 0.95
    cautions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TestResult:
    """A test with the method that made its p-value."""

    __test__ = False  # not a test class for pytest

    statistic: float | None
    pvalue: float | None
    alternative: str
    method: str
    n_observations: int
    cautions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Correlation:
    """A rank correlation with test and interval."""

    value: float | None
    pvalue: float | None
    pvalue_method: str
    interval: tuple[float, float] | None
    interval_method: str
    n_observations: int
    cautions: tuple[str, ...] = ()
