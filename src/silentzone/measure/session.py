"""One model from load to last table: what runs inside a worker process.

The model is loaded once. Every part appears when it is whole, so a session that dies leaves what
it had finished.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from silentzone.backends.base import EngineSettings
from silentzone.backends.registry import engine_named
from silentzone.errors import MeasurementError, SilentzoneError, StorageError
from silentzone.measure import protocol
from silentzone.measure.candidate import TraceReader, measure_candidate
from silentzone.measure.floors import floor_steps, measure_floors
from silentzone.measure.items import load_items, measure_churn, measure_items
from silentzone.measure.jobs import BenchmarkJob, CorpusJob, ModelJob
from silentzone.measure.reference import write_trace
from silentzone.metrics.kernels import set_threads
from silentzone.records.tables import CHURN, FLOORS, ITEMS, TOKENS
from silentzone.store.folder import StudyFolder

if TYPE_CHECKING:
    from collections.abc import Callable

    from silentzone.backends.base import LogitBackend
    from silentzone.backends.registry import Engine
    from silentzone.metrics.head import OutputHead
    from silentzone.records.models import BackendInfo
    from silentzone.store.traces import ReferenceTrace

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
        Receives ``{"part", "done", "total", "unit"}`` while it works.

    Returns
    -------
    dict
        ``engine`` (as recorded), ``seconds`` per part, ``kept`` (parts that were there),
        ``failures`` (part and cause of those that could not be measured).
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
        self._failures: list[dict[str, str]] = []

    def run(self) -> dict[str, Any]:
        """Measure part after part; a part that fails does not stop the others."""
        job = self._job
        set_threads(job.threads)
        settings = EngineSettings(
            threads=job.threads,
            batch_tokens=job.batch_tokens,
            micro_batch_tokens=job.micro_batch_tokens,
            gpu_layers=job.gpu_layers,
        )
        started = time.perf_counter()
        with self._engine.open(Path(job.path), job.model, settings) as backend:
            self._seconds["load"] = time.perf_counter() - started
            for corpus in job.corpora:
                self._corpus_parts(backend, corpus)
            for benchmark in job.benchmarks:
                self._benchmark_parts(backend, benchmark)
            info = backend.info
        return {
            "engine": _engine_json(info),
            "seconds": self._seconds,
            "kept": self._kept,
            "failures": self._failures,
        }

    def _corpus_parts(self, backend: LogitBackend, corpus: CorpusJob) -> None:
        job, info = self._job, backend.info
        part = f"fidelity on {corpus.name}"
        if job.is_reference:
            key = protocol.trace_key(job.model, corpus, info)
            is_done = self._folder.has_trace(corpus.name, key)
            if not self._attempt(
                part,
                is_done,
                lambda: write_trace(
                    backend, self._output_head(), self._folder, corpus, key, self._windows_of(part)
                ),
            ):
                return
        else:
            token_key = protocol.tokens_key(job.model, job.reference, corpus, info)
            is_done = self._folder.has_part(TOKENS, corpus.name, job.model.name, token_key)
            self._attempt(
                part,
                is_done,
                lambda: self._folder.write_table(
                    TOKENS,
                    corpus.name,
                    job.model.name,
                    self._candidate_columns(backend, corpus, part),
                    token_key,
                ),
            )
        self._floor_part(backend, corpus)

    def _candidate_columns(
        self, backend: LogitBackend, corpus: CorpusJob, part: str
    ) -> dict[str, Any]:
        trace = self._trace(corpus, backend.info)
        reader = TraceReader(trace, self._output_head() if trace.form == "hidden" else None)
        return measure_candidate(backend, reader, trace.window_count, self._windows_of(part))

    def _floor_part(self, backend: LogitBackend, corpus: CorpusJob) -> None:
        job = self._job
        # one token at a time is slow: measured once per model, on the first corpus
        is_first = corpus.name == job.corpora[0].name
        positions = job.floor.token_by_token_positions if is_first else 0
        windows = job.floor.windows
        if windows == 0 and positions == 0:
            return
        part = f"noise floor on {corpus.name}"
        key = protocol.floors_key(job.model, corpus, backend.info, windows, positions)

        def measure() -> None:
            trace = self._trace(corpus, backend.info)
            head = self._output_head() if trace.form == "hidden" else None
            total = floor_steps(windows, positions, trace.window_count, trace.positions_per_window)
            count = _Counter(self._windows_of(part), total)
            columns = measure_floors(
                backend,
                TraceReader(trace, head),
                trace.window_count,
                windows=windows,
                positions=positions,
                on_window=count.step,
            )
            self._folder.write_table(FLOORS, corpus.name, job.model.name, columns, key)

        is_done = self._folder.has_part(FLOORS, corpus.name, job.model.name, key)
        self._attempt(part, is_done, measure)

    def _benchmark_parts(self, backend: LogitBackend, benchmark: BenchmarkJob) -> None:
        job, name = self._job, self._job.model.name
        context = job.model.training_context_length or 1 << 20
        part = f"benchmark {benchmark.name}"
        key = protocol.items_key(job.model, benchmark, backend.info)
        again = job.floor.items
        churn = protocol.churn_key(job.model, benchmark, backend.info, again)
        has_items = self._folder.has_part(ITEMS, benchmark.name, name, key)
        has_churn = again == 0 or self._folder.has_part(CHURN, benchmark.name, name, churn)
        if has_items and has_churn:
            self._kept.append(part)
            return

        def measure() -> None:
            items = load_items(benchmark)
            if not has_items:
                columns = measure_items(
                    backend, items, benchmark.headline, context, self._items_of(part, len(items))
                )
                self._folder.write_table(ITEMS, benchmark.name, name, columns, key)
            if not has_churn:
                table = self._folder.read_table(ITEMS, benchmark.name, name)
                columns = measure_churn(backend, items, benchmark.headline, context, table, again)
                self._folder.write_table(CHURN, benchmark.name, name, columns, churn)

        self._attempt(part, False, measure)

    def _attempt(self, part: str, is_done: bool, measure: Callable[[], object]) -> bool:
        """Measure a part unless it is there; a failure of the measurement is recorded."""
        if is_done:
            self._kept.append(part)
            return True
        started = time.perf_counter()
        try:
            measure()
        except StorageError:
            raise  # the next part would meet the same disk
        except SilentzoneError as error:
            self._failures.append({"part": part, "cause": error.message, "hint": error.hint or ""})
            return False
        self._seconds[part] = time.perf_counter() - started
        return True

    def _trace(self, corpus: CorpusJob, info: BackendInfo) -> ReferenceTrace:
        key = protocol.trace_key(self._job.reference, corpus, info)
        trace = (
            self._folder.trace(corpus.name) if self._folder.has_trace(corpus.name, key) else None
        )
        if trace is None:
            raise MeasurementError(
                f"there is no trace of the reference on corpus `{corpus.name}`",
                hint="see why the reference could not be measured",
            )
        return trace

    def _output_head(self) -> OutputHead | None:
        if not self._head_loaded:
            self._head = self._engine.output_head(Path(self._job.reference_path))
            self._head_loaded = True
        return self._head

    def _windows_of(self, part: str) -> Callable[[int, int], None]:
        def tell(done: int, total: int) -> None:
            self._emit({"part": part, "done": done, "total": total, "unit": "windows"})

        return tell

    def _items_of(self, part: str, total: int) -> Callable[[int], None]:
        def tell(done: int) -> None:
            self._emit({"part": part, "done": done, "total": total, "unit": "items"})

        return tell


class _Counter:
    def __init__(self, tell: Callable[[int, int], None], total: int) -> None:
        self._tell, self._total, self._done = tell, total, 0

    def step(self) -> None:
        self._done += 1
        self._tell(self._done, self._total)


def _engine_json(info: BackendInfo) -> dict[str, Any]:
    return {
        "name": info.name,
        "version": info.version,
        "build": info.build,
        "device": info.device,
        "settings": dict(info.settings),
    }
