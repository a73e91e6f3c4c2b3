"""How the relation changes with the width of the zone, by every definition."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from silentzone.analysis.as_json import JsonObject, interval_as_json
from silentzone.analysis.expected import expectation, whole_cohort
from silentzone.analysis.relations import relate
from silentzone.analysis.zones import (
    BAND,
    BAND_ERRORS,
    EQUIVALENCE,
    FIDELITY,
    THRESHOLD,
    ZoneRule,
    form_zone,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from silentzone.analysis.axes import Axis, RankedMetric
    from silentzone.analysis.zones import Outcomes

UNITS = {
    EQUIVALENCE: "points",
    BAND: "points",
    BAND_ERRORS: "standard errors",
    FIDELITY: "share",
    THRESHOLD: "nats",
}
_BANDS = (0.005, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1)
_MARGINS = (0.01, 0.015, 0.02, 0.03, 0.05, 0.1)
_ERRORS = (1.0, 2.0, 3.0, 4.0)
_SHARES = (0.25, 0.375, 0.5, 0.625, 0.75, 1.0)


def widths(default: Sequence[ZoneRule]) -> tuple[ZoneRule, ...]:
    """Rules of every width that is tried, the defaults among them, in order of the width."""
    alpha = next((one.alpha for one in default if one.kind == EQUIVALENCE), 0.025)
    tried = [
        *(ZoneRule(kind=EQUIVALENCE, width=width, alpha=alpha) for width in _MARGINS),
        *(ZoneRule(kind=BAND, width=width) for width in _BANDS),
        *(ZoneRule(kind=BAND_ERRORS, width=width) for width in _ERRORS),
        *(ZoneRule(kind=FIDELITY, width=width) for width in _SHARES),
        *(rule for rule in default if rule.kind in UNITS),
    ]
    order = list(UNITS)
    unique = {(order.index(rule.kind), round(rule.width, 9)): rule for rule in tried}
    return tuple(unique[key] for key in sorted(unique))


def sensitivity(
    metric: RankedMetric,
    score: str,
    axes: tuple[Axis, Axis],
    outcomes: Outcomes,
    candidates: Sequence[str],
    default: Sequence[ZoneRule],
) -> list[JsonObject]:
    """Rho by zone width, of one metric against one score.

    Parameters
    ----------
    metric : RankedMetric
    score : str
    axes : tuple of Axis
        Of the score, and of the composite that outcome zones look at.
    outcomes : Outcomes
    candidates : sequence of str
    default : sequence of ZoneRule
        The rules the verdicts are given for.
    """
    axis, composite = axes
    cohort = whole_cohort(metric.axis, axis, composite, outcomes, candidates)
    rows = []
    for rule in widths(default):
        zone = form_zone(rule, metric.axis, outcomes, candidates)
        relation = relate(metric, score, axis, zone)
        expected = None
        if relation.aligned is not None:
            expected = expectation(cohort, rule, relation.aligned)
        medians = [one.median for one in expected.shapes] if expected else []
        points = 100.0 if UNITS[rule.kind] == "points" else 1.0
        rows.append(
            {
                "metric": metric.metric,
                "corpus": metric.corpus,
                "score": score,
                "definition": rule.kind,
                "width": float(np.round(points * rule.width, 9)),
                "unit": UNITS[rule.kind],
                "is_default": rule in default,
                "n": len(relation.members),
                "spearman": relation.correlation.value,
                "aligned": relation.aligned,
                "interval": interval_as_json(relation.correlation.interval),
                "expected": [min(medians), max(medians)] if medians else None,
                "attainable": relation.attainable,
                "cautions": list(relation.cautions),
            }
        )
    return rows
