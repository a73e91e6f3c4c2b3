"""A task put to one model: requests asked, answers judged by the task's own rules, rows made."""

from __future__ import annotations

import contextlib
import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from silentzone.backends.base import BatchSplit
from silentzone.errors import BenchmarkError, MeasurementError, TimeLimitError
from silentzone.harness import library
from silentzone.harness.asking import encode_pair, score_pairs, text_request, tokenizer_of
from silentzone.harness.chat import ChatRenderer
from silentzone.harness.limits import time_limit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from silentzone.backends.base import LogitBackend, TextBackend, TextRequest, TextResult
    from silentzone.harness.tasks import HarnessItem, HarnessTask

_REGULAR = BatchSplit()
_JUDGE_SECONDS = 10.0
"""For the filters and rules of one item; a hostile pattern costs its item only."""
_STATUSES = {
    "stop": "ok",
    "length": "truncated",
    "context": "truncated",
    "timeout": "timeout",
    "too_long": "too_long",
    "error": "error",
}
_SCORED_BY_CHOICE = ("multiple_choice", "loglikelihood")


@dataclass(slots=True, kw_only=True, eq=False)
class Answer:
    """What became of one item."""

    item: HarnessItem
    status: str = "ok"
    responses: list[list[Any]] = field(default_factory=list)
    """Per request what lm-evaluation-harness expects of a model, once per repeat."""
    texts: list[TextResult | None] = field(default_factory=list)
    prompt_tokens: int | None = None
    choice_tokens: int | None = None
    score: float | None = None
    prediction: str | None = None
    found: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Per filter the metrics of this item, and what the filter made of a text."""


def run_task(
    backend: LogitBackend,
    task: HarnessTask,
    context_length: int,
    *,
    seed: int,
    only: Sequence[int] | None = None,
    split: BatchSplit = _REGULAR,
    on_item: Callable[[int], None] = lambda _done: None,
) -> list[Answer]:
    """Ask every item and judge the answers.

    Parameters
    ----------
    backend : LogitBackend
    task : HarnessTask
    context_length : int
        Tokens the engine can hold; what does not fit is ``too_long``.
    seed : int
        Of the study, for texts that are drawn.
    only : sequence of int, optional
        Positions of the items that are asked, all others being passed over.
    split : BatchSplit
        How prompts are cut into decode calls; texts are then written one at a time.
    on_item : callable
        Told how many items are done.

    Raises
    ------
    BenchmarkError
        If a prompt cannot be made, or the metric gives no proportion.
    MeasurementError
        If a task is answered in writing and the engine does not write.
    """
    if task.is_written and not backend.capabilities.generates_text:
        raise MeasurementError(
            f"the engine `{backend.info.name}` does not generate text",
            hint="use another engine, or tasks with choices",
        )
    with contextlib.ExitStack() as stack:
        render = stack.enter_context(ChatRenderer(backend)) if task.entry.chat else None
        items = task.items(render)
    chosen = items if only is None else [items[position] for position in only]
    answers = [Answer(item=item) for item in chosen]
    if task.output_type in _SCORED_BY_CHOICE:
        _compare(backend, task, answers, context_length, split, on_item)
    else:
        _write(cast("TextBackend", backend), task, answers, context_length, split, seed, on_item)
    for answer in answers:
        if answer.status == "ok":
            _judge(task, answer)
    return answers


def _compare(
    backend: LogitBackend,
    task: HarnessTask,
    answers: Sequence[Answer],
    context_length: int,
    split: BatchSplit,
    on_item: Callable[[int], None],
) -> None:
    """Ask for log-likelihoods; an item is whole or has no score."""
    pairs, owners = [], []
    for answer in answers:
        own = [
            encode_pair(
                backend, request.args[0], request.args[1], context_length, chat=task.entry.chat
            )
            for request in answer.item.requests
        ]
        statuses = [pair.status for pair in own if pair.status != "ok"]
        if statuses:
            answer.status = statuses[0]
            continue
        answer.prompt_tokens = len(own[0].context)
        answer.choice_tokens = sum(len(pair.continuation) for pair in own)
        pairs += own
        owners += [answer] * len(own)
    counts = max(len(pairs), 1)
    scores = score_pairs(
        backend,
        pairs,
        split=split,
        on_pair=lambda done: on_item(len(answers) * done // counts),
    )
    for answer, score in zip(owners, scores, strict=True):
        if score.status != "ok":
            answer.status = score.status
        answer.responses.append([(score.log_likelihood, score.is_greedy)])


def _write(
    backend: TextBackend,
    task: HarnessTask,
    answers: Sequence[Answer],
    context_length: int,
    split: BatchSplit,
    seed: int,
    on_item: Callable[[int], None],
) -> None:
    """Have texts written, as many times as the task says."""
    repeats = int(task.task.config.repeats or 1)
    tokenize = tokenizer_of(backend, chat=task.entry.chat)
    requests: list[TextRequest] = []
    owners: list[tuple[Answer, int]] = []
    for answer in answers:
        (request,) = answer.item.requests
        text, settings = request.args[:2]
        tokens = tokenize(text)
        answer.texts = [None] * repeats
        if len(tokens) == 0:
            answer.status = "empty_prompt"
            continue
        answer.prompt_tokens = len(tokens)
        for repeat in range(repeats):
            timeout = task.entry.timeout_seconds
            own_seed = _seed(seed, task, answer.item, repeat)
            requests.append(
                text_request(
                    tokens, settings, seed=own_seed, timeout_seconds=timeout, task=task.entry.task
                )
            )
            owners.append((answer, repeat))
    slots = task.entry.answers_at_a_time if split == _REGULAR else 1
    written = backend.generate(requests, context_length=context_length, slots=slots, split=split)
    for done, result in enumerate(written, start=1):
        answer, repeat = owners[result.request]
        answer.texts[repeat] = result
        on_item(len(answers) * done // len(requests))
    for answer in answers:
        _take_texts(answer, scores_truncated=task.entry.score_truncated)


def _take_texts(answer: Answer, *, scores_truncated: bool) -> None:
    texts = [result for result in answer.texts if result is not None]
    if answer.status != "ok" or not texts:
        return
    for result in texts:
        status = _STATUSES[result.finish_reason]
        if status != "ok" and not (status == "truncated" and scores_truncated):
            answer.status = status
            return
    answer.responses = [[result.text for result in texts]]


def _judge(task: HarnessTask, answer: Answer) -> None:
    """Score one item by the task's own filters and rules; their failure is not the model's."""
    item = answer.item
    what = f"judging document {item.item_id} of the task `{task.entry.task}`"
    try:
        with library.quiet(), time_limit(_JUDGE_SECONDS, what):
            _apply_rules(task, answer)
    except TimeLimitError:
        answer.status = "rule_timeout"
        return
    except Exception as error:  # whatever a task's own code raises
        answer.status = "grader_error"
        answer.found = {"error": {"message": f"{type(error).__name__}: {error}"}}
        return
    metrics = answer.found[task.score.filter]
    if task.score.metric not in metrics:
        raise BenchmarkError(
            f"{what} gave no metric `{task.score.metric}`; it gave {', '.join(metrics)}"
        )
    answer.score = task.score.score(metrics[task.score.metric], item.item_id)


def _apply_rules(task: HarnessTask, answer: Answer) -> None:
    requests = answer.item.requests
    for request, responses in zip(requests, answer.responses, strict=True):
        request.resps = list(responses)
    for ensemble in task.task._filters:  # what its `apply_filters` goes through
        ensemble.apply(list(requests))
        filtered = [request.filtered_resps[ensemble.name] for request in requests]
        metrics = dict(task.task.process_results(answer.item.doc, filtered))
        answer.found[ensemble.name] = metrics
        if task.is_written and ensemble.name == task.score.filter:
            one = filtered[0]
            answer.prediction = one if isinstance(one, str) else json.dumps(one, default=str)


def _seed(seed: int, task: HarnessTask, item: HarnessItem, repeat: int) -> int:
    identity = json.dumps([seed, task.entry.task, item.item_id, repeat])
    return int.from_bytes(hashlib.sha256(identity.encode()).digest()[:8])
