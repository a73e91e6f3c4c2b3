"""Which candidates count as near the reference, by every definition a relation is shown for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from silentzone.stats.equivalence import equivalence_test
from silentzone.stats.planning import resolvable_margin

if TYPE_CHECKING:
    from collections.abc import Mapping

    from silentzone.analysis.axes import Axis
    from silentzone.analysis.scores import CompositeDifference

ZONES = ("full", "equivalence", "band", "fidelity")
BAND_POINTS = 0.02
FIDELITY_SHARE = 0.5
SELECTS_ON_OUTCOME = "this zone selects on the outcome, which tends to make a correlation weaker"
RESTRICTS_RANGE = "this zone restricts the metric's range, which tends to make a correlation weaker"


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """One definition with its members; without members where it cannot be formed."""

    name: str
    definition: str
    members: frozenset[str] | None
    """Null where the zone cannot be formed; the cautions say why."""
    cautions: tuple[str, ...] = ()


def outcome_zones(
    composites: Mapping[str, CompositeDifference],
    *,
    margin: float,
    alpha: float,
    why_no_composite: str | None = None,
) -> dict[str, Zone]:
    """Zones that do not depend on the metric: full, equivalence and band.

    Parameters
    ----------
    composites : mapping of str to CompositeDifference
        By candidate.
    margin, alpha : float
        Of the study's decision.
    why_no_composite : str, optional
        Why no candidate has a composite, where none has.
    """
    zones = {
        "full": Zone(name="full", definition="all candidates", members=None),
        "equivalence": _equivalence(composites, margin, alpha),
        "band": _band(composites),
    }
    if not composites and why_no_composite is not None:
        for name in ("equivalence", "band"):
            zones[name] = replace(zones[name], members=None, cautions=(why_no_composite,))
    return zones


def fidelity_zone(metric: Axis) -> Zone:
    """Half of the candidates with the lowest loss by the metric, ties at the edge included."""
    share = f"{FIDELITY_SHARE:.0%}"
    definition = f"the {share} of candidates that {metric.name} puts nearest to the reference"
    if not metric.values:
        return Zone(name="fidelity", definition=definition, members=frozenset())
    losses = {name: value if metric.is_loss else -value for name, value in metric.values.items()}
    ordered = sorted(losses.values())
    edge = ordered[int(np.ceil(FIDELITY_SHARE * len(ordered))) - 1]
    return Zone(
        name="fidelity",
        definition=definition,
        members=frozenset(name for name, loss in losses.items() if loss <= edge),
        cautions=(RESTRICTS_RANGE,),
    )


def _band(composites: Mapping[str, CompositeDifference]) -> Zone:
    definition = f"composite within {100 * BAND_POINTS:g} points of the reference's, either side"
    return Zone(
        name="band",
        definition=definition,
        members=frozenset(
            name
            for name, part in composites.items()
            if part.net.value is not None and abs(part.net.value) <= BAND_POINTS + 1e-12
        ),
        cautions=(SELECTS_ON_OUTCOME,),
    )


def _equivalence(
    composites: Mapping[str, CompositeDifference], margin: float, alpha: float
) -> Zone:
    definition = (
        f"composite shown equivalent to the reference's within {100 * margin:g} points "
        f"(two one-sided paired tests, alpha {alpha:g} each)"
    )
    errors = [part.net.standard_error for part in composites.values() if part.net.standard_error]
    if not errors:
        return Zone(
            name="equivalence",
            definition=definition,
            members=None,
            cautions=("no composite difference has a standard error",),
        )
    resolvable = resolvable_margin(float(np.median(errors)), alpha=alpha)
    if margin < resolvable:
        return Zone(
            name="equivalence",
            definition=definition,
            members=None,
            cautions=(
                f"a margin of {100 * margin:g} points is not resolvable with these items: half "
                f"the cohort needs {100 * resolvable:.1f} points or more",
            ),
        )
    members = {
        name
        for name, part in composites.items()
        if equivalence_test(
            part.net, margin, alpha=alpha, degrees_of_freedom=part.degrees_of_freedom
        ).is_equivalent
    }
    return Zone(
        name="equivalence",
        definition=definition,
        members=frozenset(members),
        cautions=(SELECTS_ON_OUTCOME, "it selects on volume as well"),
    )
