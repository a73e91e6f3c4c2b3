"""A candidate as the decision sees it, and the rule it is held to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from silentzone.stats.noninferiority import PairedPart

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from silentzone.analysis.scores import CompositeDifference
    from silentzone.stats.paired import Decomposition

FIXED_SEQUENCE = "fixed sequence"
HOLM = "Holm"
_GB = 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRule:
    """What was fixed before the data were seen; proportions, and bytes."""

    margin: float
    guard_margin: float
    alpha: float
    memory_budget_bytes: int | None
    file_bytes_budget: int | None = None
    bits_per_weight_budget: float | None = None
    method: str = FIXED_SEQUENCE
    """``fixed sequence`` from the largest that fits downward, or ``Holm`` in any order."""

    @property
    def budgets(self) -> tuple[str, ...]:
        """What is limited, in words."""
        limits = {
            "file size": self.file_bytes_budget,
            "bits per weight": self.bits_per_weight_budget,
            "memory": self.memory_budget_bytes,
        }
        return tuple(name for name, limit in limits.items() if limit is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """One candidate as the decision sees it."""

    name: str
    file_bytes: int | None
    """Null, or 0, where it is not known."""
    memory_bytes: int | None
    """File and KV cache together; null where it is not known."""
    composite: CompositeDifference | None
    guards: Mapping[str, Decomposition]
    """By benchmark, those that enter the composite."""
    why_no_composite: str | None = None
    """What keeps it from having a composite."""
    bits_per_weight: float | None = None

    @property
    def parts(self) -> list[PairedPart] | None:
        """The composite's benchmarks as its test needs them; null where one's error is unknown."""
        parts = [PairedPart.of(part) for part in self.guards.values()]
        if not parts and self.composite is not None:
            parts = [_as_one_part(self.composite)]
        known = [part for part in parts if part is not None]
        return known if known and len(known) == len(parts) else None


def rule_of(asked: Mapping[str, Any]) -> DecisionRule:
    """Rule as the ``decision`` section of a study's configuration states it.

    Parameters
    ----------
    asked : mapping
        Fields of `records.config.DecisionEntry`; the budgets and the method may be missing, as
        they are in a manifest older than they.
    """

    def in_bytes(key: str) -> int | None:
        budget = asked.get(key)
        return None if budget is None else round(float(budget) * _GB)

    bits = asked.get("bits_per_weight_budget")
    return DecisionRule(
        margin=float(asked["margin"]),
        guard_margin=float(asked["guard_margin"]),
        alpha=float(asked["alpha"]),
        memory_budget_bytes=in_bytes("memory_budget_gb"),
        file_bytes_budget=in_bytes("size_budget_gb"),
        bits_per_weight_budget=None if bits is None else float(bits),
        method=str(asked.get("method") or FIXED_SEQUENCE),
    )


def why_unfit(one: Contender, rule: DecisionRule) -> str | None:
    """Which budget a candidate does not meet, or is not known to meet; null where it meets all.

    Examples
    --------
    >>> rule = DecisionRule(
    ...     margin=0.01,
    ...     guard_margin=0.03,
    ...     alpha=0.025,
    ...     memory_budget_bytes=None,
    ...     file_bytes_budget=10**9,
    ... )
    >>> one = Contender(
    ...     name="x", file_bytes=2 * 10**9, memory_bytes=None, composite=None, guards={}
    ... )
    >>> why_unfit(one, rule)
    'its file size of 2 GB is above the budget of 1 GB'
    """
    limits = (
        (rule.file_bytes_budget, one.file_bytes or None, "file size", _in_gb),
        (rule.bits_per_weight_budget, one.bits_per_weight, "bits per weight", _as_it_is),
        (rule.memory_budget_bytes, one.memory_bytes, "memory", _in_gb),
    )
    for budget, need, what, shown in limits:
        if budget is None:
            continue
        if need is None:
            return f"its {what} is not known"
        if need > budget:
            return f"its {what} of {shown(need)} is above the budget of {shown(budget)}"
    return None


def size_order(contenders: Sequence[Contender]) -> tuple[list[Contender], list[Contender]]:
    """Candidates from the largest to the smallest, and those whose size is not known.

    By file bytes; where any lacks them and all have bits per weight, by these: the cohort is of one
    model.
    """
    by_bits = any(not one.file_bytes for one in contenders) and all(
        one.bits_per_weight is not None for one in contenders
    )
    sized: list[tuple[float, str, Contender]] = []
    unsized = []
    for one in contenders:
        size = one.bits_per_weight if by_bits else one.file_bytes
        if size:
            sized.append((-float(size), one.name, one))
        else:
            unsized.append(one)
    ordered = [one for _, _, one in sorted(sized, key=lambda entry: entry[:2])]
    return ordered, sorted(unsized, key=lambda one: one.name)


def _in_gb(n_bytes: float) -> str:
    return f"{n_bytes / _GB:.6g} GB"


def _as_it_is(value: float) -> str:
    return f"{value:.6g}"


def _as_one_part(composite: CompositeDifference) -> PairedPart | None:
    """Composite whose benchmarks are not known, tested by the error it was given."""
    net = composite.net
    if net.value is None or not net.standard_error:
        return None
    return PairedPart(
        net=net.value, standard_error=net.standard_error, n_items=composite.n_items, counts=None
    )
