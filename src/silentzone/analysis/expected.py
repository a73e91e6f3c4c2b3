"""What a zone would show if the relation of the whole cohort held in it.

Array shapes: M models, S simulated cohorts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from silentzone.analysis.zones import FULL, members_in, reaches
from silentzone.stats.correlation import masked_spearman
from silentzone.stats.shapes import ORDER, SHAPES, fitted_shape, perfect_order

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from silentzone.analysis.as_json import JsonObject
    from silentzone.analysis.axes import Axis
    from silentzone.analysis.zones import Outcomes, ZoneRule

N_SIMULATED = 1000
_FEWEST_USABLE = 100
_FEWEST_CANDIDATES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class ShapeExpectation:
    """Aligned rho in a zone under one shape of the whole cohort's relation."""

    shape: str
    median: float
    interval: tuple[float, float]
    """Central 95 % of the simulated cohorts."""
    pvalue: float
    """Probability of a rho as low as the one observed, or lower."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What to expect of a relation in a zone, by every shape that could be fitted."""

    shapes: tuple[ShapeExpectation, ...]
    n_simulations: int
    cautions: tuple[str, ...]

    @property
    def pvalue(self) -> float | None:
        """Largest over shapes: low only if the observed rho is below what each predicts."""
        return max((one.pvalue for one in self.shapes), default=None)

    def as_json(self) -> JsonObject:
        """Give the expectation as ``analysis.json`` holds it."""
        medians = [one.median for one in self.shapes]
        return {
            "low": min(medians, default=None),
            "high": max(medians, default=None),
            "pvalue": self.pvalue,
            "n_simulations": self.n_simulations,
            "shapes": [
                {"shape": one.shape, "median": one.median, "interval": list(one.interval)}
                for one in self.shapes
            ],
            "cautions": list(self.cautions),
        }


NOTHING_EXPECTED = Expectation(shapes=(), n_simulations=0, cautions=())
"""Where there is no rho to compare with."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WholeCohort:
    """What a relation is simulated from: candidates with metric, score and composite."""

    metric: Axis
    score: Axis
    composite: Axis
    outcomes: Outcomes
    candidates: tuple[str, ...]


def whole_cohort(
    metric: Axis, score: Axis, composite: Axis, outcomes: Outcomes, order: Sequence[str]
) -> WholeCohort:
    """Keep the candidates for which a relation can be simulated."""
    candidates = tuple(
        name
        for name in order
        if name in metric.values
        and name in score.values
        and score.rows([name]) is not None
        and (score is composite or name in composite.values)
    )
    return WholeCohort(
        metric=metric, score=score, composite=composite, outcomes=outcomes, candidates=candidates
    )


def expectation(
    cohort: WholeCohort, rule: ZoneRule, observed: float, *, shapes: Sequence[str] = SHAPES
) -> Expectation:
    """Simulate a zone's aligned rho under the relation of the whole cohort.

    Parameters
    ----------
    cohort : WholeCohort
    rule : ZoneRule
        Applied again to every simulated cohort.
    observed : float
        Aligned rho in the zone.
    shapes : sequence of str
        Of ``SHAPES``, or ``ORDER``.

    Returns
    -------
    Expectation
        Without shapes, and a caution, where nothing can be simulated.

    Notes
    -----
    A shape is fitted to score against loss over the whole cohort. In each simulated cohort the
    true scores lie on the shape and the true losses are those measured; to both is added the noise
    of one joint draw of windows and items, and the zone is formed again from what came out.
    """
    names = list(cohort.candidates)
    cautions = []
    if len(names) < _FEWEST_CANDIDATES:
        reason = f"{len(names)} candidates with a known noise: no shape is fitted"
        return Expectation(shapes=(), n_simulations=0, cautions=(reason,))
    score_noise = cohort.score.deviations(names, N_SIMULATED)
    if score_noise is None:
        reason = cohort.score.why_no_noise or "the noise of the score is not known"
        return Expectation(shapes=(), n_simulations=0, cautions=(reason,))
    metric_noise = cohort.metric.deviations(names, N_SIMULATED)
    if metric_noise is None and not cohort.metric.is_taken_as_exact:
        reason = cohort.metric.why_no_noise or "the noise of the metric is not known for all"
        return Expectation(shapes=(), n_simulations=0, cautions=(reason,))
    if metric_noise is None:
        cautions.append(f"the noise of {cohort.metric.name} is not known and taken as none")
        metric_noise = np.zeros_like(score_noise)
    losses = cohort.metric.losses(names)
    n_draws = min(score_noise.shape[1], metric_noise.shape[1])
    drawn = losses[:, None] + metric_noise[:, :n_draws]
    found = []
    for shape in shapes:
        simulated = _simulated(cohort, rule, shape, drawn, score_noise[:, :n_draws])
        if simulated is None:
            cautions.append(f"no {shape} shape: a loss is not positive, or all are equal")
        elif len(simulated) < _FEWEST_USABLE:
            cautions.append(f"{shape}: too few simulated cohorts have three different members")
        else:
            found.append(_summary(shape, simulated, observed))
    return Expectation(shapes=tuple(found), n_simulations=n_draws, cautions=tuple(cautions))


def _simulated(
    cohort: WholeCohort,
    rule: ZoneRule,
    shape: str,
    drawn: NDArray[np.float64],
    score_noise: NDArray[np.float64],
) -> NDArray[np.float64] | None:
    """Aligned rho of every simulated cohort in which it exists."""
    names = list(cohort.candidates)
    goodness = _true_scores(cohort.metric, cohort.score, names, shape)
    if goodness is None:
        return None
    scores = goodness[:, None] - score_noise  # noise of a loss is turned to that of a score
    members = None
    if rule.kind != FULL:
        differences = scores
        if rule.needs_outcome and cohort.score is not cohort.composite:
            differences = _composite(cohort, shape, names, scores.shape[1])
        members = members_in(rule, drawn, differences, reaches(rule, cohort.outcomes, names))
    rho = -masked_spearman(drawn, scores, members)
    return rho[np.isfinite(rho)]


def _true_scores(
    metric: Axis, score: Axis, names: Sequence[str], shape: str
) -> NDArray[np.float64] | None:
    """Scores on a shape of the whole cohort's relation, growing when a candidate is better."""
    losses, scores = metric.losses(names), -score.losses(names)
    if shape != ORDER:
        return fitted_shape(shape, losses, scores)
    noise = score.deviations(names, N_SIMULATED)
    assert noise is not None, "a score without noise is not simulated"
    return perfect_order(losses, scores, float(noise.var(axis=1).mean()))


def _composite(
    cohort: WholeCohort, shape: str, names: Sequence[str], n_draws: int
) -> NDArray[np.float64]:
    """Composite differences on the shape of their own, with the noise of the same draws."""
    composite = cohort.composite
    noise = composite.deviations(names, n_draws)
    if noise is None:
        return np.repeat(-composite.losses(names)[:, None], n_draws, axis=1)
    fitted = _true_scores(cohort.metric, composite, names, shape)
    assert fitted is not None, "the same losses had this shape for the score"
    return fitted[:, None] - noise


def _summary(shape: str, simulated: NDArray[np.float64], observed: float) -> ShapeExpectation:
    low, median, high = np.quantile(simulated, (0.025, 0.5, 0.975))
    reached = int((simulated <= observed + 1e-9).sum())
    return ShapeExpectation(
        shape=shape,
        median=float(median),
        interval=(float(low), float(high)),
        pvalue=(reached + 1) / (len(simulated) + 1),
    )
