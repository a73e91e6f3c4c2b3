"""What the documentation tells people to type, to write into a study or into a file, works."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pytest
from tests.architecture.markdown import ROOT, Block, all_blocks, blocks

from silentzone.benchmarks.generated import read_generated
from silentzone.benchmarks.jsonl import read_jsonl
from silentzone.cli.main import PROGRAM, cli
from silentzone.errors import TableError
from silentzone.importers.cohort_table import read_cohort_table
from silentzone.importers.items_table import read_items_table
from silentzone.studies.config import parse_config
from silentzone.studies.config_sections import SECTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

BLOCKS = all_blocks()
_PROMPT = re.compile(r"^\s*(?:\$ )?(?:[A-Z_]+=\S+ )*(?:\.venv/bin/)?")
_TABLE_HEADS = ("name,", "model,benchmark,item_id")


def _commands(block: Block) -> Iterator[list[str]]:
    """Give the words behind ``silentzone`` of every command line of a block."""
    for line in re.sub(r"\\\n\s*", "", block.text).splitlines():
        for part in re.split(r" && | \| | 2?> ", re.sub(r"(^|\s)#.*", "", line)):
            typed = _PROMPT.sub("", part)
            if typed.startswith(f"{PROGRAM} "):
                yield shlex.split(typed)[1:]


def _is_understood(words: list[str]) -> None:
    """Parse a command line as click does, but without looking for its files."""
    root = click.Context(cli, info_name=PROGRAM)
    _, rest, _ = cli.make_parser(root).parse_args(list(words))
    if not rest:
        return
    name, command, arguments = cli.resolve_command(root, rest)
    assert command is not None
    context = click.Context(command, info_name=name, parent=root)
    given, left, _ = command.make_parser(context).parse_args(list(arguments))
    assert not left, f"too much: {left}"
    for parameter in command.params:
        value = given.get(parameter.name)
        is_path = isinstance(parameter.type, click.Path)
        if isinstance(value, str) and not is_path:
            parameter.type_cast_value(context, value)
        if parameter.required:
            assert parameter.name in given, f"lacks {parameter.name}"


COMMANDS = [
    pytest.param(words, id=f"{block}: {' '.join(words)}")
    for block in BLOCKS
    for words in _commands(block)
]


@pytest.mark.parametrize("words", COMMANDS)
def test_every_command_line_is_understood(words):
    if words and not words[0].startswith("-") and "..." not in words:
        _is_understood(words)


@pytest.mark.parametrize(
    "line", ["nonsense DIR", "run study.toml --nonsense", "plan --alpha much", "demo --out"]
)
def test_a_wrong_command_line_is_found(line):
    with pytest.raises(click.UsageError):
        _is_understood(line.split())


STUDIES = [block for block in BLOCKS if block.language == "toml"]


@pytest.mark.parametrize("block", STUDIES, ids=str)
def test_every_study_is_accepted(block, tmp_path):
    study = tomllib.loads(block.text)
    assert set(study) <= set(SECTIONS)
    parse_config(_completed(study, tmp_path), tmp_path)


def _completed(study: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Give a part of a study what it lacks, and make the files it names."""
    for name in ("reference.gguf", "candidate.gguf", "text.txt"):
        (folder / name).touch()
    study.setdefault("reference", {"path": "reference.gguf"})
    study.setdefault("candidates", [{"path": "candidate.gguf"}])
    if "benchmarks" not in study:
        study.setdefault("corpora", [{"path": "text.txt"}])
    for section in ([study["reference"]], study["candidates"], study.get("corpora", [])):
        for entry in section:
            _make(folder, entry, is_folder=entry.get("documents") == "files")
    for entry in study.get("benchmarks", []):
        _make(folder, entry, is_folder=entry.get("kind") == "lm-eval")
    return study


def _make(folder: Path, entry: dict[str, Any], *, is_folder: bool) -> None:
    name = entry.get("path") or entry.get("glob", "").replace("*", "some")
    if not name:
        return
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if is_folder:
        path.mkdir(exist_ok=True)
    else:
        path.touch()


def _objects(block: Block) -> list[dict[str, Any]]:
    """Give the objects of a block: one a line, or one that was broken over lines to be read."""
    try:
        return [json.loads(block.text)]
    except json.JSONDecodeError:
        return [json.loads(line) for line in block.text.splitlines() if line.strip()]


QUESTIONS = [
    block
    for block in BLOCKS
    if block.language == "json" and any({"item_id", "key"} & set(one) for one in _objects(block))
]


@pytest.mark.parametrize("block", QUESTIONS, ids=str)
def test_every_line_of_questions_is_read(block, tmp_path):
    objects = _objects(block)
    path = tmp_path / "questions.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in objects), encoding="utf-8")
    if "model" in objects[0]:
        read_items_table(path)
    elif "choices" in objects[0]:
        assert len(read_jsonl(path)) == len(objects)
    else:
        assert len(read_generated(path)) == len(objects)


TABLES = [
    block for block in BLOCKS if block.text.startswith((*_TABLE_HEADS, '{"model"'))
]  # fmt: skip


@pytest.mark.parametrize("block", TABLES, ids=str)
def test_every_table_is_read(block, tmp_path):
    path = tmp_path / "table"
    path.write_text(block.text, encoding="utf-8")
    read = read_cohort_table if block.text.startswith("name,") else read_items_table
    read(path)


def test_a_wrong_table_is_found(tmp_path):
    path = tmp_path / "table"
    path.write_text("name,score.piqa\nBF16,67.5\n", encoding="utf-8")
    with pytest.raises(TableError):
        read_cohort_table(path)


def test_there_are_examples_of_every_kind():
    assert len(COMMANDS) >= 10
    assert len(STUDIES) >= 5
    assert len(QUESTIONS) >= 3
    assert len(TABLES) >= 2


def test_the_published_ladder_gives_the_numbers_that_are_printed(tmp_path):
    page = ROOT / "docs" / "howto-repeat.md"
    table = tmp_path / "llama3-8b.csv"
    table.write_text(next(blocks(page)).text, encoding="utf-8")
    done = subprocess.run(
        [Path(sys.executable).parent / PROGRAM, "analyze", table, "--margin", "0.01", "--json"],
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout)
    printed = page.read_text(encoding="utf-8").replace("\N{MINUS SIGN}", "-")
    words = {one["zone"]: one["verdict"] for one in answers["verdicts"]}
    for zone, title in (
        ("full", "full cohort"),
        ("band", "band (2 points)"),
        ("fidelity", "fidelity (the nearer half)"),
    ):
        (found,) = (
            one
            for one in answers["relations"]
            if one["zone"] == zone and one["score"] == "composite"
        )
        low, high = found["interval"]
        row = f"| {title} | {found['n']} | {found['spearman']:.2f} | {low:.2f} to {high:.2f} |"
        assert row in printed
        (line,) = (line for line in printed.splitlines() if line.startswith(row))
        assert line.endswith(f"| {words[zone]} |")
