"""``silentzone report``: the HTML report from stored files alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from silentzone.cli.options import study_argument
from silentzone.cli.output import write_line
from silentzone.cli.stored import read_analysis, read_flips

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@study_argument
def report(folder: Path) -> None:
    """Write the HTML report of the study in DIR again, from its stored analysis.

    Needs no model and no engine. Prints the path of the page.
    """
    analysis = read_analysis(folder)
    from silentzone.report import write_report

    write_line(str(write_report(analysis, folder / "report", read_flips(folder))))
