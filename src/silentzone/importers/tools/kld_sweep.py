"""CSV of kld-sweep: llama-perplexity over a folder of quants, one row per file."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from silentzone.importers.cells import LONGEST_NAME, parse_number
from silentzone.importers.delimited import read_header, read_rows
from silentzone.importers.limits import problem_of
from silentzone.importers.problems import Problems, shown
from silentzone.importers.reading import Bundle, Format, ImportOptions, find_each, source_of
from silentzone.importers.text_files import unreadable
from silentzone.records.escaping import from_spreadsheet_text
from silentzone.records.imported import FidelityRow, Imported, ModelFacts, Stated

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from silentzone.records.imported import SourceFile

_NAME: Final = "kld-sweep"
_METRICS: Final = {
    "ppl_candidate": "PPL_Score",
    "kld_mean": "KLD_Score",
    "kld_p99": "KLD_99",
}
_FACTS: Final = ("Size_GiB", "BPW", "Num_Tokens")
_IGNORED: Final = "MDL_norm"
_KNOWN: Final = ("Quantization", *_METRICS.values(), *_FACTS, _IGNORED)
_FAILED: Final = "ERROR"
_CUT: Final = "the last line has no end: the file may be cut off, and its last number with it"
_BYTES_PER_GIB: Final = 2**30
_MOST_GIB: Final = 1e6
_MOST_BITS: Final = 64.0


def _is_own(_path: Path, head: bytes) -> bool:
    first = head.removeprefix(b"\xef\xbb\xbf").split(b"\n", 1)[0].strip().replace(b'"', b"")
    return first.startswith(b"Quantization,") and (b",KLD_Score" in first or b",PPL_Score" in first)


def _read(bundle: Bundle, options: ImportOptions) -> Imported:
    problems = Problems(bundle.main.name)
    header = read_header(bundle.main)
    places = {name: place for place, name in enumerate(header.columns) if name in _KNOWN}
    if "Quantization" not in places or not {"PPL_Score", "KLD_Score"} & set(places):
        problems.add("must have the columns Quantization, Size_GiB, PPL_Score and KLD_Score")
    problems.raise_if_any()
    rows = _Rows(places, problems)
    for line, cells in read_rows(bundle.main, header, problems):
        rows.add(line, cells)
    if not rows.found and not problems.count:
        problems.add("has a header and no rows")
    if options.model is not None and len(rows.found) > 1:
        problems.add(f"has {len(rows.found)} models, so --model cannot name all of them")
    problems.raise_if_any()
    pairs = [_row(found, options, source_of(bundle.main, _NAME)) for found in rows.found]
    notes = _notes(header.columns, places)
    if not _ends_with_its_line(bundle.main):
        notes = (*notes, _CUT)
    return Imported(
        fidelity=tuple(row for row, _ in pairs),
        models=tuple(facts for _, facts in pairs),
        notes=notes,
    )


_Found = tuple[ModelFacts, dict[str, Stated], dict[str, str]]


def _row(
    found: _Found, options: ImportOptions, source: SourceFile
) -> tuple[FidelityRow, ModelFacts]:
    facts, metrics, about = found
    facts = replace(facts, name=options.model or facts.name)
    row = FidelityRow(
        model=facts.name,
        corpus=options.corpus or "not named",
        metrics=metrics,
        protocol={
            "tool": _NAME,
            "reference": options.reference,
            "direction": "KL(reference||candidate)",
            "lane": "serving",
        },
        about=about,
        sources=(source,),
    )
    return row, facts


def _ends_with_its_line(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) in {b"\n", b"\r"}
    except OSError as error:
        raise unreadable(path, error) from error


class _Rows:
    """The rows read so far."""

    def __init__(self, places: dict[str, int], problems: Problems) -> None:
        self._places = places
        self._problems = problems
        self._lines: dict[str, int] = {}
        self.found: list[_Found] = []

    def add(self, line: int, cells: Sequence[str]) -> None:
        """Read one row."""
        name = from_spreadsheet_text(cells[self._places["Quantization"]].strip(" "))
        if not name or len(name) > LONGEST_NAME:
            self._add(line, "Quantization", "must name the file")
        elif name in self._lines:
            self._add(line, "Quantization", f"{shown(name)} stands on line {self._lines[name]}")
        self._lines.setdefault(name, line)
        metrics = {
            key: self._metric(line, cells, key, column)
            for key, column in _METRICS.items()
            if column in self._places
        }
        size = self._fact(line, cells, "Size_GiB", _MOST_GIB)
        bits = self._fact(line, cells, "BPW", _MOST_BITS)
        tokens = cells[self._places["Num_Tokens"]] if "Num_Tokens" in self._places else ""
        facts = ModelFacts(
            name=name,
            file_bytes=None if size is None else round(size * _BYTES_PER_GIB) or None,
            bits_per_weight=bits,
        )
        self.found.append((facts, metrics, {"tokens": tokens} if tokens.strip() else {}))

    def _metric(self, line: int, cells: Sequence[str], key: str, column: str) -> Stated:
        text = cells[self._places[column]]
        if text.strip() == _FAILED:
            return Stated(value=None, status="kld-sweep found no such number in the tool's output")
        value = self._number(line, column, text)
        if value is None:
            return Stated(value=None, status="the cell is empty")
        problem = problem_of("fidelity", key, value)
        if problem is not None:
            self._add(line, column, problem)
        if value in {float("inf"), float("-inf")}:
            return Stated(value=None, status="the tool wrote an infinite value")
        return Stated(value=value)

    def _fact(self, line: int, cells: Sequence[str], column: str, most: float) -> float | None:
        if column not in self._places:
            return None
        value = self._number(line, column, cells[self._places[column]])
        if value is not None and not 0.0 < value <= most:
            self._add(line, column, f"{value:g} is impossible")
            return None
        return value

    def _number(self, line: int, column: str, text: str) -> float | None:
        try:
            return parse_number(text)
        except ValueError as error:
            self._add(line, column, str(error))
            return None

    def _add(self, line: int, column: str, what: str) -> None:
        self._problems.add(what, place=f"line {line}", column=column)


def _notes(columns: Sequence[str], places: dict[str, int]) -> tuple[str, ...]:
    notes = [
        "a sweep's table says neither text, context length nor clip, and no standard errors; two "
        "sweeps with other settings look alike"
    ]
    if _IGNORED in places:
        notes.append(f"{_IGNORED} is not used: it adds a size to the logarithm of a perplexity")
    others = [shown(name) for name in columns if name not in places]
    if others:
        notes.append(f"columns that are not used: {', '.join(others[:10])}")
    return tuple(notes)


FORMAT = Format(
    name=_NAME,
    title="kld-sweep: its table, Quantization,Size_GiB,PPL_Score,KLD_Score,... (CSV)",
    find=find_each(_is_own),
    read=_read,
    options=("model", "corpus", "reference"),
)
