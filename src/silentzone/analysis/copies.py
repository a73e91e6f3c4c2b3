"""Candidates that are one thing under several names, and what keeping them does to a relation."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from silentzone.analysis.relations import relate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from silentzone.analysis.as_json import JsonObject
    from silentzone.analysis.axes import Axis, RankedMetric
    from silentzone.analysis.relations import Relation


def copies_effect(
    groups: Sequence[Sequence[str]],
    what: str,
    metric: RankedMetric,
    axis: Axis,
    relations: Sequence[Relation],
) -> list[JsonObject]:
    """Rho with every copy, as reported, and with one of each group alone.

    Parameters
    ----------
    groups : sequence of sequence of str
        Candidates with the same content; the first of each is kept.
    what : str
        What was found to be the same.
    metric : RankedMetric
    axis : Axis
        Of the score.
    relations : sequence of Relation
        Of this metric with this score, one per zone.
    """
    dropped = {name for group in groups for name in group[1:]}
    effects = []
    for one in relations:
        kept = tuple(name for name in one.zone.members or () if name not in dropped)
        alone = relate(metric, one.score, axis, replace(one.zone, members=kept))
        effects.append(
            {
                "metric": one.metric,
                "corpus": one.corpus,
                "score": one.score,
                "zone": one.zone.name,
                "n": len(one.members),
                "spearman": one.correlation.value,
                "n_without": len(alone.members),
                "spearman_without": alone.correlation.value,
            }
        )
    return [{"models": list(group), "what": what, "effect": effects} for group in groups]
