"""Demo and run: what reaches the study, and what is shown of its outcome."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from silentzone.errors import ConfigError
from silentzone.studies.progress import SilentProgress


def test_the_demo_is_given_what_was_typed(invoke, calls):
    invoke("demo", "--quick", "--out", "here", "--quiet")
    (call,) = calls
    assert call["out"] == Path("here")
    assert call["quick"] is True
    assert call["command"] == "silentzone demo --quick --out here --quiet"
    assert isinstance(call["progress"], SilentProgress)


def test_verdicts_table_and_notes_go_to_stdout_and_places_to_stderr(invoke, calls):
    shown = invoke("demo")
    assert shown.stdout.splitlines() == [
        "my study",
        "KLD is silent near the baseline.",
        "",
        "zone          n",
        "full cohort  16",
        "",
        "Volume and direction: volume only.",
        "",
        "candidate    KLD",
        "[red]Q8_0  0.004",
        "note: few items :warning:",
    ]
    assert "report: study/report/index.html" in shown.stderr


def test_json_is_the_analysis_and_nothing_else(invoke, calls, outcome):
    calls.outcome = replace(outcome, analysis={"verdicts": [], "cautions": ["few items"]})
    assert json.loads(invoke("demo", "--json").stdout) == calls.outcome.analysis


def test_a_model_that_failed_is_named(invoke, calls, outcome):
    calls.outcome = replace(outcome, failures=("Q2_K: the worker died of signal 9\x1b[1m",))
    shown = invoke("demo")
    assert "failed: Q2_K: the worker died of signal 9" in shown.stderr
    assert "\x1b" not in shown.stderr


@pytest.fixture
def study(tmp_path, stand_in, calls, outcome):
    """A study file, and a stand-in for what reads and runs it."""
    seen: dict[str, object] = {}

    def run_study(config, out, *, progress, command):
        seen.update(config=config, out=out, command=command)
        return outcome

    def load_config(path):
        if path.read_text() == "bad":
            raise ConfigError("`seed` must be a whole number, it is 1.5.")
        return f"config of {path.name}"

    stand_in("silentzone.studies.config", load_config=load_config)

    def join_study(config, out, **named):
        seen["joined"] = True
        return run_study(config, out, **named)

    stand_in("silentzone.studies.run", run_study=run_study)
    stand_in("silentzone.studies.join", join_study=join_study)
    path = tmp_path / "study.toml"
    path.write_text("good")
    return path, seen


def test_run_loads_the_study_and_runs_it_into_the_folder(invoke, study, tmp_path):
    path, seen = study
    assert invoke("run", path, "--out", tmp_path / "out").code == 0
    assert seen["config"] == "config of study.toml"
    assert seen["out"] == tmp_path / "out"
    assert seen["command"].startswith("silentzone run ")


def test_a_folder_is_shared_only_if_asked(invoke, study, tmp_path):
    path, seen = study
    assert invoke("run", path, "--out", tmp_path / "out").code == 0
    assert "joined" not in seen
    assert invoke("run", path, "--out", tmp_path / "out", "--join").code == 0
    assert seen["joined"]
    assert seen["out"] == tmp_path / "out"


def test_a_study_that_cannot_be_read_is_one_and_nothing_runs(invoke, study, tmp_path):
    path, seen = study
    path.write_text("bad")
    shown = invoke("run", path, "--out", tmp_path / "out")
    assert shown.code == 1
    assert "`seed` must be a whole number" in shown.stderr
    assert not seen


def test_run_needs_a_folder(invoke, study):
    shown = invoke("run", study[0])
    assert shown.code == 2
    assert "--out" in shown.stderr
