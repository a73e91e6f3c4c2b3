"""What tells, item by item, where a candidate will fail although the reference passed.

Array shapes: N observations, one per candidate and item the reference passed; K features.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import rankdata

from silentzone.analysis.as_json import JsonObject, estimate_as_json
from silentzone.analysis.prompt_data import ALL, PASS_MARK
from silentzone.analysis.prompt_gain import Gain, added_value, has_logarithm
from silentzone.analysis.seeds import seeded
from silentzone.stats.classification import Outcomes, auroc_estimate, log_ratio_estimate
from silentzone.stats.clusters import ClusterPartition
from silentzone.stats.proportions import proportion_estimate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from silentzone.analysis.prompt_data import PromptData
    from silentzone.stats.results import Estimate

DIVERGENCE, CONFIDENCE, MARGIN = "divergence", "reference_confidence", "reference_margin"
BOTH = "confidence_and_divergence"
WORDS = {
    DIVERGENCE: "KLD along the item's own tokens (higher: failure expected)",
    CONFIDENCE: "the reference's confidence in its answer (lower: failure expected)",
    MARGIN: "the reference's margin, gold answer before the best other (lower: failure expected)",
    BOTH: "probability of failure from confidence and KLD together, fitted on the other items",
}
ZERO_RULE = (
    "a KLD of 0 (or below, by rounding) and an infinite one have no logarithm: left out of the "
    "ratio and the regression and counted; in the AUROC they keep their place in the order"
)
POPULATION = "items the reference passed"
MOST_BINS, FEWEST_PER_BIN = 10, 10


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Observations:
    """Candidates' answers to the items the reference passed."""

    outcomes: Outcomes
    """Strata are candidates."""
    items: NDArray[np.intp]
    """Number of the item, of shape (N,)."""
    predictors: Mapping[str, NDArray[np.float64]]
    """Of shape (N,), in the sense of their names; NaN where missing."""

    def of_stratum(self, stratum: int) -> _Observations:
        """Give the observations of one candidate."""
        mask = self.outcomes.strata == stratum
        own = self.outcomes.select(mask)
        return _Observations(
            outcomes=Outcomes.of(own.is_failed, own.clusters),
            items=self.items[mask],
            predictors={name: values[mask] for name, values in self.predictors.items()},
        )


def prompt_rows(data: Sequence[PromptData], *, seed: int) -> list[JsonObject]:
    """Section ``prompts`` of ``analysis.json``: per benchmark one row per candidate and one of all.

    Parameters
    ----------
    data : sequence of PromptData
        Benchmarks without divergence, confidence and margin give no row.
    seed : int
        Of the study, for the halves of items the joint predictor is fitted on.
    """
    return [row for own in data for row in _benchmark_rows(own, seed)]


def _benchmark_rows(data: PromptData, seed: int) -> Iterator[JsonObject]:
    observations = _observations(data)
    if not observations.predictors or not len(observations.outcomes):
        return
    for name in (ALL, *data.models):
        own = observations
        if name != ALL:
            own = observations.of_stratum(data.models.index(name))
        if len(own.outcomes):
            rng = seeded(seed, "prompts", data.benchmark, name)
            yield _row(data.benchmark, name, own, rng)


def _observations(data: PromptData) -> _Observations:
    usable = ~np.isnan(data.scores) & data.reference_passed
    rows, items = np.nonzero(usable)
    every = Outcomes(
        is_failed=data.scores[usable] < PASS_MARK,
        strata=rows,
        clusters=ClusterPartition(
            data.clusters.codes[items], data.clusters.n_clusters, data.clusters.unit
        ),
    )
    found = {
        DIVERGENCE: None if data.divergence is None else data.divergence[usable],
        CONFIDENCE: None if data.reference_confidence is None else data.reference_confidence[items],
        MARGIN: None if data.reference_margin is None else data.reference_margin[items],
    }
    return _Observations(
        outcomes=every.select(np.ones(len(rows), dtype=np.bool_)),
        items=items,
        predictors={
            name: values
            for name, values in found.items()
            if values is not None and not np.isnan(values).all()
        },
    )


def _row(benchmark: str, model: str, own: _Observations, rng: np.random.Generator) -> JsonObject:
    outcomes, n_failed = own.outcomes, int(own.outcomes.is_failed.sum())
    aurocs = {name: _auroc(name, values, outcomes) for name, values in own.predictors.items()}
    curves = {name: calibration(v, outcomes) for name, v in own.predictors.items()}
    if model == ALL and DIVERGENCE in own.predictors:
        ranks = ranks_within(own.predictors[DIVERGENCE], outcomes.strata)
        curves[DIVERGENCE] = calibration(ranks, outcomes)
    gain, ratio, n_zero = None, None, 0
    if DIVERGENCE in own.predictors:
        divergence = own.predictors[DIVERGENCE]
        ratio, n_zero = _ratio(divergence, outcomes)
        if CONFIDENCE in own.predictors:
            gain = added_value(own.predictors[CONFIDENCE], divergence, outcomes, rng=rng)
            aurocs[BOTH] = gain.auroc
            curves[BOTH] = calibration(gain.probability, outcomes)
    return {
        "benchmark": benchmark,
        "model": model,
        "n_items": len(np.unique(own.items)),
        "n_failed": n_failed,
        "n_passed": len(outcomes) - n_failed,
        "population": POPULATION,
        "predictors": [
            {
                "predictor": name,
                "words": WORDS[name],
                "auroc": estimate_as_json(aurocs[name]),
                "calibration": curves[name],
                "calibration_by": "rank within each candidate"
                if model == ALL and name == DIVERGENCE
                else "value",
            }
            for name in aurocs
        ],
        "geometric_mean_ratio": None if ratio is None else estimate_as_json(ratio),
        "zero_rule": ZERO_RULE,
        "n_zero": n_zero,
        "added": None if gain is None else _added(gain),
        "cautions": _cautions(own, model),
        "sentence": _sentence(benchmark, model, outcomes, (aurocs, ratio, gain)),
    }


def _auroc(name: str, values: NDArray[np.float64], outcomes: Outcomes) -> Estimate:
    known = ~np.isnan(values)
    sign = 1.0 if name == DIVERGENCE else -1.0
    return auroc_estimate(sign * values[known], outcomes.select(known))


def _ratio(divergence: NDArray[np.float64], outcomes: Outcomes) -> tuple[Estimate, int]:
    """Failed over passed, and how many observations have no logarithm."""
    usable = has_logarithm(divergence)
    n_zero = int((~np.isnan(divergence)).sum() - usable.sum())
    return log_ratio_estimate(divergence[usable], outcomes.select(usable)), n_zero


def ranks_within(values: NDArray[np.float64], strata: NDArray[np.intp]) -> NDArray[np.float64]:
    """Share of a candidate's own answers with a lower value, in (0, 1); NaN where missing.

    A weak candidate has more divergence and more failures on every item: pooled by value, its
    answers would fill the upper bins, and the curve would rise without saying which item fails.
    """
    result = np.full(len(values), np.nan)
    for stratum in np.unique(strata):
        own = np.flatnonzero((strata == stratum) & ~np.isnan(values))
        if len(own):
            result[own] = (rankdata(values[own]) - 0.5) / len(own)
    return result


def calibration(values: NDArray[np.float64], outcomes: Outcomes) -> list[JsonObject]:
    """Failed share in bins of equal counts of a predictor, from its lowest values upward.

    At most ten bins, of ten observations or more; equal values are never divided. ``low`` and
    ``high`` are the smallest and the largest value in a bin.
    """
    known = np.flatnonzero(~np.isnan(values))
    n_bins = min(MOST_BINS, len(known) // FEWEST_PER_BIN)
    if n_bins == 0:
        return []
    order = known[np.argsort(values[known], kind="stable")]
    ordered = values[order]
    wanted = np.arange(1, n_bins) * len(order) // n_bins
    # A cut goes to the nearer end of its run of equal values, so that the run stays whole.
    begin, end = (np.searchsorted(ordered, ordered[wanted], side=s) for s in ("left", "right"))
    cuts = np.unique(np.where(wanted - begin <= end - wanted, begin, end))
    result = []
    for members in np.split(order, cuts[(cuts > 0) & (cuts < len(order))]):
        own = outcomes.select(members)
        share = proportion_estimate(own.is_failed.astype(np.float64), own.clusters)
        result.append(
            {
                "low": _number(values[members[0]]),
                "high": _number(values[members[-1]]),
                "n": len(members),
                "failed_share": estimate_as_json(share),
            }
        )
    return result


def _number(value: float) -> float | None:
    """Plain float; null where infinite, which JSON does not have."""
    return float(value) if np.isfinite(value) else None


def _added(gain: Gain) -> JsonObject:
    return {
        "auroc_gain": estimate_as_json(gain.auroc_gain),
        "coefficient": estimate_as_json(gain.coefficient),
        "pvalue": gain.pvalue,
        "pvalue_method": gain.pvalue_method,
    }


def _cautions(own: _Observations, model: str) -> list[str]:
    found = []
    outcomes = own.outcomes
    n_strata = len(np.unique(outcomes.strata))
    n_usable = len(np.unique(outcomes.strata[outcomes.comparable()]))
    if model == ALL and n_usable < n_strata:
        found.append(
            f"{n_strata - n_usable} of {n_strata} candidates failed none or all of these items: "
            "nothing to compare in them"
        )
    for name, values in own.predictors.items():
        missing = int(np.isnan(values).sum())
        if missing:
            words = name.replace("_", " ")
            found.append(f"{missing} of {len(values)} answers have no {words}: left out of it")
    return found


def _sentence(
    benchmark: str,
    model: str,
    outcomes: Outcomes,
    results: tuple[Mapping[str, Estimate], Estimate | None, Gain | None],
) -> str:
    aurocs, ratio, gain = results
    who = "the candidates" if model == ALL else model
    n_failed = int(outcomes.is_failed.sum())
    parts = [
        f"On {benchmark}, {who} failed {n_failed} of {len(outcomes)} answers to items the "
        "reference passed"
    ]
    if ratio is not None and ratio.value is not None:
        parts.append(
            f"the failed ones have {ratio.value:.2f} times the KLD of the others{_range(ratio)}"
        )
    names = {
        DIVERGENCE: "KLD",
        CONFIDENCE: "the reference's confidence",
        MARGIN: "the reference's margin",
    }
    parts += [
        f"{names[name]} tells them apart with AUROC {aurocs[name].value:.2f}{_range(aurocs[name])}"
        for name in names
        if name in aurocs and aurocs[name].value is not None
    ]
    if all(estimate.value is None for estimate in aurocs.values()):
        why = next((text for e in aurocs.values() for text in e.cautions), "no predictor")
        parts.append(f"nothing can be said about what tells them apart ({why})")
    if gain is not None:
        parts.append(_gain_words(gain.auroc_gain))
    return "; ".join(part for part in parts if part) + "."


def _gain_words(gain: Estimate) -> str:
    if gain.value is None or gain.interval is None:
        return ""
    numbers = f"AUROC {gain.value:+.3f}, {gain.interval[0]:+.3f} to {gain.interval[1]:+.3f}"
    if gain.interval[0] > 0.0:
        return f"KLD adds to the confidence ({numbers})"
    return f"KLD is not shown to add to the confidence ({numbers})"


def _range(estimate: Estimate) -> str:
    if estimate.interval is None:
        return ""
    return f" ({estimate.interval[0]:.2f} to {estimate.interval[1]:.2f})"
