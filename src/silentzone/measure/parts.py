"""The parts of a study that one model contributes, in the order in which they are measured."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate, groupby, product
from typing import TYPE_CHECKING

from silentzone.measure import protocol
from silentzone.records.tables import (
    CHURN,
    FLOORS,
    GENERATIONS,
    ITEMS,
    PROMPTS,
    QUESTIONS,
    TOKENS,
    TableSchema,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from silentzone.measure.jobs import BenchmarkJob, CorpusJob, ModelJob
    from silentzone.records.config import GenerationEntry
    from silentzone.records.models import BackendInfo
    from silentzone.records.parts import PartKey
    from silentzone.store.folder import StudyFolder

_OF_TEXTS = {"trace", TOKENS.name, FLOORS.name}
_TOKENS_PER_ITEM = 100
_SLOWNESS_ONE_BY_ONE = 4.0
"""Cost of a token decoded alone, in tokens of a full batch; only for the time that is left."""
_UNKNOWN_WINDOWS = 64
_TRACE_SHARE = 0.2
_COMPARISON_SHARE = 0.15
"""Cost of keeping or comparing distributions along the choices, in passes over the benchmark."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One table or trace of one model."""

    title: str
    schema: TableSchema | None
    """Null for a trace of the reference."""
    group: str
    """Name of the corpus or benchmark."""
    key: PartKey
    cost: float
    """Tokens it takes, roughly; weights the progress."""
    decode: str
    """Parts of one decode are measured together, those of them that are missing."""
    is_awaited: bool = False
    """Whether candidates wait for it: a trace, or the reference's answers that decide on theirs."""

    def is_finished(self, folder: StudyFolder, model: str) -> bool:
        """Whether the study holds this very part."""
        if self.schema is None:
            return folder.has_trace(self.group, self.key)
        return folder.has_part(self.schema, self.group, model, self.key)


def corpus_parts(job: ModelJob, corpus: CorpusJob, engine: BackendInfo) -> list[Part]:
    """Parts of a model on one corpus: its positions (or the trace), then its floor."""
    windows = corpus.windows or _UNKNOWN_WINDOWS
    tokens = float(windows * corpus.context_length)
    if job.is_reference:
        main = Part(
            title=f"reference on {corpus.name}",
            schema=None,
            group=corpus.name,
            key=protocol.trace_key(job.model, corpus, engine),
            cost=1.15 * tokens,
            decode=f"windows of {corpus.name}",
            is_awaited=True,
        )
    else:
        main = Part(
            title=f"fidelity on {corpus.name}",
            schema=TOKENS,
            group=corpus.name,
            key=protocol.tokens_key(job.model, job.reference, corpus, engine),
            cost=tokens,
            decode=f"windows of {corpus.name}",
        )
    positions = token_by_token_positions(job, corpus)
    repeated = floor_windows(job, corpus)
    if repeated == 0 and positions == 0:
        return [main]
    one_by_one = corpus.first_scored + positions if positions else 0
    floor = Part(
        title=f"noise floor on {corpus.name}",
        schema=FLOORS,
        group=corpus.name,
        key=protocol.floors_key(job.model, corpus, engine, repeated, positions),
        cost=2.0 * min(repeated, windows) * corpus.context_length
        + _SLOWNESS_ONE_BY_ONE * one_by_one,
        decode=f"windows of {corpus.name} again",
    )
    return [main, floor]


def benchmark_parts(job: ModelJob, benchmark: BenchmarkJob, engine: BackendInfo) -> list[Part]:
    """Parts of a model on one benchmark: answers and distributions, then items asked again."""
    if benchmark.generation is not None:
        return written_parts(job, benchmark, engine, benchmark.generation)
    if benchmark.harness is not None:
        return task_parts(job, benchmark, engine)
    name, again = benchmark.name, job.floor.items
    tokens = float(_TOKENS_PER_ITEM * benchmark.item_count)
    decode, keeps_trace = f"items of {name}", keeps_item_trace(job, benchmark)
    answers = Part(
        title=f"benchmark {name}",
        schema=ITEMS,
        group=name,
        key=protocol.items_key(job.model, benchmark, engine, keeps_trace=keeps_trace),
        cost=tokens,
        decode=decode,
        is_awaited=job.is_reference and benchmark.may_stop,
    )
    parts = [answers, *_questions(job, benchmark, decode)]
    if keeps_trace:
        trace = Part(
            title=f"reference along {name}",
            schema=None,
            group=name,
            key=protocol.item_trace_key(job.model, benchmark, engine),
            cost=_TRACE_SHARE * tokens,
            decode=decode,
            is_awaited=True,
        )
        parts.insert(0, trace)
    elif benchmark.divergence:
        comparison = Part(
            title=f"fidelity along {name}",
            schema=PROMPTS,
            group=name,
            key=protocol.prompts_key(job.model, job.reference, benchmark, engine),
            cost=_COMPARISON_SHARE * tokens,
            decode=decode,
        )
        parts.append(comparison)
    if again:
        churn = Part(
            title=f"churn floor on {name}",
            schema=CHURN,
            group=name,
            key=protocol.churn_key(job.model, benchmark, engine, again, keeps_trace=keeps_trace),
            cost=2.0 * _TOKENS_PER_ITEM * again,
            decode=f"items of {name} again",
        )
        parts.append(churn)
    return parts


def written_parts(
    job: ModelJob, benchmark: BenchmarkJob, engine: BackendInfo, entry: GenerationEntry
) -> list[Part]:
    """Parts of a model on a benchmark answered in writing: scores, texts, items asked again."""
    name, again = benchmark.name, job.floor.items
    per_answer = _TOKENS_PER_ITEM + entry.max_tokens
    parts = [
        Part(
            title=f"benchmark {name}",
            schema=ITEMS,
            group=name,
            key=protocol.items_key(job.model, benchmark, engine, keeps_trace=False),
            cost=float(per_answer * entry.repeats * benchmark.item_count),
            decode=f"items of {name}",
        ),
        Part(
            title=f"texts of {name}",
            schema=GENERATIONS,
            group=name,
            key=protocol.generations_key(job.model, benchmark, engine),
            cost=1.0,  # comes with the scores
            decode=f"items of {name}",
            is_awaited=job.is_reference and entry.drafted,
        ),
        *_questions(job, benchmark, f"items of {name}"),
    ]
    if again:
        churn = Part(
            title=f"churn floor on {name}",
            schema=CHURN,
            group=name,
            key=protocol.churn_key(job.model, benchmark, engine, again, keeps_trace=False),
            cost=_SLOWNESS_ONE_BY_ONE * per_answer * min(again, benchmark.item_count),
            decode=f"items of {name} again",
        )
        parts.append(churn)
    return parts


def task_parts(job: ModelJob, benchmark: BenchmarkJob, engine: BackendInfo) -> list[Part]:
    """Parts of a model on a task of lm-evaluation-harness."""
    name, again = benchmark.name, min(job.floor.items, benchmark.item_count)
    decode, per_item = f"items of {name}", float(_TOKENS_PER_ITEM)
    parts = [
        Part(
            title=f"benchmark {name}",
            schema=ITEMS,
            group=name,
            key=protocol.items_key(job.model, benchmark, engine, keeps_trace=False),
            cost=per_item * benchmark.item_count,
            decode=decode,
            is_awaited=job.is_reference and benchmark.may_stop,
        ),
        *_questions(job, benchmark, decode),
    ]
    if benchmark.is_written:
        texts = Part(
            title=f"texts of {name}",
            schema=GENERATIONS,
            group=name,
            key=protocol.generations_key(job.model, benchmark, engine),
            cost=1.0,  # comes with the scores
            decode=decode,
        )
        parts.append(texts)
    if again:
        key = protocol.churn_key(job.model, benchmark, engine, job.floor.items, keeps_trace=False)
        churn = Part(
            title=f"churn floor on {name}",
            schema=CHURN,
            group=name,
            key=key,
            cost=_SLOWNESS_ONE_BY_ONE * per_item * again,
            decode=f"items of {name} again",
        )
        parts.append(churn)
    return parts


def tell_in_order(
    parts: Sequence[Part], emit: Callable[[dict[str, object]], None]
) -> Callable[[int, int], None]:
    """Tell how far parts measured together are, as if one followed the other."""
    ends = list(accumulate(part.cost for part in parts))
    ahead = list(zip(parts, ends, strict=True))

    def tell(done: int, total: int) -> None:
        at = ends[-1] * (done / max(total, 1))
        while ahead and at >= ahead[0][1]:
            emit({"part": ahead.pop(0)[0].title, "share": 1.0})
        if ahead:
            part, end = ahead[0]
            share = 1.0 - (end - at) / part.cost
            emit({"part": part.title, "share": max(0.0, share)})

    return tell


def _questions(job: ModelJob, benchmark: BenchmarkJob, decode: str) -> list[Part]:
    """Part of the reference alone: what was asked."""
    if not job.is_reference:
        return []
    return [
        Part(
            title=f"questions of {benchmark.name}",
            schema=QUESTIONS,
            group=benchmark.name,
            key=protocol.questions_key(job.model, benchmark),
            cost=1.0,
            decode=decode,
        )
    ]


def model_parts(job: ModelJob, engine: BackendInfo) -> list[Part]:
    """All parts that a job asks for; those of one decode stand together."""
    parts = [
        *(part for corpus in job.corpora for part in corpus_parts(job, corpus, engine)),
        *(part for entry in job.benchmarks for part in benchmark_parts(job, entry, engine)),
    ]
    if not job.only_traces:
        return parts
    awaited = {part.decode for part in parts if part.is_awaited}
    return [part for part in parts if part.decode in awaited]


def decodes(parts: Iterable[Part]) -> list[list[Part]]:
    """Those together that are measured together."""
    return [list(together) for _, together in groupby(parts, key=lambda part: part.decode)]


def claim_units(parts: Iterable[Part]) -> list[list[Part]]:
    """Those together that one process measures: a benchmark's items asked again need the first."""

    def unit(part: Part) -> str:
        return part.decode if part.key.kind in _OF_TEXTS else part.group

    return [list(together) for _, together in groupby(parts, key=unit)]


def set_stale_aside(folder: StudyFolder, job: ModelJob, engine: BackendInfo) -> None:
    """Hide a model's tables of settings that were changed, also where no new ones are there."""
    corpora = [corpus.name for corpus in job.corpora]
    benchmarks = [benchmark.name for benchmark in job.benchmarks]
    wanted = {(part.schema, part.group): part.key for part in model_parts(job, engine)}
    of_items = (ITEMS, CHURN, PROMPTS, GENERATIONS, QUESTIONS)
    for schemas, groups in (((TOKENS, FLOORS), corpora), (of_items, benchmarks)):
        for schema, group in product(schemas, groups):
            key = wanted.get((schema, group))
            folder.set_aside(schema, group, job.model.name, key)


def keeps_item_trace(job: ModelJob, benchmark: BenchmarkJob) -> bool:
    """Whether a model's distributions along the choices are kept for the others."""
    return job.is_reference and benchmark.divergence


def floor_windows(job: ModelJob, corpus: CorpusJob) -> int:
    """Windows of a corpus repeated under an uneven batch split."""
    is_wanted = job.floor.corpora == "all" or corpus.name == job.corpora[0].name
    return job.floor.windows if is_wanted else 0


def token_by_token_positions(job: ModelJob, corpus: CorpusJob) -> int:
    """Positions decoded one at a time: slow, so on the first corpus only."""
    is_first = corpus.name == job.corpora[0].name
    return job.floor.token_by_token_positions if is_first else 0
