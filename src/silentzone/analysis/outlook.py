"""What would settle a candidate that the decision left open, and for which none would."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from silentzone.analysis.claims import upper_bounds
from silentzone.stats.noninferiority import PairedPart
from silentzone.stats.planning import POWER, growth_needed

if TYPE_CHECKING:
    from silentzone.analysis.as_json import JsonObject
    from silentzone.analysis.contenders import Contender, DecisionRule


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemsNeeded:
    """Items over the composite's benchmarks, in today's proportions."""

    items: int | None
    """Null where no number suffices, or none can be given."""
    supposing: str
    """Under which true difference, or why there is no number."""


def open_entry(one: Contender, why: str, items_needed: int | None = None) -> JsonObject:
    """Entry of ``undecided``."""
    return {"model": one.name, "why": why, "items_needed": items_needed}


def open_stop(one: Contender, rule: DecisionRule, why: str) -> JsonObject:
    """Entry of the candidate at which the sequence stopped."""
    return _open(one, rule, why, rule.alpha)


def open_later(one: Contender, stopped_at: Contender, rule: DecisionRule) -> JsonObject:
    """Entry of a smaller candidate, which is tested only once every larger one passes."""
    why = f"not tested: the sequence stopped at {stopped_at.name}"
    blocked = shown_worse(stopped_at, rule)
    if blocked is not None:
        return open_entry(one, f"{why}, and more items will not move it: that one is {blocked}")
    return _open(one, rule, why, rule.alpha, only_if=", but only if every larger candidate passes")


def open_among(one: Contender, rule: DecisionRule, why: str, n_open: int) -> JsonObject:
    """Entry of a candidate that Holm's method left open among others.

    Its next step tests the clearest of them at alpha over how many are open; the items are those
    for this level, so that each could be it.
    """
    level = f", at alpha / {n_open} as {n_open} are open" if n_open > 1 else ""
    return _open(one, rule, why, rule.alpha / n_open, only_if=level)


def stop_sentence(one: Contender, rule: DecisionRule) -> str:
    """Sentence on the candidate at which the sequence stopped, to stand by itself."""
    worse = shown_worse(one, rule)
    if worse is not None:
        return (
            f" The sequence stopped at {one.name}, which is {worse}; more items will not move it."
        )
    needed = items_needed(one, rule)
    if needed.items is None:
        return f" The sequence stopped at {one.name}: {needed.supposing}."
    return more_sentence(one, needed)


def more_sentence(one: Contender, needed: ItemsNeeded, level: str = "") -> str:
    """Sentence on how many more items would show a candidate."""
    today = 0 if one.composite is None else one.composite.n_items
    more = (needed.items or 0) - today
    return (
        f" About {more} more items over the composite's benchmarks would give {_chance(POWER)} of "
        f"showing it for {one.name} {needed.supposing}{level}."
    )


def shown_worse(one: Contender, rule: DecisionRule) -> str | None:
    """Where a candidate is shown to be worse by more than a margin; null where it is not."""
    if one.composite is None:
        return None
    for benchmark, above in upper_bounds(one, rule.alpha).items():
        if benchmark is None and above < -rule.margin:
            margin = f"the margin of {points(rule.margin)} on the composite"
            return f"shown to be worse by more than {margin} (unadjusted)"
        if benchmark is not None and above < -rule.guard_margin:
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


def items_needed(
    one: Contender, rule: DecisionRule, *, alpha: float | None = None, power: float = POWER
) -> ItemsNeeded:
    """Items over the composite's benchmarks, in today's proportions, and what was supposed.

    Supposes a true difference of zero; where today's items would already show that, the candidate
    is likelier to be a little worse, and the differences seen are supposed instead.
    """
    level = rule.alpha if alpha is None else alpha
    if one.composite is None:
        return ItemsNeeded(items=None, supposing="it has no composite")
    today = one.composite.n_items
    if not _is_known(one):
        return ItemsNeeded(items=None, supposing="the standard error of a difference is unknown")
    if today < 1:
        return ItemsNeeded(items=None, supposing="how many items are behind it is not known")
    growth = growth_of(one, rule, alpha=level, power=power, seen=False)
    if growth is not None and growth > 1.0:
        return ItemsNeeded(
            items=round(growth * today), supposing="if it truly equals the reference"
        )
    growth = growth_of(one, rule, alpha=level, power=power, seen=True)
    if growth is None:
        return ItemsNeeded(
            items=None,
            supposing="the differences seen are beyond a margin, so more items may not show it",
        )
    return ItemsNeeded(
        items=max(today + 1, round(growth * today)),
        supposing="if its true differences are those seen",
    )


def growth_of(
    one: Contender, rule: DecisionRule, *, alpha: float, power: float, seen: bool
) -> float | None:
    """Factor by which the items must grow for composite and guards; null if none suffices.

    Parameters
    ----------
    one : Contender
        With known errors.
    rule : DecisionRule
    alpha, power : float
    seen : bool
        Whether the losses seen are supposed to be true, or none at all.
    """
    tests = [([part], part.net, rule.guard_margin) for part in _guards(one)]
    if one.composite is not None and one.composite.net.value is not None:
        tests.append((one.parts or [], one.composite.net.value, rule.margin))
    growths = []
    for parts, value, margin in tests:
        supposed = parts if seen else [part.at_zero() for part in parts]
        loss = min(0.0, value) if seen else 0.0
        growth = growth_needed(loss, supposed, margin, alpha=alpha, power=power)
        if growth is None:
            return None
        growths.append(growth)
    return max(growths)


def _guards(one: Contender) -> list[PairedPart]:
    parts = [PairedPart.of(part) for part in one.guards.values()]
    return [part for part in parts if part is not None]


def _is_known(one: Contender) -> bool:
    return (
        one.composite is not None
        and one.composite.net.value is not None
        and one.parts is not None
        and len(_guards(one)) == len(one.guards)
    )


def _open(
    one: Contender, rule: DecisionRule, why: str, alpha: float, *, only_if: str = ""
) -> JsonObject:
    worse = shown_worse(one, rule)
    if worse is not None:
        return open_entry(one, f"{why}; {worse}")
    needed = items_needed(one, rule, alpha=alpha)
    if needed.items is None:
        return open_entry(one, f"{why}; {needed.supposing}")
    plan = (
        f"{needed.items} items over the composite's benchmarks would give {_chance(POWER)} of "
        f"showing it {needed.supposing}{only_if}"
    )
    return open_entry(one, f"{why}; {plan}", needed.items)


def _chance(power: float) -> str:
    return f"an {100 * power:.0f} % chance"
