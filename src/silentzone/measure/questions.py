"""What was asked, kept once per benchmark so that a reader can look at single items."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from silentzone.records.tables import QUESTIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from silentzone.measure.generated import Question
    from silentzone.records.items import ChoiceItem


def choice_questions(items: Sequence[ChoiceItem]) -> dict[str, list[Any]]:
    """Columns of the questions of a benchmark of choices."""
    return _columns(
        {
            "item_id": item.item_id,
            "cluster_id": item.cluster_id,
            "prompt": item.prompt,
            "choices": json.dumps(item.choices, ensure_ascii=False),
            "rule": "choice",
            "gold": str(item.gold),
        }
        for item in items
    )


def written_questions(questions: Sequence[Question]) -> dict[str, list[Any]]:
    """Columns of the questions of a benchmark that is answered in writing."""
    return _columns(
        {
            "item_id": question.item.item_id,
            "cluster_id": question.item.cluster_id,
            "prompt": question.text,
            "choices": None,
            "rule": question.item.gold.rule,
            "gold": question.item.gold.value,
        }
        for question in questions
    )


def _columns(rows: Iterable[dict[str, Any]]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {column.name: [] for column in QUESTIONS.columns}
    for row in rows:
        for name, value in row.items():
            found[name].append(value)
    return found
