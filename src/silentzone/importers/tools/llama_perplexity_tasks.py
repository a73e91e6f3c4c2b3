"""Logs of llama-perplexity's tasks: HellaSwag, Winogrande and multiple choice, item by item.

The tool prints the share of right answers after each item; whether the item was right is how much
the count grew.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from silentzone.errors import TableError
from silentzone.importers.perplexity_log import model_in
from silentzone.importers.perplexity_print import NUMBER, Printed
from silentzone.importers.problems import Problems
from silentzone.importers.reading import Bundle, Format, ImportOptions, find_each, source_of
from silentzone.importers.text_files import read_log_lines
from silentzone.records.imported import Imported, ItemAnswers, ModelFacts

if TYPE_CHECKING:
    from collections.abc import Iterable

_NAME: Final = "llama-perplexity-tasks"
_MARKS: Final = re.compile(
    rb"^task\tacc_norm|(?:hellaswag|winogrande|multiple_choice)_score ?:"
    rb"|^1\t\d{1,3}\.\d{4}\t *-?\d+\.\d{6}  ",
    re.MULTILINE,
)
_MODE: Final = re.compile(r"\b(hellaswag|winogrande|multiple_choice)_score ?:")
_COUNTS: Final = re.compile(r"(?:loaded|there are|selecting) (\d{1,9}) (?:random\w* )?tasks")
_SHARE: Final = re.compile(r"^(\d{1,9})\t(\d{1,3}\.\d{8})(%\t\[[^\]]{1,60}\])?\s*$")
_WINOGRANDE: Final = re.compile(
    rf"^(\d{{1,9}})\t(\d{{1,3}}\.\d{{4}})\t\s*({NUMBER})\s+({NUMBER})\s+([012])\s+([12])\s*$"
)
_MISSING: Final = "the tool printed no number"


@dataclass(slots=True)
class _Run:
    """What one run printed."""

    mode: str | None = None
    model: str | None = None
    tasks: int | None = None
    """Items that the run was to score."""
    items: list[int] = field(default_factory=list)
    shares: list[Printed] = field(default_factory=list)
    chosen: list[str] = field(default_factory=list)
    gold: list[str] = field(default_factory=list)
    margins: list[float] = field(default_factory=list)


def _read_run(lines: Iterable[str], source: str) -> _Run:
    run, problems, started = _Run(), Problems(source), 0
    for number, line in enumerate(lines, start=1):
        row = _SHARE.match(line) or _WINOGRANDE.match(line)
        if row is None:
            _read_facts(run, line)
            continue
        if not line.endswith(("\n", "\r")):
            continue  # cut: its last digits may be missing
        index = int(row[1])
        last = run.items[-1] if run.items else 0
        if run.items and index == 1:
            raise TableError(
                f"`{source}` holds more than one run: the first begins at line {started}, another "
                f"by line {number}",
                hint="write each run to a file of its own",
            )
        started = started or number
        is_winogrande = row.re is _WINOGRANDE
        # Winogrande alone leaves items out, and numbers the others as they stood in its file.
        if index <= last or (not is_winogrande and index != last + 1):
            problems.add(f"item {index} follows item {last}", place=f"line {number}")
        run.items.append(index)
        run.shares.append(Printed(row[2]))
        if is_winogrande:
            _read_winogrande(run, row)
        elif row[3] is not None:
            run.mode = run.mode or "hellaswag"
    problems.raise_if_any("give the log as the tool wrote it, one run per file")
    if not run.items:
        raise TableError(f"`{source}` has no items of a task of llama-perplexity in it")
    return run


def _read_facts(run: _Run, line: str) -> None:
    if found := _MODE.search(line):
        run.mode = found[1]
        if counted := _COUNTS.search(line):
            run.tasks = int(counted[1])
    run.model = run.model or model_in(line)


def _read_winogrande(run: _Run, row: re.Match[str]) -> None:
    run.mode = "winogrande"
    first, second = Printed(row[3]).value, Printed(row[4]).value
    run.chosen.append(row[5])
    run.gold.append(row[6])
    run.margins.append(first - second if row[6] == "1" else second - first)


def _scores(run: _Run, source: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Right or wrong of each item, from how the count of right ones grew."""
    done = np.arange(1, len(run.items) + 1)
    counts = np.array([one.per_cent for one in run.shares]) * done
    whole = np.rint(counts)
    grown = np.diff(whole, prepend=0.0)
    allowed = 0.01 * run.shares[0].half_unit * 1.05 * done + 1e-9
    bad = (np.abs(counts - whole) > np.minimum(allowed, 0.49)) | ~np.isin(grown, (0.0, 1.0))
    if bad.any():
        item = int(np.argmax(bad))
        raise TableError(
            f"`{source}`: after item {run.items[item]} {run.shares[item].text} % are right, which "
            "does not follow from the item before; a line is damaged or missing"
        )
    if run.gold:
        told = np.array([a == b for a, b in zip(run.chosen, run.gold, strict=True)], np.float64)
        if (told != grown).any():
            item = run.items[int(np.argmax(told != grown))]
            raise TableError(
                f"`{source}`: the share of right answers after item {item} is not what its "
                "answer says; a line is damaged or missing"
            )
    return grown


def _read(bundle: Bundle, options: ImportOptions) -> Imported:
    path = bundle.main
    run = _read_run(read_log_lines(path), path.name)
    scores = _scores(run, path.name)
    if run.mode is None and options.benchmark is None:
        raise TableError(
            f"`{path.name}` does not say which task it is of (stderr has that).",
            hint="name it: --benchmark NAME",
        )
    mode = run.mode or "not stated"
    model = options.model or run.model or path.stem
    statuses = ["ok"] * len(scores)
    margin = None
    if run.margins:
        margin = np.array(run.margins)
        statuses = ["ok" if np.isfinite(one) else _MISSING for one in margin]
        scores = np.where(np.isfinite(margin), scores, np.nan)
        margin = np.where(np.isfinite(margin), margin, np.nan)
    answers = ItemAnswers(
        model=model,
        benchmark=options.benchmark or mode.replace("_", "-"),
        item_ids=tuple(str(one) for one in run.items),
        scores=scores,
        statuses=tuple(statuses),
        repeats=np.zeros(len(scores), np.int32),
        predictions=tuple(run.chosen) if run.chosen else None,
        targets=tuple(run.gold) if run.gold else None,
        margin=margin,
        settings={
            "tool": "llama-perplexity",
            "mode": mode,
            **({} if run.tasks is None else {"tasks": str(run.tasks)}),
        },
        sources=(source_of(path, _NAME),),
    )
    notes = [
        f"{model}: items of {answers.benchmark} are named by their place in the run; the tool "
        "chooses the same ones where file and number of tasks are equal, which a log does not prove"
    ]
    if run.tasks is not None and len(scores) < run.tasks:
        notes.append(
            f"{model}: {len(scores)} of {run.tasks} items of {answers.benchmark} are in the log; "
            "the others were skipped by the tool, or the log was cut"
        )
    return Imported(items=(answers,), models=(ModelFacts(name=model),), notes=tuple(notes))


FORMAT = Format(
    name=_NAME,
    title="llama-perplexity: log of its HellaSwag, Winogrande or multiple-choice mode",
    find=find_each(lambda _path, head: b"\0" not in head and _MARKS.search(head) is not None),
    read=_read,
    options=("model", "benchmark"),
)
