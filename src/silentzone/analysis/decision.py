"""Which candidate to deploy: fixed-sequence non-inferiority from the largest that fits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from silentzone.analysis.as_json import JsonObject, estimate_as_json
from silentzone.stats.equivalence import lower_bound, upper_bound
from silentzone.stats.planning import POWER, items_from_error

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from silentzone.analysis.scores import CompositeDifference
    from silentzone.stats.paired import Decomposition

NO_COMPOSITE = "it has no composite: a benchmark was not measured, or none enters"


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRule:
    """What was fixed before the data were seen; proportions, and bytes."""

    margin: float
    guard_margin: float
    alpha: float
    memory_budget_bytes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """One candidate as the decision sees it."""

    name: str
    file_bytes: int
    memory_bytes: int | None
    """File and KV cache together; null where it is not known."""
    composite: CompositeDifference | None
    guards: Mapping[str, Decomposition]
    """By benchmark, those that enter the composite."""


def decide(contenders: Sequence[Contender], rule: DecisionRule) -> JsonObject:
    """Decision as ``analysis.json`` holds it.

    Parameters
    ----------
    contenders : sequence of Contender
        In any order; they are tested from the largest that fits downward, and the sequence stops
        at the first that is not shown to be non-inferior. So all claims together keep alpha. One
        that could not be measured is passed over: that does not depend on how good it is.
    rule : DecisionRule
    """
    ordered = sorted(contenders, key=lambda one: (-one.file_bytes, one.name))
    fitting = [one for one in ordered if _fits(one, rule)]
    steps: list[JsonObject] = []
    undecided: list[JsonObject] = []
    pick: str | None = None
    stopped_at: str | None = None
    for one in fitting:
        if one.composite is None:
            undecided.append(_open(one, rule, NO_COMPOSITE))
        elif stopped_at is None:
            step = _step(one, one.composite, rule)
            steps.append(step)
            if step["passes"]:
                pick = one.name
                continue
            stopped_at = one.name
            undecided.append(_open(one, rule, str(step["reason"])))
        else:
            why = f"not tested: the sequence stopped at {stopped_at}"
            undecided.append(_open(one, rule, why))
    return {
        "margin": rule.margin,
        "guard_margin": rule.guard_margin,
        "alpha": rule.alpha,
        "memory_budget_bytes": rule.memory_budget_bytes,
        "fits": [one.name for one in fitting],
        "pick": pick,
        "steps": steps,
        "undecided": undecided,
        "sentence": _sentence(rule, fitting, pick, undecided),
    }


def _fits(one: Contender, rule: DecisionRule) -> bool:
    if rule.memory_budget_bytes is None:
        return True
    return one.memory_bytes is not None and one.memory_bytes <= rule.memory_budget_bytes


def _step(one: Contender, composite: CompositeDifference, rule: DecisionRule) -> JsonObject:
    """Test one candidate: the composite at the margin, every benchmark at the guard margin."""
    bound = lower_bound(
        composite.net,
        alpha=rule.alpha,
        degrees_of_freedom=composite.degrees_of_freedom,
    )
    guards = [_guard(name, part, rule) for name, part in one.guards.items()]
    passes = bound is not None and bound > -rule.margin and all(g["passes"] for g in guards)
    return {
        "model": one.name,
        "composite": estimate_as_json(composite.net),
        "lower_bound": bound,
        "guards": guards,
        "passes": passes,
        "reason": _reason(bound, guards, rule),
    }


def _guard(benchmark: str, part: Decomposition, rule: DecisionRule) -> JsonObject:
    bound = lower_bound(part.net, alpha=rule.alpha)
    return {
        "benchmark": benchmark,
        "lower_bound": bound,
        "passes": bound is not None and bound > -rule.guard_margin,
    }


def _reason(bound: float | None, guards: Sequence[JsonObject], rule: DecisionRule) -> str:
    if bound is None:
        return "the standard error of the composite difference is unknown"
    if bound <= -rule.margin:
        return (
            f"the composite may be worse by {_points(-bound)}, more than the margin of "
            f"{_points(rule.margin)}"
        )
    failed = [guard for guard in guards if not guard["passes"]]
    if not failed:
        return (
            f"the composite is worse by less than {_points(rule.margin)} and every benchmark by "
            f"less than {_points(rule.guard_margin)}"
        )
    worst = failed[0]
    if worst["lower_bound"] is None:
        return f"the standard error on {worst['benchmark']} is unknown"
    return (
        f"{worst['benchmark']} may be worse by {_points(-worst['lower_bound'])}, more than the "
        f"guard margin of {_points(rule.guard_margin)}"
    )


def _open(one: Contender, rule: DecisionRule, why: str) -> JsonObject:
    """Say what would settle a candidate, supposing that it truly equals the reference."""
    if one.composite is None:
        return {"model": one.name, "why": why, "items_needed": None}
    if _is_shown_worse(one, rule):
        worse = f"{why}; it is shown to be worse by more than the margin"
        return {"model": one.name, "why": worse, "items_needed": None}
    needed, supposition = _items_needed(one, rule)
    if needed is None:
        return {"model": one.name, "why": f"{why}; {supposition}", "items_needed": None}
    planned = (
        f"{why}; {needed} items over all benchmarks would show it with probability {POWER:.0%} "
        f"at its observed volume, {supposition}"
    )
    return {"model": one.name, "why": planned, "items_needed": needed}


def _is_shown_worse(one: Contender, rule: DecisionRule) -> bool:
    composite = one.composite
    if composite is None:
        return False
    above = upper_bound(
        composite.net, alpha=rule.alpha, degrees_of_freedom=composite.degrees_of_freedom
    )
    if above is not None and above < -rule.margin:
        return True
    bounds = [upper_bound(part.net, alpha=rule.alpha) for part in one.guards.values()]
    return any(bound is not None and bound < -rule.guard_margin for bound in bounds)


def _items_needed(one: Contender, rule: DecisionRule) -> tuple[int | None, str]:
    """Items over all benchmarks, in today's proportions, and what was supposed.

    Supposes a true difference of zero; where today's items would already show that, the candidate
    is likelier to be a little worse, and the differences seen are supposed instead.
    """
    if one.composite is None:
        return None, "it has no composite"
    today = one.composite.n_items
    growth = _growth(one, rule, seen=False)
    if growth is None:
        return None, "the standard error of a difference is unknown"
    if growth > 1.0:
        return round(growth * today), "if its true difference is zero"
    growth = _growth(one, rule, seen=True)
    if growth is None:
        return None, "the differences seen are beyond a margin, so more items may not show it"
    return max(today + 1, round(growth * today)), "if its true differences are those seen"


def _growth(one: Contender, rule: DecisionRule, *, seen: bool) -> float | None:
    """Largest factor by which items must grow; null where no number of them suffices."""
    nets = [(part.net, part.n_items, rule.guard_margin) for part in one.guards.values()]
    if one.composite is not None:
        nets.append((one.composite.net, one.composite.n_items, rule.margin))
    growth = 0.0
    for net, n_items, margin in nets:
        if net.value is None or not net.standard_error:
            return None
        reach = margin + (min(0.0, net.value) if seen else 0.0)
        needed = items_from_error(n_items, net.standard_error, reach, alpha=rule.alpha)
        if needed is None:
            return None
        growth = max(growth, needed / n_items)
    return growth


def _sentence(
    rule: DecisionRule,
    fitting: Sequence[Contender],
    pick: str | None,
    undecided: Sequence[JsonObject],
) -> str:
    margin = _points(rule.margin)
    if not fitting:
        return "No candidate is known to fit the memory budget."
    items = {one.name: one.composite.n_items for one in fitting if one.composite is not None}
    more = next(
        (
            f"{row['items_needed'] - items[row['model']]} more items would settle "
            f"{row['model']} at its observed volume (its entry says what that supposes)"
            for row in undecided
            if row["items_needed"] is not None
        ),
        None,
    )
    if pick is None:
        sentence = f"No quant can be shown to be within {margin} of the reference yet"
        return f"{sentence}; {more}." if more else f"{sentence}."
    sentence = (
        f"Ship {pick}: the smallest that is shown to lose less than {margin} on the composite "
        f"and less than {_points(rule.guard_margin)} on every benchmark of it"
    )
    return f"{sentence}. {more}." if more else f"{sentence}."


def _points(share: float) -> str:
    value = f"{100.0 * share:.3g}"
    return f"{value} point" if value == "1" else f"{value} points"
