"""What every command has in common: options, streams, colours and exit codes."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.unit.studies.gguf_folder import write_model

from silentzone.cli.main import cli, run_command_line

PROGRAM = Path(sys.executable).parent / "silentzone"
COLOUR = re.compile(rb"\x1b\[[0-9;]*m")
WITHOUT_RESULTS = {"completion"}


@pytest.mark.parametrize("name", sorted(set(cli.commands) - WITHOUT_RESULTS))
def test_every_command_with_results_can_be_quiet_and_speak_json(name):
    options = {option for one in cli.commands[name].params for option in one.opts}
    assert {"--quiet", "--json"} <= options


@pytest.fixture
def folder(tmp_path):
    for kind in ("F16", "Q8_0"):
        write_model(tmp_path / f"m-{kind}.gguf", kind)
    return tmp_path


def commands(study, folder):
    """One working line of each command that needs no engine, and two that fail."""
    table = folder / "table.csv"
    table.write_text(
        "name,is_reference,fidelity.kld_mean,score.x,n_items.x\n"
        "ref,true,,0.5,100\na,false,0.1,0.4,100\nb,false,0.2,0.3,100\n"
    )
    return [
        ["init", folder, "--force"],
        ["analyze", study],
        ["analyze", table],
        ["report", study],
        ["plan", study],
        ["plan", "--margin", "0.01", "--volume", "0.05"],
        ["backends"],
        ["completion", "bash"],
        ["--help"],
        ["report", folder],
        ["nosuch"],
    ]


def test_away_from_a_terminal_nothing_moves_the_cursor(finished, folder, capfdbinary):
    for words in commands(finished["out"], folder):
        run_command_line([str(word) for word in words])
        captured = capfdbinary.readouterr()
        assert b"\x1b" not in captured.out + captured.err, words
        assert captured.out + captured.err


def test_quiet_leaves_stderr_to_errors_and_json_is_one_object(finished, folder, capfd):
    for words in commands(finished["out"], folder)[:7]:
        assert run_command_line([*map(str, words), "--quiet", "--json"]) == 0, words
        captured = capfd.readouterr()
        assert captured.err == ""
        assert isinstance(json.loads(captured.out), dict)


def on_a_terminal(words, **variables):
    """Everything that a command writes to a terminal, which it is given as all three streams."""
    usual = {key: value for key, value in os.environ.items() if not key.endswith("_COLOR")}
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [PROGRAM, *map(str, words)],
        stdin=theirs, stdout=theirs, stderr=theirs,
        env={**usual, "TERM": "xterm-256color", **variables},
    ) as process:  # fmt: skip
        os.close(theirs)
        written = b""
        while True:
            try:
                chunk = os.read(ours, 65536)
            except OSError:  # how Linux says that nobody has the other end
                break
            if not chunk:
                break
            written += chunk
        process.wait(60)
    os.close(ours)
    return written


def test_a_terminal_gets_colours_unless_they_are_not_wanted(finished, folder):
    report = ["report", finished["out"]]
    assert COLOUR.search(on_a_terminal(report)), "or the test could not fail"
    for words in (report, ["init", folder, "--force"], ["nosuch"], ["--help"], ["backends"]):
        assert not COLOUR.search(on_a_terminal(words, NO_COLOR="1")), words


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["plan", "--margin", "0.01", "--volume", "0.05"], 0),
        (["init", "EMPTY"], 1),
        (["run", "BAD.toml", "--out", "EMPTY/out"], 1),
        (["report", "EMPTY"], 1),
        (["init"], 2),
        (["plan", "--margin", "3"], 2),
        (["run", "absent.toml", "--out", "EMPTY/out"], 2),
    ],
)
def test_exit_codes_are_those_of_the_page(words, code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("EMPTY").mkdir()
    Path("BAD.toml").write_text("[study]\nseed = 1.5\n")
    done = subprocess.run(
        [PROGRAM, *words], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    page = (Path(__file__).parent.parent.parent / "docs" / "cli.md").read_text("utf-8")
    assert f"| {code} |" in page


def test_a_reader_that_leaves_is_no_bug_of_ours(finished):
    done = subprocess.run(
        ["/bin/bash", "-o", "pipefail", "-c", '"$0" analyze "$1" --json --quiet | head -c 10',
         PROGRAM, finished["out"]],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert "bug" not in done.stderr
    assert "Traceback" not in done.stderr
