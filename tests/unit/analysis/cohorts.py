"""Cohorts as axes with a known noise, for tests that need no tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from silentzone.analysis.axes import Axis, Noise, RankedMetric
from silentzone.analysis.zones import Outcome, Outcomes

if TYPE_CHECKING:
    from collections.abc import Sequence

N_SPLITS, N_DRAWS = 200, 1000


def names(n: int) -> tuple[str, ...]:
    """Names of candidates whose alphabetical order is their place."""
    return tuple(f"c{k:02d}" for k in range(n))


def axis(
    values: Sequence[float] | Mapping[str, float],
    *,
    is_loss: bool = False,
    noise: float | None = None,
    seed: int = 1,
    name: str = "the score",
) -> Axis:
    """Axis whose draws and halves have a normal noise of a known size, independent by model."""
    by_name = _by_name(values)
    found = None
    if noise is not None:
        rng = np.random.default_rng(seed)
        truth = np.array(list(by_name.values()))[:, None]
        # Half of the data has twice the variance of the whole.
        half = np.sqrt(2.0) * noise
        first, second = (truth + half * rng.normal(size=(len(by_name), N_SPLITS)) for _ in range(2))
        found = Noise(
            models=tuple(by_name),
            deviations=noise * rng.normal(size=(len(by_name), N_DRAWS)),
            halves=(first, second),
        )
    return Axis(
        name=name,
        is_loss=is_loss,
        values=by_name,
        noise=found,
        why_no_noise=None if found else "nothing is known of its noise",
    )


def metric(
    values: Sequence[float] | Mapping[str, float],
    *,
    noise: float | None = None,
    key: str = "kld_mean",
    corpus: str = "text",
    seed: int = 2,
    is_loss: bool = True,
) -> RankedMetric:
    """Metric with such an axis."""
    own = axis(values, is_loss=is_loss, noise=noise, seed=seed, name=f"{key} on {corpus}")
    return RankedMetric(metric=key, corpus=corpus, context_length=512, axis=own)


def outcomes(
    differences: Sequence[float] | Mapping[str, float],
    error: float | None = 0.004,
    degrees_of_freedom: float = 500.0,
) -> Outcomes:
    """Composite differences of equal precision."""
    return Outcomes(
        by_model={
            name: Outcome(
                difference=value, standard_error=error, degrees_of_freedom=degrees_of_freedom
            )
            for name, value in _by_name(differences).items()
        }
    )


def _by_name(values: Sequence[float] | Mapping[str, float]) -> dict[str, float]:
    if isinstance(values, Mapping):
        return dict(values)
    return {name: float(value) for name, value in zip(names(len(values)), values, strict=True)}
