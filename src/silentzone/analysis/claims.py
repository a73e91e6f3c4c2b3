"""One candidate's claim to be non-inferior: its composite and every benchmark of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from silentzone.stats.equivalence import default_degrees_of_freedom
from silentzone.stats.noninferiority import (
    PairedPart,
    inferiority_bound,
    noninferiority_bound,
    noninferiority_pvalue,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from silentzone.analysis.contenders import Contender, DecisionRule
    from silentzone.stats.paired import Decomposition

METHOD = "score test, t with Satterthwaite df; composite and guards by intersection-union"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """One-sided test of one mean difference; null where its error is unknown."""

    lower: float | None
    pvalue: float | None
    """Of the claim that the loss is below the margin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """All that must hold for a candidate, tested at the rule's margins."""

    contender: Contender
    composite: Bound
    guards: dict[str, Bound]

    @property
    def pvalue(self) -> float | None:
        """Largest of the composite's and every guard's: all of them must hold."""
        pvalues = [self.composite.pvalue, *(guard.pvalue for guard in self.guards.values())]
        known = [pvalue for pvalue in pvalues if pvalue is not None]
        return max(known) if len(known) == len(pvalues) else None

    def holds(self, rule: DecisionRule) -> bool:
        """Whether every lower bound lies above its margin, each at the rule's alpha."""
        low = self.composite.lower
        guards = [guard.lower for guard in self.guards.values()]
        return (
            low is not None
            and low > -rule.margin
            and all(guard is not None and guard > -rule.guard_margin for guard in guards)
        )


def claim_of(one: Contender, rule: DecisionRule) -> Claim:
    """Test a candidate that has a composite."""
    composite = one.composite
    if composite is None:
        raise AssertionError("a claim needs a composite")
    return Claim(
        contender=one,
        composite=_bound(
            composite.net.value,
            one.parts,
            (rule.margin, rule.alpha, composite.degrees_of_freedom),
        ),
        guards={
            name: _bound(part.net.value, _parts(part), (rule.guard_margin, rule.alpha, _df(part)))
            for name, part in one.guards.items()
        },
    )


def upper_bounds(one: Contender, alpha: float) -> dict[str | None, float]:
    """Upper bounds of the differences that have one, by benchmark; the composite's under null."""
    bounds: dict[str | None, float] = {}
    composite, parts = one.composite, one.parts
    if composite is not None and composite.net.value is not None and parts is not None:
        bounds[None] = inferiority_bound(
            composite.net.value,
            parts,
            alpha=alpha,
            degrees_of_freedom=composite.degrees_of_freedom,
        )
    for name, part in one.guards.items():
        own = _parts(part)
        if own is not None:
            bounds[name] = inferiority_bound(
                own[0].net, own, alpha=alpha, degrees_of_freedom=_df(part)
            )
    return bounds


def _bound(
    value: float | None, parts: Sequence[PairedPart] | None, at: tuple[float, float, float]
) -> Bound:
    margin, alpha, df = at
    if value is None or parts is None:
        return Bound(lower=None, pvalue=None)
    return Bound(
        lower=noninferiority_bound(value, parts, alpha=alpha, degrees_of_freedom=df),
        pvalue=noninferiority_pvalue(value, parts, margin, degrees_of_freedom=df),
    )


def _parts(part: Decomposition) -> list[PairedPart] | None:
    own = PairedPart.of(part)
    return None if own is None else [own]


def _df(part: Decomposition) -> float:
    return default_degrees_of_freedom(part.net)
