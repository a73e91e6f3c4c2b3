"""One process of several that measure one study together."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from silentzone.errors import StorageError, TableError
from silentzone.execution.processes import same_error
from silentzone.measure.claiming import claim_name
from silentzone.measure.parts import set_stale_aside
from silentzone.store.claims import DONE, FAILED, HELD, Claim
from silentzone.store.folder import StudyFolder
from silentzone.store.names import ANALYSIS
from silentzone.studies.gathering import Gathering, Pace
from silentzone.studies.manifest import StudyManifest
from silentzone.studies.measuring import Measuring
from silentzone.studies.plan import StudyPlan
from silentzone.studies.progress import SharedProgress
from silentzone.studies.run import REPORT_FILE, StudyOutcome, answer_study

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from silentzone.errors import SilentzoneError
    from silentzone.measure.parts import Part
    from silentzone.records.config import StudyConfig
    from silentzone.studies.inspection import InspectedModel
    from silentzone.studies.progress import Progress

_PREPARATION, _ANSWERS = "preparation of the folder", "analysis and report"
_WHOLE_MODEL = "model"
"""Part under which the death of a model's process is recorded."""


def join_study(
    config: StudyConfig,
    out: Path,
    *,
    progress: Progress,
    command: str,
    pace: Pace | None = None,
) -> StudyOutcome:
    """Measure a share of what is missing, wait for the others, and see that there is a report.

    Parameters
    ----------
    config : StudyConfig
        What is asked; the same for all who join.
    out : Path
        The study folder; made if it is not there.
    progress : Progress
        Told what is going on, here and elsewhere.
    command : str
        What the user typed.
    pace : Pace, optional
        How often the processes look at each other.

    Raises
    ------
    InputError
        If the reference, a text or an option cannot be used, or the others measure another study.
    MeasurementError
        If no candidate could be measured.
    StorageError
        If the folder cannot be written, or a run has it for itself.
    """
    folder = StudyFolder(out)
    folder.create()
    plan = StudyPlan(config, folder, progress)
    manifest = StudyManifest(plan, command)
    with Gathering(folder, progress, pace) as gathering:
        gathering.agree(plan.fingerprint())
        plan.claims = gathering.claims
        measuring = SharedMeasuring(plan, manifest, progress, gathering)
        measuring.measure()

        def answer() -> None:
            measuring.complete()
            answer_study(plan, manifest, progress)

        gathering.once(_ANSWERS, answer)
        measuring.absorb()
        analysis: dict[str, Any] = folder.read_json(ANALYSIS)
    return StudyOutcome(
        folder=out, report=out / REPORT_FILE, analysis=analysis, failures=plan.failure_sentences()
    )


@dataclass(slots=True)
class _Left:
    """What is to be done of one model."""

    free: list[Part] = field(default_factory=list)
    """Missing parts that nobody has claimed."""
    held: list[Claim] = field(default_factory=list)
    """Claims of others on the rest."""

    @property
    def cost(self) -> float:
        return sum(part.cost for part in self.free)


class SharedMeasuring(Measuring):
    """Measures what it can claim of a plan, until nothing is missing.

    Parameters
    ----------
    plan : StudyPlan
    manifest : StudyManifest
    progress : Progress
    gathering : Gathering
        Entered.
    """

    def __init__(
        self, plan: StudyPlan, manifest: StudyManifest, progress: Progress, gathering: Gathering
    ) -> None:
        super().__init__(plan, manifest, progress)
        self._gathering = gathering
        self._lock = threading.RLock()
        self._settled: set[str] = set()
        """Names of claims of which nothing is left to do."""
        self._absorbed: set[str] = set()
        self._active: set[str] = set()
        """Models that a worker of this process is at."""
        self._given_up: set[str] = set()
        self._causes: dict[str, SilentzoneError] = {}
        """First failure of a model that another process met."""
        self._unseen: dict[str, float] = {}
        self._total_parts = 0
        self._shared: SharedProgress | None = None
        self._elsewhere: tuple[int, float] = (0, 0.0)
        self._is_waiting_told = self._is_shown = False
        self._models = plan.models

    def measure(self) -> None:
        """Measure a share of every stage and wait until the others have done theirs."""
        plan = self._plan
        self._require_usable()
        self._gathering.once(_PREPARATION, self._prepare)
        models = self._models
        plan.stop_at_chance()
        self.absorb()
        missing = [part for model in models for part in plan.unfinished(model)]
        self._total_parts = len(missing) + self._elsewhere[0]
        if not missing:
            self._progress.note("Everything is measured already.")
            return
        total = self._elsewhere[1] + sum(part.cost for part in missing)
        title = f"Measuring {len(models)} models with others"
        try:
            with SharedProgress(self._progress, title, total) as self._shared:
                self._show_others()
                self._measure_models(models, self._shared)
        finally:
            if self._is_shown:
                self._progress.end("others", "done")
        self._progress.note(self._by_others())

    def complete(self) -> None:
        """Write down what all have done; by one member, after everything is measured."""
        self.absorb()
        for facts in self._gathering.told():
            for title, seconds in dict(facts.get("timings", {})).items():
                self._manifest.add_timing(title, seconds)
        self._plan.folder.remove_leftovers()
        self._complete(self._models)

    def absorb(self) -> dict[str, Claim]:
        """Learn what others have measured and what they could not; gives all claims."""
        claims = self._gathering.board.claims()
        with self._lock:
            for what, claim in claims.items():
                is_news = claim.state in {DONE, FAILED} and what not in self._absorbed
                if not is_news or claim.member == self._gathering.member.name:
                    continue
                self._absorbed.add(what)
                if "model" not in claim.facts:
                    continue
                try:
                    self._learn(claim)
                except (KeyError, TypeError, AttributeError) as error:
                    raise TableError(
                        f"the claim on `{what:.80}` in `{self._gathering.place}` is damaged.",
                        hint="end all processes of the study, then remove the folder it lies in",
                    ) from error
        return claims

    def _learn(self, claim: Claim) -> None:
        """Take over the failures and the count of one settled claim of another."""
        name, facts = str(claim.facts["model"]), claim.facts
        count, cost = self._elsewhere
        self._elsewhere = count + len(facts["parts"]), cost + float(facts["cost"])
        self._show_others()
        model = {model.ref.name: model for model in self._models}[name]
        for failure in facts["failures"]:
            part, cause = failure["part"], failure["cause"]
            is_whole = part == _WHOLE_MODEL
            if is_whole:
                self._given_up.add(name)
            self._causes.setdefault(name, same_error(failure["raised"]))
            if {"model": name, "part": part, "cause": cause} in self._plan.failures:
                continue  # met here as well
            status = "failed" if is_whole and not self._plan.has_any(model) else "partial"
            model.fail(cause if is_whole else f"{part}: {cause}", status=status)
            self._plan.record(name, part, cause)
            by = self._gathering.named(claim.member)
            self._progress.note(f"{name}, {part}: {cause} (measured by {by})")

    def _show_others(self) -> None:
        """Move the bar of what others have measured, once there is any."""
        count, cost = self._elsewhere
        if self._shared is None or count == 0:
            return
        if not self._is_shown:
            self._is_shown = True
            total, unit = float(self._total_parts), "parts by others"
            self._progress.begin("others", "Parts by others", total, unit)
        self._progress.advance("others", float(count))
        self._shared.elsewhere(cost)

    def _by_others(self) -> str:
        return f"{self._elsewhere[0]} of {self._total_parts} parts by others"

    def _prepare(self) -> None:
        """Bring the folder to where nothing but new parts will come; before anybody measures."""
        plan = self._plan
        plan.folder.remove_leftovers()
        self._keep_config()
        for model in plan.models:
            set_stale_aside(plan.folder, plan.job(model), plan.info_of(model))
            plan.unfinished(model)  # brings back what was superseded
        self._manifest.write()

    def _measure_models(self, models: Sequence[InspectedModel], shared: SharedProgress) -> None:
        """Share the reference's traces, wait until all are there, then share everything else."""
        self._share_reference(models[0], shared)
        self._plan.stop_at_chance()
        self._is_waiting_told = False
        workers = self._plan.config.engine.workers
        with ThreadPoolExecutor(workers, thread_name_prefix="model") as pool:
            running = [pool.submit(self._work, models, shared) for _ in range(workers)]
            try:
                for future in as_completed(running):
                    future.result()
            except BaseException:
                self._stop.set()
                raise

    def _share_reference(self, reference: InspectedModel, shared: SharedProgress) -> None:
        """Do what the candidates wait for, as far as it is free."""
        plan, name, cause = self._plan, reference.ref.name, None
        threads = plan.settings.threads * plan.config.engine.workers
        while any(part.is_awaited for part in plan.unfinished(reference, only_traces=True)):
            claims = self.absorb()
            left = self._left(reference, claims, only_traces=True)
            if name in self._given_up or not (left.free or left.held):
                break
            if left.free:
                found = self._measure_model(reference, left.free, shared, threads, only_traces=True)
                cause = cause or found
            else:
                self._wait(left.held, "the reference")
        plan.keep_traced(cause or self._causes.get(name))

    def _work(self, models: Sequence[InspectedModel], shared: SharedProgress) -> None:
        """Measure one model after the other that has free parts; ends when nothing is missing."""
        while not self._stop.is_set():
            claims = self.absorb()
            with self._lock:
                chosen, held = self._choose(models, claims)
                if chosen is not None:
                    self._active.add(chosen[0].ref.name)
            if chosen is not None:
                try:
                    self._measure_model(*chosen, shared, self._plan.settings.threads)
                finally:
                    self._active.discard(chosen[0].ref.name)
            elif held:
                self._wait(held, "the last parts")
            elif self._active:
                time.sleep(self._gathering.pace.poll)
            else:
                return

    def _choose(
        self, models: Sequence[InspectedModel], claims: Mapping[str, Claim]
    ) -> tuple[tuple[InspectedModel, list[Part]] | None, list[Claim]]:
        """Model to go on with: one that nobody is at, else the one with most left; and who holds.

        Loading a model costs time, so another process is helped only when every model is loaded by
        somebody.
        """
        held: list[Claim] = []
        options: list[tuple[bool, float, int]] = []
        found: dict[int, list[Part]] = {}
        for index, model in enumerate(models):
            if model.ref.name in self._given_up | self._active:
                continue
            left = self._left(model, claims)
            held.extend(left.held)
            if left.free:
                is_helped = bool(left.held)
                options.append((is_helped, -left.cost if is_helped else 0.0, index))
                found[index] = left.free
        if not options:
            return None, held
        index = min(options)[-1]
        return (models[index], found[index]), held

    def _left(
        self, model: InspectedModel, claims: Mapping[str, Claim], *, only_traces: bool = False
    ) -> _Left:
        """Sort out what is free of a model and what others hold."""
        left = _Left()
        for unit in self._plan.units(model, only_traces=only_traces):
            name = claim_name(model.ref.name, unit)
            claim = claims.get(name)
            state = None if claim is None else claim.state
            if name in self._settled or state == FAILED:
                continue
            if claim is not None and state == HELD:
                left.held.append(claim)
                continue
            missing = [
                part for part in unit if not part.is_finished(self._plan.folder, model.ref.name)
            ]
            if not missing:
                self._settled.add(name)
            elif claim is not None and state == DONE:
                self._expect(claim)
                left.held.append(claim)
            else:
                left.free.extend(missing)
        return left

    def _expect(self, claim: Claim) -> None:
        """Bear with a file system that shows late what another machine has written."""
        since = self._unseen.setdefault(claim.what, time.monotonic())
        if time.monotonic() - since > self._gathering.pace.lost:
            raise StorageError(
                f"`{self._plan.folder.root}` does not hold what "
                f"{self._gathering.named(claim.member)} says it has measured: {claim.what}.",
                hint="see that all processes name the same folder of the same file system",
            )

    def _wait(self, held: Sequence[Claim], what: str) -> None:
        """Wait a little for others, saying so the first time."""
        if not self._is_waiting_told:
            self._is_waiting_told = True
            names = sorted({self._gathering.named(claim.member) for claim in held})
            who = "; ".join(names)
            self._progress.note(f"waiting for {what}, measured by {who} ({self._by_others()})")
        self._gathering.tend()
        time.sleep(self._gathering.pace.poll)

    def _give_up(self, model: InspectedModel, error: SilentzoneError) -> None:
        """Let nobody begin anew with a model whose process died."""
        name, board = model.ref.name, self._gathering.board
        self._given_up.add(name)
        nothing = {"model": name, "parts": [], "cost": 0.0, "failures": []}
        for only_traces in (True, False):
            for unit in self._plan.units(model, only_traces=only_traces):
                board.settle(claim_name(name, unit), FAILED, nothing)
        raised = {"class": type(error).__name__, "message": error.message, "hint": error.hint}
        failure = {"part": _WHOLE_MODEL, "cause": error.message, "raised": raised}
        if board.take(f"{name}, whole"):
            board.settle(f"{name}, whole", FAILED, {**nothing, "failures": [failure]})

    def _done_here(self, measured: Mapping[str, float]) -> Collection[str] | None:
        """Parts that this process measured of a step that others share."""
        return measured.keys()

    def _tell(self) -> None:
        """Let the others know the timings; the manifest is written by one of them, in the end."""
        own = {title: dict(seconds) for title, seconds in self._manifest.timings.items()}
        self._gathering.tell({"timings": own})
