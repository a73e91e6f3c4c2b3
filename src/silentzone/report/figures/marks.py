"""Lines of a key that several figures share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from silentzone.report.views import KeyEntry

if TYPE_CHECKING:
    from silentzone.report.cohort import Cohort

CANDIDATE = KeyEntry(mark="dot blue", text="candidate")


def pick(cohort: Cohort) -> tuple[KeyEntry, ...]:
    """Return how the pick is drawn, where there is one."""
    has_pick = any(model.is_pick for model in cohort.models)
    return (KeyEntry(mark="diamond vermillion", text="the pick"),) if has_pick else ()


def bars(cohort: Cohort) -> tuple[KeyEntry, ...]:
    """Return what the bars of a scatter drawing are, where scores have intervals."""
    if all(score.lower is None for score in cohort.scores.values()):
        return ()
    return (KeyEntry(mark="bar blue", text=f"{cohort.interval_name} of each model by itself"),)


def zone_marks(cohort: Cohort) -> tuple[KeyEntry, ...]:
    """Return how candidates in the zone and outside it are drawn, or all where there is none."""
    if cohort.zone is None:
        return (CANDIDATE,)
    return (
        KeyEntry(mark="dot blue", text="candidate in the zone"),
        KeyEntry(mark="dot muted", text="candidate outside the zone"),
    )
