"""What a study measures: its models, texts and benchmarks, and the parts of each."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from silentzone import __version__
from silentzone.errors import InputError, MeasurementError
from silentzone.measure.jobs import ModelJob
from silentzone.measure.parts import Part, claim_units, model_parts
from silentzone.records.models import AwayInfo
from silentzone.records.tables import ITEMS, TOKENS
from silentzone.studies.engines import Engines
from silentzone.studies.inspection import Cohort, InspectedModel, inspect_models
from silentzone.studies.preparation import (
    EVERY_MODEL,
    benchmark_jobs,
    benchmarks_at_chance,
    corpus_job,
    corpus_refs,
    engine_settings,
)

if TYPE_CHECKING:
    from silentzone.errors import SilentzoneError
    from silentzone.records.config import StudyConfig
    from silentzone.records.items import BenchmarkRef
    from silentzone.records.models import BackendInfo
    from silentzone.records.windows import CorpusRef
    from silentzone.store.folder import StudyFolder
    from silentzone.studies.progress import Progress


class StudyPlan:
    """The parts that a study asks for; making one reads and hashes every model.

    Parameters
    ----------
    config : StudyConfig
    folder : StudyFolder
        Asked which parts are finished.
    progress : Progress

    Raises
    ------
    InputError
        If the reference, a text or an option cannot be used. A candidate or benchmark that cannot
        is recorded as a failure.
    """

    def __init__(self, config: StudyConfig, folder: StudyFolder, progress: Progress) -> None:
        self.config = config
        self.folder = folder
        self._progress = progress
        self._engines = Engines(config)
        self.settings = engine_settings(config.engine)
        self.info: BackendInfo = self._engines.info(config.reference)
        self.failures: list[dict[str, str]] = []
        """Model, part and cause of everything that could not be measured."""
        self.cohort: Cohort = inspect_models(config, self._engines, progress)
        self.failures.extend(self.cohort.unusable)
        for model in self.cohort.candidates:
            if model.failure is not None:
                self.record(model.ref.name, "comparison", model.failure)
        self.claims: tuple[str, str] | None = None
        """Where workers claim what they measure, and in whose name; null without others."""
        self._corpora = tuple(
            corpus_job(entry, self.cohort.reference.ref.tokenizer_sha256)
            for entry in config.corpora
        )
        self._benchmarks = benchmark_jobs(config.benchmarks, config.seed, progress, self.record)

    @property
    def models(self) -> list[InspectedModel]:
        """The reference, then every candidate that can be measured."""
        return [self.cohort.reference, *self.cohort.usable]

    @property
    def benchmark_refs(self) -> list[BenchmarkRef]:
        """Benchmarks that are measured."""
        return [ref for _, ref in self._benchmarks]

    def info_of(self, model: InspectedModel) -> BackendInfo:
        """Engine of a model and, where that is another, the reference's."""
        return self._engines.info(model.entry)

    def other_engines(self) -> list[BackendInfo]:
        """Engines of candidates, where they are not the reference's."""
        found = {}
        for model in self.cohort.candidates:
            info = self.info_of(model)
            if isinstance(info, AwayInfo):
                found[info.name] = info
        return [found[name] for name in sorted(found)]

    def fingerprint(self) -> dict[str, Any]:
        """Everything in which processes that share a study must agree, as JSON holds it."""
        config = asdict(self.config)
        for setting in ("threads", "workers"):  # change no number, and machines differ in them
            del config["engine"][setting]
        models = [self.cohort.reference, *self.cohort.candidates]
        agreed = {
            "config": config,
            "engine": asdict(self.info),
            "other_engines": [asdict(info) for info in self.other_engines()],
            "package_version": __version__,
            "models": {model.ref.name: model.ref.sha256 for model in models},
            "run_as": {model.ref.name: dict(model.ref.run_as) for model in models},
            "corpora": {corpus.name: corpus.text_sha256 for corpus in self._corpora},
            "benchmarks": {ref.name: ref.items_sha256 for ref in self.benchmark_refs},
        }
        plain: dict[str, Any] = json.loads(json.dumps(agreed))
        return plain

    def units(self, model: InspectedModel, *, only_traces: bool = False) -> list[list[Part]]:
        """All parts of a model, those together that one process claims and measures."""
        return claim_units(
            model_parts(self.job(model, only_traces=only_traces), self.info_of(model))
        )

    def corpus_refs(self) -> list[CorpusRef]:
        """Corpora as they were really measured, from the traces that are there."""
        return corpus_refs(self.folder, self._corpora)

    def record(self, model: str, part: str, cause: str) -> None:
        """Note what could not be measured, and why."""
        failure = {"model": model, "part": part, "cause": cause}
        if failure not in self.failures:  # what the reference is asked twice can fail twice
            self.failures.append(failure)

    def failure_sentences(self) -> tuple[str, ...]:
        """One sentence for every part that could not be measured."""
        return tuple(
            f"{failure['model']}, {failure['part']}: {failure['cause']}"
            for failure in self.failures
        )

    def keep_traced(self, cause: SilentzoneError | None) -> None:
        """Go on with what the reference was run over; with no corpus of several is no study."""
        job = self.job(self.cohort.reference)
        traced = {
            (part.key.kind, part.group)
            for part in model_parts(job, self.info)
            if part.schema is None and part.is_finished(self.folder, job.model.name)
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

    def stop_at_chance(self) -> None:
        """Spare the candidates what the reference itself only guesses."""
        job = self.job(self.cohort.reference)
        parts = model_parts(job, self.info)
        stopped = benchmarks_at_chance(self.folder, job, parts)
        for benchmark, why in stopped.items():
            self.record(EVERY_MODEL, f"benchmark {benchmark}", why)
            self._progress.note(f"benchmark {benchmark}: {why}")
        self._benchmarks = [pair for pair in self._benchmarks if pair[0].name not in stopped]

    def job(
        self, model: InspectedModel, threads: int = 1, *, only_traces: bool = False
    ) -> ModelJob:
        """Give what one worker measures of one model."""
        reference = self.cohort.reference
        reference_backend = self._engines.of(reference.entry).name
        is_elsewhere = self._engines.is_elsewhere(model.entry)
        return ModelJob(
            study=str(self.folder.root.absolute()),
            backend=self._engines.of(model.entry).name,
            path=model.entry.path,
            model=model.ref,
            reference_path=reference.entry.path,
            reference=reference.ref,
            is_reference=model is reference,
            only_traces=only_traces,
            threads=threads,
            batch_tokens=self.settings.batch_tokens,
            micro_batch_tokens=self.settings.micro_batch_tokens,
            gpu_layers=self.settings.gpu_layers,
            loading=self.settings.loading,
            seed=self.config.seed,
            floor=self.config.floor,
            corpora=self._corpora,
            benchmarks=tuple(job for job, _ in self._benchmarks),
            claims=self.claims,
            reference_backend=reference_backend if is_elsewhere else None,
            home=self.info if is_elsewhere else None,
        )

    def unfinished(self, model: InspectedModel, *, only_traces: bool = False) -> list[Part]:
        """Parts of a model that the study does not hold."""
        name = model.ref.name
        parts = model_parts(self.job(model, only_traces=only_traces), self.info_of(model))
        return [part for part in parts if not part.is_finished(self.folder, name)]

    def has_any(self, model: InspectedModel) -> bool:
        """Whether any part of a model is there."""
        parts = model_parts(self.job(model), self.info_of(model))
        return any(part.is_finished(self.folder, model.ref.name) for part in parts)

    def has_result(self, model: InspectedModel) -> bool:
        """Whether anything is known of a model besides its noise."""
        return any(
            part.schema in {TOKENS, ITEMS} and part.is_finished(self.folder, model.ref.name)
            for part in model_parts(self.job(model), self.info_of(model))
        )

    def inputs_sha256(self) -> str:
        """Hash over everything the analysis reads: part keys, settings and this package."""
        keys = [
            (
                model.ref.name,
                part.title,
                part.key.sha256,
                part.is_finished(self.folder, model.ref.name),
            )
            for model in (self.cohort.reference, *self.cohort.candidates)
            for part in model_parts(self.job(model), self.info_of(model))
        ]
        text = json.dumps([__version__, asdict(self.config), keys, self.failures], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()
