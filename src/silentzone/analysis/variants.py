"""Every measurement variant against a score, judged together.

Does any escape the collapse near the baseline, once all that were tried are counted?
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from silentzone.analysis.as_json import JsonObject, interval_as_json
from silentzone.analysis.fidelity import METRICS, measured_words, metric_words
from silentzone.analysis.relations import axis_values
from silentzone.analysis.seeds import seeded
from silentzone.analysis.zones import FULL
from silentzone.stats.correlation import mean_ranks, spearman
from silentzone.stats.permutation import MaxTResult, maxt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from silentzone.analysis.axes import Axis, RankedMetric
    from silentzone.analysis.zones import Zone

N_PERMUTATIONS = 9_999
_FEWEST = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantFamily:
    """All variants against one score in one zone."""

    rows: tuple[JsonObject, ...]
    summary: JsonObject


def variant_family(
    metrics: Sequence[RankedMetric], score: str, axis: Axis, zone: Zone, seed: int, alpha: float
) -> VariantFamily:
    """Rho of every variant with one score, p-values adjusted over all variants by maxT.

    Parameters
    ----------
    metrics : sequence of RankedMetric
        Metric x corpus x context length.
    score : str
    axis : Axis
        Of the score.
    zone : Zone
        The same for all variants, or the permutations could not be shared.
    seed : int
        Of the study.
    alpha : float
        Adjusted p below which a variant escapes.
    """
    wanted = [name for name in zone.members or () if name in axis.values]
    usable = [one for one in metrics if _ranks_all(one.axis, wanted)]
    rows = [_row(one, score, axis, zone, wanted) for one in metrics]
    if len(wanted) < _FEWEST or not usable or not _ranks_all(axis, wanted):
        why = f"n = {len(wanted)}"
        if zone.members is None:
            why = "; ".join(zone.cautions)
        elif not axis.values and axis.why_empty is not None:
            why = axis.why_empty
        return VariantFamily(rows=tuple(rows), summary=_no_summary(score, zone, len(wanted), why))
    ranks = np.stack([_standard(axis_values(one.axis, wanted)) for one in usable])
    result = maxt(
        ranks,
        _standard(axis_values(axis, wanted)),
        n_resamples=N_PERMUTATIONS,
        rng=seeded(seed, "maxt", score, zone.name),
    )
    places = {id(one): place for place, one in enumerate(usable)}
    for one, row in zip(metrics, rows, strict=True):
        place = places.get(id(one))
        if place is not None:
            row["pvalue_maxt"] = float(result.adjusted[place])
    return VariantFamily(
        rows=tuple(rows), summary=_summary(usable, axis, zone, (score, wanted, result, alpha))
    )


def _row(
    one: RankedMetric, score: str, axis: Axis, zone: Zone, wanted: Sequence[str]
) -> JsonObject:
    members = [name for name in wanted if name in one.axis.values]
    known = METRICS.get(one.metric)
    found = spearman(axis_values(one.axis, members), axis_values(axis, members))
    sign = -1 if one.axis.is_loss != axis.is_loss else 1
    cautions = list(found.cautions)
    if len(members) < len(wanted):
        cautions.append(
            f"{len(wanted) - len(members)} of {len(wanted)} members have no value, so this variant "
            "is not adjusted together with the others"
        )
    return {
        "metric": one.metric,
        "words": metric_words(one.metric),
        "family": known.family if known else "as the table names it",
        "corpus": one.corpus,
        "context_length": one.context_length,
        "score": score,
        "zone": zone.name,
        "n": len(members),
        "spearman": found.value,
        "aligned": None if found.value is None else sign * found.value,
        "interval": interval_as_json(found.interval),
        "pvalue": found.pvalue,
        "pvalue_method": found.pvalue_method,
        "pvalue_maxt": None,
        "cautions": cautions,
    }


def _summary(
    usable: Sequence[RankedMetric],
    axis: Axis,
    zone: Zone,
    judged: tuple[str, Sequence[str], MaxTResult, float],
) -> JsonObject:
    score, wanted, result, alpha = judged
    escaped = [
        (one, result.adjusted[place], _aligned(one.axis, axis, result.correlations[place]))
        for place, one in enumerate(usable)
        if result.adjusted[place] < alpha
        and _aligned(one.axis, axis, result.correlations[place]) > 0.0
    ]
    escaped.sort(key=lambda found: found[1])
    return {
        "score": score,
        "zone": zone.name,
        "n": len(wanted),
        "n_variants": len(usable),
        "n_resamples": result.n_resamples,
        "method": result.method,
        "escape": [{"metric": one.metric, "corpus": one.corpus} for one, _, _ in escaped],
        "sentence": _sentence(usable, axis, zone, (score, len(wanted), result, escaped)),
    }


def _sentence(
    usable: Sequence[RankedMetric],
    axis: Axis,
    zone: Zone,
    judged: tuple[str, int, MaxTResult, list[tuple[RankedMetric, float, float]]],
) -> str:
    score, n, result, escaped = judged
    where = "over the whole cohort" if zone.name == FULL else f"in the {zone.name} zone"
    count = f"{len(usable)} measurement variant{'s' if len(usable) > 1 else ''}"
    aligned = [
        _aligned(one.axis, axis, rho) for one, rho in zip(usable, result.correlations, strict=True)
    ]
    best = int(np.argmax(aligned))
    named = measured_words(usable[best].metric, usable[best].corpus)
    if not escaped:
        return (
            f"None of {count} ranks {score} {where} (n = {n}) once all are counted: the best, "
            f"{named}, has aligned rho {aligned[best]:+.2f} with p = {result.adjusted[best]:.2g} "
            "adjusted for all of them."
        )
    first, pvalue, rho = escaped[0]
    return (
        f"{len(escaped)} of {count} rank{'s' if len(escaped) == 1 else ''} {score} {where} "
        f"(n = {n}) also when all are counted: most clearly "
        f"{measured_words(first.metric, first.corpus)}, aligned rho {rho:+.2f}, "
        f"p = {pvalue:.2g} adjusted for all of them."
    )


def _no_summary(score: str, zone: Zone, n: int, why: str) -> JsonObject:
    return {
        "score": score,
        "zone": zone.name,
        "n": n,
        "n_variants": 0,
        "n_resamples": 0,
        "method": "none",
        "escape": [],
        "sentence": f"Variants were not compared on {score} in the {zone.name} zone: {why}.",
    }


def _aligned(metric: Axis, score: Axis, rho: float) -> float:
    return float(-rho if metric.is_loss != score.is_loss else rho)


def _ranks_all(axis: Axis, names: Sequence[str]) -> bool:
    if len(names) < _FEWEST or any(name not in axis.values for name in names):
        return False
    return float(np.ptp(axis_values(axis, names))) > 0.0


def _standard(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks, centred and scaled to length one."""
    ranks = mean_ranks(values)
    ranks -= ranks.mean()
    result: NDArray[np.float64] = ranks / np.sqrt(ranks @ ranks)
    return result
