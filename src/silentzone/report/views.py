"""What the page says, as frozen view models: words and rounded numbers, before any HTML."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from silentzone.report.numbers import DASH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from silentzone.report.charts import Spec
    from silentzone.report.reading import Quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One table cell, already rounded."""

    text: str
    detail: str | None = None
    """Second line, smaller: the interval, the floor."""
    notes: tuple[int, ...] = ()
    """Numbers of the table's notes that apply here."""
    is_number: bool = False
    is_strong: bool = False
    tone: str = ""
    """Look of the cell in the style sheet; what it says stands in the text as well."""
    link: str | None = None
    """Place on this page, from ``#`` on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table with its notes; the first cell of a row is the row's header."""

    identity: str
    caption: str
    headers: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()


@dataclass(slots=True, kw_only=True)
class Notes:
    """Collects the footnotes of one table while its cells are made; equal notes share a number."""

    texts: list[str] = field(default_factory=list)

    def number(self, note: str) -> int:
        """Return the number of a note, new or known."""
        if note not in self.texts:
            self.texts.append(note)
        return self.texts.index(note) + 1

    def cell(self, quantity: Quantity, how: Callable[[float], str], extra: str = "") -> Cell:
        """Return a number with its interval below, or a dash, with its cautions as notes."""
        interval = quantity.interval(how)
        cautions = quantity.cautions
        if interval is None and quantity.value is not None and not cautions:
            cautions = ("no interval was recorded",)
        detail = " ".join(part for part in (interval, extra) if part)
        return Cell(
            text=quantity.written(how),
            detail=detail or None,
            notes=tuple(self.number(caution) for caution in cautions),
            is_number=True,
        )

    def missing(self, why: str) -> Cell:
        """Return a dash with its reason."""
        return Cell(text=DASH, notes=(self.number(why),), is_number=True)


def text_cell(
    text: str, *, strong: bool = False, detail: str | None = None, link: str | None = None
) -> Cell:
    """Return a cell of words."""
    return Cell(text=text, is_strong=strong, detail=detail, link=link)


def number_cell(text: str, detail: str | None = None) -> Cell:
    """Return a cell of one exact number, such as a count."""
    return Cell(text=text, is_number=True, detail=detail)


def make_table(
    identity: str,
    caption: str,
    headers: Iterable[str],
    rows: Iterable[Iterable[Cell]],
    notes: Notes | None = None,
) -> Table:
    """Freeze a table; rows come first, because making them fills the notes."""
    frozen = tuple(tuple(row) for row in rows)
    return Table(
        identity=identity,
        caption=caption,
        headers=tuple(headers),
        rows=frozen,
        notes=tuple(notes.texts) if notes is not None else (),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One question in plain words with its answer."""

    question: str
    answer: str
    """The verdict's own word, or what to deploy."""
    tone: str
    """``good``, ``bad``, ``open``: repeated by colour, never said by colour alone."""
    sentence: str
    reasons: tuple[str, ...]
    detail: str | None = None
    """The number the answer rests on, smaller beside it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One topic of the audit with its sentence."""

    title: str
    sentence: str
    figure: str
    """Identity of the figure that shows it; the page may lack it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A key number with its name."""

    name: str
    value: str
    detail: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One drawing of a figure."""

    title: str
    spec: Spec
    label: str
    """What stands in for the drawing where it cannot be seen."""
    detail: str = ""
    """The numbers of the drawing, below its title."""
    link: str | None = None
    """Place of the items behind it, from ``#`` on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyEntry:
    """One line of a figure's key."""

    mark: str
    """Name of the mark's look in the style sheet."""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """Drawings side by side, what to see in them, and the numbers they show."""

    identity: str
    title: str
    caption: str
    key: tuple[KeyEntry, ...]
    panels: tuple[Panel, ...]
    table: Table
    omitted: tuple[str, ...] = ()
    """What could not be drawn, counted, with the reason."""
    said: tuple[str, ...] = ()
    """What the analysis says of it, before how to read it."""
    rests_on_items: bool = True
    """Whether looking at single items says something about it."""
    grid: Table | None = None
    """A table that is itself the drawing."""
    layout: str = ""
    """How a wide page sets the drawings: ``pairs``, ``thirds`` (two rows), or as many as fit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explorer:
    """Items whose answer changed, for the page's script to show."""

    models: tuple[str, ...]
    benchmarks: tuple[str, ...]
    counts: Mapping[str, int]
    """Changes that are shown, by ``harm``, ``gain`` and ``other``."""
    shared: tuple[int, ...]
    """Numbers of candidates to ask for at least."""
    left_out: int
    """Changes that are not in the file, to keep it small."""
    packed: str
    """Questions and changes as JSON, gzip, base64."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """Candidates that are not ranked with those of the other tables, and why."""

    title: str
    why: str
    tables: tuple[Table, ...]
    """The candidates, then nets where there are any, then more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The whole report."""

    title: str
    subtitle: str
    answers: tuple[Answer, ...]
    findings: tuple[Finding, ...]
    facts: tuple[Fact, ...]
    decision: tuple[Table, ...]
    figures: tuple[Figure, ...]
    results: tuple[Table, ...]
    materials: tuple[Table, ...]
    identities: tuple[Table, ...]
    limits: tuple[Table, ...]
    cautions: tuple[str, ...]
    methods: tuple[tuple[str, str], ...]
    """Heading and plain words."""
    command: str
    explorer: Explorer | None = None
    lanes: tuple[Lane, ...] = ()
