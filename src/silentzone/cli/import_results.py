"""``silentzone import``: results that other tools have written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from silentzone.cli.completion import complete_import
from silentzone.cli.options import json_option, quiet_option
from silentzone.cli.output import (
    MISSING,
    shell_line,
    visible,
    write_json,
    write_line,
    write_table,
)
from silentzone.cli.progress import open_progress
from silentzone.cli.session import EXIT_INPUT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from silentzone.studies.import_outcome import ImportOutcome


class _Pair(click.ParamType[tuple[str, str]]):
    name = "pair"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        """Split at the last equals sign: a model's own name may hold one."""
        if isinstance(value, tuple):
            return value
        left, sign, right = str(value).rpartition("=")
        if not (sign and left and right):
            self.fail(f"{value!r} must read LEFT=RIGHT", param, ctx)
        return left, right


def _list_formats(ctx: click.Context, _param: click.Parameter, wanted: bool) -> None:
    if not wanted or ctx.resilient_parsing:
        return
    from silentzone.importers.registry import FORMATS

    for one in FORMATS.values():
        options = ", ".join(f"--{name}" for name in one.options)
        write_line(f"{one.name}: {one.title}" + (f" [{options}]" if options else ""))
    ctx.exit()


def _named(names: Iterable[str]) -> Callable[[Any], Any]:
    """Make the options that every format may read."""
    texts = {
        "model": "Name of the model the results are of; left out, what the files say.",
        "benchmark": "Name of the benchmark, likewise.",
        "corpus": "Name of the text the fidelity was measured on, likewise.",
        "reference": "Model that is the cohort's reference.",
        "filter": "Which of several filters or scorers of one answer counts.",
        "metric": "Which of several metrics of one item is its score.",
    }

    def decorate(command: Any) -> Any:  # noqa: ANN401 - click's own
        for name in reversed(list(names)):
            command = click.option(f"--{name}", help=texts[name])(command)
        return command

    return decorate


_OPTIONS = ("model", "benchmark", "corpus", "reference", "filter", "metric")


@click.command(name="import")
@click.argument("arguments", metavar="FORMAT PATH...", nargs=-1, shell_complete=complete_import)
@click.option(
    "--into",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the results; imports into one folder add to each other.",
)
@click.option("--detect", is_flag=True, help="No FORMAT: tell every file from its content.")
@_named(_OPTIONS)
@click.option("--rename", multiple=True, type=_Pair(), metavar="OLD=NEW", help="Rename a model.")
@click.option(
    "--set",
    "stated",
    multiple=True,
    type=_Pair(),
    metavar="FIELD=VALUE",
    help="State a field of the protocol that the files leave open, such as add_bos=true.",
)
@click.option(
    "--accept",
    multiple=True,
    metavar="FIELD",
    help="Let models differ in a setting, in `prompt`, `target` or `ids`; it is recorded.",
)
@click.option("--replace", is_flag=True, help="Let these results take the place of older ones.")
@click.option("--keep-going", is_flag=True, help="Import what can be, where files are refused.")
@click.option(
    "--list",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_list_formats,
    help="Name the formats, their files and options.",
)
@json_option
@quiet_option
def import_results(  # noqa: PLR0913, PLR0917 - one parameter per option
    arguments: tuple[str, ...],
    into: Path,
    detect: bool,
    rename: tuple[tuple[str, str], ...],
    stated: tuple[tuple[str, str], ...],
    accept: tuple[str, ...],
    replace: bool,
    keep_going: bool,
    as_json: bool,
    quiet: bool,
    **names: str | None,
) -> int:
    """Read results that other tools have written, and keep them for `silentzone analyze`.

    PATH is a file, or a folder that is searched. Answers of two models are laid side by side only
    if the files prove that both were asked the same; fidelity measured in different ways never
    shares a ranking. Nothing is stored unless everything can be read.
    """
    from silentzone.importers.reading import ImportOptions
    from silentzone.studies.import_outcome import ImportRequest
    from silentzone.studies.imports import import_results

    wanted, paths = (None, arguments) if detect else (arguments[:1], arguments[1:])
    if not paths:
        raise click.UsageError(
            "name the files: silentzone import FORMAT PATH... --into DIR, or --detect PATH..."
        )
    missing = [path for path in paths if not Path(path).exists()]
    if missing:
        raise click.UsageError(f"`{missing[0]}` does not exist.")
    request = ImportRequest(
        paths=tuple(Path(path) for path in paths),
        into=into,
        format=wanted[0] if wanted else None,
        options=ImportOptions(**names),
        renamed=_once(rename, "--rename"),
        accepted=frozenset(accept),
        stated=_once(stated, "--set"),
        replaces=replace,
        keeps_going=keep_going,
    )
    with open_progress(quiet=quiet) as progress:
        outcome = import_results(request, progress)
    if as_json:
        write_json(outcome.as_json())
    else:
        _show(outcome)
        if not quiet:
            click.echo(f"next: {shell_line('silentzone', 'analyze', str(into))}", err=True)
    return EXIT_INPUT if outcome.refused else 0


def _once(pairs: tuple[tuple[str, str], ...], option: str) -> dict[str, str]:
    """Refuse two values for one name: one of them would be dropped in silence."""
    found: dict[str, str] = {}
    for name, value in pairs:
        if found.setdefault(name, value) != value:
            raise click.UsageError(f"{option} gives `{name}` twice: {found[name]} and {value}.")
    return found


def _show(outcome: ImportOutcome) -> None:
    if outcome.items:
        write_table(
            ("model", "benchmark", "items", "scored", "shared", "same questions shown by"),
            [_items_row(one) for one in outcome.items],
        )
    if outcome.fidelity:
        write_table(
            ("model", "corpus", "metrics", "mean KLD, nats"),
            [
                (
                    one["model"],
                    one["corpus"],
                    str(len(one["metrics"])),
                    _number(one["metrics"].get("kld_mean")),
                )
                for one in outcome.fidelity
            ],
        )
    for sentence in outcome.groups:
        write_line(sentence)
    for note in outcome.notes:
        write_line(f"note: {note}")
    for name in outcome.unknown:
        click.echo(f"not recognised: {visible(name)}", err=True)
    for refused in outcome.refused:
        click.echo(f"refused: {visible(refused)}", err=True)


def _items_row(one: dict[str, Any]) -> tuple[str, ...]:
    shared = MISSING if one["shared_items"] is None else f"{one['shared_items']:,}"
    accepted = ", ".join(dict.fromkeys(o["field"] for o in one["overrides"]))
    proof = one["proof"] + (f"; accepted: {accepted}" if accepted else "")
    counts = (f"{one['items']:,}", f"{one['scored']:,}", shared)
    return (one["model"], one["benchmark"], *counts, proof)


def _number(value: float | None) -> str:
    return MISSING if value is None else f"{value:.6g}"
