"""The page of the first ten minutes names commands that exist and sentences that are said."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from silentzone.cli.main import cli

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "first-ten-minutes.md").read_text("utf-8")
TYPED = re.findall(r"^    (\S.*)$", PAGE, flags=re.MULTILINE)
SHOWN = re.findall(r"^  (silentzone .*)$", PAGE, flags=re.MULTILINE)
OURS = [line for line in (*TYPED, *SHOWN) if line.startswith("silentzone ")]


def test_the_page_has_commands():
    assert {line.split()[1] for line in OURS} >= {"demo", "init", "run", "plan", "backends"}


@pytest.mark.parametrize("line", OURS)
def test_every_command_is_one_that_would_be_understood(line):
    _, name, *words = shlex.split(line)
    command = cli.commands[name]
    values = [word for word in words if not word.startswith("-")]
    known = {option for one in command.params for option in one.opts}
    assert {word for word in words if word.startswith("-")} <= known
    # Only whether files are there is not asked: the page is not about files of this checkout.
    for one in command.params:
        if isinstance(one.type, click.Path):
            one.type.exists, was = False, one.type.exists
            with click.Context(command) as context:
                assert all(one.type.convert(value, one, context) for value in values)
            one.type.exists = was


def test_every_target_of_make_exists():
    targets = [line.split()[1] for line in TYPED if line.startswith("make ")]
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert targets
    for target in targets:
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target


@pytest.mark.parametrize(
    "sentence",
    [
        "no Python of version 3.11 or later was found",
        "this Python cannot make an environment",
        "here, and llama.cpp has to be compiled (C and C++)",
        "the package index cannot be reached",
        "the disk is full",
        "this folder cannot be written",
        "cannot be written: ",
        "no file failed to compile, so the build was ended from outside",
        "stopped; the same command goes on from there",
    ],
)
def test_what_the_page_says_is_said_is_in_the_scripts(sentence):
    said = "".join(
        path.read_text("utf-8") for path in (ROOT / "scripts").iterdir() if path.is_file()
    )
    assert sentence in PAGE
    assert sentence in said
