"""Lines of a key that several figures share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from silentzone.report.views import KeyEntry

if TYPE_CHECKING:
    from silentzone.report.cohort import Cohort

CANDIDATE = KeyEntry(mark="dot blue", text="candidate")
PICK = KeyEntry(mark="diamond vermillion", text="the pick")


def bars(cohort: Cohort) -> KeyEntry:
    """Return what the bars of a scatter drawing are."""
    return KeyEntry(mark="bar blue", text=f"{cohort.interval_name} of each model by itself")


def zone_marks(cohort: Cohort) -> tuple[KeyEntry, ...]:
    """Return how candidates in the zone and outside it are drawn, or all where there is none."""
    if cohort.zone is None:
        return (CANDIDATE,)
    return (
        KeyEntry(mark="dot blue", text="candidate in the zone"),
        KeyEntry(mark="dot muted", text="candidate outside the zone"),
    )
