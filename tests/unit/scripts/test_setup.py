"""What a new user is told where setting up cannot go on."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import namedtuple
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent.parent
SCRIPTS = ROOT / "scripts"
TOOLS = ("bash", "env", "cat", "cksum", "pwd", "mktemp", "rm", "grep", "df", "awk", "dirname")


@pytest.fixture
def wheel():
    """The script as a module of its own, so that a test may change it."""
    spec = importlib.util.spec_from_file_location("wheel_script", SCRIPTS / "llama_cpp_wheel.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def bare_path(tmp_path):
    """A PATH with the tools that the scripts use, and no Python and no compiler."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        if found is not None:
            (folder / tool).symlink_to(found)
    return folder


def program(path, text):
    path.write_text(f"#!/bin/bash\n{text}\n")
    path.chmod(0o755)


def ran(command, path, **variables):
    return subprocess.run(
        [str(word) for word in command],
        env={"PATH": str(path), "HOME": str(path.parent), **variables},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


def test_a_python_that_is_too_old_is_named_with_its_version(bare_path):
    program(bare_path / "python3", '[[ "$2" == *version_info\\ * ]] && exit 1; echo 3.9.18')
    done = ran([SCRIPTS / "find_python.sh"], bare_path)
    assert done.returncode == 1
    assert "no Python of version 3.11 or later was found (python3 is 3.9.18)" in done.stderr
    assert "PYTHON=/path/to/python3" in done.stderr


def test_no_python_at_all_is_said(bare_path):
    done = ran([SCRIPTS / "find_python.sh"], bare_path)
    assert "was found\n" in done.stderr


@pytest.fixture
def checkout(tmp_path):
    """What setting up needs of the checkout."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    for name in ("scripts", "requirements"):
        shutil.copytree(ROOT / name, folder / name)
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("OSError: [Errno 28] No space left on device", "the disk is full"),
        ("Error: [Errno 30] Read-only file system: '.venv'", "cannot be written"),
        (
            "WARNING: Retrying after connection broken by 'NewConnectionError': /simple/x/",
            "the package index cannot be reached",
        ),
        ("THESE PACKAGES DO NOT MATCH THE HASHES", "another content than the one pinned"),
    ],
)
def test_a_failed_step_is_explained_beside_what_was_said(bare_path, checkout, said, meant):
    program(
        bare_path / "python3",
        f'case "$2" in "import ensurepip") exit 0;; venv) echo "{said}" >&2; exit 1;; esac\n'
        'echo "$0"',
    )
    done = ran([checkout / "scripts" / "setup.sh", "run"], bare_path)
    assert done.returncode != 0
    assert said in done.stderr
    assert meant in done.stderr


def test_a_python_without_ensurepip_is_not_taken_for_a_full_disk(bare_path, checkout):
    program(bare_path / "python3", '[ "$2" = "import ensurepip" ] && exit 1; echo "$0"')
    done = ran([checkout / "scripts" / "setup.sh", "run"], bare_path)
    assert done.returncode == 1
    assert "apt-get install python3-venv" in done.stderr


def test_a_missing_compiler_is_said_before_anything_is_downloaded(bare_path, tmp_path):
    command = [sys.executable, SCRIPTS / "llama_cpp_wheel.py", "--check"]
    done = ran(command, bare_path, XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert done.returncode == 1
    assert "no cc here" in done.stderr
    assert "apt-get install build-essential" in done.stderr


def test_a_cache_that_cannot_be_written_is_said(wheel, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: name)
    # Nobody, not even root, makes a folder there.
    with pytest.raises(SystemExit, match=r"cannot be written[\s\S]*XDG_CACHE_HOME"):
        wheel.check(Path("/proc/silentzone/wheels/x"))


def test_too_little_room_is_said_with_both_numbers(wheel, monkeypatch, tmp_path):
    monkeypatch.setattr(shutil, "which", lambda name: name)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(0, 0, 63_000_000))
    with pytest.raises(SystemExit, match=r"needs 600 MB in .* where 63 MB are free"):
        wheel.check(tmp_path / "wheels" / "x")


@pytest.mark.parametrize(
    ("log", "meant", "shown"),
    [
        ("g++: fatal error: Killed signal terminated program cc1plus", "lack of memory", True),
        ("x.cpp: fatal error: error writing to x.o: No space left on device", "disk is full", True),
        ("a.cpp:1:2: error: 'concept' does not name a type", "C++17 is needed", True),
        ("[109/193] building\n*** CMake build failed", "ended from outside", False),
    ],
)
def test_the_cause_of_a_failed_build_is_told(wheel, tmp_path, log, meant, shown):
    path = tmp_path / "build.log"
    path.write_text(f"noise\n{log}\nERROR: Failed building wheel\n")
    said = wheel.failure(path)
    assert meant in said
    assert (log in said) is shown
    assert "the same command starts the compiling again" in said


def test_what_a_killed_build_left_is_removed_by_the_next(wheel, monkeypatch, tmp_path):
    folder = tmp_path / "wheels" / "llama"
    left = tmp_path / "wheels" / ".building-llama-abc"
    left.mkdir(parents=True)

    def fail(command, environment, log):
        assert not left.exists()
        assert Path(environment["TMPDIR"]).parent == folder.parent
        log.write_text("")
        return 1

    monkeypatch.setattr(wheel, "_run_with_progress", fail)
    with pytest.raises(SystemExit):
        wheel.build("llama==1\n", folder)
    assert not list(folder.parent.glob(".building-*"))


def test_a_build_that_is_stopped_leaves_no_compiler_running(tmp_path):
    code = (
        f"import os, pathlib, sys; sys.path.insert(0, {str(SCRIPTS)!r})\n"
        "import llama_cpp_wheel as wheel\n"
        f"wheel._run_with_progress(['/bin/bash', '-c', 'sleep 61 & echo $! > pid; sleep 61'],"
        " dict(os.environ), pathlib.Path('log'))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        stderr=subprocess.DEVNULL,
        # A shell that runs the tests in the background has them ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        until = time.monotonic() + 30
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text().strip():
            assert time.monotonic() < until
            time.sleep(0.02)
        compiler = (tmp_path / "pid").read_text().strip()
        process.send_signal(signal.SIGINT)
        process.wait(20)
    until = time.monotonic() + 5
    while _runs(compiler):
        assert time.monotonic() < until, "a compiler was left behind"
        time.sleep(0.05)


def _runs(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_one_wheel_is_built_by_one_at_a_time(wheel, tmp_path):
    folder = tmp_path / "llama"
    with wheel._alone(folder):
        other = subprocess.run(
            ["/usr/bin/env", "flock", "-n", tmp_path / "llama.lock", "true"],
            check=False, env=dict(os.environ),
        )  # fmt: skip
    assert other.returncode == 1
