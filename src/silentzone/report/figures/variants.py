"""The specification curve: every measurement variant beside every other."""

# ruff: noqa: RUF001 -- typographic signs are what a reader sees

from __future__ import annotations

from typing import TYPE_CHECKING

from silentzone.records.escaping import shorten, visible
from silentzone.report import charts, numbers, tables
from silentzone.report.charts import Variant
from silentzone.report.findings import said, variant_summary, variant_zone
from silentzone.report.points import omissions
from silentzone.report.reading import COMPOSITE, FULL, texts
from silentzone.report.views import (
    Cell,
    Figure,
    KeyEntry,
    Notes,
    Panel,
    Table,
    make_table,
    number_cell,
    text_cell,
)
from silentzone.report.words import (
    aligned_interval,
    metric_title,
    on_corpus,
    opening,
    zone_title,
)
from silentzone.store.answers import Raw, finite, rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from silentzone.report.cohort import Cohort

Key = tuple[str, str]
"""Metric and corpus."""


def specification_curve(cohort: Cohort) -> Figure | None:
    """Draw all variants against the composite, over the full cohort and beside it in the zone."""
    zones = [zone for zone in (FULL, variant_zone(cohort)) if zone is not None]
    by_zone = {zone: _rows(cohort, zone) for zone in zones}
    if not any(by_zone.values()):
        return None
    panels, undrawn = [], {}
    for zone, found in by_zone.items():
        drawn = [row for row in found if finite(row.get("aligned")) is not None]
        undrawn[zone_title(zone)] = len(found) - len(drawn)
        if drawn:
            panels.append(_panel(cohort, zone, drawn))
    return Figure(
        identity="variants",
        title="Would another way to measure have ranked them?",
        caption="Every variant (metric and corpus) against the composite, from the lowest ρ to the"
        " highest; the strip below says of which family each is.",
        said=said(variant_summary(cohort, zones[-1])),
        key=(
            KeyEntry(mark="dot blue", text="stands out once all variants are counted (maxT)"),
            KeyEntry(mark="dot muted", text="does not"),
            KeyEntry(
                mark="diamond vermillion",
                text=f"{cohort.headline_words}{on_corpus(cohort.corpus)}",
            ),
        ),
        panels=tuple(panels),
        table=_table(cohort, by_zone),
        omitted=omissions(undrawn, "a variant has no correlation"),
        layout="pairs",
    )


def _rows(cohort: Cohort, zone: str) -> list[Raw]:
    found = [
        row
        for row in rows(cohort.raw, "variants")
        if row.get("score") == COMPOSITE and row.get("zone") == zone
    ]
    return sorted(found, key=lambda row: finite(row.get("aligned")) or 0.0)


def _key(row: Raw) -> Key:
    return str(row.get("metric")), str(row.get("corpus") or "")


def _panel(cohort: Cohort, zone: str, drawn: list[Raw]) -> Panel:
    summary = variant_summary(cohort, zone)
    escaped = {_key(row) for row in rows(summary, "escape")} if summary else set()
    variants = []
    for place, row in enumerate(drawn, start=1):
        lower, upper = aligned_interval(row)
        variants.append(
            Variant(
                place=place,
                family=row["family"] if row.get("family") in charts.FAMILY_MARKS else "other",
                rho=finite(row.get("aligned")) or 0.0,
                lower=lower,
                upper=upper,
                look="headline"
                if cohort.is_headline(row)
                else "stands out"
                if _key(row) in escaped
                else "does not stand out",
            )
        )
    standing = sum(_key(row) in escaped for row in drawn)
    n = max(finite(row.get("n")) or 0 for row in drawn)
    title = opening(zone_title(zone))
    words = f"{standing} of {len(drawn)} variants stand out, n = {numbers.count(n)}"
    ends = (f"{numbers.coefficient(variants[i].rho)} ({_words(drawn[i])})" for i in (0, -1))
    label = f"{title}: {words}. Aligned rho from {' to '.join(ends)}."
    return Panel(title=title, detail=words, spec=charts.specification(variants), label=label)


def _words(row: Raw) -> str:
    words = row.get("words")
    name = shorten(visible(words), 44) if words else metric_title(str(row.get("metric")))
    return f"{name}{on_corpus(row.get('corpus') or None)}"


def _table(cohort: Cohort, by_zone: dict[str, list[Raw]]) -> Table:
    """One row per variant in the order of the last zone, the nearest to the reference."""
    notes = Notes()
    found = {zone: {_key(row): row for row in own} for zone, own in by_zone.items()}
    order = list(dict.fromkeys(key for zone in reversed(found) for key in reversed(found[zone])))
    first = {key: next(own[key] for own in found.values() if key in own) for key in order}
    headers = [
        f"{name}, {zone_title(zone)}" for zone in found for name in ("aligned ρ", "p", "p by maxT")
    ]
    made = [
        [
            text_cell(_words(first[key]), strong=cohort.is_headline(first[key])),
            text_cell(visible(first[key].get("family") or "other")),
            number_cell(_length(first[key])),
            *(cell for own in found.values() for cell in _numbers(own.get(key), notes)),
        ]
        for key in order
    ]
    return make_table(
        "variants-data",
        "Measurement variants against the composite, the best in the zone first.",
        ("variant", "family", "context length", *headers),
        made,
        notes,
    )


def _length(row: Raw) -> str:
    length = finite(row.get("context_length"))
    return numbers.DASH if length is None else numbers.count(length)


def _numbers(row: Raw | None, notes: Notes) -> Iterator[Cell]:
    if row is None:
        for _ in range(3):
            yield notes.missing("not computed in this zone")
        return
    yield tables.aligned_cell(row, notes, "no correlation could be computed")
    cautions = "; ".join(texts(row.get("cautions")))
    for key in ("pvalue", "pvalue_maxt"):
        pvalue = finite(row.get(key))
        yield (
            notes.missing(cautions or "not computed")
            if pvalue is None
            else number_cell(numbers.probability(pvalue))
        )
