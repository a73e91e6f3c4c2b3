"""Answers to a task as rows of our tables."""

from __future__ import annotations

import hashlib
import json
import math
from typing import TYPE_CHECKING, Any

from silentzone.benchmarks.scoring import ChoiceScore, score_choices
from silentzone.harness.checks import golds
from silentzone.records.tables import CHURN, GENERATIONS, ITEMS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from silentzone.harness.runner import Answer
    from silentzone.harness.tasks import HarnessTask
    from silentzone.records.tables import TableSchema

_RULES = {"acc": "raw", "acc_norm": "normalized", "acc_bytes": "normalized"}
"""Metrics whose prediction, margin and confidence are those of one of our rules."""


def item_columns(task: HarnessTask, answers: Sequence[Answer]) -> dict[str, Any]:
    """Columns of a model's item table."""
    return _columns([_item_row(task, answer) for answer in answers], ITEMS)


def generation_columns(answers: Sequence[Answer]) -> dict[str, Any]:
    """Columns of the table of texts; ``check`` has every filter with its metrics."""
    rows = []
    for answer in answers:
        for repeat, result in enumerate(answer.texts):
            rows.append(
                {
                    "item_id": answer.item.item_id,
                    "repeat": repeat,
                    "status": answer.status,
                    "text": None if result is None else result.text,
                    "n_tokens": None if result is None else len(result.tokens),
                    "token_ids": None if result is None else result.tokens,
                    "finish_reason": None if result is None else result.finish_reason,
                    "seconds": None if result is None else result.seconds,
                    "error": None if result is None else result.error,
                    "check": _json(answer.found) if answer.found else None,
                }
            )
    return _columns(rows, GENERATIONS)


def churn_columns(
    task: HarnessTask,
    ordinary: Sequence[tuple[float, str | None]],
    again: Sequence[tuple[str, Sequence[Answer]]],
) -> dict[str, Any]:
    """Columns of items asked again.

    Parameters
    ----------
    task : HarnessTask
    ordinary : sequence of (score, prediction)
        Of the ordinary run, one per answer in ``again`` and in its order.
    again : sequence of (perturbation, answers)
        How the second runs differed, and what came of them.
    """
    rows = []
    first = iter(ordinary)
    for perturbation, answers in again:
        for answer in answers:
            score, prediction = next(first)
            rows.append(
                {
                    "item_id": answer.item.item_id,
                    "perturbation": perturbation,
                    "status": answer.status,
                    "score": score,
                    "score_again": answer.score,
                    "prediction": prediction,
                    "prediction_again": _item_row(task, answer)["prediction"],
                }
            )
    return _columns(rows, CHURN)


def _item_row(task: HarnessTask, answer: Answer) -> dict[str, Any]:
    item, metrics = answer.item, answer.found.get(task.score.filter, {})
    is_ok = answer.status == "ok"
    row: dict[str, Any] = {
        "item_id": item.item_id,
        "cluster_id": item.cluster_id,
        "repeat": 0,
        "status": answer.status,
        "score": answer.score,
        "score_raw": _rate(metrics.get("acc")) if is_ok else None,
        "score_normalized": _rate(metrics.get("acc_norm")) if is_ok else None,
        "prediction": answer.prediction,
        "target": item.target,
        "choice_log_likelihoods": None,
        "margin": None,
        "confidence": None,
        "prompt_tokens": answer.prompt_tokens,
        "choice_tokens": answer.choice_tokens,
        "prompt_sha256": _prompt_sha256(task, answer),
    }
    if task.output_type == "multiple_choice":
        right = golds(task.task, item.doc)
        row["target"] = ", ".join(map(str, right))
        row |= _of_choices(task, answer, right) if answer.responses else {}
    elif task.output_type == "loglikelihood" and is_ok:
        value, is_greedy = answer.responses[0][0]
        row |= {
            "choice_log_likelihoods": [value],
            "prediction": "greedy" if is_greedy else "not greedy",
        }
    return row


def _of_choices(task: HarnessTask, answer: Answer, right: list[int]) -> dict[str, Any]:
    choices = task.task.doc_to_choice(answer.item.doc)
    values = [responses[0][0] for responses in answer.responses[: len(choices)]]
    if any(value is None for value in values):
        return {}
    score = _choice_score(task, choices, values, right[0])
    knows_margin = len(right) == 1 and task.score.metric in _RULES
    prediction = score.prediction
    if task.score.metric == "acc_mutual_info":
        alone = [responses[0][0] for responses in answer.responses[len(choices) :]]
        gains = [here - there for here, there in zip(values, alone, strict=True)]
        prediction = gains.index(max(gains))
    return {
        "choice_log_likelihoods": values,
        "prediction": str(prediction),
        "margin": score.margin if knows_margin else None,
        "confidence": score.confidence if task.score.metric in _RULES else None,
    }


def _choice_score(
    task: HarnessTask, choices: list[str], values: list[float], gold: int
) -> ChoiceScore:
    """Give prediction, margin and confidence; the score itself is the task's own."""
    metric = task.score.metric
    lengths = [len(one.encode()) if metric == "acc_bytes" else len(one) for one in choices]
    return score_choices(values, lengths, gold, headline=_RULES.get(metric, "raw"))


def _prompt_sha256(task: HarnessTask, answer: Answer) -> str:
    """Hash the prompt and any continuations, joined as `measure.items` joins them."""
    first = answer.item.requests[0].args[0]
    rest = [] if task.is_written else [one.args[1] for one in answer.item.requests]
    return hashlib.sha256("\x1f".join((first, *rest)).encode()).hexdigest()


def _rate(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _json(found: dict[str, dict[str, Any]]) -> str:
    return json.dumps(found, ensure_ascii=True, sort_keys=True, default=_plain)


def _plain(value: Any) -> Any:  # noqa: ANN401 - numbers of NumPy and what else a metric returns
    return value.item() if hasattr(value, "item") else str(value)


def _columns(rows: Sequence[dict[str, Any]], schema: TableSchema) -> dict[str, Any]:
    return {column.name: [row[column.name] for row in rows] for column in schema.columns}
