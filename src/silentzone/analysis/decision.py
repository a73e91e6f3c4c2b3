"""Which candidate to deploy: fixed-sequence non-inferiority from the largest that fits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from silentzone.analysis.as_json import JsonObject, estimate_as_json
from silentzone.analysis.outlook import open_entry, open_later, open_stop, points, stop_sentence
from silentzone.stats.equivalence import lower_bound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from silentzone.analysis.contenders import Contender, DecisionRule
    from silentzone.analysis.scores import CompositeDifference
    from silentzone.stats.paired import Decomposition


def decide(
    contenders: Sequence[Contender], rule: DecisionRule, *, why_impossible: str | None = None
) -> JsonObject:
    """Decision as ``analysis.json`` holds it.

    Parameters
    ----------
    contenders : sequence of Contender
        In any order; they are tested from the largest that fits downward, and the sequence stops
        at the first that is not shown to be non-inferior. So all claims together keep alpha. One
        that could not be measured is passed over: that does not depend on how good it is.
    rule : DecisionRule
    why_impossible : str, optional
        Why no candidate of the study can have a composite.
    """
    ordered = sorted(contenders, key=lambda one: (-one.file_bytes, one.name))
    fitting = [one for one in ordered if _fits(one, rule)]
    steps: list[JsonObject] = []
    undecided: list[JsonObject] = []
    pick: str | None = None
    stopped_at: Contender | None = None
    for one in fitting:
        if one.composite is None:
            why = why_impossible or one.why_no_composite or "it was not measured"
            undecided.append(open_entry(one, f"it has no composite: {why}"))
        elif stopped_at is None:
            step = _step(one, one.composite, rule)
            steps.append(step)
            if step["passes"]:
                pick = one.name
                continue
            stopped_at = one
            undecided.append(open_stop(one, rule, str(step["reason"])))
        else:
            undecided.append(open_later(one, stopped_at, rule))
    return {
        "margin": rule.margin,
        "guard_margin": rule.guard_margin,
        "alpha": rule.alpha,
        "memory_budget_bytes": rule.memory_budget_bytes,
        "fits": [one.name for one in fitting],
        "pick": pick,
        "steps": steps,
        "undecided": undecided,
        "sentence": _sentence(rule, fitting, pick, why_impossible)
        + ("" if stopped_at is None else stop_sentence(stopped_at, rule)),
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
        return f"the composite may be worse by {_not_less(-bound, rule.margin, 'margin')}"
    failed = [guard for guard in guards if not guard["passes"]]
    if not failed:
        return (
            f"the composite is worse by less than {points(rule.margin)} and every benchmark by "
            f"less than {points(rule.guard_margin)}"
        )
    worst = failed[0]
    if worst["lower_bound"] is None:
        return f"the standard error on {worst['benchmark']} is unknown"
    loss = _not_less(-worst["lower_bound"], rule.guard_margin, "guard margin")
    return f"{worst['benchmark']} may be worse by {loss}"


def _not_less(loss: float, margin: float, name: str) -> str:
    """Loss and margin with as many digits as tell them apart."""
    digits = next((n for n in range(3, 16) if points(loss, n) != points(margin, n)), 3)
    return f"{points(loss, digits)}, not less than the {name} of {points(margin, digits)}"


def _sentence(
    rule: DecisionRule, fitting: Sequence[Contender], pick: str | None, why_impossible: str | None
) -> str:
    if why_impossible is not None:
        return f"No decision was possible: {why_impossible}."
    if not fitting:
        return "No candidate is known to fit the memory budget."
    if all(one.composite is None for one in fitting):
        reasons = list(dict.fromkeys(f"{one.name}: {one.why_no_composite}" for one in fitting))
        shown = "; ".join(reasons[:3]) + ("; and so on" if len(reasons) > 3 else "")
        return f"No decision was possible: no candidate that fits has a composite ({shown})."
    margin = points(rule.margin)
    if pick is None:
        return f"No quant can be shown to be within {margin} of the reference's score yet."
    return (
        f"Ship {pick}: the smallest that is shown to lose less than {margin} on the composite "
        f"and less than {points(rule.guard_margin)} on every benchmark of it."
    )
