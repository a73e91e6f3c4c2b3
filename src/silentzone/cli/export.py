"""``silentzone export``: a study's answers and tables in the formats of others."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from silentzone.cli.options import json_option, quiet_option, study_argument
from silentzone.cli.output import visible, write_json

if TYPE_CHECKING:
    from silentzone.exporters.study import Study
    from silentzone.exporters.writing import ExportOptions, PathFormat, TextFormat


def _complete_format(
    context: click.Context,  # noqa: ARG001 - click's signature
    parameter: click.Parameter,  # noqa: ARG001
    incomplete: str,
) -> list[CompletionItem]:
    from silentzone.exporters.registry import FORMATS

    return [
        CompletionItem(name, help=one.title)
        for name, one in FORMATS.items()
        if name.startswith(incomplete)
    ]


@click.command()
@click.argument("form", metavar="FORMAT", shell_complete=_complete_format)
@study_argument
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="File or folder to write; left out, a text goes to stdout.",
)
@click.option("--force", is_flag=True, help="Replace what --out names.")
@click.option("--model", help="Candidate that is exported, where a format is about one.")
@click.option("--corpus", help="Corpus whose numbers are exported.")
@click.option("--benchmark", help="The only benchmark that is exported.")
@json_option
@quiet_option
def export(
    form: str,
    folder: Path,
    out: Path | None,
    force: bool,
    as_json: bool,
    quiet: bool,
    **chosen: str | None,
) -> None:
    r"""Write the study in DIR as FORMAT, for tools and pages of others.

    \b
    llama-cpp-table   Markdown table in the columns of llama.cpp's perplexity README
    model-card        Hugging Face model card block of one candidate: model-index, and a table
    badge             Markdown line with a shields.io badge of one candidate's mean KLD
    kld-sweep         CSV in the columns of kld-sweep
    flipeval          folder of FlipEval records, one file per benchmark and model
    tables            folder of every table in long format, Parquet and CSV
    cohort-table      CSV, one row per model: our own format, which analyze and import read
    items-table       JSON Lines, one row per answer: our own format likewise
    base-file         the reference's distributions, for llama-perplexity to score others against

    Everything comes from stored files; nothing is measured. Numbers are rounded only where the
    format is made to be read by people; what is missing stays missing.
    """
    from silentzone.exporters.registry import format_named
    from silentzone.exporters.study import Study
    from silentzone.exporters.writing import ExportOptions, TextFormat, write_path

    found = format_named(form)
    options = ExportOptions(**chosen)
    _refuse_unread(found, options)
    study = Study(folder)
    if as_json and out is None:
        _write_as_json(found, study, options)
        return
    if isinstance(found, TextFormat):
        notes = _write_text(found, study, options, out, force=force)
    elif out is None:
        kind = "a folder of files" if found.is_folder else "a binary file"
        raise click.UsageError(f"{found.name} is {kind}: name it with --out.")
    else:
        notes = write_path(found, study, options, out, force=force)
    if as_json:
        write_json({"format": found.name, "written": str(out), "notes": list(notes)})
    elif not quiet:
        _say(notes, out)


def _write_as_json(form: TextFormat | PathFormat, study: Study, options: ExportOptions) -> None:
    """Write what would go to stdout as one object."""
    from silentzone.exporters.writing import TextFormat

    if not isinstance(form, TextFormat):
        raise click.UsageError(f"{form.name} is no text: name what to write with --out.")
    exported = form.render(study, options)
    write_json(
        {"format": form.name, "text": "".join(exported.chunks), "notes": list(exported.notes)}
    )


def _write_text(
    form: TextFormat, study: Study, options: ExportOptions, out: Path | None, *, force: bool
) -> tuple[str, ...]:
    from silentzone.exporters.writing import refuse_taken, write_text

    if out is not None:
        refuse_taken(out, force=force)
    exported = form.render(study, options)
    if out is None:
        on_screen = sys.stdout.isatty()
        for chunk in exported.chunks:
            # A file or a pipe gets every byte, which click would not give it; a terminal must not
            # be steered by a name.
            sys.stdout.write(_visible_lines(chunk) if on_screen else chunk)
    else:
        write_text(exported, out, force=force)
    return exported.notes


def _visible_lines(text: str) -> str:
    return "\n".join(map(visible, text.split("\n")))


def _say(notes: tuple[str, ...], out: Path | None) -> None:
    for note in notes:
        click.echo(f"note: {visible(note)}", err=True)
    if out is not None:
        click.echo(f"written: {visible(out)}", err=True)


def _refuse_unread(form: TextFormat | PathFormat, options: ExportOptions) -> None:
    """Refuse an option the format does not look at: left alone, it would seem to have worked."""
    for name in ("model", "corpus", "benchmark"):
        if getattr(options, name) is not None and name not in form.options:
            raise click.UsageError(f"--{name} says nothing to {form.name}.")
