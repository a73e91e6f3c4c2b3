"""A candidate as the decision sees it, and the rule it is held to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from silentzone.analysis.scores import CompositeDifference
    from silentzone.stats.paired import Decomposition


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
    why_no_composite: str | None = None
    """What keeps it from having a composite."""
