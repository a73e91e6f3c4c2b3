"""Cohorts as axes with a known noise, for tests that need no tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from silentzone.analysis.audit import Evidence
from silentzone.analysis.axes import Axis, Noise, RankedMetric
from silentzone.analysis.zones import Outcome, Outcomes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Values = Sequence[float] | NDArray[np.float64] | Mapping[str, float]

N_SPLITS, N_DRAWS = 200, 1000


def names(n: int) -> tuple[str, ...]:
    """Names of candidates whose alphabetical order is their place."""
    return tuple(f"c{k:02d}" for k in range(n))


def axis(
    values: Values,
    *,
    is_loss: bool = False,
    noise: float | None = None,
    seed: int = 1,
    name: str = "the score",
    is_exact: bool = False,
) -> Axis:
    """Axis whose draws and halves have a normal noise of a known size, independent by model.

    ``is_exact``: without noise it is taken to have none, as a table's metric is.
    """
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
        is_taken_as_exact=is_exact,
    )


def metric(
    values: Values,
    *,
    noise: float | None = None,
    key: str = "kld_mean",
    corpus: str = "text",
    seed: int = 2,
    is_loss: bool = True,
) -> RankedMetric:
    """Metric with such an axis; without noise as a table's, taken as exact."""
    own = axis(
        values, is_loss=is_loss, noise=noise, seed=seed, name=f"{key} on {corpus}", is_exact=True
    )
    return RankedMetric(metric=key, corpus=corpus, context_length=512, axis=own)


def outcomes(
    differences: Values,
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


def _by_name(values: Values) -> dict[str, float]:
    if isinstance(values, Mapping):
        return dict(values)
    return {name: float(value) for name, value in zip(names(len(values)), values, strict=True)}


def evidence(
    n: int = 24,
    *,
    directed: bool = True,
    score_noise: float | None = 0.004,
    metric_noise: float | None = 0.003,
    metrics: Sequence[str] = ("kld_mean", "js_mean"),
    corpora: Sequence[str] = ("text",),
    copies: tuple[tuple[str, ...], ...] = (),
    seed: int = 1,
) -> Evidence:
    """Cohort in which volume follows the metric, and quality too or not at all.

    Parameters
    ----------
    n : int
        Candidates.
    directed : bool
        Whether the composite falls with the loss; otherwise it has nothing to do with it.
    score_noise, metric_noise : float or None
        Null where nothing is known of the noise.
    metrics, corpora : sequence of str
        The first metric is the loss itself, every other one blurs it a little more.
    copies : tuple of tuple of str
    seed : int
    """
    rng = np.random.default_rng(seed)
    loss = np.sort(rng.gamma(1.5, 0.05, n)) + 0.001
    quality = -0.5 * loss if directed else 0.06 * rng.normal(size=n)
    volume = 0.4 * loss + 0.01
    single = None if score_noise is None else 1.5 * score_noise
    ratio = None if score_noise is None else 20.0 * score_noise
    scores = {
        "composite": axis(quality, noise=score_noise, seed=11, name="composite"),
        "a": axis(quality + 0.003 * rng.normal(size=n), noise=single, seed=12, name="a"),
        "b": axis(quality + 0.003 * rng.normal(size=n), noise=single, seed=13, name="b"),
        "volume:composite": axis(volume, is_loss=True, noise=score_noise, seed=14),
        "direction:composite": axis(quality / volume, noise=ratio, seed=15),
        "net:composite": axis(quality, noise=score_noise, seed=11),
    }
    measured = []
    for place, (corpus, key) in enumerate((one, key) for one in corpora for key in metrics):
        blurred = loss * np.exp(0.15 * place * rng.normal(size=n))
        measured.append(
            metric(blurred, noise=metric_noise, key=key, corpus=corpus, seed=20 + place)
        )
    return Evidence(
        candidates=names(n),
        metrics=tuple(measured),
        scores=scores,
        outcomes=outcomes(quality, score_noise),
        benchmarks=("a", "b"),
        seed=3,
        copies=copies,
    )
