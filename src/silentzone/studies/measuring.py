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
    from collections.abc import Collection, Mapping, Sequence

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
        plan = self._plan
        self._require_usable()
        self._keep_config()
        models = plan.models
        plan.stop_at_chance()
        total = sum(part.cost for model in models for part in plan.unfinished(model))
        if total == 0:
            self._progress.note("Everything is measured already.")
        else:
            self._manifest.write()
            with SharedProgress(self._progress, f"Measuring {len(models)} models", total) as shared:
                self._measure_models(models, shared)
        self._complete(models)

    def _require_usable(self) -> None:
        if not self._plan.cohort.usable:
            raise MeasurementError(
                "no candidate can be measured: "
                + "; ".join(failure["cause"] for failure in self._plan.failures)
            )

    def _keep_config(self) -> None:
        """Leave what was asked in the folder."""
        if self._manifest.config_changed():
            text = dump_config(self._plan.config)
            replace_file(self._plan.folder.root / "study.toml", text.encode())

    def _complete(self, models: Sequence[InspectedModel]) -> None:
        """Hide what nobody asked for, write down what ran, and see that there is a result."""
        plan = self._plan
        for model in models:
            set_stale_aside(plan.folder, plan.job(model), plan.info_of(model))
        self._manifest.write()
        if not any(plan.has_result(model) for model in plan.cohort.usable):
            raise MeasurementError(
                "no candidate could be measured: " + "; ".join(plan.failure_sentences()),
                hint="finished parts are kept; run it again when the cause is gone",
            )

    def _measure_models(self, models: Sequence[InspectedModel], shared: SharedProgress) -> None:
        """Run the reference's traces first, alone and with all threads, then everything else."""
        workers = self._plan.config.engine.workers
        first = self._plan.unfinished(models[0], only_traces=True)
        if any(part.is_awaited for part in first):
            all_threads = self._plan.settings.threads * workers
            cause = self._measure_model(models[0], first, shared, all_threads, only_traces=True)
            self._plan.keep_traced(cause)
            self._manifest.write()
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
    ) -> SilentzoneError | None:
        """Measure one model; what could not be is recorded, and the first cause given back."""
        if self._stop.is_set():
            return None
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
            self._progress.note(f"{name}: {error.with_hint}")
            self._give_up(model, error)
            outcome, done = "failed", None
            cause: SilentzoneError | None = error
        else:
            failures = result["failures"]
            cause = same_error(failures[0]["raised"]) if failures else None
            for failure in failures:
                model.fail(f"{failure['part']}: {failure['cause']}", status="partial")
                self._plan.record(name, failure["part"], failure["cause"])
                said = same_error(failure["raised"]).with_hint
                self._progress.note(f"{name}, {failure['part']}: {said}")
            seconds = time.perf_counter() - started
            self._manifest.add_timing(title, {**result["seconds"], "total": seconds})
            outcome, done = "failed" if failures else "done", self._done_here(result["seconds"])
        step.finish(outcome, done)
        self._tell()
        return cause

    def _give_up(self, model: InspectedModel, error: SilentzoneError) -> None:
        """Take note that a model's process died; its remaining parts are not tried again."""

    def _done_here(self, measured: Mapping[str, float]) -> Collection[str] | None:
        """Parts of a step that this process measured; null for all of it."""
        del measured
        return None

    def _tell(self) -> None:
        """Write down what became of a model."""
        self._manifest.write()
