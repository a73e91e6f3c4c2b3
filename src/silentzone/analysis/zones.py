"""Which candidates count as near the reference, by every definition a relation is shown for.

A zone is a rule: it is applied to the cohort as measured, and again inside every simulated cohort.
Array shapes: M models, S simulated cohorts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from silentzone.stats.planning import resolvable_margin

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from silentzone.analysis.axes import Axis

ZONES = ("full", "equivalence", "band", "fidelity")
FULL, EQUIVALENCE, BAND, BAND_ERRORS = "full", "equivalence", "band", "band_errors"
FIDELITY, THRESHOLD = "fidelity", "fidelity_threshold"
SELECTS_ON_OUTCOME = "this zone selects on the outcome, which tends to make a correlation weaker"
RESTRICTS_RANGE = "this zone restricts the metric's range, which tends to make a correlation weaker"
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One candidate's composite against the reference's, as far as a zone needs it."""

    difference: float
    standard_error: float | None
    degrees_of_freedom: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """Composite differences of the cohort, or why there are none."""

    by_model: Mapping[str, Outcome]
    why_none: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneRule:
    """What makes a candidate a member."""

    kind: str
    width: float = 0.0
    """Margin, half width, share or largest loss; standard errors for ``band_errors``."""
    alpha: float = 0.025
    """Of each of the two one-sided tests of equivalence."""

    @property
    def zone(self) -> str:
        """Name of the zone."""
        return {BAND_ERRORS: BAND, THRESHOLD: FIDELITY}.get(self.kind, self.kind)

    @property
    def needs_outcome(self) -> bool:
        """Whether it looks at the composite."""
        return self.kind in {EQUIVALENCE, BAND, BAND_ERRORS}

    def words(self, metric: str) -> str:
        """Definition in words."""
        points = f"{100 * self.width:g} points"
        return {
            FULL: "all candidates",
            EQUIVALENCE: f"composite shown equivalent to the reference's within {points} "
            f"(two one-sided paired tests, alpha {self.alpha:g} each)",
            BAND: f"composite within {points} of the reference's, either side",
            BAND_ERRORS: f"composite within {self.width:g} standard errors of the reference's, "
            "either side",
            FIDELITY: f"the {self.width:.0%} of candidates that {metric} puts nearest to the "
            "reference",
            THRESHOLD: f"candidates with a loss of at most {self.width:g} by {metric}",
        }[self.kind]

    def cautions(self) -> tuple[str, ...]:
        """Say what choosing in this way does to a correlation."""
        if self.kind == FULL:
            return ()
        if self.kind == EQUIVALENCE:
            return (SELECTS_ON_OUTCOME, "it selects on volume as well")
        return (SELECTS_ON_OUTCOME,) if self.needs_outcome else (RESTRICTS_RANGE,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """One rule with its members; without members where it cannot be applied."""

    rule: ZoneRule
    definition: str
    members: tuple[str, ...] | None
    """Null where the zone cannot be formed; the cautions say why."""
    cautions: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Name of the zone."""
        return self.rule.zone


def form_zone(rule: ZoneRule, metric: Axis, outcomes: Outcomes, candidates: Sequence[str]) -> Zone:
    """Apply a rule to the cohort as measured.

    Parameters
    ----------
    rule : ZoneRule
    metric : Axis
        What the fidelity zones rank by.
    outcomes : Outcomes
    candidates : sequence of str
        In the order in which members are listed.
    """
    definition = rule.words(metric.name)
    why = _why_not(rule, metric, outcomes)
    if why is not None:
        return Zone(rule=rule, definition=definition, members=None, cautions=(why,))
    known = outcomes.by_model if rule.needs_outcome else metric.values
    names = [name for name in candidates if rule.kind == FULL or name in known]
    if rule.needs_outcome:
        losses = np.zeros((len(names), 1))
        differences = np.array([[outcomes.by_model[name].difference] for name in names])
    else:
        losses = metric.losses(names)[:, None] if rule.kind != FULL else np.zeros((len(names), 1))
        differences = np.zeros((len(names), 1))
    inside = members_in(rule, losses, differences, reaches(rule, outcomes, names))
    return Zone(
        rule=rule,
        definition=definition,
        members=tuple(
            name for name, is_in in zip(names, inside[:, 0] if names else [], strict=True) if is_in
        ),
        cautions=rule.cautions(),
    )


def members_in(
    rule: ZoneRule,
    losses_MS: NDArray[np.float64],
    differences_MS: NDArray[np.float64],
    reaches_M: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """Apply a rule to many cohorts at once.

    Parameters
    ----------
    rule : ZoneRule
    losses_MS : ndarray of shape (M, S)
        Of the metric.
    differences_MS : ndarray of shape (M, S)
        Composite less the reference's.
    reaches_M : ndarray of shape (M,)
        From `reaches`.

    Returns
    -------
    ndarray of shape (M, S), bool
    """
    if rule.kind == FULL or len(losses_MS) == 0:
        return np.ones(losses_MS.shape, dtype=np.bool_)
    if rule.kind in {BAND, BAND_ERRORS, EQUIVALENCE}:
        return np.asarray(np.abs(differences_MS) <= reaches_M[:, None] + _ROUNDING)
    if rule.kind == THRESHOLD:
        return np.asarray(losses_MS <= rule.width)
    # Candidates equal to the last one taken are taken as well.
    last = int(np.ceil(rule.width * len(losses_MS) - 1e-9)) - 1
    edge = np.sort(losses_MS, axis=0)[max(0, last)]
    return np.asarray(losses_MS <= edge)


def reaches(rule: ZoneRule, outcomes: Outcomes, names: Sequence[str]) -> NDArray[np.float64]:
    """Largest difference with which each candidate is still a member; -1 where none would do."""
    if not rule.needs_outcome:
        return np.zeros(len(names))
    if rule.kind == BAND:
        return np.full(len(names), rule.width)
    own = [outcomes.by_model[name] for name in names]
    errors = np.array([one.standard_error or np.inf for one in own])
    if rule.kind == BAND_ERRORS:
        return np.where(np.isfinite(errors), rule.width * errors, -1.0)
    freedom = np.array([one.degrees_of_freedom for one in own])
    critical = -special.stdtrit(freedom, rule.alpha)
    # Both one-sided tests reject where the difference lies closer to zero than this; strictly.
    reach = np.where(np.isfinite(errors), rule.width - critical * errors, -1.0) - 2 * _ROUNDING
    return np.where(reach > 0.0, reach, -1.0)


def _why_not(rule: ZoneRule, metric: Axis, outcomes: Outcomes) -> str | None:
    """Say why a zone cannot be formed; null where it can."""
    if not rule.needs_outcome:
        is_drawn = rule.kind != THRESHOLD or metric.is_loss
        why = f"{metric.name} is no loss, so a largest loss draws no zone by it"
        return None if is_drawn else why
    if not outcomes.by_model:
        return outcomes.why_none or "no candidate has a composite"
    errors = [one.standard_error for one in outcomes.by_model.values() if one.standard_error]
    if rule.kind != BAND and not errors:
        return "no composite difference has a standard error"
    if rule.kind != EQUIVALENCE:
        return None
    resolvable = resolvable_margin(float(np.median(errors)), alpha=rule.alpha)
    if rule.width >= resolvable:
        return None
    return (
        f"a margin of {100 * rule.width:g} points is not resolvable with these items: half "
        f"the cohort needs {100 * resolvable:.1f} points or more"
    )
