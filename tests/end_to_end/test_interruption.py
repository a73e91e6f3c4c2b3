"""Ctrl-C, sent to the real program: what is kept, how to go on, and nobody left behind."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

PROGRAM = Path(sys.executable).parent / "silentzone"
SECONDS = 60


@contextlib.contextmanager
def started(*words, **variables):
    process = subprocess.Popen(
        [*map(str, words)],
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A shell that runs the tests in the background has them ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def children(pid):
    """Processes started by one, also those that lead a session of their own."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
                if int(parent) == pid and state != "Z":
                    found.append(int(entry.name))
    return found


def wait_until(condition, process):
    until = time.monotonic() + SECONDS
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until, "it never came to the point where it should be stopped"
        time.sleep(0.02)


def interrupted(process):
    """Press Ctrl-C; what was said on stderr, once everything is seen to have ended."""
    below = children(process.pid)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130, said
    assert "Traceback" not in said
    until = time.monotonic() + 5
    while any(Path(f"/proc/{pid}/cmdline").exists() for pid in below):
        assert time.monotonic() < until, "a process was left behind"
        time.sleep(0.05)
    return said, below


def test_measuring_is_stopped_and_taken_up_again(files, tmp_path):
    files.write_text("long", 6_000, random.Random(2))  # noqa: S311 - words of a test
    for name in ("a", "b"):
        files.model(name, noise=0.1 if name == "a" else 0.3)
    text = """
        [reference]
        path = "ref.json"
        [[candidates]]
        path = "a.json"
        [[candidates]]
        path = "b.json"
        [[corpora]]
        path = "text.txt"
        context_length = 64
        windows = 2
        [[corpora]]
        path = "long.txt"
        context_length = 64
        windows = "all"
        [engine]
        backend = "fake"
        threads = 1
        [floor]
        windows = 0
        token_by_token_positions = 0
    """
    study, out = files.folder / "my study.toml", tmp_path / "out"
    study.write_text(text.replace("        ", ""))
    with started(PROGRAM, "run", study, "--out", out) as process:
        wait_until(lambda: children(process.pid) and list(out.glob("traces/*")), process)
        said, below = interrupted(process)
    assert below, "there was a worker to end"
    *_, kept, command = said.splitlines()
    assert kept == "Stopped. Finished parts are kept; the same command goes on from there:"
    assert command == f"  silentzone run '{study}' --out {out}"
    short = study.read_text().replace('windows = "all"', "windows = 3")
    study.write_text(short)
    done = subprocess.run(
        ["/bin/bash", "-c", f"PATH={PROGRAM.parent}:$PATH; {command} --json --quiet"],
        capture_output=True, text=True, check=False, timeout=SECONDS,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert len(json.loads(done.stdout)["candidates"]) == 2
    assert not list(out.rglob("*.partial"))


def test_fetching_is_stopped_and_pip_with_it(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/simple"
        with started(
            PROGRAM, "demo", "--quick", "--out", tmp_path / "out",
            SILENTZONE_CACHE=str(tmp_path / "cache"), PIP_CONFIG_FILE=os.devnull,
            PIP_INDEX_URL=address, PIP_FIND_LINKS="", PIP_EXTRA_INDEX_URL="", PIP_RETRIES="0",
        ) as process:  # fmt: skip
            silent.settimeout(SECONDS)
            with silent.accept()[0]:
                said, below = interrupted(process)
    assert below, "pip was running"
    assert said.splitlines()[-1] == f"  silentzone demo --quick --out {tmp_path / 'out'}"
    assert not list((tmp_path / "cache").rglob(".staging-*"))


@pytest.mark.engine
def test_quantizing_is_stopped_and_no_half_model_stays(smollm2_source, tmp_path):
    cache = tmp_path / "cache"
    cache.mkdir()
    from silentzone.studies.cache import cache_root

    (cache / "assets").symlink_to(cache_root() / "assets")
    for name in ("benchmark-items", "wikitext-2", "state-of-the-union"):
        if not list((cache / "assets").glob(f"{name}-*")):
            pytest.skip(f"{name} is not in the cache")
    with started(
        PROGRAM, "demo", "--quick", "--out", tmp_path / "out", SILENTZONE_CACHE=str(cache)
    ) as process:
        wait_until(lambda: list(cache.glob("cohorts/.staging-*/.*.partial")), process)
        said, below = interrupted(process)
    assert below
    assert "the same command goes on from there" in said
    assert not list(cache.glob("cohorts/.staging-*"))
    assert not [
        path for path in cache.glob("cohorts/*.gguf") if not Path(f"{path}.sha256").exists()
    ]


def content(folder):
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
    return {path: path.read_bytes() for path in files}


ANNOUNCED = """
import sys, time
import {module} as module
def slow(*arguments, **options):
    print("begun", flush=True)
    time.sleep({seconds})
module.{function} = slow
from silentzone.cli.main import run_command_line
sys.exit(run_command_line(sys.argv[1:]))
"""


@pytest.mark.parametrize(
    ("command", "module", "function"),
    [
        ("analyze", "silentzone.studies.audit", "analyze_study"),
        ("report", "silentzone.report", "write_report"),
    ],
)
def test_analysing_and_reporting_keep_what_was_there(finished, command, module, function):
    before = content(finished["out"])
    code = ANNOUNCED.format(module=module, function=function, seconds=SECONDS)
    with started(sys.executable, "-c", code, command, finished["out"]) as process:
        assert process.stdout.readline() == "begun\n"
        said, _ = interrupted(process)
    assert said.splitlines()[-2:] == [
        "Stopped. What was stored before is kept; the same command starts again:",
        f"  silentzone {command} {finished['out']}",
    ]
    assert before == content(finished["out"])
