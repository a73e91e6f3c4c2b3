"""Several real processes that share one study: every part once, whoever dies."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest
from tests.end_to_end.fake_studies import Listener, StudyFiles, refuse_to_run, run_in_process
from tests.end_to_end.test_interruption import children

from silentzone.errors import ConfigError
from silentzone.store.claims import ClaimBoard
from silentzone.store.folder import StudyFolder
from silentzone.studies.config import load_config
from silentzone.studies.gathering import Gathering
from silentzone.studies.join import join_study
from silentzone.studies.plan import StudyPlan
from silentzone.studies.progress import SilentProgress

SECONDS = 120
CANDIDATES = ("a", "b", "c")

JOIN = """
import sys
from pathlib import Path
from silentzone.cli.outcome import show_outcome
from silentzone.cli.progress import open_progress
from silentzone.studies.config import load_config
from silentzone.studies.gathering import Pace
from silentzone.studies.join import join_study
pace = Pace(heartbeat=0.1, lost=float(sys.argv[3]), poll=0.1)
with open_progress(quiet=False) as progress:
    outcome = join_study(
        load_config(Path(sys.argv[1])), Path(sys.argv[2]),
        progress=progress, command="silentzone run --join", pace=pace,
    )
show_outcome(outcome, as_json=True, quiet=False)
"""
ALONE = """
import sys
from silentzone.cli.main import run_command_line
sys.exit(run_command_line(["run", sys.argv[1], "--out", sys.argv[2], "--json"]))
"""


class Shared:
    """A study of fake models in files, and processes that share it."""

    def __init__(self, folder):
        folder.mkdir()
        self.out, self.study = folder.parent / "out", folder / "study.toml"
        files = StudyFiles(folder)
        files.write_text("long", 3_000, random.Random(2))  # noqa: S311 - words of a test
        for index, name in enumerate(CANDIDATES):
            files.model(name, noise=0.1 * (index + 1))
        self.files = files
        self.write(CANDIDATES)

    def write(self, candidates, windows=150):
        lines = ["[reference]", 'path = "ref.json"']
        for name in candidates:
            lines += ["[[candidates]]", f'path = "{name}.json"']
        for name, count in (("text", 4), ("long", windows)):
            lines += ["[[corpora]]", f'path = "{name}.txt"', "context_length = 64"]
            lines += [f"windows = {count}"]
        lines += ["[[benchmarks]]", 'name = "own"', 'path = "own.jsonl"']
        lines += ["[engine]", 'backend = "fake"', "threads = 1"]
        lines += ["[floor]", "windows = 2", "token_by_token_positions = 4", "items = 4"]
        self.study.write_text("\n".join(lines), "utf-8")

    def start(self, lost_seconds=SECONDS, code=JOIN):
        return subprocess.Popen(
            [sys.executable, "-c", code, str(self.study), str(self.out), str(lost_seconds)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )  # fmt: skip

    def first_to_measure(self, processes):
        """Process that holds a long part of a candidate before any other, and its claim."""
        until = time.monotonic() + SECONDS
        while True:
            for path in self.out.glob(".claims/1/parts/*fidelity-on-long*.json"):
                claim = json.loads(path.read_text())
                for process in processes:
                    if claim["member"].startswith(f"{process.pid}-") and claim["state"] == "held":
                        return process, path
            assert time.monotonic() < until, "nobody claimed a part"
            time.sleep(0.005)

    def members(self):
        paths = self.out.glob(".claims/1/members/*.json")
        return [json.loads(path.read_text()) for path in paths]


def ended(process):
    stdout, stderr = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, stderr
    return json.loads(stdout), stderr


def parts_of(out):
    """Content of everything measured; a trace's header also says how long rebuilding took."""
    return {
        str(path.relative_to(out)): path.read_bytes()
        for folder in ("tables", "traces", "item_traces")
        for path in (out / folder).rglob("*")
        if path.is_file() and path.name != "trace.json"
    }


def answers_of(analysis):
    return {name: value for name, value in analysis.items() if name not in {"study", "timings"}}


@pytest.fixture
def shared(tmp_path):
    return Shared(tmp_path / "in")


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """The same study, measured by one process that has its folder for itself."""
    single = Shared(tmp_path_factory.mktemp("alone") / "in")
    analysis, notes = ended(single.start(code=ALONE))
    assert "parts by others" not in notes
    return {"shared": single, "parts": parts_of(single.out), "analysis": analysis}


def test_three_processes_one_of_them_killed_give_what_one_gives(shared, alone):
    processes = [shared.start() for _ in range(3)]
    try:
        victim, held = shared.first_to_measure(processes)
        victim.kill()
        victim.communicate()
        assert json.loads(held.read_text())["state"] == "held", "it died with the part in hand"
        results = [ended(process) for process in processes if process is not victim]
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    assert parts_of(shared.out) == alone["parts"]
    for one, _ in results:
        assert answers_of(one) == answers_of(alone["analysis"])
    notes = "".join(stderr for _, stderr in results)
    assert f"process {victim.pid} is gone; what it held is free again" in notes
    assert "parts by others" in notes
    assert notes.count("Analysing: done") == 1
    assert not list(shared.out.rglob("*.partial"))
    # What was in the victim's hand was measured again, once; everything else once.
    board = ClaimBoard(shared.out / ".claims" / "1" / "parts", "test")
    claims = board.claims()
    assert {claim.state for claim in claims.values()} == {"done"}
    lost = json.loads(held.read_text())["what"]
    assert {claim.what: claim.generation for claim in claims.values() if claim.generation} == {
        lost: 2
    }
    counts = Counter(
        (title.split(" (")[0], part)
        for member in shared.members()
        for title, seconds in member["facts"].get("timings", {}).items()
        for part in seconds
        if part not in {"load", "total"}
    )
    assert set(counts.values()) == {1}
    manifest = json.loads((shared.out / "manifest.json").read_text())
    assert set(manifest["timings"]) >= set(CANDIDATES) - {lost.split(",")[0]}
    assert manifest["failures"] == []


def test_a_process_asleep_for_too_long_is_replaced_and_finds_its_part_there(shared, alone):
    processes = [shared.start(lost_seconds=2.0) for _ in range(2)]
    try:
        sleeper, held = shared.first_to_measure(processes)
        (other,) = (process for process in processes if process is not sleeper)
        asleep = [sleeper.pid, *children(sleeper.pid)]
        for pid in asleep:
            os.kill(pid, signal.SIGSTOP)
        assert json.loads(held.read_text())["state"] == "held"
        analysis, notes = ended(other)
        assert f"process {sleeper.pid} is gone" in notes
        for pid in asleep:
            os.kill(pid, signal.SIGCONT)
        late, _ = ended(sleeper)
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    assert parts_of(shared.out) == alone["parts"]
    assert answers_of(analysis) == answers_of(late) == answers_of(alone["analysis"])


def test_what_one_could_not_measure_the_others_do_not_try(shared):
    shared.files.model("aborts", noise=0.2, misbehave="abort")
    shared.files.model("refuses", noise=0.4, misbehave="refuse")
    shared.write(("aborts", "refuses", "a"), windows=4)
    processes = [shared.start() for _ in range(2)]
    try:
        results = [ended(process) for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    for analysis, stderr in results:
        assert "failed: aborts, model: measuring `aborts` died" in stderr
        assert "failed: refuses, fidelity on text: the fake engine refuses window 1" in stderr
        found = Counter((one["model"], one["part"]) for one in analysis["failures"])
        assert set(found.values()) == {1}
        assert ("aborts", "model") in found
        status = {one["name"]: one["status"] for one in analysis["candidates"]}
        assert status["a"] == "complete"
        assert status["refuses"] == "partial"
    claims = ClaimBoard(shared.out / ".claims" / "1" / "parts", "test").claims()
    assert all(claim.generation == 0 for claim in claims.values()), "nothing was tried twice"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ("study", r"`config\.corpora\[1\]\.windows` is 150 there and 3 here"),
        ("engine", r'`engine\.build` is "another build" there and'),
    ],
)
def test_joining_with_something_else_is_refused_with_what_differs(shared, changed, message):
    folder = StudyFolder(shared.out).create()
    plan = StudyPlan(load_config(shared.study), folder, SilentProgress())
    theirs = plan.fingerprint()
    if changed == "engine":
        theirs["engine"]["build"] = "another build"
    else:
        shared.write(CANDIDATES, windows=3)
    with Gathering(folder, SilentProgress()) as gathering:
        gathering.agree(theirs)
        with pytest.raises(ConfigError, match=message):
            join_study(
                load_config(shared.study), shared.out, progress=Listener(), command="run --join"
            )
    assert not (shared.out / "manifest.json").exists()


def test_a_finished_study_is_joined_without_measuring(alone, tmp_path, monkeypatch):
    monkeypatch.setattr("silentzone.studies.measuring.run_in_worker", refuse_to_run)
    out, config = tmp_path / "out", load_config(alone["shared"].study)
    shutil.copytree(alone["shared"].out, out)
    listener = Listener()
    outcome = join_study(config, out, progress=listener, command="run --join")
    assert listener.notes == ["Everything is measured already."]
    assert outcome.analysis == alone["analysis"]
    assert (out / ".claims").exists()
    run_in_process(config, out, runner=refuse_to_run)
    assert not (out / ".claims").exists(), "a run that has the folder for itself forgets who shared"
