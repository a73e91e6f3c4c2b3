"""``silentzone analyze``: the audit, from stored tables or from somebody else's numbers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from silentzone.cli.options import Proportion, json_option, quiet_option
from silentzone.cli.outcome import show_analysis
from silentzone.cli.progress import open_progress
from silentzone.cli.stored import read_seed
from silentzone.errors import InputError
from silentzone.store.names import ANALYSIS, FLIPS

if TYPE_CHECKING:
    from silentzone.studies.audit import AuditRequest
    from silentzone.studies.progress import Progress

_POINTS = Proportion("points")
_SHARE = click.FloatRange(0.0, 1.0, min_open=True, max_open=True)
_POSITIVE = click.FloatRange(0.0, min_open=True)
_DECISION = ("margin", "guard_margin", "alpha", "method", "size_budget_gb",
             "bits_per_weight_budget", "memory_budget_gb")  # fmt: skip
_AUDIT = ("band", "band_standard_errors", "fidelity_share", "fidelity_threshold", "unfinished")


@click.command()
@click.argument(
    "paths",
    metavar="DIR | TABLE | ITEMS ...",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, path_type=Path),
)
@click.option("--reference", help="Model of the tables that the others are held against.")
@click.option("--margin", type=_POINTS, help="Largest acceptable loss of the composite.")
@click.option("--guard-margin", type=_POINTS, help="Largest acceptable loss of one benchmark.")
@click.option(
    "--alpha",
    type=click.FloatRange(0.0, 0.5, min_open=True, max_open=True),
    help="One-sided error of the decision, and of each test of the equivalence zone.",
)
@click.option(
    "--method",
    type=click.Choice(["fixed sequence", "Holm"]),
    help="How claims over several candidates keep that error.",
)
@click.option("--size-budget-gb", type=_POSITIVE, help="What the file must fit, in 1e9 bytes.")
@click.option("--bits-per-weight-budget", type=_POSITIVE, help="Most bits per weight.")
@click.option("--memory-budget-gb", type=_POSITIVE, help="What file and KV cache must fit.")
@click.option("--band", type=_POINTS, help="Half width of the band zone.")
@click.option(
    "--band-standard-errors", type=_POSITIVE, help="The same in standard errors, instead."
)
@click.option("--fidelity-share", type=_SHARE, help="Share of candidates in the fidelity zone.")
@click.option(
    "--fidelity-threshold",
    type=_POSITIVE,
    help="Largest loss of the fidelity zone, instead, by the first metric (mean KLD).",
)
@click.option(
    "--unfinished",
    type=click.Choice(["leave out", "wrong"]),
    help="What becomes of answers that were truncated or timed out.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    help="Seed of every random step; left out, the study's own, or 1 for tables.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the answers to tables; `silentzone report` makes a page of it.",
)
@json_option
@quiet_option
def analyze(
    paths: tuple[Path, ...],
    reference: str | None,
    seed: int | None,
    out: Path | None,
    as_json: bool,
    quiet: bool,
    **options: Any,  # noqa: ANN401 - click's options, named above
) -> None:
    """Answer every question from what is stored or from tables that somebody else made.

    DIR is a study folder, or one of imported results; its answers are stored in it. TABLE is a
    cohort table (one row per model: name, fidelity.*, score.*), ITEMS an items table (one row per
    model and item); one of each may be given together. Zones, relations, variants, decomposition,
    prompts, verdicts and the decision; nothing is measured. Margins, alpha and shares are
    proportions: 0.01 is 1 point.
    """
    from silentzone.studies.audit import (
        AuditRequest,
        audit_imports,
        audit_tables,
        imports_among,
        study_among,
    )

    request = AuditRequest(
        seed=seed,
        reference=reference,
        decision=_given(options, _DECISION),
        audit=_given(options, _AUDIT),
        command=" ".join(["silentzone", *sys.argv[1:]]),
    )
    imports = imports_among(paths)
    folder = study_among(paths) if imports is None else None
    with open_progress(quiet=quiet) as progress:
        if folder is not None:
            analysis = _analyze_folder(folder, request, out, progress)
        elif imports is not None:
            analysis, flips = audit_imports(imports, request, progress)
            _store(analysis, imports if out is None else out, flips)
        else:
            analysis = audit_tables(paths, request, progress)
            if out is not None:
                _store(analysis, out)
                progress.note(f"answers: {out / ANALYSIS}")
    show_analysis(analysis, as_json=as_json)


def _analyze_folder(
    folder: Path, request: AuditRequest, out: Path | None, progress: Progress
) -> dict[str, Any]:
    from silentzone.store.folder import StudyFolder
    from silentzone.studies.audit import audit_study

    if request.reference is not None or out is not None:
        option = "--out" if out is not None else "--reference"
        raise click.UsageError(f"{option} is for tables; a study has its own.")
    study = StudyFolder(folder)
    with study.lock():
        analysis, flips = audit_study(study, read_seed(folder), request, progress)
        study.write_json_atomic(ANALYSIS, analysis)
        study.write_json_atomic(FLIPS, flips)
        if request.seed is not None or request.decision or request.audit:
            # Answers to another question than the study's: its next run must give its own again.
            study.write_manifest({**study.manifest(), "analyzed_inputs": None})
    return analysis


def _store(analysis: dict[str, Any], out: Path, flips: dict[str, Any] | None = None) -> None:
    from silentzone.store.folder import StudyFolder
    from silentzone.store.import_folder import ImportFolder

    if ImportFolder(out).exists():
        ImportFolder(out).write_answers(analysis, flips)
        return
    folder = StudyFolder(out).create()
    if folder.has_manifest():
        raise InputError(
            f"`{out}` is a study folder; answers to tables would replace its own.",
            hint="give --out a folder of its own",
        )
    folder.write_json_atomic(ANALYSIS, analysis)
    if flips is not None:
        folder.write_json_atomic(FLIPS, flips)


def _given(options: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: options[name] for name in names if options[name] is not None}
