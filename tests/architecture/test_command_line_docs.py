"""What the commands say of themselves is complete, and docs/cli.md says the same."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest

from silentzone.cli.main import cli

ROOT = Path(__file__).parent.parent.parent


def test_the_page_is_what_the_commands_say():
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "write_cli_docs.py", "--check"],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", sorted(cli.commands))
def test_every_command_and_option_has_help(name):
    command = cli.commands[name]
    assert command.help
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name


def test_the_promised_commands_are_there():
    assert set(cli.commands) == {
        "demo", "init", "run", "compare", "analyze", "report", "export", "plan", "benchmarks",
        "backends", "completion", "import",
    }  # fmt: skip
