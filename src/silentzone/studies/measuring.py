"""Measuring what is missing of a study, each model in a worker process of its own."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TYPE_CHECKING

from silentzone.errors import MeasurementError, SilentzoneError, StorageError
from silentzone.execution.processes import run_in_worker, same_error
from silentzone.measure.parts import set_stale_aside
from silentzone.measure.session import TASK
from silentzone.store.atomic import replace_file
from silentzone.studies.config import dump_config
from silentzone.studies.progress import SharedProgress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from silentzone.measure.parts import Part
    from silentzone.studies.inspection import InspectedModel
    from silentzone.studies.manifest import StudyManifest
    from silentzone.studies.plan import StudyPlan
    from silentzone.studies.progress import Progress

_PRODUCT_THREADS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Read by NumPy's matrix library as it is loaded; without them each worker takes every core."""


class Measuring:
    """Measures the missing parts of a plan; the folder's lock is held.

    Parameters
    ----------
    plan : StudyPlan
    manifest : StudyManifest
        Written whenever a model is done.
    progress : Progress
    """

    def __init__(self, plan: StudyPlan, manifest: StudyManifest, progress: Progress) -> None:
        self._plan = plan
        self._manifest = manifest
        self._progress = progress
        self._stop = threading.Event()

    def measure(self) -> None:
        """Run every model that has unfinished parts, each in a process of its own."""
        if not self._plan.cohort.usable:
            raise MeasurementError(
                "no candidate can be measured: "
                + "; ".join(failure["cause"] for failure in self._plan.failures)
            )
        if self._manifest.config_changed():
            replace_file(
                self._plan.folder.root / "study.toml", dump_config(self._plan.config).encode()
            )
        models = self._plan.models
        self._plan.stop_at_chance()
        total = sum(part.cost for model in models for part in self._plan.unfinished(model))
        if total == 0:
            self._progress.note("Everything is measured already.")
        else:
            self._manifest.write()
            with SharedProgress(self._progress, f"Measuring {len(models)} models", total) as shared:
                self._measure_models(models, shared)
        for model in models:
            set_stale_aside(self._plan.folder, self._plan.job(model), self._plan.info)
        self._manifest.write()
        if not any(self._plan.has_result(model) for model in self._plan.cohort.usable):
            raise MeasurementError(
                "no candidate could be measured: " + "; ".join(self._plan.failure_sentences()),
                hint="finished parts are kept; run it again when the cause is gone",
            )

    def _measure_models(self, models: Sequence[InspectedModel], shared: SharedProgress) -> None:
        """Run the reference's traces first, alone and with all threads, then everything else."""
        workers = self._plan.config.engine.workers
        first = self._plan.unfinished(models[0], only_traces=True)
        if any(part.is_awaited for part in first):
            all_threads = self._plan.settings.threads * workers
            self._measure_model(models[0], first, shared, all_threads, only_traces=True)
        self._plan.stop_at_chance()
        waiting = [(model, self._plan.unfinished(model)) for model in models]
        with ThreadPoolExecutor(workers, thread_name_prefix="model") as pool:
            running = [
                pool.submit(self._measure_model, model, parts, shared, self._plan.settings.threads)
                for model, parts in waiting
                if parts
            ]
            try:
                for future in as_completed(running):
                    future.result()
            except BaseException:
                for future in running:
                    future.cancel()
                self._stop.set()
                raise

    def _measure_model(
        self,
        model: InspectedModel,
        parts: Sequence[Part],
        shared: SharedProgress,
        threads: int,
        *,
        only_traces: bool = False,
    ) -> None:
        if self._stop.is_set():
            return
        name = model.ref.name
        title = f"{name} (the reference's own distributions)" if only_traces else name
        step = shared.step(title, {part.title: part.cost for part in parts})
        started = time.perf_counter()
        try:
            result = run_in_worker(
                TASK,
                self._plan.job(model, threads, only_traces=only_traces).to_json(),
                on_event=lambda event: step.take(str(event["part"]), float(event["share"])),
                environment=dict.fromkeys(_PRODUCT_THREADS, str(threads)),
                should_stop=self._stop.is_set,
                what=f"measuring `{name}`",
            )
        except (StorageError, KeyboardInterrupt):
            self._stop.set()  # the other models end too, and none begins
            raise
        except SilentzoneError as error:
            model.fail(error.message, status="partial" if self._plan.has_any(model) else "failed")
            self._plan.record(name, "model", error.message)
            self._progress.note(f"{name}: {error.message}")
            outcome = "failed"
            cause: SilentzoneError | None = error
        else:
            failures = result["failures"]
            cause = same_error(failures[0]["raised"]) if failures else None
            for failure in failures:
                model.fail(f"{failure['part']}: {failure['cause']}", status="partial")
                self._plan.record(name, failure["part"], failure["cause"])
                self._progress.note(f"{name}, {failure['part']}: {failure['cause']}")
            seconds = time.perf_counter() - started
            self._manifest.add_timing(title, {**result["seconds"], "total": seconds})
            outcome = "failed" if failures else "done"
        step.finish(outcome)
        if only_traces:
            self._plan.keep_traced(cause)
        self._manifest.write()
