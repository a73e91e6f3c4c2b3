"""A task of lm-evaluation-harness measured on one model, as tables of ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from silentzone.backends.base import BatchSplit
from silentzone.errors import BenchmarkError, MeasurementError
from silentzone.harness.checks import golds
from silentzone.harness.rows import churn_columns, generation_columns, item_columns
from silentzone.harness.runner import run_task
from silentzone.harness.tasks import load_task
from silentzone.measure.perturbations import (
    TOKEN_BY_TOKEN,
    UNEVEN_BATCH,
    UNEVEN_TOKENS,
    spread,
)
from silentzone.records.tables import GENERATIONS, ITEMS, QUESTIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from silentzone.backends.base import LogitBackend
    from silentzone.harness.tasks import HarnessTask
    from silentzone.measure.jobs import BenchmarkJob, ModelJob
    from silentzone.store.tables import StoredTable

_TOKEN_BY_TOKEN_SHARE = 4
"""One in so many of the items asked again is also decoded one token at a time."""


def task_columns(
    backend: LogitBackend,
    job: ModelJob,
    benchmark: BenchmarkJob,
    context_length: int,
    kinds: Collection[str],
    tell: Callable[[int, int], None],
) -> dict[str, dict[str, Any]]:
    """Columns of the tables that are wanted, by the name of the table.

    ``tell`` is told how many items are done, and of how many.

    Raises
    ------
    BenchmarkError
        If the task changed since the study began, or cannot be put to this model.
    MeasurementError
        If the engine cannot do what the task needs, or the model's template is not the
        reference's.
    """
    task = _load(job, benchmark)
    found: dict[str, dict[str, Any]] = {}
    if QUESTIONS.name in kinds:
        found[QUESTIONS.name] = _question_columns(task)
    if {ITEMS.name, GENERATIONS.name} & set(kinds):
        answers = run_task(
            backend,
            task,
            context_length,
            seed=benchmark.seed,
            on_item=lambda done: tell(done, task.item_count),
        )
        found[ITEMS.name] = item_columns(task, answers)
        found[GENERATIONS.name] = generation_columns(answers)
    return found


def task_churn_columns(
    backend: LogitBackend,
    job: ModelJob,
    benchmark: BenchmarkJob,
    context_length: int,
    ordinary: StoredTable,
) -> dict[str, Any]:
    """Columns of items asked again: prompts in uneven calls, and one token at a time."""
    task, count = _load(job, benchmark), job.floor.items
    scores, _ = ordinary.floats("score")
    predictions = ordinary.strings("prediction")
    is_ok = ordinary.matches("status", "ok")
    usable = [row for row in range(ordinary.n_rows) if is_ok[row]]
    again, first = [], []
    for perturbation, tokens, wanted in (
        (UNEVEN_BATCH, UNEVEN_TOKENS, count),
        (TOKEN_BY_TOKEN, 1, count // _TOKEN_BY_TOKEN_SHARE),
    ):
        taken = [usable[k] for k in spread(min(wanted, len(usable)), len(usable))]
        split = BatchSplit(tokens_per_call=tokens)
        answers = run_task(
            backend, task, context_length, seed=benchmark.seed, only=taken, split=split
        )
        again.append((perturbation, answers))
        first += [(float(scores[row]), predictions[row]) for row in taken]
    return churn_columns(task, first, again)


def _load(job: ModelJob, benchmark: BenchmarkJob) -> HarnessTask:
    entry = benchmark.harness
    assert entry is not None, "only tasks of lm-evaluation-harness come here"
    if entry.chat and job.model.chat_template_sha256 != job.reference.chat_template_sha256:
        raise MeasurementError(
            f"the chat template of `{job.model.name}` is not the reference's: the two would be "
            f"asked benchmark `{benchmark.name}` in other words",
            hint="leave `chat` out, or put the reference's template into the file",
        )
    folder = None if benchmark.path is None else Path(benchmark.path)
    task = load_task(entry, folder, items=benchmark.items, seed=benchmark.seed, name=benchmark.name)
    if task.items_sha256 != benchmark.items_sha256:
        raise BenchmarkError(
            f"the items of benchmark `{benchmark.name}` changed while the study ran",
            hint="run it again",
        )
    return task


def _question_columns(task: HarnessTask) -> dict[str, list[Any]]:
    """Columns of what was asked, before any chat template."""
    rows = []
    for item in task.items():
        is_choice = task.output_type == "multiple_choice"
        rest = [request.args[1] for request in item.requests]
        rows.append(
            {
                "item_id": item.item_id,
                "cluster_id": item.cluster_id,
                "prompt": item.requests[0].args[0],
                "choices": json.dumps(rest, ensure_ascii=False) if is_choice else None,
                "rule": "choice" if is_choice else f"{task.score.metric}, {task.score.filter}",
                "gold": ", ".join(map(str, golds(task.task, item.doc)))
                if is_choice
                else item.target,
            }
        )
    return {column.name: [row[column.name] for row in rows] for column in QUESTIONS.columns}
