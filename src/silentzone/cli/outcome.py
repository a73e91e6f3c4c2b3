"""What the commands that answer questions show in the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from silentzone.cli.output import write_json, write_line, write_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from silentzone.studies.run import StudyOutcome


def show_analysis(analysis: Mapping[str, Any], *, as_json: bool) -> None:
    """Write the answers to stdout: the verdicts as sentences and one table, or all as JSON."""
    if as_json:
        write_json(analysis)
        return
    from silentzone.report import terminal

    summary = terminal.summarize(analysis)
    for sentence in summary.sentences:
        write_line(sentence)
    write_line("")
    write_table(summary.header, summary.rows)


def show_outcome(outcome: StudyOutcome, *, as_json: bool) -> None:
    """Write the answers of a study, and on stderr where they lie and what failed."""
    from silentzone.report.escaping import visible

    show_analysis(outcome.analysis, as_json=as_json)
    for failure in outcome.failures:
        click.echo(f"failed: {visible(failure)}", err=True)
    click.echo(f"study:  {visible(outcome.folder)}", err=True)
    click.echo(f"report: {visible(outcome.report)}", err=True)
