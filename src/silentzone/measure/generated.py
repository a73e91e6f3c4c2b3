"""Questions answered in writing: prompts made, texts generated, answers judged.

The rows of a benchmark are its items in order, the repeats of an item together.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

from silentzone.backends.base import BatchSplit, Sampling, TextRequest
from silentzone.benchmarks.registry import load_generated
from silentzone.errors import BenchmarkError, MeasurementError, SilentzoneError
from silentzone.execution.limited import LimitedProcess
from silentzone.measure.judging import Judge, Judgement, require_safety
from silentzone.measure.perturbations import (
    TOKEN_BY_TOKEN,
    UNEVEN_BATCH,
    UNEVEN_TOKENS,
    spread,
)
from silentzone.records.tables import CHURN, GENERATIONS, ITEMS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from silentzone.backends.base import LogitBackend, TextBackend, TextResult
    from silentzone.measure.jobs import BenchmarkJob, ModelJob
    from silentzone.records.config import GenerationEntry
    from silentzone.records.items import GeneratedItem
    from silentzone.records.tables import TableSchema
    from silentzone.store.tables import StoredTable

TEMPLATE_SECONDS = 5.0
_TEMPLATE_TASK = "silentzone.benchmarks.chat:render_chat"
_TOKEN_BY_TOKEN_SHARE = 4
"""One in so many of the items asked again also has its prompt decoded one token at a time."""
_NO_DRAFTS: Mapping[tuple[str, int], NDArray[np.int32]] = MappingProxyType({})
_STATUSES = {
    "stop": "ok",
    "length": "truncated",
    "context": "truncated",
    "timeout": "timeout",
    "too_long": "too_long",
    "error": "error",
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Question:
    """An item as it is put to one model."""

    item: GeneratedItem
    text: str
    tokens: NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Written:
    """One answer: what the engine gave and what was made of it."""

    question: Question
    repeat: int
    status: str
    """``ok``, ``truncated``, ``timeout``, ``too_long``, ``error``, ``empty_prompt``,
    ``rule_timeout`` or ``grader_error``."""
    result: TextResult | None
    """Null where nothing could be asked."""
    judgement: Judgement | None
    """Null where there is no whole answer to judge."""


def load_questions(
    backend: LogitBackend, job: ModelJob, benchmark: BenchmarkJob
) -> tuple[TextBackend, list[Question]]:
    """Put the items of a benchmark into the words of a model.

    Raises
    ------
    BenchmarkError
        If the items changed since the study began, or the model's template cannot take them.
    MeasurementError
        If the engine does not generate text, or the model's template is not the reference's.
    """
    if not backend.capabilities.generates_text:
        raise MeasurementError(
            f"the engine `{backend.info.name}` does not generate text",
            hint="use another engine, or benchmarks with choices",
        )
    writer = cast("TextBackend", backend)
    ref, items = load_generated(benchmark.source)
    if ref.items_sha256 != benchmark.items_sha256:
        raise BenchmarkError(
            f"the items of benchmark `{benchmark.name}` changed while the study ran",
            hint="run it again",
        )
    require_safety(items, unsafe=_entry(benchmark).unsafe_code)
    if benchmark.uses_chat:
        _check_template(writer, job, benchmark)
    with LimitedProcess(_TEMPLATE_TASK, TEMPLATE_SECONDS) as render:
        return writer, [_question(writer, item, render) for item in items]


def answer(
    backend: TextBackend,
    questions: Sequence[Question],
    benchmark: BenchmarkJob,
    context_length: int,
    *,
    again: BatchSplit | None = None,
    drafts: Mapping[tuple[str, int], NDArray[np.int32]] = _NO_DRAFTS,
    on_answer: Callable[[int], None] = lambda _done: None,
) -> list[Written]:
    """Every question answered and judged, one entry per item and repeat.

    With ``again`` the first repeat alone is asked, one answer at a time, its prompt split so.
    ``drafts`` are tokens by item and repeat that an answer may well begin with.
    """
    entry = _entry(benchmark)
    count = entry.repeats if again is None else 1
    rows = [(question, repeat) for question in questions for repeat in range(count)]
    asked = [k for k, (question, _) in enumerate(rows) if len(question.tokens)]
    requests = [_request(*rows[k], benchmark, drafts) for k in asked]
    results: dict[int, TextResult] = {}
    for result in backend.generate(
        requests,
        context_length=context_length,
        slots=entry.answers_at_a_time if again is None else 1,
        split=again or BatchSplit(),
    ):
        results[asked[result.request]] = result
        on_answer(len(results))
    with Judge(unsafe=entry.unsafe_code) as judge:
        return [
            _written(question, repeat, results.get(k), entry, judge)
            for k, (question, repeat) in enumerate(rows)
        ]


def item_columns(written: Sequence[Written]) -> dict[str, Any]:
    """Columns of a model's item table."""
    return _columns(
        [
            {
                "item_id": one.question.item.item_id,
                "cluster_id": one.question.item.cluster_id,
                "repeat": one.repeat,
                "status": one.status,
                "score": None if one.judgement is None else one.judgement.score,
                "score_raw": None,
                "score_normalized": None,
                "prediction": None if one.judgement is None else one.judgement.prediction,
                "target": one.question.item.gold.value,
                "choice_log_likelihoods": None,
                "margin": None,
                "confidence": None,
                "prompt_tokens": len(one.question.tokens),
                "choice_tokens": None,
                "prompt_sha256": hashlib.sha256(one.question.text.encode()).hexdigest(),
            }
            for one in written
        ],
        ITEMS,
    )


def generation_columns(written: Sequence[Written]) -> dict[str, Any]:
    """Columns of the table of texts."""
    return _columns(
        [
            {
                "item_id": one.question.item.item_id,
                "repeat": one.repeat,
                "status": one.status,
                "text": None if one.result is None else one.result.text,
                "n_tokens": None if one.result is None else len(one.result.tokens),
                "token_ids": None if one.result is None else one.result.tokens,
                "finish_reason": None if one.result is None else one.result.finish_reason,
                "seconds": None if one.result is None else one.result.seconds,
                "error": None if one.result is None else one.result.error,
                "check": None if one.judgement is None else one.judgement.details,
            }
            for one in written
        ],
        GENERATIONS,
    )


def churn_columns(
    backend: TextBackend,
    questions: Sequence[Question],
    benchmark: BenchmarkJob,
    context_length: int,
    ordinary: StoredTable,
    count: int,
) -> dict[str, Any]:
    """Columns of items asked again, one at a time: prompts in uneven calls, and by the token.

    The first repeat is asked again with its own seed.
    """
    scores, _ = ordinary.floats("score")
    repeats, _ = ordinary.integers("repeat")
    is_ok = ordinary.matches("status", "ok")
    predictions = ordinary.strings("prediction")
    first = [row for row in range(ordinary.n_rows) if repeats[row] == 0]
    usable = [(question, row) for question, row in zip(questions, first, strict=True) if is_ok[row]]
    found = []
    for perturbation, tokens, wanted in (
        (UNEVEN_BATCH, UNEVEN_TOKENS, count),
        (TOKEN_BY_TOKEN, 1, count // _TOKEN_BY_TOKEN_SHARE),
    ):
        taken = [usable[k] for k in spread(min(wanted, len(usable)), len(usable))]
        again = answer(
            backend,
            [question for question, _ in taken],
            benchmark,
            context_length,
            again=BatchSplit(tokens_per_call=tokens),
        )
        found += [
            {
                "item_id": question.item.item_id,
                "perturbation": perturbation,
                "status": one.status,
                "score": float(scores[row]),
                "score_again": None if one.judgement is None else one.judgement.score,
                "prediction": predictions[row],
                "prediction_again": None if one.judgement is None else one.judgement.prediction,
            }
            for (question, row), one in zip(taken, again, strict=True)
        ]
    return _columns(found, CHURN)


def _columns(rows: Sequence[dict[str, Any]], schema: TableSchema) -> dict[str, Any]:
    return {column.name: [row[column.name] for row in rows] for column in schema.columns}


def _check_template(backend: TextBackend, job: ModelJob, benchmark: BenchmarkJob) -> None:
    if backend.chat_template is None:
        raise BenchmarkError(
            f"`{job.model.name}` has no chat template, so the `messages` of benchmark "
            f"`{benchmark.name}` cannot be put to it",
            hint="give each item a `prompt` instead, or use models with a template",
        )
    if job.model.chat_template_sha256 != job.reference.chat_template_sha256:
        raise MeasurementError(
            f"the chat template of `{job.model.name}` is not the reference's: the two would be "
            f"asked benchmark `{benchmark.name}` in other words",
            hint="give each item a `prompt` instead, or put the reference's template into the file",
        )


def _question(
    backend: TextBackend,
    item: GeneratedItem,
    render: Callable[[dict[str, Any]], dict[str, Any]],
) -> Question:
    if item.prompt is not None:
        tokens = backend.tokenize(item.prompt, add_bos=True)
        return Question(item=item, text=item.prompt, tokens=tokens)
    template = backend.chat_template
    assert template is not None, "checked before the first question"
    messages = [{"role": role, "content": content} for role, content in item.messages]
    payload = {
        "template": template.source,
        "messages": messages,
        "bos_token": template.bos_token,
        "eos_token": template.eos_token,
    }
    try:
        text = str(render(payload)["text"])
    except SilentzoneError as error:
        raise BenchmarkError(
            f"the chat template of `{backend.model.name}` could not be used on item "
            f"`{item.item_id}`: {error.message}",
            hint=error.hint or "give each item a `prompt` instead",
        ) from error
    return Question(item=item, text=text, tokens=backend.tokenize_chat(text))


def _request(
    question: Question,
    repeat: int,
    benchmark: BenchmarkJob,
    drafts: Mapping[tuple[str, int], NDArray[np.int32]],
) -> TextRequest:
    entry, item = _entry(benchmark), question.item
    identity = json.dumps([benchmark.seed, benchmark.name, item.item_id, repeat])
    digest = hashlib.sha256(identity.encode()).digest()
    return TextRequest(
        prompt=question.tokens,
        max_tokens=item.max_tokens or entry.max_tokens,
        stop=item.stop,
        sampling=Sampling(
            temperature=entry.temperature,
            top_k=entry.top_k,
            top_p=entry.top_p,
            seed=int.from_bytes(digest[:8]),
        ),
        timeout_seconds=entry.timeout_seconds,
        draft=drafts.get((item.item_id, repeat)),
    )


def _written(
    question: Question,
    repeat: int,
    result: TextResult | None,
    entry: GenerationEntry,
    judge: Judge,
) -> Written:
    status, judgement = "empty_prompt", None
    if result is not None:
        status = _STATUSES[result.finish_reason]
        if status == "truncated" and entry.score_truncated:
            status = "ok"
        if status == "ok":
            judgement = judge(result.text, question.item.gold)
            status = judgement.status
    return Written(
        question=question, repeat=repeat, status=status, result=result, judgement=judgement
    )


def _entry(benchmark: BenchmarkJob) -> GenerationEntry:
    assert benchmark.generation is not None, "only what is answered in writing comes here"
    return benchmark.generation
