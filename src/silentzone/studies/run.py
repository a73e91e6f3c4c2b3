"""One study from its configuration to its report; finished parts are never measured again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from silentzone.analysis.flip_details import study_flips
from silentzone.analysis.study import analyze_study
from silentzone.report import write_report
from silentzone.store.folder import StudyFolder
from silentzone.store.names import ANALYSIS, FLIPS
from silentzone.studies.gathering import end_gathering
from silentzone.studies.manifest import StudyManifest
from silentzone.studies.measuring import Measuring
from silentzone.studies.plan import StudyPlan
from silentzone.studies.progress import measured_step

if TYPE_CHECKING:
    from silentzone.records.config import StudyConfig
    from silentzone.studies.progress import Progress

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
        end_gathering(folder, progress)
        folder.remove_leftovers()
        plan = StudyPlan(config, folder, progress)
        manifest = StudyManifest(plan, command)
        Measuring(plan, manifest, progress).measure()
        analysis = answer_study(plan, manifest, progress)
    return StudyOutcome(
        folder=out, report=out / REPORT_FILE, analysis=analysis, failures=plan.failure_sentences()
    )


def measure_and_analyze(
    config: StudyConfig, folder: StudyFolder, *, progress: Progress, command: str
) -> dict[str, Any]:
    """Measure into a folder and give the analysis, without a report."""
    with folder.lock():
        plan = StudyPlan(config, folder, progress)
        Measuring(plan, StudyManifest(plan, command), progress).measure()
    return analyze_study(folder, rng_seed=config.seed)


def answer_study(plan: StudyPlan, manifest: StudyManifest, progress: Progress) -> dict[str, Any]:
    """Answer from the stored tables, unless the answers of these very tables are there."""
    folder, inputs = plan.folder, plan.inputs_sha256()
    report = folder.root / REPORT_FILE
    is_there = (folder.root / ANALYSIS).exists() and report.exists()
    if is_there and manifest.analyzed_inputs() == inputs:
        stored: dict[str, Any] = folder.read_json(ANALYSIS)
        return stored
    with measured_step(progress, "analyze", "Analysing") as on_share:
        analysis = analyze_study(folder, rng_seed=plan.config.seed, on_share=on_share)
    flips = study_flips(folder, plan.config.audit.unfinished)
    folder.write_json_atomic(ANALYSIS, analysis)
    folder.write_json_atomic(FLIPS, flips)
    progress.begin("report", "Writing the report", None, "")
    write_report(analysis, report.parent, flips)
    progress.end("report", "done")
    manifest.write_analyzed(inputs)
    return analysis
