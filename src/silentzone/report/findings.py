"""What the audit found, one sentence a topic, in the words of the analysis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from silentzone.records.escaping import visible
from silentzone.report.reading import COMPOSITE, FULL
from silentzone.report.views import Finding
from silentzone.store.answers import Raw, rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from silentzone.report.cohort import Cohort

ALL = "all"
"""The row of `prompts` and `router` over every candidate, or over every benchmark."""
_MOST_BENCHMARKS = 1


def findings(cohort: Cohort) -> tuple[Finding, ...]:
    """Return what is known beyond the two answers; a topic the study lacks is left out."""
    return tuple(finding for finding in _found(cohort) if finding.sentence)


def _found(cohort: Cohort) -> Iterator[Finding]:
    decision = cohort.raw["decision"]
    best = [_sentence(decision.get(key)) for key in ("best", "yardstick")]
    yield Finding(
        title="The best, and who cannot be told from it",
        sentence=" ".join(text for text in best if text),
        figure="best",
    )
    yield Finding(
        title="How much changed, and which way",
        sentence=_sentence(volume_row(cohort)),
        figure="volume",
    )
    yield Finding(
        title="Other ways to measure fidelity",
        sentence=_sentence(variant_summary(cohort, variant_zone(cohort) or FULL)),
        figure="variants",
    )
    prompts = prompt_rows(cohort)
    more = len(prompts) - _MOST_BENCHMARKS
    told = " ".join(_sentence(row) for row in prompts[:_MOST_BENCHMARKS])
    yield Finding(
        title="Prompt by prompt",
        sentence=told + (f" In the figure: {more} more." if more > 0 else ""),
        figure="prompts",
    )
    router = router_rows(cohort)
    yield Finding(
        title="Choosing between two models prompt by prompt",
        sentence=_sentence(router[0]) if router else "",
        figure="router",
    )
    shifts = list(rows(cohort.raw, "signed_shift"))
    yield Finding(
        title="A metric with a direction",
        # Without margins there is nothing to report, not even that it does not work.
        sentence=_sentence(cohort.raw["signed_shift_summary"]) if shifts else "",
        figure="shift",
    )


def volume_row(cohort: Cohort, score: str = COMPOSITE, zone: str | None = None) -> Raw | None:
    """Return what is said of volume and direction by the headline metric in a zone."""
    wanted = (zone,) if zone else (cohort.zone, FULL)
    for name in wanted:
        for row in rows(cohort.raw, "volume_direction"):
            if row.get("zone") == name and cohort.is_headline(row, score):
                return row
    return None


def variant_zone(cohort: Cohort) -> str | None:
    """Zone whose variants stand beside those of the full cohort.

    The zone of the page where variants were compared in it; its members must be the same for
    every variant, so a zone made from the metric itself gives way to the first that has them.
    """
    zones = [
        row.get("zone")
        for row in rows(cohort.raw, "variants")
        if row.get("score") == COMPOSITE and row.get("aligned") is not None
    ]
    near = list(dict.fromkeys(str(zone) for zone in zones if zone not in (FULL, None)))
    return cohort.zone if cohort.zone in near else next(iter(near), None)


def variant_summary(cohort: Cohort, zone: str, score: str = COMPOSITE) -> Raw | None:
    """Return what is said of all variants together against a score in a zone."""
    for row in rows(cohort.raw, "variant_summaries"):
        if row.get("score") == score and row.get("zone") == zone:
            return row
    return None


def prompt_rows(cohort: Cohort) -> list[Raw]:
    """Return the rows over all candidates, one a benchmark."""
    return [row for row in rows(cohort.raw, "prompts") if row.get("model") == ALL]


def router_rows(cohort: Cohort) -> list[Raw]:
    """Return every row, the one over all benchmarks first."""
    return sorted(rows(cohort.raw, "router"), key=lambda row: row.get("benchmark") != ALL)


def said(*sections: object) -> tuple[str, ...]:
    """Return the sentences of some rows or sections; those without one are left out."""
    return tuple(text for text in map(_sentence, sections) if text)


def _sentence(row: object) -> str:
    found = row.get("sentence") if hasattr(row, "get") else None
    return visible(found) if found else ""
