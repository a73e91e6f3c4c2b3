"""Which candidate to deploy: non-inferiority to the reference of what meets the budgets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from silentzone.analysis.as_json import JsonObject, estimate_as_json
from silentzone.analysis.claims import METHOD, claim_of
from silentzone.analysis.contenders import HOLM, size_order, why_unfit
from silentzone.analysis.outlook import (
    items_needed,
    more_sentence,
    open_among,
    open_entry,
    open_later,
    open_stop,
    points,
    shown_worse,
    stop_sentence,
)
from silentzone.analysis.wording import listed
from silentzone.stats.multiplicity import holm

if TYPE_CHECKING:
    from collections.abc import Sequence

    from silentzone.analysis.claims import Claim
    from silentzone.analysis.contenders import Contender, DecisionRule


@dataclass(frozen=True, slots=True, kw_only=True)
class _Field:
    """Candidates that meet the budgets, and how they are tested."""

    sized: list[Contender]
    """Largest first."""
    unsized: list[Contender]
    """Whose size is not known: they are shown, never picked."""
    unfit: list[tuple[Contender, str]]
    method: str

    @property
    def fitting(self) -> list[Contender]:
        return [*self.sized, *self.unsized]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tests:
    """What was tested, what stays open by name, and a sentence on the open."""

    steps: list[JsonObject]
    undecided: dict[str, JsonObject]
    sentence: str


def decide(
    contenders: Sequence[Contender], rule: DecisionRule, *, why_impossible: str | None = None
) -> JsonObject:
    """Decision as ``analysis.json`` holds it, but for what compares candidates with each other.

    Parameters
    ----------
    contenders : sequence of Contender
        In any order. *Fixed sequence*: they are tested from the largest that fits downward, and the
        sequence stops at the first that is not shown to be non-inferior. *Holm*: all that fit are
        tested, in any order, so one that is broken stops no other. Either way all claims together
        keep alpha. One that could not be measured is passed over: that does not depend on how good
        it is. Where no size is known there is no sequence, and Holm's method is used.
    rule : DecisionRule
    why_impossible : str, optional
        Why no candidate of the study can have a composite.
    """
    field = _field(contenders, rule)
    tests = _by_holm(field, rule) if field.method == HOLM else _in_sequence(field, rule)
    passed = {step["model"] for step in tests.steps if step["passes"]}
    pick = next((one.name for one in reversed(field.sized) if one.name in passed), None)
    undecided = dict(tests.undecided)
    for one in field.fitting:
        if one.composite is None:
            why = why_impossible or one.why_no_composite or "it was not measured"
            undecided[one.name] = open_entry(one, f"it has no composite: {why}")
    return {
        "margin": rule.margin,
        "guard_margin": rule.guard_margin,
        "alpha": rule.alpha,
        "method": field.method,
        "test": METHOD,
        "memory_budget_bytes": rule.memory_budget_bytes,
        "file_bytes_budget": rule.file_bytes_budget,
        "bits_per_weight_budget": rule.bits_per_weight_budget,
        "fits": [one.name for one in field.fitting],
        "unfit": [{"model": one.name, "why": why} for one, why in field.unfit],
        "pick": pick,
        "steps": tests.steps,
        "undecided": [undecided[one.name] for one in field.fitting if one.name in undecided],
        "sentence": _sentence(field, rule, pick, passed, why_impossible) + tests.sentence,
    }


def _field(contenders: Sequence[Contender], rule: DecisionRule) -> _Field:
    sized, unsized = size_order(contenders)
    reasons = [(one, why_unfit(one, rule)) for one in (*sized, *unsized)]
    unfit = [(one, why) for one, why in reasons if why is not None]
    out = {one.name for one, _ in unfit}
    sized = [one for one in sized if one.name not in out]
    unsized = [one for one in unsized if one.name not in out]
    method = rule.method if sized or not unsized else HOLM
    return _Field(sized=sized, unsized=unsized, unfit=unfit, method=method)


def _in_sequence(field: _Field, rule: DecisionRule) -> _Tests:
    steps: list[JsonObject] = []
    undecided: dict[str, JsonObject] = {}
    stopped_at: Contender | None = None
    for one in field.sized:
        if one.composite is None:
            continue
        if stopped_at is not None:
            undecided[one.name] = open_later(one, stopped_at, rule)
            continue
        claim = claim_of(one, rule)
        steps.append(_step(claim, rule, is_shown=claim.holds(rule)))
        if not steps[-1]["passes"]:
            stopped_at = one
            undecided[one.name] = open_stop(one, rule, str(steps[-1]["reason"]))
    for one in field.unsized:
        if one.composite is not None:
            why = "its size is not known, so it has no place in the sequence from the largest"
            undecided[one.name] = open_entry(one, why)
    sentence = "" if stopped_at is None else stop_sentence(stopped_at, rule)
    return _Tests(steps=steps, undecided=undecided, sentence=sentence)


def _by_holm(field: _Field, rule: DecisionRule) -> _Tests:
    claims = [claim_of(one, rule) for one in field.fitting if one.composite is not None]
    # A claim whose error is not known counts among the tested: it cannot be shown, p is 1.
    pvalues = [1.0 if claim.pvalue is None else claim.pvalue for claim in claims]
    adjusted = holm(pvalues)
    steps = [
        _step(claim, rule, is_shown=pvalue < rule.alpha, pvalue_holm=pvalue, n_tested=len(claims))
        for claim, pvalue in zip(claims, adjusted, strict=True)
    ]
    is_open = [not step["passes"] for step in steps]
    undecided = {
        claim.contender.name: open_among(claim.contender, rule, str(step["reason"]), sum(is_open))
        for claim, step in zip(claims, steps, strict=True)
        if not step["passes"]
    }
    return _Tests(
        steps=steps,
        undecided=undecided,
        sentence=_open_sentence(field, undecided, rule),
    )


def _open_sentence(field: _Field, undecided: dict[str, JsonObject], rule: DecisionRule) -> str:
    """Sentence on the smallest candidate below the pick that more items could show."""
    level = rule.alpha / max(1, len(undecided))
    for one in reversed(field.sized):
        if one.composite is None:
            continue
        if one.name not in undecided:  # the pick: what is larger is of no use
            return ""
        if shown_worse(one, rule) is None:
            needed = items_needed(one, rule, alpha=level)
            if needed.items is not None:
                return more_sentence(one, needed, f" (Holm, {len(undecided)} open)")
    return ""


def _step(
    claim: Claim,
    rule: DecisionRule,
    *,
    is_shown: bool,
    pvalue_holm: float | None = None,
    n_tested: int = 1,
) -> JsonObject:
    composite = claim.contender.composite
    guards = [
        {
            "benchmark": name,
            "lower_bound": guard.lower,
            "pvalue": guard.pvalue,
            "passes": guard.lower is not None and guard.lower > -rule.guard_margin,
        }
        for name, guard in claim.guards.items()
    ]
    reason = _reason(claim.composite.lower, guards, rule)
    if pvalue_holm is not None and not is_shown and claim.holds(rule):
        reason = (
            f"shown by itself (p = {claim.pvalue:.2g}), but not among {n_tested} tested together "
            f"(Holm p = {pvalue_holm:.2g})"
        )
    return {
        "model": claim.contender.name,
        "composite": None if composite is None else estimate_as_json(composite.net),
        "lower_bound": claim.composite.lower,
        "guards": guards,
        "pvalue": claim.pvalue,
        "pvalue_holm": pvalue_holm,
        "passes": is_shown,
        "reason": reason,
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
    field: _Field,
    rule: DecisionRule,
    pick: str | None,
    passed: set[str],
    why_impossible: str | None,
) -> str:
    if why_impossible is not None:
        return f"No decision was possible: {why_impossible}."
    unknown = [one.name for one, why in field.unfit if "is not known" in why]
    unknown_said = f" Not known to fit, so not tested: {listed(unknown)}." if unknown else ""
    if not field.fitting:
        budgets = " and ".join(rule.budgets) or "memory"
        return f"No candidate is known to fit the {budgets} budget." + unknown_said
    if all(one.composite is None for one in field.fitting):
        reasons = [f"{one.name}: {one.why_no_composite}" for one in field.fitting]
        shown = "; ".join(reasons[:3]) + ("; and so on" if len(reasons) > 3 else "")
        return f"No decision was possible: no candidate that fits has a composite ({shown})."
    return _verdict(field, rule, pick, passed) + unknown_said


def _verdict(field: _Field, rule: DecisionRule, pick: str | None, passed: set[str]) -> str:
    n_tested = sum(one.composite is not None for one in field.fitting)
    how = f" (Holm over {n_tested})" if field.method == HOLM else ""
    loss = (
        f"less than {points(rule.margin)} on the composite and less than "
        f"{points(rule.guard_margin)} on every benchmark of it"
    )
    unsized = [one.name for one in field.unsized if one.name in passed]
    if not field.sized:
        lead = f"No size is known, so no smallest can be named and there is no sequence{how}. "
        if not unsized:
            return lead + f"No quant can be shown to lose {loss} yet."
        return lead + f"Shown to lose {loss}: {listed(unsized, len(unsized))}."
    also = f" Also shown, of unknown size: {listed(unsized)}." if unsized else ""
    if pick is None:
        margin = points(rule.margin)
        return (
            f"No quant can be shown to be within {margin} of the reference's score yet{how}." + also
        )
    return f"Ship {pick}: the smallest that is shown to lose {loss}{how}." + also
