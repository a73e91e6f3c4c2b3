"""``silentzone run``: a study of the user's own models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from silentzone.cli.options import existing_file, json_option, quiet_option
from silentzone.cli.outcome import show_outcome
from silentzone.cli.progress import open_progress
from silentzone.cli.session import Session, resumable

if TYPE_CHECKING:
    from collections.abc import Callable

    from silentzone.studies.run import StudyOutcome


@click.command()
@click.argument("study", metavar="STUDY.toml", type=existing_file)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    metavar="DIR",
    help="Folder of the study; one that is there is continued.",
)
@click.option(
    "--join",
    is_flag=True,
    help="Share DIR with other processes that join, here or on other machines.",
)
@json_option
@quiet_option
@click.pass_obj
def run(session: Session, study: Path, out: Path, join: bool, as_json: bool, quiet: bool) -> None:
    """Run the study that STUDY.toml asks for, or go on where it stopped.

    Measures every candidate against the reference, asks the benchmarks, analyzes, and writes the
    report. A finished part is never measured again; a model that fails is recorded with its cause
    and the rest goes on.

    With --join, any number of processes given the same STUDY.toml and DIR divide the missing parts
    among themselves, whenever each of them starts. All of them end with the report.
    """
    from silentzone.studies.config import load_config

    config = load_config(study)
    with resumable(session), open_progress(quiet=quiet) as progress:
        outcome = _task(join)(config, out, progress=progress, command=session.command)
    show_outcome(outcome, as_json=as_json, quiet=quiet)


def _task(join: bool) -> Callable[..., StudyOutcome]:
    """Choose between having the folder alone and sharing it."""
    if join:
        from silentzone.studies.join import join_study

        return join_study
    from silentzone.studies.run import run_study

    return run_study
