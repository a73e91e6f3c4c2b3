"""One number per candidate with what is known of its noise: what relations are drawn between.

Array shapes: M models, R splits, B draws.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from silentzone.stats.reliability import (
    Reliability,
    reliability_from_errors,
    split_half_reliability,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

DECIMALS = 12


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Noise:
    """An axis measured again and again: what repeats and what does not.

    Axes of one source (the windows of a corpus, the items of the benchmarks) share their draws, so
    noise that candidates have in common stays in common.
    """

    models: tuple[str, ...]
    """Rows of the arrays."""
    deviations: NDArray[np.float64]
    """Drawn value less the value of the whole sample, of shape (M, B)."""
    halves: tuple[NDArray[np.float64], NDArray[np.float64]] | None
    """Values in two halves of the data, each of shape (M, R)."""
    errors: Mapping[str, float] = field(default_factory=dict)
    """Standard errors by model, where there are no data to halve."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Axis:
    """One number per candidate."""

    name: str
    is_loss: bool
    """Whether it grows when the candidate is worse."""
    values: Mapping[str, float]
    """By candidate; those without a value are not in it."""
    why_empty: str | None = None
    """Why no candidate has a value, where that is one reason for all."""
    noise: Noise | None = None
    why_no_noise: str | None = None
    """What keeps the noise from being known."""
    is_taken_as_exact: bool = False
    """Whether unknown noise counts as none: a table's metric without a stated error."""
    known: dict[tuple[str, ...], Reliability] = field(default_factory=dict, init=False)
    """Reliabilities worked out already, by members."""

    def reliability(self, members: Sequence[str]) -> Reliability:
        """Reliability among the members, by split halves or from stated errors."""
        key = tuple(members)
        if key not in self.known:
            self.known[key] = self._reliability(key)
        return self.known[key]

    def losses(self, members: Sequence[str]) -> NDArray[np.float64]:
        """Values of the members, turned so that they grow when a candidate is worse."""
        values = np.array([self.values[name] for name in members])
        return values if self.is_loss else -values

    def deviations(self, members: Sequence[str], n_draws: int) -> NDArray[np.float64] | None:
        """Drawn deviations of the members, turned like ``losses``; shape (M, B) or null."""
        rows = self.rows(members)
        if rows is None or self.noise is None:
            return None
        drawn = self.noise.deviations[rows, :n_draws]
        return drawn if self.is_loss else -drawn

    def rows(self, members: Sequence[str]) -> list[int] | None:
        """Rows of the members in the noise; null where one is not there."""
        if self.noise is None or any(name not in self.noise.models for name in members):
            return None
        return [self.noise.models.index(name) for name in members]

    def _reliability(self, members: tuple[str, ...]) -> Reliability:
        rows = self.rows(members)
        if rows is None or self.noise is None:
            reason = self.why_no_noise or "it cannot be split into halves"
            return Reliability(value=None, half_correlation=None, n_splits=0, cautions=(reason,))
        if self.noise.halves is None:
            values = np.array([self.values[name] for name in members])
            errors = np.array([self.noise.errors[name] for name in members])
            return reliability_from_errors(values, errors)
        first, second = self.noise.halves
        return split_half_reliability(first[rows], second[rows])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RankedMetric:
    """A fidelity metric that ranks the candidates, and where it was measured."""

    metric: str
    corpus: str
    context_length: int | None
    axis: Axis
