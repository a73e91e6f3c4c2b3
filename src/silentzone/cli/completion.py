"""``silentzone completion``: what a shell needs to complete our command lines."""

from __future__ import annotations

from pathlib import Path

import click
from click.shell_completion import CompletionItem, ShellComplete, get_completion_class

SHELLS = ("bash", "zsh", "fish")
_VARIABLE = "_SILENTZONE_COMPLETE"
_MOST_SHOWN = 200


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    r"""Print the script that makes SHELL complete commands, options and study folders.

    \b
    bash   eval "$(silentzone completion bash)"    in ~/.bashrc
    zsh    eval "$(silentzone completion zsh)"     in ~/.zshrc
    fish   silentzone completion fish | source     in ~/.config/fish/config.fish
    """
    group = context.find_root()
    kind = get_completion_class(shell)
    assert kind is not None, "click knows these three"
    # Its own source() of bash starts a bash to ask for its version, which may be another's.
    script = ShellComplete.source(kind(group.command, {}, group.info_name or "", _VARIABLE))
    click.echo(script)


def complete_study(
    context: click.Context,  # noqa: ARG001 - click's signature
    parameter: click.Parameter,  # noqa: ARG001
    incomplete: str,
) -> list[CompletionItem]:
    """Offer the study folders that match; where there is none, the shell offers any folder."""
    head, _, _ = incomplete.rpartition("/")
    place = Path(f"{head}/" if incomplete.startswith("/") else head or ".").expanduser()
    prefix = f"{head}/" if "/" in incomplete else ""
    try:
        folders = [entry.name for entry in place.iterdir() if (entry / "study.toml").is_file()]
    except OSError:
        folders = []
    # The shell reads one answer per line, so a name that holds a line break is not offered.
    found = [
        prefix + name
        for name in sorted(folders)
        if name.isprintable() and (prefix + name).startswith(incomplete)
    ]
    if not found:
        return [CompletionItem(incomplete, type="dir")]
    return [CompletionItem(name) for name in found[:_MOST_SHOWN]]


def complete_benchmark(
    context: click.Context,  # noqa: ARG001 - click's signature
    parameter: click.Parameter,  # noqa: ARG001
    incomplete: str,
) -> list[CompletionItem]:
    """Offer the built-in benchmarks that match."""
    from silentzone.benchmarks.registry import BUILT_IN

    return [
        CompletionItem(name, help=one.description)
        for name, one in BUILT_IN.items()
        if name.startswith(incomplete)
    ]


def complete_import(
    context: click.Context,
    parameter: click.Parameter,  # noqa: ARG001 - click's signature
    incomplete: str,
) -> list[CompletionItem]:
    """Offer the formats that match for the first argument, and files for the others."""
    if context.params.get("detect") or context.params.get("arguments"):
        return [CompletionItem(incomplete, type="file")]
    from silentzone.importers.registry import FORMATS

    return [
        CompletionItem(name, help=one.title)
        for name, one in FORMATS.items()
        if name.startswith(incomplete)
    ]
