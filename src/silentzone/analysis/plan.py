"""How many items would settle a candidate, before a benchmark is run and after.

Where no benchmark was put to a candidate, its volume is predicted from its mean KLD, and the items
with it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from statistics import median
from typing import TYPE_CHECKING

from silentzone.analysis.as_json import JsonObject, estimate_as_json
from silentzone.analysis.claims import claim_of
from silentzone.analysis.outlook import growth_of, points, shown_worse
from silentzone.analysis.volume_relation import VolumeRelation, relation_of
from silentzone.stats.planning import (
    POWER,
    both_sides,
    items_for_margin,
    items_for_score_test,
    margin_for_items,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from silentzone.analysis.contenders import Contender, DecisionRule
    from silentzone.stats.results import Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictedItems:
    """Items for a predicted volume, and for both ends of its interval."""

    items: int | None
    interval: tuple[int, int] | None


def predicted_items(
    contenders: Sequence[Contender],
    klds: Mapping[str, float | None],
    rule: DecisionRule,
    *,
    corpus: str = "the first corpus",
    relation: VolumeRelation | None = None,
    power: float = POWER,
) -> list[JsonObject]:
    """Rows of ``decision.predicted``: candidates without a composite, from their mean KLD.

    Parameters
    ----------
    contenders : sequence of Contender
        All of the study; those with a composite give the relation.
    klds : mapping of str to float or None
        Mean KLD by candidate, on one corpus.
    rule : DecisionRule
    corpus : str
        Named in the reasons.
    relation : VolumeRelation, optional
        Of another study, in place of this one's own.
    power : float
    """
    if relation is None:
        volumes = {
            one.name: None if one.composite is None else one.composite.volume.value
            for one in contenders
        }
        relation = relation_of(klds, volumes, corpus=corpus)
    n_benchmarks = max((len(one.guards) for one in contenders), default=0)
    effect = observed_design_effect(contenders)
    rows = []
    for one in contenders:
        if one.composite is not None:
            continue
        kld = klds.get(one.name)
        volume = relation.volume(kld)
        needed = items_at(
            volume, rule, n_benchmarks=max(1, n_benchmarks), design_effect=effect, power=power
        )
        rows.append(
            {
                "model": one.name,
                "kld_mean": kld,
                "volume": estimate_as_json(volume),
                "items_needed": needed.items,
                "items_interval": None if needed.interval is None else list(needed.interval),
                "why": _why(relation, volume, rule),
            }
        )
    return rows


def items_at(
    volume: Estimate,
    rule: DecisionRule,
    *,
    n_benchmarks: int = 1,
    design_effect: float = 1.0,
    assumed_difference: float = 0.0,
    power: float = POWER,
) -> PredictedItems:
    """Items over all benchmarks that would show non-inferiority at a volume and its interval.

    Parameters
    ----------
    volume : Estimate
    rule : DecisionRule
        Composite at the margin, and each of ``n_benchmarks`` equal benchmarks at the guard margin.
    n_benchmarks : int
    design_effect, assumed_difference, power : float
        As in `items_for_score_test`.
    """

    def needed(share: float) -> int | None:
        share = max(share, abs(assumed_difference))  # a difference moves that many items at least
        options = {
            "assumed_difference": assumed_difference,
            "alpha": rule.alpha,
            "power": power,
            "design_effect": design_effect,
        }
        composite = items_for_score_test(rule.margin, share, **options)
        guard = items_for_score_test(rule.guard_margin, share, **options)
        if composite is None or guard is None:
            return None
        return max(composite, n_benchmarks * guard)

    if volume.value is None:
        return PredictedItems(items=None, interval=None)
    items = needed(volume.value)
    ends = [needed(end) for end in volume.interval or ()]
    low, high = (ends[0], ends[1]) if len(ends) == 2 else (None, None)
    return PredictedItems(
        items=items, interval=None if low is None or high is None else (low, high)
    )


def plan_for_volume(
    volume: Estimate,
    rule: DecisionRule,
    *,
    assumed_difference: float = 0.0,
    power: float = POWER,
    design_effect: float = 1.0,
    n_items: int | None = None,
) -> JsonObject:
    """Answer of ``silentzone plan`` for one volume, known or predicted.

    Parameters
    ----------
    volume : Estimate
        Its interval, where it has one, is carried through to the items.
    rule : DecisionRule
        One benchmark, or a composite of equal ones: margin and alpha alone are used.
    assumed_difference, power, design_effect : float
        As in `items_for_score_test`.
    n_items : int, optional
        Items for which the margins they resolve are wanted.
    """
    share = 0.0 if volume.value is None else volume.value
    alone = replace(rule, guard_margin=rule.margin)
    supposed = {"assumed_difference": assumed_difference, "power": power}
    effect = {"alpha": rule.alpha, "design_effect": design_effect}
    nearer = -abs(assumed_difference)
    both = {
        "assumed_difference": nearer,
        "power": both_sides(power) if nearer == 0.0 else power,
        **effect,
    }
    needed = items_at(
        volume,
        alone,
        design_effect=design_effect,
        assumed_difference=assumed_difference,
        power=power,
    )
    textbook = items_for_margin(rule.margin, share, alpha=rule.alpha, **supposed)
    at_items = None
    if n_items is not None:
        at_items = {
            "items": n_items,
            "margin": margin_for_items(n_items, share, **supposed, **effect),
            "equivalence_margin": margin_for_items(n_items, share, **both),
        }
    return {
        "margin": rule.margin,
        "volume": estimate_as_json(volume),
        "assumed_difference": assumed_difference,
        "alpha": rule.alpha,
        "power": power,
        "design_effect": design_effect,
        "items_needed": needed.items,
        "items_interval": None if needed.interval is None else list(needed.interval),
        "items_textbook": _inflated(textbook.items, design_effect),
        # The side that a supposed difference lies nearer to decides; the other nearly always holds.
        "items_equivalence": items_for_score_test(rule.margin, share, **both),
        "at_items": at_items,
    }


def plan_of_study(
    contenders: Sequence[Contender],
    relation: VolumeRelation | None,
    klds: Mapping[str, float | None],
    rule: DecisionRule,
    *,
    power: float = POWER,
) -> list[JsonObject]:
    """Say what would settle each candidate of a study, one at a time.

    Parameters
    ----------
    contenders : sequence of Contender
    relation : VolumeRelation or None
        For candidates without a composite.
    klds : mapping of str to float or None
        Mean KLD by candidate, for the relation.
    rule : DecisionRule
        At its alpha, not adjusted for how many candidates there are.
    power : float
    """
    predicted = {}
    if relation is not None:
        predicted = {
            row["model"]: row
            for row in predicted_items(contenders, klds, rule, relation=relation, power=power)
        }
    return [_study_row(one, predicted.get(one.name), rule, power) for one in contenders]


def _study_row(
    one: Contender, predicted: JsonObject | None, rule: DecisionRule, power: float
) -> JsonObject:
    if one.composite is None:
        why = one.why_no_composite or "it has no composite"
        row = predicted or {
            "volume": None, "items_needed": None, "items_interval": None, "why": why,
        }  # fmt: skip
        return {
            "model": one.name,
            "items_now": 0,
            "net": None,
            "lower_bound": None,
            "volume": row["volume"],
            "state": "not measured",
            "items_if_equal": row["items_needed"],
            "items_interval": row["items_interval"],
            "items_as_seen": None,
            "why": row["why"],
        }
    claim, worse = claim_of(one, rule), shown_worse(one, rule)
    state = "shown" if claim.holds(rule) else "shown worse" if worse is not None else "open"
    if claim.pvalue is None:
        state = "unknown"
    growths = {
        seen: None
        if state in {"unknown", "shown worse"} or one.composite.n_items < 1
        else growth_of(one, rule, alpha=rule.alpha, power=power, seen=seen)
        for seen in (False, True)
    }
    today = one.composite.n_items
    items = {seen: None if by is None else math.ceil(by * today) for seen, by in growths.items()}
    return {
        "model": one.name,
        "items_now": today,
        "net": estimate_as_json(one.composite.net),
        "lower_bound": claim.composite.lower,
        "volume": estimate_as_json(one.composite.volume),
        "state": state,
        "items_if_equal": items[False],
        "items_interval": None,
        "items_as_seen": items[True],
        "why": worse,
    }


def _inflated(items: int | None, design_effect: float) -> int | None:
    return None if items is None else math.ceil(items * design_effect)


def observed_design_effect(contenders: Sequence[Contender]) -> float:
    """Median factor by which clusters inflate the variance; 1 where items stand alone."""
    effects = []
    for one in contenders:
        for part in one.guards.values():
            net, volume = part.net, part.volume.value
            if net.value is None or not net.standard_error or volume is None:
                continue
            independent = (volume - net.value**2) / part.n_items
            if net.n_clusters != part.n_items and independent > 0.0:
                effects.append(net.standard_error**2 / independent)
    return median(effects) if effects else 1.0


def _why(relation: VolumeRelation, volume: Estimate, rule: DecisionRule) -> str:
    if volume.value is None or volume.interval is None:
        return "; ".join(volume.cautions) or relation.words
    low, high = (f"{100 * end:.3g}" for end in volume.interval)
    text = (
        f"{relation.words}; a volume of {100 * volume.value:.3g} % ({low} to {high} %), if it "
        f"truly equals the reference, at the margin of {points(rule.margin)}"
    )
    return "; ".join([text, *volume.cautions])
