"""``silentzone analyze``: the audit, from stored tables alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from silentzone.cli.options import json_option, study_argument
from silentzone.cli.outcome import show_analysis
from silentzone.cli.stored import ANALYSIS, read_seed

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@study_argument
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    help="Seed of every random step; left out, the study's own.",
)
@json_option
def analyze(folder: Path, seed: int | None, as_json: bool) -> None:
    """Answer every question again from the stored tables of the study in DIR.

    Zones, relations, decomposition, verdicts and the decision; nothing is measured. The answers
    are stored in DIR, where `silentzone report` finds them.
    """
    from silentzone.analysis.study import analyze_study
    from silentzone.store.folder import StudyFolder

    study = StudyFolder(folder)
    rng_seed = read_seed(folder) if seed is None else seed
    with study.lock():
        analysis = analyze_study(study, rng_seed=rng_seed)
        study.write_json_atomic(ANALYSIS, analysis)
    show_analysis(analysis, as_json=as_json)
