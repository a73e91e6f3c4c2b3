"""One model from load to last table: what runs inside a worker process.

The model is loaded once. Every part appears when it is whole, so a session that dies leaves what
it had finished.
"""

from __future__ import annotations

import time
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from silentzone.backends.registry import engine_named
from silentzone.errors import MeasurementError, SilentzoneError, StorageError
from silentzone.measure.candidate import TraceTokens
from silentzone.measure.claiming import claimed
from silentzone.measure.drafts import reference_drafts
from silentzone.measure.floors import floor_steps, measure_floors
from silentzone.measure.generated import (
    answer,
    churn_columns,
    generation_columns,
    item_columns,
    load_questions,
)
from silentzone.measure.item_trace import ItemTraceRun
from silentzone.measure.items import (
    ItemObserver,
    Nobody,
    Watched,
    load_items,
    measure_churn,
    measure_items,
)
from silentzone.measure.jobs import BenchmarkJob, CorpusJob, ModelJob
from silentzone.measure.on_device import candidate_columns
from silentzone.measure.parts import (
    Part,
    claim_units,
    decodes,
    floor_windows,
    keeps_item_trace,
    model_parts,
    tell_in_order,
    token_by_token_positions,
)
from silentzone.measure.prompts import ItemComparison
from silentzone.measure.protocol import item_trace_key, items_key, trace_key
from silentzone.measure.questions import choice_questions, written_questions
from silentzone.measure.reference import write_trace
from silentzone.measure.tasks import task_churn_columns, task_columns
from silentzone.metrics.kernels import set_threads
from silentzone.records.models import away_from
from silentzone.records.tables import (
    CHURN,
    FLOORS,
    GENERATIONS,
    ITEMS,
    PROMPTS,
    QUESTIONS,
    TOKENS,
)
from silentzone.store.folder import StudyFolder

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from silentzone.backends.base import LogitBackend
    from silentzone.backends.registry import Engine
    from silentzone.metrics.head import OutputHead
    from silentzone.records.models import BackendInfo
    from silentzone.store.traces import ItemTrace, ReferenceTrace

_UNSTATED_CONTEXT = 1 << 20
"""Tokens; a model that does not state its context is not held to one."""

ITEM_TRACE = "item_trace"
_ALONG_ITEMS = {ITEM_TRACE, ITEMS.name, PROMPTS.name, GENERATIONS.name, QUESTIONS.name}

TASK = "silentzone.measure.session:measure_model"


def measure_model(
    payload: dict[str, Any], emit: Callable[[dict[str, Any]], None]
) -> dict[str, Any]:
    """Measure whatever of one model is not finished yet.

    Parameters
    ----------
    payload : dict
        ``ModelJob.to_json()``.
    emit : callable
        Receives ``{"part", "share"}`` while it works; the share is in [0, 1].

    Returns
    -------
    dict
        ``seconds`` per part, ``kept`` (parts that were there), ``failures`` (part and cause of
        those that could not be measured, and the error ``raised``: class, message, hint).
    """
    return _Session(ModelJob.from_json(payload), emit).run()


class _Session:
    """State of one worker: the loaded model, the reference's head, what was done."""

    def __init__(self, job: ModelJob, emit: Callable[[dict[str, Any]], None]) -> None:
        self._job = job
        self._emit = emit
        self._folder = StudyFolder(Path(job.study))
        self._engine: Engine = engine_named(job.backend)
        self._head: OutputHead | None = None
        self._head_loaded = False
        self._seconds: dict[str, float] = {}
        self._kept: list[str] = []
        self._failures: list[dict[str, Any]] = []

    def run(self) -> dict[str, Any]:
        """Measure part after part; a part that fails does not stop the others."""
        job = self._job
        set_threads(job.threads)
        started = time.perf_counter()
        with self._engine.open(Path(job.path), job.model, job.settings) as backend:
            self._seconds["load"] = time.perf_counter() - started
            parts = model_parts(job, self._info(backend))
            for unit in claim_units(parts):
                if self._is_in_vain(parts):
                    break
                with claimed(job, unit, self._failures) as is_ours:
                    for decode in decodes(unit) if is_ours else ():
                        self._attempt(backend, decode)
        return {
            "seconds": self._seconds,
            "kept": self._kept,
            "failures": self._failures,
        }

    def _is_in_vain(self, parts: Sequence[Part]) -> bool:
        """Whether the reference failed on every text: then the study ends before it has begun."""
        corpora = {part.title for part in parts if part.key.kind == "trace"}
        failed = {failure["part"] for failure in self._failures}
        return self._job.only_traces and bool(corpora) and corpora <= failed

    def _measure(self, backend: LogitBackend, parts: Sequence[Part]) -> None:
        """Measure the missing parts of one decode and store them."""
        part, started = parts[0], time.perf_counter()
        if part.schema is None:
            corpus = self._corpus(part.group)
            write_trace(
                backend, self._output_head(), self._folder, corpus, part.key, self._tell(parts)
            )
        else:
            columns = {
                TOKENS.name: self._token_columns,
                FLOORS.name: self._floor_columns,
                CHURN.name: self._churn_columns,
            }[part.schema.name](backend, part)
            self._store(part, columns)
        self._seconds[part.title] = time.perf_counter() - started

    def _measure_benchmark(self, backend: LogitBackend, parts: Sequence[Part]) -> None:
        """Ask a benchmark's items once: for their scores, and for what is seen along them."""
        wanted = {part.key.kind: part for part in parts}
        questions, started = wanted.pop(QUESTIONS.name, None), time.perf_counter()
        if questions is not None:
            self._store(questions, choice_questions(load_items(self._benchmark(questions.group))))
            self._seconds[questions.title] = time.perf_counter() - started
        if not wanted:
            return
        answers = wanted.pop(ITEMS.name, None)
        started = time.perf_counter()
        if ITEM_TRACE in wanted:
            columns, watched = self._trace_along(backend, parts, wanted[ITEM_TRACE])
        elif PROMPTS.name in wanted:
            columns, watched = self._compare_along(backend, parts, wanted[PROMPTS.name])
        else:
            benchmark = self._benchmark(parts[0].group)
            is_traced = keeps_item_trace(self._job, benchmark)  # then its key says so
            watched = Watched(Nobody, with_hidden=is_traced and self._output_head() is not None)
            columns = self._ask(backend, parts, watched)
        if answers is not None:
            self._store(answers, columns)
            self._seconds[answers.title] = time.perf_counter() - started - watched.seconds
        for part in wanted.values():
            if watched.failure is None:
                self._seconds[part.title] = watched.seconds

    def _measure_written(self, backend: LogitBackend, parts: Sequence[Part]) -> None:
        """Have a benchmark's items answered in writing once, for the scores and the texts."""
        started = time.perf_counter()
        benchmark, tell = self._benchmark(parts[0].group), self._tell(parts)
        writer, questions = load_questions(backend, self._job, benchmark)
        assert benchmark.generation is not None, "asked by whoever calls this"
        wanted = {part.key.kind: part for part in parts}
        asked = wanted.pop(QUESTIONS.name, None)
        if asked is not None:
            self._store(asked, written_questions(questions))
            self._seconds[asked.title] = time.perf_counter() - started
        if not wanted:
            return
        total = len(questions) * benchmark.generation.repeats
        written = answer(
            writer,
            questions,
            benchmark,
            self._context_length(),
            drafts=reference_drafts(self._folder, self._job, benchmark, self._info(backend)),
            on_answer=lambda done: tell(done, total),
        )
        columns = {ITEMS.name: item_columns, GENERATIONS.name: generation_columns}
        for kind, part in wanted.items():
            self._store(part, columns[kind](written))
            self._seconds[part.title] = time.perf_counter() - started
            started = time.perf_counter()

    def _measure_task(self, backend: LogitBackend, parts: Sequence[Part]) -> None:
        """Have lm-evaluation-harness's own code ask and score a task once, for all its tables."""
        started = time.perf_counter()
        benchmark, length = self._benchmark(parts[0].group), self._context_length()
        kinds = {part.key.kind for part in parts}
        columns = task_columns(backend, self._job, benchmark, length, kinds, self._tell(parts))
        for part in parts:
            self._store(part, columns[part.key.kind])
            self._seconds[part.title] = time.perf_counter() - started

    def _trace_along(
        self, backend: LogitBackend, parts: Sequence[Part], part: Part
    ) -> tuple[dict[str, Any], Watched]:
        """Score items and keep the reference's distributions; what fails, fails both."""
        model, head = self._job.model, self._output_head()
        with ItemTraceRun(model, head, self._folder, part.group, part.key) as run:
            watched = Watched(lambda: run, with_hidden=head is not None)
            return self._ask(backend, parts, watched), watched

    def _compare_along(
        self, backend: LogitBackend, parts: Sequence[Part], part: Part
    ) -> tuple[dict[str, Any], Watched]:
        """Score items and compare distributions; if these cannot be compared, score them only."""
        made: list[ItemComparison] = []

        def compare() -> ItemComparison:
            trace = self._item_trace(part.group, self._info(backend))
            head = self._output_head() if trace.form == "hidden" else None
            items = load_items(self._benchmark(part.group))
            made.append(ItemComparison(trace, head, items))
            return made[0]

        watched = Watched(compare, may_fail=len(parts) > 1)
        columns = self._ask(backend, parts, watched)
        if watched.failure is None:
            self._store(part, made[0].table())
        else:
            self._fail(part, watched.failure)
        return columns, watched

    def _ask(
        self, backend: LogitBackend, parts: Sequence[Part], observer: ItemObserver
    ) -> dict[str, Any]:
        benchmark = self._benchmark(parts[0].group)
        items = load_items(benchmark)
        tell = self._tell(parts)
        return measure_items(
            backend,
            items,
            benchmark.headline,
            self._context_length(),
            lambda done: tell(done, len(items)),
            observer,
        )

    def _store(self, part: Part, columns: dict[str, Any]) -> None:
        assert part.schema is not None, "a trace is stored while it is measured"
        name = self._job.model.name
        self._folder.write_table(part.schema, part.group, name, columns, part.key)

    def _token_columns(self, backend: LogitBackend, part: Part) -> dict[str, Any]:
        trace = self._trace(part.group, self._info(backend))
        head = self._output_head() if trace.form == "hidden" else None
        return candidate_columns(backend, trace, head, self._tell([part]))

    def _floor_columns(self, backend: LogitBackend, part: Part) -> dict[str, Any]:
        corpus = self._corpus(part.group)
        trace = self._trace(part.group, self._info(backend))
        windows = floor_windows(self._job, corpus)
        positions = token_by_token_positions(self._job, corpus)
        tell = self._tell([part])
        total = floor_steps(windows, positions, trace.window_count, trace.positions_per_window)
        steps = count(1)
        return measure_floors(
            backend,
            TraceTokens(trace),
            trace.window_count,
            windows=windows,
            positions=positions,
            on_window=lambda: tell(next(steps), total),
        )

    def _churn_columns(self, backend: LogitBackend, part: Part) -> dict[str, Any]:
        benchmark, name = self._benchmark(part.group), self._job.model.name
        keeps_trace = keeps_item_trace(self._job, benchmark)
        key = items_key(self._job.model, benchmark, self._info(backend), keeps_trace=keeps_trace)
        if not self._folder.has_part(ITEMS, part.group, name, key):
            raise MeasurementError(
                f"there are no answers of `{name}` to benchmark `{part.group}` to ask again",
                hint="see why the benchmark could not be measured",
            )
        ordinary = self._folder.read_table(ITEMS, part.group, name)
        length, again = self._context_length(), self._job.floor.items
        if benchmark.generation is not None:
            writer, questions = load_questions(backend, self._job, benchmark)
            return churn_columns(writer, questions, benchmark, length, ordinary, again)
        if benchmark.harness is not None:
            return task_churn_columns(backend, self._job, benchmark, length, ordinary)
        items = load_items(benchmark)
        return measure_churn(backend, items, benchmark.headline, length, ordinary, again)

    def _corpus(self, name: str) -> CorpusJob:
        return next(corpus for corpus in self._job.corpora if corpus.name == name)

    def _benchmark(self, name: str) -> BenchmarkJob:
        return next(entry for entry in self._job.benchmarks if entry.name == name)

    def _context_length(self) -> int:
        return self._job.model.training_context_length or _UNSTATED_CONTEXT

    def _trace(self, corpus: str, info: BackendInfo) -> ReferenceTrace:
        key = trace_key(self._job.reference, self._corpus(corpus), info)
        trace = self._folder.trace(corpus) if self._folder.has_trace(corpus, key) else None
        if trace is None:
            raise MeasurementError(
                f"there is no trace of the reference on corpus `{corpus}`",
                hint="see why the reference could not be measured",
            )
        return trace

    def _item_trace(self, benchmark: str, info: BackendInfo) -> ItemTrace:
        key = item_trace_key(self._job.reference, self._benchmark(benchmark), info)
        has_trace = self._folder.has_trace(benchmark, key)
        trace = self._folder.item_trace(benchmark) if has_trace else None
        if trace is None:
            raise MeasurementError(
                f"there is no trace of the reference along the items of benchmark `{benchmark}`",
                hint="see why the reference could not be measured",
            )
        return trace

    def _info(self, backend: LogitBackend) -> BackendInfo:
        """Engine of the loaded model, and the reference's where that is another."""
        return away_from(self._job.home, backend.info)

    def _output_head(self) -> OutputHead | None:
        if not self._head_loaded:
            engine = engine_named(self._job.reference_backend or self._job.backend)
            self._head = engine.output_head(Path(self._job.reference_path), self._job.settings)
            self._head_loaded = True
        return self._head

    def _tell(self, parts: Sequence[Part]) -> Callable[[int, int], None]:
        return tell_in_order(parts, self._emit)

    def _attempt(self, backend: LogitBackend, parts: Sequence[Part]) -> None:
        """Measure what is missing of a decode; a failure of the measurement is recorded."""
        self._emit({"part": parts[0].title, "share": 0.0})
        part = parts[0]
        try:
            missing = []
            for part in parts:
                if part.is_finished(self._folder, self._job.model.name):
                    self._kept.append(part.title)
                else:
                    missing.append(part)
            if not missing:
                return
            part = missing[0]
            if part.key.kind not in _ALONG_ITEMS:
                self._measure(backend, missing)
            elif self._benchmark(part.group).generation is not None:
                self._measure_written(backend, missing)
            elif self._benchmark(part.group).harness is not None:
                self._measure_task(backend, missing)
            else:
                self._measure_benchmark(backend, missing)
        except StorageError:
            raise  # the next part would meet the same disk
        except SilentzoneError as error:
            self._fail(part, error)

    def _fail(self, part: Part, error: SilentzoneError) -> None:
        self._failures.append(
            {
                "part": part.title,
                "cause": error.message,
                "raised": {
                    "class": type(error).__name__,
                    "message": error.message,
                    "hint": error.hint,
                },
            }
        )
