"""The audit: what each fidelity metric says about each score, everywhere it is asked.

Works on axes alone, so that a study folder, a cohort table and a simulated cohort are judged by
the same code.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from silentzone.analysis.copies import copies_effect
from silentzone.analysis.expected import (
    NOTHING_EXPECTED,
    WholeCohort,
    expectation,
    whole_cohort,
)
from silentzone.analysis.fidelity import metric_words
from silentzone.analysis.metric_axes import HEADLINE_METRICS
from silentzone.analysis.relations import (
    Disattenuated,
    Relation,
    axis_values,
    noise_of_rho,
    relate,
    with_holm,
    with_permutation_pvalues,
)
from silentzone.analysis.scores import COMPOSITE
from silentzone.analysis.seeds import seeded
from silentzone.analysis.sensitivity import sensitivity
from silentzone.analysis.variants import variant_family
from silentzone.analysis.verdicts import SILENT, verdict, verdict_word
from silentzone.analysis.volume_direction import PARTS, volume_direction
from silentzone.analysis.zones import (
    BAND,
    BAND_ERRORS,
    EQUIVALENCE,
    FIDELITY,
    FULL,
    THRESHOLD,
    Outcomes,
    Zone,
    ZoneRule,
    form_zone,
)
from silentzone.records.config import AuditEntry
from silentzone.stats.disattenuation import (
    METHOD,
    HalvedAxis,
    disattenuated,
    disattenuated_interval,
)
from silentzone.stats.shapes import ORDER, SHAPES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from silentzone.analysis.as_json import JsonObject
    from silentzone.analysis.axes import Axis, RankedMetric

JUDGED_SCORES = (COMPOSITE, *(f"{part}:{COMPOSITE}" for part in PARTS))
N_RESAMPLES = 1000
_MOST_JUDGED = 12
_RELATIONS_SHARE = 0.75
"""Part of an audit's time that the relations themselves take; measured on the demonstration."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evidence:
    """A cohort as axes: all that the audit looks at."""

    candidates: tuple[str, ...]
    metrics: tuple[RankedMetric, ...]
    scores: Mapping[str, Axis]
    """By name; the composite's is there even if it is empty."""
    outcomes: Outcomes
    benchmarks: tuple[str, ...]
    seed: int
    copies: tuple[tuple[str, ...], ...] = ()
    what_is_copied: str = "the same file content"

    @property
    def has_scores(self) -> bool:
        """Whether there is anything a metric could be held against."""
        return bool(self.benchmarks)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRule:
    """Zones and verdict, and the margin of the equivalence zone."""

    margin: float
    alpha: float
    entry: AuditEntry = field(default_factory=AuditEntry)

    def zones(self) -> tuple[ZoneRule, ...]:
        """Rules of the zones that verdicts are given for, the whole cohort first."""
        entry = self.entry
        band = ZoneRule(kind=BAND, width=entry.band)
        if entry.band_standard_errors is not None:
            band = ZoneRule(kind=BAND_ERRORS, width=entry.band_standard_errors)
        fidelity = ZoneRule(kind=FIDELITY, width=entry.fidelity_share)
        if entry.fidelity_threshold is not None:
            fidelity = ZoneRule(kind=THRESHOLD, width=entry.fidelity_threshold)
        equivalence = ZoneRule(kind=EQUIVALENCE, width=self.margin, alpha=self.alpha)
        return (ZoneRule(kind=FULL), equivalence, band, fidelity)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Audit:
    """Every relation with its verdicts, as records; `as_json` gives the sections."""

    relations: tuple[Relation, ...]
    judged: tuple[Relation, ...]
    """Those with an expectation, for which verdicts are given."""
    sections: Mapping[str, list[JsonObject]]

    def as_json(self) -> dict[str, list[JsonObject]]:
        """Sections of ``analysis.json`` by their names."""
        return {"relations": [one.as_json() for one in self.relations], **self.sections}


def headline(metrics: Sequence[RankedMetric]) -> RankedMetric | None:
    """Metric that the report speaks of: mean KLD where it was measured, on the first corpus."""
    return next((one for one in metrics if one.metric == HEADLINE_METRICS[0]), None) or next(
        iter(metrics), None
    )


def no_listener(share: float) -> None:
    """Tell nobody how much is done."""


def audit(
    evidence: Evidence, rule: AuditRule, *, on_share: Callable[[float], None] = no_listener
) -> Audit:
    """Judge every metric of a cohort.

    Parameters
    ----------
    evidence : Evidence
    rule : AuditRule
    on_share : callable, optional
        Told how much of the work is done, as a share of 1.

    Returns
    -------
    Audit
        Without relations where there is no metric or no score.
    """
    judged_metrics = _judged_metrics(evidence.metrics)
    relations: list[Relation] = []
    for number, metric in enumerate(evidence.metrics):
        on_share(_RELATIONS_SHARE * number / len(evidence.metrics))
        found = _relations(evidence, rule, metric)
        if metric in judged_metrics:
            found = _refined(evidence, rule, metric, found)
        relations += with_permutation_pvalues(found, metric.axis, evidence.scores)
    relations = with_holm(relations, evidence.benchmarks)
    judged = tuple(one for one in relations if one.expected is not None)
    first = headline(evidence.metrics)
    on_share(_RELATIONS_SHARE)
    return Audit(
        relations=tuple(relations),
        judged=judged,
        sections={
            "verdicts": [verdict(one, rule.entry) for one in judged],
            **_variants(evidence, rule),
            "sensitivity": _sensitivity(evidence, rule),
            "volume_direction": _volume_direction(evidence, rule, judged),
            "copies": [] if first is None else _copies(evidence, first, relations),
        },
    )


def _judged_metrics(metrics: Sequence[RankedMetric]) -> list[RankedMetric]:
    """Metrics that get verdicts: the best known ones, or else the first of the table."""
    known = [one for one in metrics if one.metric in HEADLINE_METRICS]
    return known or list(metrics[:_MOST_JUDGED])


def _relations(evidence: Evidence, rule: AuditRule, metric: RankedMetric) -> list[Relation]:
    zones = [_zone(evidence, one, metric) for one in rule.zones()]
    return [
        relate(metric, score, axis, zone)
        for score, axis in evidence.scores.items()
        for zone in zones
    ]


def _zone(evidence: Evidence, rule: ZoneRule, metric: RankedMetric) -> Zone:
    first = headline(evidence.metrics)
    if rule.kind == THRESHOLD and first is not None and metric.metric != first.metric:
        why = f"the largest loss is given for {metric_words(first.metric)}, not for this metric"
        words = rule.words(metric.axis.name)
        return Zone(rule=rule, definition=words, members=None, cautions=(why,))
    return form_zone(rule, metric.axis, evidence.outcomes, evidence.candidates)


def _refined(
    evidence: Evidence, rule: AuditRule, metric: RankedMetric, relations: Sequence[Relation]
) -> list[Relation]:
    """Add noise, expectation and, for the headline metric, the disattenuated rho."""
    first = headline(evidence.metrics)
    scores = {*JUDGED_SCORES, *(evidence.benchmarks if metric is first else ())}
    silent: set[str] = set()
    result = []
    for one in relations:  # of each score the whole cohort comes first
        if one.score not in scores:
            result.append(one)
            continue
        axis = evidence.scores[one.score]
        cohort = whole_cohort(
            metric.axis, axis, evidence.scores[COMPOSITE], evidence.outcomes, evidence.candidates
        )
        refined = _judgeable(one, cohort, metric.axis, is_silent_in_full=one.score in silent)
        if metric is first and one.score in JUDGED_SCORES:
            refined = replace(refined, disattenuated=_disattenuated(evidence, metric, axis, one))
        if one.zone.name == FULL and verdict_word(refined, rule.entry) == SILENT:
            silent.add(one.score)
        result.append(refined)
    return result


def _judgeable(
    relation: Relation, cohort: WholeCohort, metric: Axis, *, is_silent_in_full: bool
) -> Relation:
    """Add what a verdict needs.

    In the whole cohort, and near the reference where the whole cohort shows nothing either, the
    relation is held against a perfect order blurred by the measured noise: range restriction
    explains nothing there. Elsewhere it is held against every shape of the whole cohort's relation.
    """
    aligned, value = relation.aligned, relation.correlation.value
    if aligned is None or value is None:
        return replace(relation, expected=NOTHING_EXPECTED)
    is_alone = relation.zone.name == FULL or is_silent_in_full
    shapes = (ORDER,) if is_alone else SHAPES
    return replace(
        relation,
        noise=noise_of_rho(metric, cohort.score, relation.members, value),
        expected=expectation(cohort, relation.zone.rule, aligned, shapes=shapes),
    )


def _disattenuated(
    evidence: Evidence, metric: RankedMetric, axis: Axis, relation: Relation
) -> Disattenuated | None:
    rho, attainable = relation.correlation.value, relation.attainable
    if rho is None or attainable is None:
        return None
    members = relation.members
    interval, cautions = disattenuated_interval(
        _halved(metric.axis, members),
        _halved(axis, members),
        n_resamples=N_RESAMPLES,
        rng=seeded(evidence.seed, "disattenuated", metric.corpus, relation.score),
    )
    return Disattenuated(
        value=disattenuated(rho, attainable), interval=interval, method=METHOD, cautions=cautions
    )


def _halved(axis: Axis, members: Sequence[str]) -> HalvedAxis:
    rows, noise = axis.rows(members), axis.noise
    halves, errors = None, None
    if rows is not None and noise is not None:
        if noise.halves is not None:
            halves = (noise.halves[0][rows], noise.halves[1][rows])
        elif noise.errors:
            errors = np.array([noise.errors[name] for name in members])
    return HalvedAxis(values=axis_values(axis, members), halves=halves, errors=errors)


def _common_zones(evidence: Evidence, rule: AuditRule) -> list[Zone]:
    """Zones that all variants share: those that rank by a metric rank by the headline's."""
    first = headline(evidence.metrics)
    if first is None:
        return []
    return [
        form_zone(one, first.axis, evidence.outcomes, evidence.candidates) for one in rule.zones()
    ]


def _variants(evidence: Evidence, rule: AuditRule) -> dict[str, list[JsonObject]]:
    families = [
        variant_family(
            evidence.metrics,
            score,
            evidence.scores[score],
            zone,
            evidence.seed,
            rule.entry.alpha,
        )
        for score in JUDGED_SCORES
        if score in evidence.scores
        for zone in _common_zones(evidence, rule)
    ]
    return {
        "variants": [row for one in families for row in one.rows],
        "variant_summaries": [one.summary for one in families],
    }


def _sensitivity(evidence: Evidence, rule: AuditRule) -> list[JsonObject]:
    """By zone width: the headline metric on every corpus it was measured on."""
    first = headline(evidence.metrics)
    composite = evidence.scores[COMPOSITE]
    if first is None or not composite.values:
        return []
    return [
        row
        for metric in evidence.metrics
        if metric.metric == first.metric
        for row in sensitivity(
            metric,
            COMPOSITE,
            (composite, composite),
            evidence.outcomes,
            evidence.candidates,
            rule.zones(),
        )
    ]


def _volume_direction(
    evidence: Evidence, rule: AuditRule, judged: Sequence[Relation]
) -> list[JsonObject]:
    first = headline(evidence.metrics)
    by_zone: dict[tuple[str, str], dict[str, Relation]] = {}
    for one in judged:
        part, _, benchmark = one.score.partition(":")
        if first is not None and one.metric == first.metric and benchmark == COMPOSITE:
            by_zone.setdefault((one.corpus, one.zone.name), {})[part] = one
    found = (volume_direction(parts, COMPOSITE, rule.entry) for parts in by_zone.values())
    return [one for one in found if one is not None]


def _copies(
    evidence: Evidence, first: RankedMetric, relations: Sequence[Relation]
) -> list[JsonObject]:
    if not evidence.copies:
        return []
    own = [
        one
        for one in relations
        if one.metric == first.metric and one.corpus == first.corpus and one.score == COMPOSITE
    ]
    axis = evidence.scores[COMPOSITE]
    return copies_effect(evidence.copies, evidence.what_is_copied, first, axis, own)
