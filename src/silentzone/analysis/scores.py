"""Scores, their composite, and what each candidate's answers changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from silentzone.analysis.as_json import JsonObject, estimate_as_json
from silentzone.errors import InputError
from silentzone.stats.estimates import mean_estimate, null_estimate, within
from silentzone.stats.macro import macro_mean_estimate, satterthwaite_df
from silentzone.stats.paired import Decomposition, decompose
from silentzone.stats.proportions import proportion_estimate
from silentzone.stats.results import Estimate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from silentzone.analysis.items import BenchmarkScores

COMPOSITE = "composite"
"""Name of the macro mean where a benchmark's name is asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Whether a benchmark enters the composite."""

    enters: bool
    why_not: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CompositeDifference:
    """Macro mean of the paired differences of one candidate."""

    net: Estimate
    degrees_of_freedom: float
    volume: Estimate
    direction: Estimate
    n_items: int


def composite_entry(scores: BenchmarkScores | None, chance: float | None) -> Entry:
    """Whether the reference does better than guessing, by its one-sided 97.5 % bound.

    Where the score of guessing is not known the benchmark enters.
    """
    if scores is None or len(scores.reference) == 0:
        return Entry(enters=False, why_not="the reference has no score")
    if chance is None:
        return Entry(enters=True, why_not=None)
    estimate = proportion_estimate(scores.reference, scores.clusters)
    if estimate.value is None or estimate.interval is None:
        return Entry(enters=False, why_not="the reference's score has no interval")
    low = estimate.interval[0]
    if low > chance:
        return Entry(enters=True, why_not=None)
    return Entry(
        enters=False,
        why_not=(
            f"the reference is not shown to be above chance: {estimate.value:.3f}, lower bound "
            f"{low:.3f}, chance {chance:.3f}"
        ),
    )


def require_benchmark_name(name: str, where: str) -> None:
    """Check that a benchmark does not carry a name that answers use themselves.

    Raises
    ------
    InputError
        Saying where to rename it.
    """
    if name in {COMPOSITE, "composite_normalised", "composite_rank"} or ":" in name:
        raise InputError(
            f"benchmark `{name}` must not be called `{COMPOSITE}`, nor by another composite's "
            "name, nor hold a colon.",
            hint=f"give it another name in {where}",
        )


def score_estimates(scores: BenchmarkScores, reference: str) -> dict[str, Estimate]:
    """Score of the reference on its items and of each candidate on the items both have."""
    result = {reference: proportion_estimate(scores.reference, scores.clusters)}
    for name in scores.candidates:
        _, own, clusters = scores.pairs(name)
        result[name] = proportion_estimate(own, clusters)
    return result


def decompositions(scores: BenchmarkScores) -> dict[str, Decomposition]:
    """Harm, gain, volume, direction and net of every candidate that has items."""
    result = {}
    for name in scores.candidates:
        reference, own, clusters = scores.pairs(name)
        if len(own):
            result[name] = decompose(reference, own, clusters)
    return result


def composite_difference(
    candidate: str,
    benchmarks: Sequence[BenchmarkScores],
    parts: Mapping[str, Mapping[str, Decomposition]],
) -> CompositeDifference | None:
    """Macro mean of a candidate's differences; null where it lacks a benchmark that enters.

    Parameters
    ----------
    candidate : str
    benchmarks : sequence of BenchmarkScores
        Those that enter the composite.
    parts : mapping of str to mapping of str to Decomposition
        By benchmark, then candidate.
    """
    own = [parts[scores.benchmark].get(candidate) for scores in benchmarks]
    found = [part for part in own if part is not None]
    if not found or len(found) < len(own):
        return None
    net = macro_mean_estimate([part.net for part in found])
    volume = macro_mean_estimate([part.volume for part in found])
    return CompositeDifference(
        net=net,
        degrees_of_freedom=satterthwaite_df([part.net for part in found]),
        volume=within(volume, 0.0, 1.0),
        direction=_composite_direction(candidate, benchmarks, net, volume),
        n_items=sum(part.n_items for part in found),
    )


def _composite_direction(
    candidate: str, benchmarks: Sequence[BenchmarkScores], net: Estimate, volume: Estimate
) -> Estimate:
    """Ratio of macro means, by the delta method inside each benchmark."""
    method = "ratio of macro means (delta method), t with Satterthwaite df"
    if net.value is None or not volume.value:
        return null_estimate(method, "no discordant item", n_observations=net.n_observations)
    value = net.value / volume.value
    residuals = []
    for scores in benchmarks:
        reference, own, clusters = scores.pairs(candidate)
        difference = own - reference
        residuals.append(mean_estimate(difference - value * np.abs(difference), clusters))
    spread = macro_mean_estimate(residuals)
    error, interval = None, None
    if spread.standard_error is not None and spread.interval is not None:
        error = spread.standard_error / volume.value
        half = (spread.interval[1] - spread.interval[0]) / 2.0 / volume.value
        interval = (max(-1.0, value - half), min(1.0, value + half))
    return Estimate(
        value=value,
        standard_error=error,
        interval=interval,
        method=method,
        n_observations=net.n_observations,
        n_clusters=net.n_clusters,
        cautions=spread.cautions,
    )


def score_rows(
    scores: BenchmarkScores, estimates: Mapping[str, Estimate], churn: Mapping[str, Estimate]
) -> list[JsonObject]:
    """Rows of ``scores`` for one benchmark."""
    return [
        {
            "model": name,
            "benchmark": scores.benchmark,
            "score": estimate_as_json(estimate),
            "items": estimate.n_observations,
            "excluded": dict(scores.excluded.get(name, {})),
            "churn_floor": estimate_as_json(churn[name]) if name in churn else None,
        }
        for name, estimate in estimates.items()
    ]


def composite_rows(
    models: Sequence[str], estimates: Sequence[Mapping[str, Estimate]]
) -> list[JsonObject]:
    """Rows of ``scores`` for the macro mean over the benchmarks that enter."""
    rows = []
    for name in models:
        parts = [by_model[name] for by_model in estimates if name in by_model]
        if len(parts) < len(estimates) or not parts:
            mean = null_estimate("macro mean", "not every benchmark that enters has a score")
        else:
            mean = within(macro_mean_estimate(parts), 0.0, 1.0)
        rows.append(
            {
                "model": name,
                "benchmark": COMPOSITE,
                "score": estimate_as_json(mean),
                "items": mean.n_observations,
                "excluded": {},
                "churn_floor": None,
            }
        )
    return rows
