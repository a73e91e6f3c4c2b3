"""One model from load to last table: what runs inside a worker process.

The model is loaded once. Every part appears when it is whole, so a session that dies leaves what
it had finished.
"""

from __future__ import annotations

import time
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from silentzone.backends.base import EngineSettings
from silentzone.backends.registry import engine_named
from silentzone.errors import MeasurementError, SilentzoneError, StorageError
from silentzone.measure.candidate import TraceReader, TraceTokens, measure_candidate
from silentzone.measure.floors import floor_steps, measure_floors
from silentzone.measure.items import load_items, measure_churn, measure_items
from silentzone.measure.jobs import BenchmarkJob, CorpusJob, ModelJob
from silentzone.measure.parts import (
    Part,
    floor_windows,
    model_parts,
    token_by_token_positions,
)
from silentzone.measure.protocol import items_key, trace_key
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

_UNSTATED_CONTEXT = 1 << 20
"""Tokens; a model that does not state its context is not held to one."""

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
        ``seconds`` per part, ``kept`` (parts that were there), ``failures`` (part, cause, hint
        and class of the error of those that could not be measured).
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
            for part in model_parts(job, backend.info):
                self._attempt(backend, part)
        return {
            "seconds": self._seconds,
            "kept": self._kept,
            "failures": self._failures,
        }

    def _measure(self, backend: LogitBackend, part: Part) -> None:
        """Measure one part and store it."""
        name = self._job.model.name
        if part.schema is None:
            corpus = self._corpus(part.group)
            write_trace(
                backend, self._output_head(), self._folder, corpus, part.key, self._tell(part)
            )
            return
        columns = {
            TOKENS.name: self._token_columns,
            FLOORS.name: self._floor_columns,
            ITEMS.name: self._item_columns,
            CHURN.name: self._churn_columns,
        }[part.schema.name](backend, part)
        self._folder.write_table(part.schema, part.group, name, columns, part.key)

    def _token_columns(self, backend: LogitBackend, part: Part) -> dict[str, Any]:
        trace = self._trace(part.group, backend.info)
        reader = TraceReader(trace, self._output_head() if trace.form == "hidden" else None)
        return measure_candidate(backend, reader, trace.window_count, self._tell(part))

    def _floor_columns(self, backend: LogitBackend, part: Part) -> dict[str, Any]:
        corpus = self._corpus(part.group)
        trace = self._trace(part.group, backend.info)
        windows = floor_windows(self._job, corpus)
        positions = token_by_token_positions(self._job, corpus)
        tell = self._tell(part)
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

    def _item_columns(self, backend: LogitBackend, part: Part) -> dict[str, Any]:
        benchmark = self._benchmark(part.group)
        items = load_items(benchmark)
        tell = self._tell(part)
        return measure_items(
            backend,
            items,
            benchmark.headline,
            self._context_length(),
            lambda done: tell(done, len(items)),
        )

    def _churn_columns(self, backend: LogitBackend, part: Part) -> dict[str, Any]:
        benchmark, name = self._benchmark(part.group), self._job.model.name
        key = items_key(self._job.model, benchmark, backend.info)
        if not self._folder.has_part(ITEMS, part.group, name, key):
            raise MeasurementError(
                f"there are no answers of `{name}` to benchmark `{part.group}` to ask again",
                hint="see why the benchmark could not be measured",
            )
        ordinary = self._folder.read_table(ITEMS, part.group, name)
        return measure_churn(
            backend,
            load_items(benchmark),
            benchmark.headline,
            self._context_length(),
            ordinary,
            self._job.floor.items,
        )

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

    def _output_head(self) -> OutputHead | None:
        if not self._head_loaded:
            self._head = self._engine.output_head(Path(self._job.reference_path))
            self._head_loaded = True
        return self._head

    def _tell(self, part: Part) -> Callable[[int, int], None]:
        def tell(done: int, total: int) -> None:
            self._emit({"part": part.title, "share": done / max(total, 1)})

        return tell

    def _attempt(self, backend: LogitBackend, part: Part) -> None:
        """Measure a part unless it is there; a failure of the measurement is recorded."""
        self._emit({"part": part.title, "share": 0.0})
        started = time.perf_counter()
        try:
            if part.is_finished(self._folder, self._job.model.name):
                self._kept.append(part.title)
                return
            self._measure(backend, part)
        except StorageError:
            raise  # the next part would meet the same disk
        except SilentzoneError as error:
            self._failures.append(
                {
                    "part": part.title,
                    "cause": error.message,
                    "hint": error.hint or "",
                    "error": type(error).__name__,
                }
            )
            return
        self._seconds[part.title] = time.perf_counter() - started
