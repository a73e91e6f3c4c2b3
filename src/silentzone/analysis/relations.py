"""What a fidelity metric says about a score, over the cohort and near the reference."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from silentzone.analysis.as_json import JsonObject, interval_as_json
from silentzone.analysis.axes import DECIMALS
from silentzone.stats.correlation import (
    kendall,
    masked_spearman,
    minimum_detectable,
    null_correlation,
    permutation_pvalues,
    spearman,
)
from silentzone.stats.multiplicity import holm
from silentzone.stats.reliability import attainable_correlation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from silentzone.analysis.axes import Axis, RankedMetric
    from silentzone.analysis.expected import Expectation
    from silentzone.analysis.zones import Zone
    from silentzone.stats.results import Correlation

N_NOISE_DRAWS = 500
FEWEST_FOR_NOISE = 4
ERROR_METHOD = "spread over joint draws of windows and items, candidates held"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseOfRho:
    """How far rho moves when windows and items are drawn again, the candidates held."""

    standard_error: float
    interval: tuple[float, float]
    method: str
    is_measured: bool
    """Whether items were drawn again; errors that a table states only bound the noise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disattenuated:
    """Rho as it would be without noise on either axis; may lie beyond one."""

    value: float
    interval: tuple[float, float] | None
    method: str
    cautions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """One metric against one score in one zone."""

    metric: str
    corpus: str
    score: str
    zone: Zone
    members: tuple[str, ...]
    correlation: Correlation
    kendall: Correlation
    sign: int
    """What turns the raw coefficient into the aligned one, where positive ranks well."""
    attainable: float | None
    cautions: tuple[str, ...]
    noise: NoiseOfRho | None = None
    pvalue_permutation: float | None = None
    pvalue_holm: float | None = None
    expected: Expectation | None = None
    disattenuated: Disattenuated | None = None

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

    @property
    def least_again(self) -> float | None:
        """Aligned rho that the same candidates may fall to on other windows and items.

        Null where that was not measured.
        """
        if self.noise is None or not self.noise.is_measured:
            return None
        return min(self.sign * bound for bound in self.noise.interval)

    def as_json(self) -> JsonObject:
        """Relation as ``analysis.json`` holds it; intervals belong to the raw rho."""
        noise, clean = self.noise, self.disattenuated
        return {
            "metric": self.metric,
            "corpus": self.corpus,
            "score": self.score,
            "zone": self.zone.name,
            "definition": self.zone.definition,
            "n": len(self.members),
            "members": list(self.members),
            "spearman": self.correlation.value,
            "aligned": self.aligned,
            "pvalue": self.correlation.pvalue,
            "pvalue_method": self.correlation.pvalue_method,
            "pvalue_permutation": self.pvalue_permutation,
            "pvalue_holm": self.pvalue_holm,
            "interval": interval_as_json(self.correlation.interval),
            "interval_method": self.correlation.interval_method,
            "kendall": self.kendall.value,
            "kendall_pvalue": self.kendall.pvalue,
            "kendall_pvalue_method": self.kendall.pvalue_method,
            "minimum_detectable": None
            if self.correlation.value is None
            else minimum_detectable(len(self.members)),
            "measurement": noise
            and {
                "standard_error": noise.standard_error,
                "interval": interval_as_json(noise.interval),
                "method": noise.method,
            },
            "attainable": self.attainable,
            "disattenuated": clean
            and {
                "value": clean.value,
                "interval": interval_as_json(clean.interval),
                "method": clean.method,
                "cautions": list(clean.cautions),
            },
            "expected": self.expected and self.expected.as_json(),
            "cautions": list(self.cautions),
        }


def relate(metric: RankedMetric, score: str, axis: Axis, zone: Zone) -> Relation:
    """Rank correlation of a metric and a score among the members of a zone that have both."""
    x_axis = metric.axis
    sign = -1 if x_axis.is_loss != axis.is_loss else 1
    why = _why_none(x_axis, axis, zone)
    if why is not None:
        return _null_relation(metric, score, zone, sign, why)
    wanted = zone.members or ()
    members = tuple(name for name in wanted if name in x_axis.values and name in axis.values)
    left_out = len(wanted) - len(members)
    cautions = []
    if left_out:
        cautions.append(f"{left_out} of {len(wanted)} members have no value and are left out")
    x, y = axis_values(x_axis, members), axis_values(axis, members)
    correlation = spearman(x, y)
    attainable = None
    if correlation.value is not None:
        reliabilities = x_axis.reliability(members), axis.reliability(members)
        if x_axis.noise is None and x_axis.is_taken_as_exact and axis.noise is not None:
            # What has no stated error is taken as exact: then only the score blurs the order.
            attainable = None if reliabilities[1].value is None else reliabilities[1].value ** 0.5
        else:
            attainable = attainable_correlation(*reliabilities)
        for own, found in zip((x_axis, axis), reliabilities, strict=True):
            cautions += [f"{own.name}: {text}" for text in found.cautions]
    return Relation(
        metric=metric.metric,
        corpus=metric.corpus,
        score=score,
        zone=zone,
        members=members,
        correlation=correlation,
        kendall=kendall(x, y),
        sign=sign,
        attainable=attainable,
        cautions=_unique(*correlation.cautions, *cautions, *zone.cautions),
    )


def axis_values(axis: Axis, members: Sequence[str]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Values of the members, equal ones equal to the last bit."""
    # Equal values reach the same float by different sums; rounding keeps their tie.
    values = np.array([axis.values[name] for name in members], dtype=np.float64)
    scale = float(np.abs(values).max(initial=0.0))
    return values if scale == 0.0 else np.round(values / scale, DECIMALS) * scale


def noise_of_rho(
    metric: Axis, score: Axis, members: Sequence[str], rho: float
) -> NoiseOfRho | None:
    """Spread of rho over joint draws of windows and items; null where no noise is known.

    The interval holds what the same candidates would show on average, measured again and again on
    other windows and items. It spans both 1.96 standard deviations of the draws around rho on
    Fisher's scale and the central 95 % of the draws: the draws carry the noise twice, so they lie
    lower than rho where rho is high, and a rho that came out high by luck looks too certain.
    """
    if len(members) < FEWEST_FOR_NOISE or abs(rho) >= 1.0:
        return None
    score_noise = score.deviations(members, N_NOISE_DRAWS)
    if score_noise is None:
        return None
    metric_noise = metric.deviations(members, N_NOISE_DRAWS)
    if metric_noise is None:
        if not metric.is_taken_as_exact:
            return None
        metric_noise = np.zeros_like(score_noise)
    sign = -1.0 if metric.is_loss != score.is_loss else 1.0
    drawn = sign * masked_spearman(
        metric.losses(members)[:, None] + metric_noise,
        np.round(score.losses(members)[:, None] + score_noise, DECIMALS),
        None,
    )
    drawn = drawn[np.isfinite(drawn)]
    if len(drawn) < N_NOISE_DRAWS // 2:
        return None
    spread = float(np.std(np.arctanh(np.clip(drawn, -0.999, 0.999)), ddof=1))
    centre = float(np.arctanh(rho))
    low, high = np.quantile(drawn, (0.025, 0.975))
    return NoiseOfRho(
        standard_error=float(np.std(drawn, ddof=1)),
        interval=(
            float(min(low, np.tanh(centre - 1.96 * spread))),
            float(max(high, np.tanh(centre + 1.96 * spread))),
        ),
        method=ERROR_METHOD,
        is_measured=score.noise is not None and score.noise.halves is not None,
    )


def with_permutation_pvalues(
    relations: Sequence[Relation], metric: Axis, scores: Mapping[str, Axis]
) -> list[Relation]:
    """Add p-values by permutation, relations of the same members worked out together."""
    groups: dict[tuple[str, ...], list[int]] = {}
    for place, one in enumerate(relations):
        if one.correlation.value is not None:
            groups.setdefault(one.members, []).append(place)
    result = list(relations)
    for members, places in groups.items():
        columns = [axis_values(scores[relations[place].score], members) for place in places]
        pvalues, _ = permutation_pvalues(axis_values(metric, members), np.stack(columns, axis=1))
        for place, pvalue in zip(places, pvalues, strict=True):
            result[place] = replace(result[place], pvalue_permutation=float(pvalue))
    return result


def with_holm(relations: Sequence[Relation], benchmarks: Sequence[str]) -> list[Relation]:
    """Add p-values adjusted over the benchmarks, for each metric, corpus and zone."""
    groups: dict[tuple[str, str, str], list[int]] = {}
    for place, one in enumerate(relations):
        if one.score in benchmarks and one.correlation.pvalue is not None:
            groups.setdefault((one.metric, one.corpus, one.zone.name), []).append(place)
    result = list(relations)
    for places in groups.values():
        pvalues = [relations[place].correlation.pvalue or 0.0 for place in places]
        for place, adjusted in zip(places, holm(pvalues), strict=True):
            result[place] = replace(result[place], pvalue_holm=adjusted)
    return result


def _why_none(metric: Axis, score: Axis, zone: Zone) -> str | None:
    if zone.members is None:
        return "; ".join(zone.cautions)
    for axis in (score, metric):
        if not axis.values and axis.why_empty is not None:
            return axis.why_empty
    return None


def _null_relation(metric: RankedMetric, score: str, zone: Zone, sign: int, why: str) -> Relation:
    nothing = null_correlation(0, why)
    return Relation(
        metric=metric.metric,
        corpus=metric.corpus,
        score=score,
        zone=zone,
        members=(),
        correlation=nothing,
        kendall=nothing,
        sign=sign,
        attainable=None,
        cautions=_unique(why, *zone.cautions),
    )


def _unique(*cautions: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(cautions))
