"""Completion, asked for the way a shell asks."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from silentzone.benchmarks.registry import BUILT_IN

PROGRAM = Path(sys.executable).parent / "silentzone"


def offered(folder, *words):
    """What bash is told for the last word."""
    done = subprocess.run(
        [PROGRAM],
        env={
            **os.environ,
            "_SILENTZONE_COMPLETE": "bash_complete",
            "COMP_WORDS": "\n".join(["silentzone", *words]),
            "COMP_CWORD": str(len(words)),
        },
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_each_shell_is_printed(invoke, shell):
    shown = invoke("completion", shell)
    assert shown.code == 0
    assert f"_SILENTZONE_COMPLETE={shell}_complete" in shown.stdout


def test_an_unknown_shell_is_wrong_usage(invoke):
    assert invoke("completion", "tcsh").code == 2


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_one_that_the_shell_understands(invoke, shell):
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} on this machine")
    script = invoke("completion", shell).stdout
    read = subprocess.run(
        [shell, "-n"], input=script, capture_output=True, text=True, check=False, timeout=20
    )
    assert (read.returncode, read.stderr) == (0, "")


def test_commands_and_options_are_offered(tmp_path):
    assert {"plain,init", "plain,demo"} <= set(offered(tmp_path, ""))
    assert offered(tmp_path, "init", "--fo") == ["plain,--force"]


def test_study_folders_are_offered_before_other_folders(tmp_path):
    for name in ("study-a", "study-b", "models"):
        (tmp_path / name).mkdir()
    assert offered(tmp_path, "report", "") == ["dir,"]
    for name in ("study-a", "study-b"):
        (tmp_path / name / "study.toml").touch()
    assert offered(tmp_path, "report", "") == ["plain,study-a", "plain,study-b"]
    assert offered(tmp_path, "plan", "study-b") == ["plain,study-b"]
    assert offered(tmp_path, "plan", f"{tmp_path}/study-a") == [f"plain,{tmp_path}/study-a"]
    assert offered(tmp_path, "report", "nothing/here") == ["dir,nothing/here"]


def test_a_folder_whose_name_holds_a_line_break_adds_no_answer(tmp_path):
    (tmp_path / "x\nplain,rm").mkdir()
    (tmp_path / "x\nplain,rm" / "study.toml").touch()
    assert offered(tmp_path, "report", "x") == ["dir,x"]


def test_built_in_benchmarks_are_offered(tmp_path):
    names = {
        answer.removeprefix("plain,") for answer in offered(tmp_path, "plan", "--benchmark", "")
    }
    assert names == set(BUILT_IN)
