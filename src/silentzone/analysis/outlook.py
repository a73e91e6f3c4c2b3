"""What would settle a candidate that the decision left open, and for which none would."""

from __future__ import annotations

from typing import TYPE_CHECKING

from silentzone.stats.equivalence import upper_bound
from silentzone.stats.planning import POWER, items_from_error

if TYPE_CHECKING:
    from silentzone.analysis.as_json import JsonObject
    from silentzone.analysis.contenders import Contender, DecisionRule

CHANCE = f"an {100 * POWER:.0f} % chance"


def open_entry(one: Contender, why: str, items_needed: int | None = None) -> JsonObject:
    """Entry of ``undecided``."""
    return {"model": one.name, "why": why, "items_needed": items_needed}


def open_stop(one: Contender, rule: DecisionRule, why: str) -> JsonObject:
    """Entry of the candidate at which the sequence stopped."""
    worse = shown_worse(one, rule)
    if worse is not None:
        return open_entry(one, f"{why}; {worse}")
    needed, supposition = _items_needed(one, rule)
    if needed is None:
        return open_entry(one, f"{why}; {supposition}")
    return open_entry(one, f"{why}; {_plan(needed, supposition)}", needed)


def open_later(one: Contender, stopped_at: Contender, rule: DecisionRule) -> JsonObject:
    """Entry of a smaller candidate, which is tested only once every larger one passes."""
    why = f"not tested: the sequence stopped at {stopped_at.name}"
    blocked = shown_worse(stopped_at, rule)
    if blocked is not None:
        return open_entry(one, f"{why}, and more items will not move it: that one is {blocked}")
    worse = shown_worse(one, rule)
    if worse is not None:
        return open_entry(one, f"{why}; {worse}")
    needed, supposition = _items_needed(one, rule)
    if needed is None:
        return open_entry(one, f"{why}; {supposition}")
    plan = f"{_plan(needed, supposition)}, but only if every larger candidate passes"
    return open_entry(one, f"{why}; {plan}", needed)


def stop_sentence(one: Contender, rule: DecisionRule) -> str:
    """Sentence on the candidate at which the sequence stopped, to stand by itself."""
    worse = shown_worse(one, rule)
    if worse is not None:
        return (
            f" The sequence stopped at {one.name}, which is {worse}; more items will not move it."
        )
    needed, supposition = _items_needed(one, rule)
    if needed is None or one.composite is None:
        return f" The sequence stopped at {one.name}: {supposition}."
    more = needed - one.composite.n_items
    return (
        f" About {more} more items over the composite's benchmarks would give {CHANCE} of showing "
        f"it for {one.name} {supposition}."
    )


def shown_worse(one: Contender, rule: DecisionRule) -> str | None:
    """Where a candidate is shown to be worse by more than a margin; null where it is not."""
    composite = one.composite
    if composite is None:
        return None
    above = upper_bound(
        composite.net, alpha=rule.alpha, degrees_of_freedom=composite.degrees_of_freedom
    )
    if above is not None and above < -rule.margin:
        margin = f"the margin of {points(rule.margin)} on the composite"
        return f"shown to be worse by more than {margin} (unadjusted)"
    for benchmark, part in one.guards.items():
        bound = upper_bound(part.net, alpha=rule.alpha)
        if bound is not None and bound < -rule.guard_margin:
            margin = f"the guard margin of {points(rule.guard_margin)} on {benchmark}"
            return f"shown to be worse by more than {margin} (unadjusted)"
    return None


def points(share: float, digits: int = 3) -> str:
    """Proportion in percentage points.

    Examples
    --------
    >>> points(0.03), points(0.01), points(0.030004), points(0.030004, 6)
    ('3 points', '1 point', '3 points', '3.0004 points')
    """
    value = f"{100.0 * share:.{digits}g}"
    return f"{value} point" if value == "1" else f"{value} points"


def _plan(needed: int, supposition: str) -> str:
    return (
        f"{needed} items over the composite's benchmarks would give {CHANCE} of showing it "
        f"{supposition}"
    )


def _items_needed(one: Contender, rule: DecisionRule) -> tuple[int | None, str]:
    """Items over the composite's benchmarks, in today's proportions, and what was supposed.

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
        return round(growth * today), "if it truly equals the reference"
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
