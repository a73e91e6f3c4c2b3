"""``silentzone compare``: a quick fidelity table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from silentzone.cli.options import existing_file, json_option, quiet_option
from silentzone.cli.output import MISSING, write_json, write_line, write_table
from silentzone.cli.progress import open_progress

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


def _nats(value: float) -> str:
    return f"{value:.3g}"


def _percent(value: float) -> str:
    return f"{100 * value:.2f} %"


def _ratio(value: float) -> str:
    return f"{value:.4f}"


_COLUMNS: tuple[tuple[str, str, Callable[[float], str]], ...] = (
    ("KLD mean, nats", "kld_mean", _nats),
    ("KLD p99", "kld_p99", _nats),
    ("same top token", "top1_agreement", _percent),
    ("PPL ratio", "ppl_ratio", _ratio),
)


@click.command()
@click.argument("reference", metavar="REF", type=existing_file)
@click.argument("candidates", metavar="CAND...", type=existing_file, nargs=-1, required=True)
@click.option(
    "--text", type=existing_file, required=True, metavar="FILE", help="Text to measure on, UTF-8."
)
@click.option(
    "--context-length",
    type=click.IntRange(min=8),
    default=512,
    metavar="N",
    help="Tokens per window; the second half of each is scored.",
)
@click.option(
    "--windows",
    type=click.IntRange(min=1),
    metavar="K",
    help="How many windows, from the start; left out, all that fit.",
)
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    metavar="N",
    help="Threads of the engine; left out, every processor this process may use.",
)
@json_option
@quiet_option
def compare(  # noqa: PLR0913, PLR0917 - one parameter per option
    reference: Path,
    candidates: tuple[Path, ...],
    text: Path,
    context_length: int,
    windows: int | None,
    threads: int | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Measure how far each CAND has moved from REF on one text.

    Positions and windows are those of llama-perplexity. The floor is what the candidate differs
    from itself by when only the engine's batching changes: nothing below it is a difference.
    """
    from silentzone.studies.compare import compare_models

    with open_progress(quiet=quiet) as progress:
        result = compare_models(
            reference,
            candidates,
            text,
            context_length=context_length,
            windows=windows,
            threads=threads,
            progress=progress,
        )
    if as_json:
        write_json(result)
    else:
        _show(result)


def _show(result: Mapping[str, Any]) -> None:
    write_table(
        ("candidate", *(title for title, _, _ in _COLUMNS), "floor, nats"),
        [
            (
                str(candidate["name"]),
                *(_cell(candidate, metric, write) for _, metric, write in _COLUMNS),
                _floor(candidate),
            )
            for candidate in result["candidates"]
        ],
    )
    for candidate in result["candidates"]:
        for caution in candidate.get("cautions") or ():
            write_line(f"{candidate['name']}: {caution}")


def _cell(candidate: Mapping[str, Any], metric: str, write: Callable[[float], str]) -> str:
    estimate = (candidate.get("metrics") or {}).get(metric) or {}
    value, error = estimate.get("value"), estimate.get("standard_error")
    if value is None:
        return MISSING
    return write(value) if error is None else f"{write(value)} ± {write(error)}"


def _floor(candidate: Mapping[str, Any]) -> str:
    floor = candidate.get("floor")
    used = floor.get("used") if isinstance(floor, dict) else floor
    return MISSING if used is None else _nats(used)
