"""What a fidelity metric says about a score, over the cohort and near the reference."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from silentzone.analysis.as_json import JsonObject, interval_as_json
from silentzone.analysis.axes import DECIMALS
from silentzone.analysis.zones import ZONES, Zone, fidelity_zone
from silentzone.stats.correlation import (
    kendall_tau,
    minimum_detectable,
    null_correlation,
    spearman,
)
from silentzone.stats.reliability import attainable_correlation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from silentzone.analysis.axes import Axis
    from silentzone.stats.results import Correlation

NOT_SIMULATED = "the relation to expect in this zone is not simulated yet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """One metric against one score in one zone."""

    metric: str
    corpus: str
    score: str
    zone: str
    definition: str
    members: tuple[str, ...]
    correlation: Correlation
    kendall: float | None
    sign: int
    """What turns the raw coefficient into the aligned one, where positive ranks well."""
    attainable: float | None
    cautions: tuple[str, ...]

    @property
    def aligned(self) -> float | None:
        """Spearman's rho, positive where the metric ranks well."""
        value = self.correlation.value
        return None if value is None else self.sign * value

    @property
    def aligned_interval(self) -> tuple[float, float] | None:
        """Interval of the aligned rho."""
        if self.correlation.interval is None:
            return None
        low, high = (self.sign * bound for bound in self.correlation.interval)
        return (low, high) if low <= high else (high, low)

    def as_json(self) -> JsonObject:
        """Relation as ``analysis.json`` holds it; the interval belongs to the raw rho."""
        return {
            "metric": self.metric,
            "corpus": self.corpus,
            "score": self.score,
            "zone": self.zone,
            "definition": self.definition,
            "n": len(self.members),
            "members": list(self.members),
            "spearman": self.correlation.value,
            "aligned": self.aligned,
            "kendall": self.kendall,
            "pvalue": self.correlation.pvalue,
            "pvalue_method": self.correlation.pvalue_method,
            "interval": interval_as_json(self.correlation.interval),
            "interval_method": self.correlation.interval_method,
            "minimum_detectable": None
            if self.correlation.value is None
            else minimum_detectable(len(self.members)),
            "expected": None,
            "attainable": self.attainable,
            "cautions": list(self.cautions),
        }


def relations_of_corpus(
    corpus: str,
    metrics: Mapping[str, Axis],
    scores: Mapping[str, Axis],
    zones: Mapping[str, Zone],
    order: Sequence[str],
) -> list[Relation]:
    """Every metric of a corpus against every score in every zone.

    Parameters
    ----------
    corpus : str
    metrics, scores : mapping of str to Axis
    zones : mapping of str to Zone
        Those that do not depend on the metric; the fidelity zone is formed here.
    order : sequence of str
        Candidates in the order in which members are listed.
    """
    result = []
    for metric, metric_axis in metrics.items():
        own_zones = {**zones, "fidelity": fidelity_zone(metric_axis)}
        for score, score_axis in scores.items():
            for name in ZONES:
                relation = relate(metric_axis, score_axis, own_zones[name], order)
                result.append(_named(relation, corpus, metric, score))
    return result


def relate(metric: Axis, score: Axis, zone: Zone, order: Sequence[str]) -> Relation:
    """Rank correlation of two axes among the members of a zone that have both values."""
    sign = -1 if metric.is_loss != score.is_loss else 1
    if zone.members is None and zone.name != "full":
        return _relation(metric, score, zone, (), null_correlation(0, *zone.cautions), sign)
    for axis in (score, metric):
        if not axis.values and axis.why_empty is not None:
            return _relation(metric, score, zone, (), null_correlation(0, axis.why_empty), sign)
    wanted = [name for name in order if zone.members is None or name in zone.members]
    members = tuple(name for name in wanted if name in metric.values and name in score.values)
    left_out = len(wanted) - len(members)
    if left_out:
        text = f"{left_out} of {len(wanted)} members have no value and are left out"
        zone = replace(zone, cautions=(text, *zone.cautions))
    # Equal scores reach the same float by different sums; rounding keeps their tie.
    x = np.round([metric.values[name] for name in members], DECIMALS + 3)
    y = np.round([score.values[name] for name in members], DECIMALS)
    correlation = spearman(x, y)
    tau = kendall_tau(x, y) if correlation.value is not None else None
    return _relation(metric, score, zone, members, correlation, sign, tau)


def _relation(
    metric: Axis,
    score: Axis,
    zone: Zone,
    members: tuple[str, ...],
    correlation: Correlation,
    sign: int,
    tau: float | None = None,
) -> Relation:
    cautions = [*correlation.cautions]
    attainable = None
    if correlation.value is not None:
        reliabilities = metric.reliability(members), score.reliability(members)
        attainable = attainable_correlation(*reliabilities)
        for axis, found in zip((metric, score), reliabilities, strict=True):
            cautions += [f"{axis.name}: {text}" for text in found.cautions]
    cautions += [text for text in zone.cautions if text not in cautions]
    cautions.append(NOT_SIMULATED)
    return Relation(
        metric=metric.name,
        corpus="",
        score=score.name,
        zone=zone.name,
        definition=zone.definition,
        members=members,
        correlation=correlation,
        kendall=tau,
        sign=sign,
        attainable=attainable,
        cautions=tuple(cautions),
    )


def _named(relation: Relation, corpus: str, metric: str, score: str) -> Relation:
    return Relation(
        metric=metric,
        corpus=corpus,
        score=score,
        zone=relation.zone,
        definition=relation.definition,
        members=relation.members,
        correlation=relation.correlation,
        kendall=relation.kendall,
        sign=relation.sign,
        attainable=relation.attainable,
        cautions=relation.cautions,
    )
