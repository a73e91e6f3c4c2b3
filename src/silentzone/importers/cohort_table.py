"""Cohort tables: one row per model, one column per number."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from silentzone.importers.cells import LONGEST_NAME, parse_boolean, parse_number
from silentzone.importers.cohort_columns import Column, column_notes, names_of, read_columns
from silentzone.importers.delimited import read_header, read_rows
from silentzone.importers.layouts import TABLE_LAYOUT, TABLE_PREFIXES
from silentzone.importers.limits import problem_of
from silentzone.importers.problems import Problems, heading_shown, listed, shown
from silentzone.importers.score_column import ScoreColumn
from silentzone.records.cohort_table import CohortTable, TableModel, same_content
from silentzone.records.escaping import from_spreadsheet_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_SIZES_AGREE_WITHIN: Final = 0.01
_BYTES_PER_GB: Final = 1e9
_TEXT_COLUMNS: Final = ("name", "is_reference")

NO_SCORE: Final = "there is no score: the metrics can be related to each other only"
"""Note of a table without scores."""


def read_cohort_table(path: Path) -> CohortTable:
    """Read a cohort table, whole or not at all.

    Parameters
    ----------
    path : Path
        CSV or TSV in the layout of `docs/tables.md`.

    Returns
    -------
    CohortTable
        Models in file order. Cells without a value are in no mapping.

    Raises
    ------
    TableError
        One for everything that is wrong, the first ten in words, with line and column.
    """
    problems = Problems(path.name)
    header = read_header(path)
    columns = read_columns(header.columns, problems)
    problems.raise_if_any(hint=TABLE_LAYOUT)
    reading = _Reading(columns, problems)
    for line, cells in read_rows(path, header, problems):
        reading.add(line, cells)
    if not reading.lines and not problems.count:
        problems.add("has a header and no rows; write one row per model")
    reading.finish()
    problems.raise_if_any()
    table = CohortTable(
        source=path.name,
        models=tuple(reading.models),
        metrics=names_of(columns, "fidelity"),
        benchmarks=names_of(columns, "score"),
        chance=reading.chance,
        notes=(*header.notes, *column_notes(header.columns, columns), *reading.notes()),
    )
    return replace(table, notes=table.notes + _row_notes(table))


@dataclass(slots=True)
class _Reading:
    """The rows read so far."""

    columns: tuple[Column, ...]
    problems: Problems
    models: list[TableModel] = field(default_factory=list)
    lines: dict[str, int] = field(default_factory=dict)
    """Where each model stands."""
    chance: dict[str, float] = field(default_factory=dict)
    _reference: tuple[str, int] | None = None
    _scores: defaultdict[str, ScoreColumn] = field(default_factory=lambda: defaultdict(ScoreColumn))
    _unusable: list[str] = field(default_factory=list)
    """Cells that hold a number nothing can be done with."""
    _no_spread: int = 0

    def add(self, line: int, cells: Sequence[str]) -> None:
        """Read one row."""
        numbers: dict[str, dict[str, float]] = {prefix: {} for prefix in TABLE_PREFIXES}
        sizes: dict[str, float] = {}
        texts: dict[str, str] = {}
        for column in self.columns:
            if column.prefix in _TEXT_COLUMNS:
                texts[column.prefix] = cells[column.place]
                continue
            value = self._number(line, column, cells[column.place])
            if value is not None:
                target = numbers[column.prefix] if column.name else sizes
                target[column.name or column.prefix] = value
        self._note_chance(line, numbers["chance"])
        name = self._name(line, texts["name"])
        self.models.append(
            TableModel(
                name=name,
                is_reference=self._is_reference(line, name, texts.get("is_reference", "")),
                file_bytes=self._file_bytes(line, sizes),
                bits_per_weight=sizes.get("bits_per_weight"),
                fidelity=numbers["fidelity"],
                fidelity_errors=numbers["fidelity_se"],
                scores=numbers["score"],
                n_items=self._n_items(line, numbers),
                score_errors=numbers["score_se"],
            )
        )

    def finish(self) -> None:
        """Judge what only a whole column shows."""
        for benchmark, scores in self._scores.items():
            scores.report(f"score.{benchmark}", self.problems)

    def notes(self) -> tuple[str, ...]:
        """Say which cells were read as missing although something stands in them."""
        notes = []
        if self._unusable:
            notes.append(
                "infinite values count as missing, they cannot be averaged: "
                + listed(self._unusable, "; ")
            )
        if self._no_spread:
            notes.append(
                f"a standard error of 0 counts as unknown ({self._no_spread} cells): that no "
                "spread was seen does not make the value exact"
            )
        return tuple(notes)

    def _name(self, line: int, text: str) -> str:
        # Control characters stay; blanks at the ends come from aligned columns, and a quote before
        # what begins like a formula keeps a spreadsheet from running it.
        name = from_spreadsheet_text(text.strip(" "))
        if not name:
            self._add(line, "name", "every row needs a name; remove the row or name the model")
        elif len(name) > LONGEST_NAME:
            self._add(line, "name", f"a name must have at most {LONGEST_NAME} characters")
        elif name in self.lines:
            self._add(
                line,
                "name",
                f"{shown(name)} was used on line {self.lines[name]}; give each model its own name",
            )
        self.lines.setdefault(name, line)
        return name

    def _is_reference(self, line: int, name: str, text: str) -> bool:
        answer = parse_boolean(text)
        if answer is None:
            self._add(line, "is_reference", f"{shown(text)} is neither true nor false")
        if answer and self._reference is not None:
            other, place = self._reference
            self._add(
                line,
                "is_reference",
                f"a cohort has one reference; {shown(other)} on line {place} is one already",
            )
        if answer and self._reference is None:
            self._reference = (name, line)
        return bool(answer)

    def _number(self, line: int, column: Column, text: str) -> float | None:
        """Give the number of a cell, null where there is none; what is wrong has been noted."""
        try:
            value = parse_number(text)
        except ValueError as error:
            self._add(line, column.heading, str(error))
            return None
        if value is None:
            return None
        if column.prefix == "score":
            return self._scores[column.name].checked(line, value)
        problem = problem_of(column.prefix, column.name, value)
        if problem is not None:
            self._add(line, column.heading, problem)
            return None
        return value if self._is_usable(line, column, value) else None

    def _is_usable(self, line: int, column: Column, value: float) -> bool:
        """Whether a possible number can be worked with; the others are counted for the notes."""
        if math.isinf(value):
            self._unusable.append(f"line {line}, column {heading_shown(column.heading)}")
        is_without_spread = value == 0.0 and column.prefix.endswith("_se")
        self._no_spread += is_without_spread
        return not math.isinf(value) and not is_without_spread

    def _n_items(self, line: int, numbers: dict[str, dict[str, float]]) -> dict[str, int]:
        counts = {name: int(value) for name, value in numbers["n_items"].items() if value}
        for name, value in numbers["n_items"].items():
            if not value and name in numbers["score"]:
                self._add(line, f"n_items.{name}", "a score of 0 items is impossible")
        return counts

    def _note_chance(self, line: int, chance: dict[str, float]) -> None:
        for name, value in chance.items():
            known = self.chance.setdefault(name, value)
            if value != known:
                self._add(
                    line,
                    f"chance.{name}",
                    f"{value:g} contradicts {known:g} further up; guessing scores the same "
                    "whichever model is asked",
                )

    def _file_bytes(self, line: int, sizes: dict[str, float]) -> int | None:
        given, from_gb = sizes.get("file_bytes"), sizes.get("size_gb")
        if from_gb is None:
            return None if given is None else int(given)
        counted = from_gb * _BYTES_PER_GB
        if given is not None and abs(counted / given - 1.0) > _SIZES_AGREE_WITHIN:
            self._add(
                line,
                "size_gb",
                f"{from_gb:g} GB of 1e9 bytes disagrees with {given:.0f} in `file_bytes`; keep the "
                "right one (GB counts 1e9 bytes, GiB counts 1.0737e9)",
            )
        return round(counted) if given is None else int(given)

    def _add(self, line: int, column: str, what: str) -> None:
        self.problems.add(what, place=f"line {line}", column=column)


def _row_notes(table: CohortTable) -> tuple[str, ...]:
    notes = []
    has_fidelity = any(model.fidelity for model in table.models)
    has_scores = any(model.scores for model in table.models)
    if not has_fidelity:
        notes.append("there is no fidelity value: no metric can be related to the scores")
    if not has_scores:
        notes.append(NO_SCORE)
    empty = [
        f"fidelity.{name}"
        for name in table.metrics
        if not any(name in model.fidelity for model in table.models)
    ]
    empty += [
        f"score.{name}"
        for name in table.benchmarks
        if not any(name in model.scores for model in table.models)
    ]
    if empty:
        notes.append(f"columns without any value: {listed(map(heading_shown, empty))}")
    notes.extend(
        f"the rows {listed(map(shown, names))} hold the same numbers; all are kept"
        for names in same_content(table)
    )
    return tuple(notes)
