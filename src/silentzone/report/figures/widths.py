"""Rho against the width of the zone, one drawing per definition."""

# ruff: noqa: RUF001 -- typographic signs are what a reader sees

from __future__ import annotations

from typing import TYPE_CHECKING

from silentzone.records.escaping import visible
from silentzone.report import charts, numbers, tables
from silentzone.report.charts import Width
from silentzone.report.points import omissions
from silentzone.report.reading import COMPOSITE, texts
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
    expected_range,
    on_corpus,
    opening,
    written_range,
)
from silentzone.store.answers import Raw, finite, rows

if TYPE_CHECKING:
    from silentzone.report.cohort import Cohort

_DEFINITIONS = {
    "equivalence": "Equivalence within a margin",
    "band": "Score within a band",
    "band_errors": "Score within a band of standard errors",
    "fidelity": "The share of lowest loss",
    "threshold": "Loss below a threshold",
}

_BELOW_BAND = (
    "Points below the shaded band say less than the relation over the full cohort would lead to in"
    " a zone that narrow; points inside it do not."
)
_NO_BAND = "What the relation over the full cohort would lead to could not be simulated."
_BAND = (KeyEntry(mark="band green", text="expected from the full cohort, over all shapes"),)
_ATTAINABLE = (KeyEntry(mark="dots muted", text="attainable at most"),)


def zone_widths(cohort: Cohort) -> Figure | None:
    """Draw the headline relation in zones of every width that was tried."""
    found = [row for row in rows(cohort.raw, "sensitivity") if cohort.is_headline(row, COMPOSITE)]
    if not found:
        return None
    panels, undrawn = [], {}
    for definition in dict.fromkeys(str(row.get("definition")) for row in found):
        own = [row for row in found if row.get("definition") == definition]
        widths = [width for width in map(_width, own) if width is not None]
        drawn = [width for width in widths if width.rho is not None]
        title = _zone_words(own[0])
        undrawn[title] = len(own) - len(drawn)
        if drawn:
            unit = visible(own[0].get("unit") or "")
            spec = charts.zone_widths(widths, title=f"width, {unit}" if unit else "width")
            panels.append(Panel(title=title, spec=spec, label=_label(title, unit, drawn)))
    metric = cohort.headline_words
    has_band = any(expected_range(row.get("expected"))[0] is not None for row in found)
    return Figure(
        identity="widths",
        title="How near is near? The relation by width of the zone",
        caption=f"Rank correlation of {metric} with the composite{on_corpus(cohort.corpus)}, turned"
        f" so that up means it ranks well. {_BELOW_BAND if has_band else _NO_BAND}",
        key=(
            KeyEntry(mark="dot blue", text="ρ in a zone of this width, n beside it"),
            KeyEntry(mark="diamond vermillion", text="the width the verdict is given for"),
            KeyEntry(mark="bar blue", text="its interval"),
            *(_BAND if has_band else ()),
            *(_ATTAINABLE if any(finite(row.get("attainable")) for row in found) else ()),
        ),
        panels=tuple(panels),
        table=_table(found),
        omitted=omissions(
            undrawn, "too few candidates are in so narrow a zone, or the zone could not be formed"
        ),
        layout="pairs",
    )


def _width(row: Raw) -> Width | None:
    width, n = finite(row.get("width")), finite(row.get("n"))
    if width is None:
        return None
    lower, upper = aligned_interval(row)
    low, high = expected_range(row.get("expected"))
    return Width(
        width=width,
        n=round(n or 0),
        rho=finite(row.get("aligned")),
        lower=lower,
        upper=upper,
        expected_low=low,
        expected_high=high,
        attainable=finite(row.get("attainable")),
        is_default=row.get("is_default") is True,
    )


def _zone_words(row: Raw) -> str:
    definition = str(row.get("definition"))
    return _DEFINITIONS.get(definition) or opening(visible(definition))


def _label(title: str, unit: str, drawn: list[Width]) -> str:
    said = [
        f"{one.width:g} {unit}: {numbers.coefficient(one.rho or 0.0)} with n = {one.n}"
        for one in drawn
    ]
    return f"{title}: aligned rho by width of the zone. {'; '.join(said)}."


def _table(found: list[Raw]) -> Table:
    notes = Notes()
    made: list[list[Cell]] = []
    for row in found:
        low, high = expected_range(row.get("expected"))
        width, n = finite(row.get("width")), finite(row.get("n"))
        attainable = finite(row.get("attainable"))
        made.append(
            [
                text_cell(
                    _zone_words(row),
                    detail="the verdict's" if row.get("is_default") is True else None,
                ),
                number_cell(
                    numbers.DASH if width is None else f"{width:g} {visible(row.get('unit') or '')}"
                ),
                number_cell(numbers.DASH if n is None else numbers.count(n)),
                tables.aligned_cell(row, notes, "no correlation could be computed"),
                notes.missing("; ".join(texts(row.get("cautions"))) or "not computed")
                if low is None
                else number_cell(written_range(low, high)),
                notes.missing("not known")
                if attainable is None
                else number_cell(numbers.decimal(attainable)),
            ]
        )
    return make_table(
        "widths-data",
        "Zones by definition and width.",
        ("zone", "width", "n", "aligned ρ", "expected", "attainable |ρ|"),
        made,
        notes,
    )
