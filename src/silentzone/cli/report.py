"""``silentzone report``: the HTML report from stored files alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from silentzone.cli.options import json_option, quiet_option, study_argument
from silentzone.cli.output import write_json, write_line
from silentzone.cli.progress import open_progress
from silentzone.cli.stored import read_analysis, read_flips

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@study_argument
@json_option
@quiet_option
def report(folder: Path, as_json: bool, quiet: bool) -> None:
    """Write the HTML report of the study in DIR again, from its stored analysis.

    Needs no model and no engine. Prints the path of the page.
    """
    analysis = read_analysis(folder)
    from silentzone.report import write_report

    with open_progress(quiet=quiet) as progress:
        progress.begin("report", "Writing the report", None, "")
        page = write_report(analysis, folder / "report", read_flips(folder))
        progress.end("report", "done")
    if as_json:
        write_json({"report": str(page)})
    else:
        write_line(str(page))
