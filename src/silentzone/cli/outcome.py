"""What the commands that answer questions show in the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from silentzone.cli.output import visible, write_json, write_line, write_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from silentzone.report.terminal import TextTable
    from silentzone.studies.run import StudyOutcome


def show_analysis(analysis: Mapping[str, Any], *, as_json: bool) -> None:
    """Write the answers to stdout: sentences, two tables and the notes, or all as JSON."""
    if as_json:
        write_json(analysis)
        return
    from silentzone.report.terminal import summarize

    summary = summarize(analysis)
    for line in (summary.title, *summary.sentences, ""):
        write_line(_plain(line))
    if summary.relations is not None:
        _write_table(summary.relations)
        write_line("")
    for line in (*summary.findings, *([""] if summary.findings else [])):
        write_line(_plain(line))
    _write_table(summary.candidates)
    for table in summary.lanes:
        write_line("")
        _write_table(table)
    for note in summary.notes:
        write_line(f"note: {_plain(note)}")


def _write_table(table: TextTable) -> None:
    write_table(
        [_plain(cell) for cell in table.headers],
        [[_plain(cell) for cell in row] for row in table.rows],
    )


def _plain(escaped: str) -> str:
    # The summary is escaped for a console that reads markup; stdout here is a plain stream.
    from rich.text import Text

    return Text.from_markup(escaped, emoji=False).plain


def show_outcome(outcome: StudyOutcome, *, as_json: bool, quiet: bool) -> None:
    """Write the answers of a study, and on stderr what failed and, unless quiet, where they lie."""
    show_analysis(outcome.analysis, as_json=as_json)
    for failure in outcome.failures:
        click.echo(f"failed: {visible(failure)}", err=True)
    if quiet:
        return
    click.echo(f"study:  {visible(outcome.folder)}", err=True)
    click.echo(f"report: {visible(outcome.report)}", err=True)
