"""One study from its configuration to its report; finished parts are never measured again."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from silentzone import __version__
from silentzone.analysis.flip_details import study_flips
from silentzone.analysis.study import analyze_study
from silentzone.backends.registry import engine_named
from silentzone.errors import InputError, MeasurementError, SilentzoneError, StorageError
from silentzone.execution.processes import run_in_worker, same_error
from silentzone.measure.jobs import ModelJob
from silentzone.measure.parts import Part, model_parts, set_stale_aside
from silentzone.measure.session import TASK
from silentzone.records.tables import ITEMS, TOKENS
from silentzone.report import write_report
from silentzone.store.atomic import replace_file
from silentzone.store.folder import StudyFolder
from silentzone.store.names import ANALYSIS, FLIPS
from silentzone.studies.config import dump_config
from silentzone.studies.inspection import Cohort, InspectedModel, inspect_models
from silentzone.studies.preparation import (
    EVERY_MODEL,
    benchmark_jobs,
    benchmarks_at_chance,
    corpus_job,
    corpus_refs,
    engine_settings,
)
from silentzone.studies.progress import SharedProgress, measured_step

if TYPE_CHECKING:
    from collections.abc import Sequence

    from silentzone.backends.registry import Engine
    from silentzone.records.config import StudyConfig
    from silentzone.records.models import BackendInfo
    from silentzone.studies.progress import Progress

_PRODUCT_THREADS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Read by NumPy's matrix library as it is loaded; without them each worker takes every core."""

REPORT_FILE = Path("report") / "index.html"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StudyOutcome:
    """What a finished run leaves."""

    folder: Path
    report: Path
    analysis: dict[str, Any]
    failures: tuple[str, ...]
    """One sentence for every part that could not be measured."""


def run_study(config: StudyConfig, out: Path, *, progress: Progress, command: str) -> StudyOutcome:
    """Measure what is missing, analyse, and write the report.

    Parameters
    ----------
    config : StudyConfig
        What is asked.
    out : Path
        The study folder; made if it is not there.
    progress : Progress
        Told what is going on.
    command : str
        What the user typed, for the manifest and the report.

    Raises
    ------
    InputError
        If the reference, a text or an option cannot be used.
    MeasurementError
        If no candidate could be measured.
    StorageError
        If the folder cannot be written or another run works in it.
    """
    folder = StudyFolder(out)
    folder.create()
    with folder.lock():
        folder.remove_leftovers()
        study = _Study(config, folder, progress, command)
        study.measure()
        analysis = study.analyze()
    return StudyOutcome(
        folder=out, report=out / REPORT_FILE, analysis=analysis, failures=study.failure_sentences()
    )


def measure_and_analyze(
    config: StudyConfig, folder: StudyFolder, *, progress: Progress, command: str
) -> dict[str, Any]:
    """Measure into a folder and give the analysis, without a report."""
    with folder.lock():
        study = _Study(config, folder, progress, command)
        study.measure()
    return analyze_study(folder, rng_seed=config.seed)


class _Study:
    """One run over one study folder, its lock held."""

    def __init__(
        self, config: StudyConfig, folder: StudyFolder, progress: Progress, command: str
    ) -> None:
        self._config = config
        self._folder = folder
        self._progress = progress
        self._engine: Engine = engine_named(config.engine.backend)
        self._settings = engine_settings(config.engine)
        self._info: BackendInfo = self._engine.describe(self._settings)
        self._failures: list[dict[str, str]] = []
        self._timings: dict[str, dict[str, float]] = {}
        self._cohort: Cohort = inspect_models(config, self._engine, progress)
        self._failures.extend(self._cohort.unusable)
        for model in self._cohort.candidates:
            if model.failure is not None:
                self._record(model.ref.name, "comparison", model.failure)
        self._corpora = tuple(
            corpus_job(entry, self._cohort.reference.ref.tokenizer_sha256)
            for entry in config.corpora
        )
        self._benchmarks = benchmark_jobs(config.benchmarks, config.seed, progress, self._record)
        self._command = command
        self._lock = threading.Lock()
        self._stop = threading.Event()

    def measure(self) -> None:
        """Run every model that has unfinished parts, each in a process of its own."""
        if not self._cohort.usable:
            raise MeasurementError(
                "no candidate can be measured: "
                + "; ".join(failure["cause"] for failure in self._failures)
            )
        if self._config_changed():
            replace_file(self._folder.root / "study.toml", dump_config(self._config).encode())
        models = [self._cohort.reference, *self._cohort.usable]
        self._stop_at_chance()
        total = sum(part.cost for model in models for part in self._unfinished(model))
        if total == 0:
            self._progress.note("Everything is measured already.")
        else:
            self._write_manifest()
            with SharedProgress(self._progress, f"Measuring {len(models)} models", total) as shared:
                self._measure_models(models, shared)
        for model in models:
            set_stale_aside(self._folder, self._job(model), self._info)
        self._write_manifest()
        if not any(self._has_result(model) for model in self._cohort.usable):
            raise MeasurementError(
                "no candidate could be measured: " + "; ".join(self.failure_sentences()),
                hint="finished parts are kept; run it again when the cause is gone",
            )

    def analyze(self) -> dict[str, Any]:
        """Answer from the stored tables, unless the answers of these very tables are there."""
        inputs = self._inputs_sha256()
        root = self._folder.root
        stored = self._stored_analysis()
        if stored is not None and (root / REPORT_FILE).exists():
            manifest = self._folder.manifest()
            if manifest.get("analyzed_inputs") == inputs:
                return stored
        with measured_step(self._progress, "analyze", "Analysing") as on_share:
            analysis = analyze_study(self._folder, rng_seed=self._config.seed, on_share=on_share)
        flips = study_flips(self._folder, self._config.audit.unfinished)
        self._folder.write_json_atomic(ANALYSIS, analysis)
        self._folder.write_json_atomic(FLIPS, flips)
        self._progress.begin("report", "Writing the report", None, "")
        write_report(analysis, (root / REPORT_FILE).parent, flips)
        self._progress.end("report", "done")
        self._folder.write_manifest({**self._folder.manifest(), "analyzed_inputs": inputs})
        return analysis

    def failure_sentences(self) -> tuple[str, ...]:
        """One sentence for every part that could not be measured."""
        return tuple(
            f"{failure['model']}, {failure['part']}: {failure['cause']}"
            for failure in self._failures
        )

    def _measure_models(self, models: Sequence[InspectedModel], shared: SharedProgress) -> None:
        """Run the reference's traces first, alone and with all threads, then everything else."""
        workers = self._config.engine.workers
        first = self._unfinished(models[0], only_traces=True)
        if any(part.is_awaited for part in first):
            all_threads = self._settings.threads * workers
            self._measure_model(models[0], first, shared, all_threads, only_traces=True)
        self._stop_at_chance()
        waiting = [(model, self._unfinished(model)) for model in models]
        with ThreadPoolExecutor(workers, thread_name_prefix="model") as pool:
            running = [
                pool.submit(self._measure_model, model, parts, shared, self._settings.threads)
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
                self._job(model, threads, only_traces=only_traces).to_json(),
                on_event=lambda event: step.take(str(event["part"]), float(event["share"])),
                environment=dict.fromkeys(_PRODUCT_THREADS, str(threads)),
                should_stop=self._stop.is_set,
                what=f"measuring `{name}`",
            )
        except (StorageError, KeyboardInterrupt):
            self._stop.set()  # the other models end too, and none begins
            raise
        except SilentzoneError as error:
            model.fail(error.message, status="partial" if self._has_any(model) else "failed")
            self._record(name, "model", error.message)
            self._progress.note(f"{name}: {error.message}")
            outcome = "failed"
            cause: SilentzoneError | None = error
        else:
            failures = result["failures"]
            cause = same_error(failures[0]["raised"]) if failures else None
            for failure in failures:
                model.fail(f"{failure['part']}: {failure['cause']}", status="partial")
                self._record(name, failure["part"], failure["cause"])
                self._progress.note(f"{name}, {failure['part']}: {failure['cause']}")
            seconds = time.perf_counter() - started
            self._timings[title] = {**result["seconds"], "total": seconds}
            outcome = "failed" if failures else "done"
        step.finish(outcome)
        if only_traces:
            self._keep_traced(cause)
        self._write_manifest()

    def _keep_traced(self, cause: SilentzoneError | None) -> None:
        """Go on with what the reference was run over; with no corpus of several is no study."""
        job = self._job(self._cohort.reference)
        traced = {
            (part.key.kind, part.group)
            for part in model_parts(job, self._info)
            if part.schema is None and part.is_finished(self._folder, job.model.name)
        }
        corpora = tuple(one for one in self._corpora if ("trace", one.name) in traced)
        if cause is not None and self._corpora and not corpora:
            kind = type(cause) if isinstance(cause, InputError) else MeasurementError
            raise kind(
                f"the reference `{job.model.name}` could not be measured: {cause.message}",
                hint=cause.hint or "nothing can be compared without it; finished parts are kept",
            )
        self._corpora = corpora
        self._benchmarks = [
            (replace(job, divergence=job.divergence and ("item_trace", job.name) in traced), ref)
            for job, ref in self._benchmarks
        ]

    def _stop_at_chance(self) -> None:
        """Spare the candidates what the reference itself only guesses."""
        job = self._job(self._cohort.reference)
        parts = model_parts(job, self._info)
        stopped = benchmarks_at_chance(self._folder, job, parts)
        for benchmark, why in stopped.items():
            self._record(EVERY_MODEL, f"benchmark {benchmark}", why)
            self._progress.note(f"benchmark {benchmark}: {why}")
        self._benchmarks = [pair for pair in self._benchmarks if pair[0].name not in stopped]

    def _job(
        self, model: InspectedModel, threads: int = 1, *, only_traces: bool = False
    ) -> ModelJob:
        reference = self._cohort.reference
        return ModelJob(
            study=str(self._folder.root.absolute()),
            backend=self._engine.name,
            path=model.entry.path,
            model=model.ref,
            reference_path=reference.entry.path,
            reference=reference.ref,
            is_reference=model is reference,
            only_traces=only_traces,
            threads=threads,
            batch_tokens=self._settings.batch_tokens,
            micro_batch_tokens=self._settings.micro_batch_tokens,
            gpu_layers=self._settings.gpu_layers,
            seed=self._config.seed,
            floor=self._config.floor,
            corpora=self._corpora,
            benchmarks=tuple(job for job, _ in self._benchmarks),
        )

    def _unfinished(self, model: InspectedModel, *, only_traces: bool = False) -> list[Part]:
        name = model.ref.name
        parts = model_parts(self._job(model, only_traces=only_traces), self._info)
        return [part for part in parts if not part.is_finished(self._folder, name)]

    def _has_any(self, model: InspectedModel) -> bool:
        parts = model_parts(self._job(model), self._info)
        return any(part.is_finished(self._folder, model.ref.name) for part in parts)

    def _has_result(self, model: InspectedModel) -> bool:
        """Whether anything is known of a model besides its noise."""
        return any(
            part.schema in {TOKENS, ITEMS} and part.is_finished(self._folder, model.ref.name)
            for part in model_parts(self._job(model), self._info)
        )

    def _record(self, model: str, part: str, cause: str) -> None:
        failure = {"model": model, "part": part, "cause": cause}
        if failure not in self._failures:  # what the reference is asked twice can fail twice
            self._failures.append(failure)

    def _write_manifest(self) -> None:
        with self._lock:
            self._write_manifest_alone()

    def _write_manifest_alone(self) -> None:
        study = {
            "name": self._config.name,
            "seed": self._config.seed,
            "created_at": self._created_at(),
            "package_version": __version__,
            "command": self._command,
        }
        previous = self._previous_manifest()
        self._folder.write_manifest(
            {
                "study": study,
                "config": asdict(self._config),
                "reference": self._cohort.reference.to_json(),
                "candidates": [model.to_json() for model in self._cohort.candidates],
                "corpora": [asdict(ref) for ref in corpus_refs(self._folder, self._corpora)],
                "benchmarks": [asdict(ref) for _, ref in self._benchmarks],
                "engine": asdict(self._info),
                "threads": self._settings.threads,
                "failures": self._failures,
                "timings": {**previous.get("timings", {}), **self._timings},
                "analyzed_inputs": previous.get("analyzed_inputs"),
            }
        )

    def _created_at(self) -> str:
        created = self._previous_manifest().get("study", {}).get("created_at")
        return str(created) if created else datetime.now(UTC).isoformat(timespec="seconds")

    def _previous_manifest(self) -> dict[str, Any]:
        return self._folder.manifest() if self._folder.has_manifest() else {}

    def _config_changed(self) -> bool:
        stored = self._previous_manifest().get("config")
        return bool(stored != json.loads(json.dumps(asdict(self._config))))

    def _stored_analysis(self) -> dict[str, Any] | None:
        if not (self._folder.root / ANALYSIS).exists():
            return None
        stored: dict[str, Any] = self._folder.read_json(ANALYSIS)
        return stored

    def _inputs_sha256(self) -> str:
        """Hash over everything the analysis reads: part keys, settings and this package."""
        keys = [
            (
                model.ref.name,
                part.title,
                part.key.sha256,
                part.is_finished(self._folder, model.ref.name),
            )
            for model in (self._cohort.reference, *self._cohort.candidates)
            for part in model_parts(self._job(model), self._info)
        ]
        text = json.dumps([__version__, asdict(self._config), keys, self._failures], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()
