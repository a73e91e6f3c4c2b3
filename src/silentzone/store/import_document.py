"""``import.json``: which tables were imported, from which files, and under which protocol."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

from silentzone.errors import TableError
from silentzone.records.imported import ModelFacts, SourceFile, Stated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

IMPORT_SCHEMA_VERSION: Final = 1
AGAIN: Final = "import the files again into a new folder"
_SHOWN: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemsEntry:
    """One model's answers to one benchmark."""

    model: str
    benchmark: str
    table: str
    """Path inside the folder."""
    rows: int
    items: int
    """Distinct items."""
    scored: int
    """Rows with a score."""
    statuses: Mapping[str, int]
    """Rows by status, ``ok`` left out."""
    settings: Mapping[str, str]
    about: Mapping[str, str]
    sources: tuple[SourceFile, ...]
    proof: str
    """What shows that the items are those of the other models."""
    overrides: tuple[Mapping[str, str], ...] = ()
    """Differences the user accepted: field, against, held, new."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FidelityEntry:
    """One fidelity row."""

    model: str
    corpus: str
    protocol: Mapping[str, str | None]
    metrics: Mapping[str, Stated]
    about: Mapping[str, str]
    sources: tuple[SourceFile, ...]
    positions: str | None = None
    """Path of the table of positions inside the folder."""
    windows: str | None = None
    stated_by_user: tuple[str, ...] = ()
    """Protocol fields that the file left open and the user filled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportDocument:
    """All that counts of an import folder."""

    models: tuple[ModelFacts, ...] = ()
    items: tuple[ItemsEntry, ...] = ()
    fidelity: tuple[FidelityEntry, ...] = ()
    notes: tuple[str, ...] = ()
    chance: Mapping[str, float] = field(default_factory=dict)
    """Score of guessing by benchmark, where a file states it."""

    @property
    def reference(self) -> str | None:
        """Name of the model that is marked; null where none is."""
        return next((one.name for one in self.models if one.is_reference), None)

    def names(self) -> set[str]:
        """Names of all models."""
        return {one.name for one in self.models}

    def tables(self) -> list[str]:
        """Every table that is named."""
        places = [one.table for one in self.items]
        for one in self.fidelity:
            places += [place for place in (one.positions, one.windows) if place is not None]
        return places


def grouped_notes(notes: Iterable[str]) -> list[str]:
    """Say once what is said of several models or tasks in the same words.

    Examples
    --------
    >>> grouped_notes(["Q8_0: no error", "Q4_0: no error", "a note", "Q2_K: no error"])
    ['no error (Q8_0, Q4_0, Q2_K)', 'a note']
    """
    found: dict[str, list[str]] = {}
    for note in notes:
        subject, colon, rest = note.partition(": ")
        found.setdefault(rest if colon else note, []).append(subject if colon else "")
    said = []
    for text, subjects in found.items():
        named = list(dict.fromkeys(filter(None, subjects)))
        if len(named) > 1:
            more = f" and {len(named) - _SHOWN} more" if len(named) > _SHOWN else ""
            said.append(f"{text} ({', '.join(named[:_SHOWN])}{more})")
        else:
            said.append(f"{named[0]}: {text}" if named else text)
    return said


def document_as_json(document: ImportDocument) -> dict[str, Any]:
    """Give the document as ``import.json`` holds it."""
    return {"schema_version": IMPORT_SCHEMA_VERSION, **asdict(document)}


def read_document(content: object, where: str) -> ImportDocument:
    """Read ``import.json``.

    Parameters
    ----------
    content : object
        Parsed JSON; nothing about it is trusted.
    where : str
        Path, for messages.

    Raises
    ------
    TableError
        If it is of a version not known here, or an entry is missing or of another type.
    """
    reader = _Reader(where)
    top = reader.mapping(content, "it")
    version = top.get("schema_version")
    if version != IMPORT_SCHEMA_VERSION or isinstance(version, bool):
        raise TableError(
            f"`{where}` has schema version {version!r:.40}; this silentzone reads version "
            f"{IMPORT_SCHEMA_VERSION}.",
            hint="use the silentzone that wrote the folder, or import the files again into a new "
            "one",
        )
    document = ImportDocument(
        models=tuple(reader.each(top, "models", reader.model)),
        items=tuple(reader.each(top, "items", reader.items_entry)),
        fidelity=tuple(reader.each(top, "fidelity", reader.fidelity_entry)),
        notes=tuple(reader.texts(top, "notes")),
        chance=reader.proportions(top, "chance"),
    )
    _require_consistent(document, reader)
    return document


def _require_consistent(document: ImportDocument, reader: _Reader) -> None:
    """Refuse what no import writes: a result of nobody, two of one, two references."""
    names = [one.name for one in document.models]
    answers = [(one.model, one.benchmark) for one in document.items]
    stated = [
        (one.model, one.corpus, tuple(sorted(one.protocol.items())), metric)
        for one in document.fidelity
        for metric in one.metrics
    ]
    for what, keys in (("model", names), ("model and benchmark", answers), ("number", stated)):
        if len(set(keys)) < len(keys):
            raise reader.damaged(f"a {what} stands there twice")
    told = [one.model for one in document.items] + [one.model for one in document.fidelity]
    strangers = set(told) - set(names)
    if strangers:
        raise reader.damaged(f"{sorted(strangers)[0]!r:.80} is not among its models")
    if sum(one.is_reference for one in document.models) > 1:
        raise reader.damaged("two models are marked as the reference")


@dataclass(frozen=True, slots=True)
class _Reader:
    """Fields of a JSON value, each refused by name where it is not what it must be."""

    where: str

    def damaged(self, what: str) -> TableError:
        return TableError(f"`{self.where}` is damaged: {what}.", hint=AGAIN)

    def mapping(self, value: object, what: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self.damaged(f"{what} must be an object")
        return value

    def each(self, holder: dict[str, Any], name: str, read: Callable[[Any, str], Any]) -> list[Any]:
        values = holder.get(name)
        if not isinstance(values, list):
            raise self.damaged(f"`{name}` must be a list")
        return [read(value, f"{name}[{place}]") for place, value in enumerate(values)]

    def text(self, holder: Mapping[str, Any], name: str, what: str) -> str:
        value = holder.get(name)
        if not isinstance(value, str):
            raise self.damaged(f"`{what}.{name}` must be text")
        return value

    def optional_text(self, holder: Mapping[str, Any], name: str, what: str) -> str | None:
        return None if holder.get(name) is None else self.text(holder, name, what)

    def count(self, holder: Mapping[str, Any], name: str, what: str) -> int:
        value = holder.get(name)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise self.damaged(f"`{what}.{name}` must be a whole number from 0 upward")
        return value

    def number(self, holder: Mapping[str, Any], name: str, what: str) -> float | None:
        value = holder.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.damaged(f"`{what}.{name}` must be a number or null")
        if not math.isfinite(value):
            raise self.damaged(f"`{what}.{name}` must be finite")
        return float(value)

    def texts(self, holder: Mapping[str, Any], name: str) -> list[str]:
        values = holder.get(name, [])
        if not isinstance(values, list) or not all(isinstance(one, str) for one in values):
            raise self.damaged(f"`{name}` must be a list of texts")
        return values

    def proportions(self, holder: Mapping[str, Any], name: str) -> dict[str, float]:
        found = {}
        for key in self.mapping(holder.get(name, {}), f"`{name}`"):
            value = self.number(holder[name], key, name)
            if value is None or not 0.0 <= value < 1.0:
                raise self.damaged(f"`{name}.{key}` must be a proportion below 1")
            found[key] = value
        return found

    def text_mapping(
        self, holder: Mapping[str, Any], name: str, what: str, *, nullable: bool = False
    ) -> dict[str, Any]:
        values = self.mapping(holder.get(name), f"`{what}.{name}`")
        for value in values.values():
            if not isinstance(value, str) and not (nullable and value is None):
                raise self.damaged(f"`{what}.{name}` must hold texts")
        return values

    def model(self, value: object, what: str) -> ModelFacts:
        one = self.mapping(value, f"`{what}`")
        size = None if one.get("file_bytes") is None else self.count(one, "file_bytes", what)
        return ModelFacts(
            name=self.text(one, "name", what),
            file_bytes=size,
            bits_per_weight=self.number(one, "bits_per_weight", what),
            is_reference=one.get("is_reference") is True,
        )

    def source(self, value: object, what: str) -> SourceFile:
        one = self.mapping(value, f"`{what}`")
        return SourceFile(
            name=self.text(one, "name", what),
            sha256=self.text(one, "sha256", what),
            size_bytes=self.count(one, "size_bytes", what),
            format=self.text(one, "format", what),
        )

    def sources(self, one: dict[str, Any], what: str) -> tuple[SourceFile, ...]:
        return tuple(self.each(one, "sources", lambda v, w: self.source(v, f"{what}.{w}")))

    def items_entry(self, value: object, what: str) -> ItemsEntry:
        one = self.mapping(value, f"`{what}`")
        statuses = self.mapping(one.get("statuses"), f"`{what}.statuses`")
        return ItemsEntry(
            model=self.text(one, "model", what),
            benchmark=self.text(one, "benchmark", what),
            table=self.text(one, "table", what),
            rows=self.count(one, "rows", what),
            items=self.count(one, "items", what),
            scored=self.count(one, "scored", what),
            statuses={name: self.count(statuses, name, what) for name in statuses},
            settings=self.text_mapping(one, "settings", what),
            about=self.text_mapping(one, "about", what),
            sources=self.sources(one, what),
            proof=self.text(one, "proof", what),
            overrides=tuple(self.each(one, "overrides", self.override)),
        )

    def override(self, value: object, what: str) -> dict[str, str]:
        one = self.mapping(value, f"`{what}`")
        return {name: self.text(one, name, what) for name in ("field", "against", "held", "new")}

    def stated(self, value: object, what: str) -> Stated:
        one = self.mapping(value, f"`{what}`")
        error = self.number(one, "standard_error", what)
        if error is not None and error < 0.0:
            raise self.damaged(f"`{what}.standard_error` must not be negative")
        return Stated(
            value=self.number(one, "value", what),
            standard_error=error,
            method=self.text(one, "method", what),
            status=self.text(one, "status", what),
        )

    def fidelity_entry(self, value: object, what: str) -> FidelityEntry:
        one = self.mapping(value, f"`{what}`")
        metrics = self.mapping(one.get("metrics"), f"`{what}.metrics`")
        return FidelityEntry(
            model=self.text(one, "model", what),
            corpus=self.text(one, "corpus", what),
            protocol=self.text_mapping(one, "protocol", what, nullable=True),
            metrics={
                name: self.stated(cell, f"{what}.metrics.{name}") for name, cell in metrics.items()
            },
            about=self.text_mapping(one, "about", what),
            sources=self.sources(one, what),
            positions=self.optional_text(one, "positions", what),
            windows=self.optional_text(one, "windows", what),
            stated_by_user=tuple(self.texts(one, "stated_by_user")),
        )
