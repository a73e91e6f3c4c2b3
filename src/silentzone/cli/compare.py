"""``silentzone compare``: a quick fidelity table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from silentzone.cli.options import existing_file, existing_model, json_option, quiet_option
from silentzone.cli.output import MISSING, write_json, write_line, write_table
from silentzone.cli.progress import open_progress

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


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
@click.argument("models", metavar="[REF] CAND...", type=existing_model, nargs=-1, required=True)
@click.option(
    "--text",
    type=existing_file,
    metavar="FILE",
    help="Text to measure on, UTF-8; needed unless --base is given.",
)
@click.option(
    "--base",
    type=existing_file,
    metavar="FILE",
    help="Base file of llama-perplexity in place of REF and text.",
)
@click.option(
    "--context-length",
    type=click.IntRange(min=8),
    metavar="N",
    help="Tokens per window; the second half of each is scored. Left out, 512.",
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
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="With --base: folder of imported results in which the numbers are kept.",
)
@click.option("--corpus", metavar="NAME", help="With --into: name of the text of the base file.")
@click.option(
    "--reference", metavar="NAME", help="With --into: name of the model that wrote the base file."
)
@json_option
@quiet_option
def compare(  # noqa: PLR0913, PLR0917 - one parameter per option
    models: tuple[Path, ...],
    text: Path | None,
    base: Path | None,
    context_length: int | None,
    windows: int | None,
    threads: int | None,
    into: Path | None,
    corpus: str | None,
    reference: str | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Measure how far each CAND has moved from REF on one text.

    Positions and windows are those of llama-perplexity. The floor is what the candidate differs
    from itself by when only the engine's batching changes: nothing below it is a difference.

    With --base the reference is what its file holds: its windows and tokens are used, and the mean
    KLD comes with the bounds that the file's clip and rounding leave.
    """
    if base is not None:
        _refuse_with_base(text=text, context_length=context_length)
        kept = None if into is None else (into, corpus, reference)
        _compare_with_base(base, models, (windows, threads), kept, as_json=as_json, quiet=quiet)
        return
    _refuse_without_base(into=into, corpus=corpus, reference=reference)
    if text is None:
        raise click.UsageError("Missing option '--text' (or '--base').")
    if len(models) < 2:
        raise click.UsageError("Missing argument 'CAND...'.")
    from silentzone.studies.compare import compare_models

    with open_progress(quiet=quiet) as progress:
        result = compare_models(
            models[0],
            models[1:],
            text,
            context_length=context_length or 512,
            windows=windows,
            threads=threads,
            progress=progress,
        )
    if as_json:
        write_json(result)
    else:
        _show(result)


def _refuse_with_base(**given: object) -> None:
    for name, value in given.items():
        if value is not None:
            option = name.replace("_", "-")
            raise click.UsageError(f"--{option} says nothing with --base: the file holds it.")


def _refuse_without_base(**given: object) -> None:
    for name, value in given.items():
        if value is not None:
            raise click.UsageError(f"--{name} needs --base.")


def _compare_with_base(
    path: Path,
    candidates: tuple[Path, ...],
    how: tuple[int | None, int | None],
    kept: tuple[Path, str | None, str | None] | None,
    *,
    as_json: bool,
    quiet: bool,
) -> None:
    from silentzone.store.base_file import BaseFile
    from silentzone.studies.base_compare import comparison_as_json, measure_with_base
    from silentzone.studies.base_import import keep_base_comparison

    base = BaseFile(path)
    with open_progress(quiet=quiet) as progress:
        measured, failures = measure_with_base(
            base, candidates, windows=how[0], threads=how[1], progress=progress
        )
    if kept is not None:
        into, corpus, reference = kept
        keep_base_comparison(base, measured, into, corpus=corpus, reference=reference)
    result = comparison_as_json(base, measured, failures)
    if as_json:
        write_json(result)
    else:
        _show_base(result)


def _show_base(result: Mapping[str, Any]) -> None:
    write_table(
        ("candidate", "KLD mean, nats", "bounds", *(title for title, _, _ in _COLUMNS[1:])),
        [
            (
                str(candidate["name"]),
                _cell(candidate, "kld_mean", _nats),
                _bounds(candidate["kld_mean_bracket"]),
                *(_cell(candidate, metric, write) for _, metric, write in _COLUMNS[1:]),
            )
            for candidate in result["candidates"]
        ],
    )
    clip = result["base"]["clip_nats"]
    if clip is not None:
        write_line(f"the base file is cut off {clip:g} nats below each largest logit")
    for candidate in result["candidates"]:
        for caution in candidate["cautions"]:
            write_line(f"{candidate['name']}: {caution}")
    for failure in result["failures"]:
        write_line(f"{failure['model']}: {failure['cause']}")


def _bounds(bracket: Sequence[float]) -> str:
    return f"{bracket[0]:.4g} to {bracket[1]:.4g}"


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
