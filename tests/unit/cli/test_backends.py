"""What is usable here, and the command for what is missing."""

from __future__ import annotations

import json
import shlex
import sys

import pytest

from silentzone.cli import backends as command
from silentzone.execution.bubblewrap import SandboxState


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    """PyTorch takes seconds to load, and nothing here is about it."""
    monkeypatch.setitem(command._PROBES, "transformers", "import no_such_engine")


def _probe(monkeypatch, code):
    monkeypatch.setitem(command._PROBES, "llama_cpp", code)


def _llama(invoke):
    states = json.loads(invoke("backends", "--json").stdout)["backends"]
    return next(state for state in states if state["name"] == "llama_cpp")


def test_the_built_in_engine_is_always_usable(invoke):
    states = json.loads(invoke("backends", "--json").stdout)["backends"]
    assert next(state for state in states if state["name"] == "fake")["is_usable"] is True


def test_an_engine_that_loads_says_what_it_is(invoke, monkeypatch):
    _probe(monkeypatch, """print('noise\\n{"version": "9", "build": "AVX2", "device": "CPU"}')""")
    state = _llama(invoke)
    assert (state["is_usable"], state["version"], state["build"]) == (True, "9", "AVX2")
    assert state["missing"] is None


def test_an_engine_that_is_not_installed_comes_with_the_exact_command(invoke, monkeypatch):
    _probe(monkeypatch, "import no_such_engine")
    shown = invoke("backends")
    assert shown.code == 0
    assert "llama_cpp: not installed" in shown.stdout
    assert shlex.quote(sys.executable) + " -m pip install llama-cpp-python==" in shown.stdout


def test_a_missing_compiler_is_said_with_the_engine_that_needs_it(invoke, monkeypatch, tmp_path):
    _probe(monkeypatch, "import no_such_engine")
    for name in ("CC", "CXX"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "no C and C++ compiler is here" in _llama(invoke)["missing"]
    for name in ("cc", "c++", "apt-get"):
        (tmp_path / name).touch(mode=0o755)
    assert _llama(invoke)["missing"] == "not installed"
    (tmp_path / "c++").unlink()
    command = _llama(invoke)["command"]
    assert command.startswith("apt-get install build-essential && ")
    assert "llama-cpp-python==" in command


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "signal 9"),
        ("raise OSError('libgomp.so.1 is missing')", "libgomp.so.1 is missing"),
        ("raise SystemExit(1)", "no reason was given"),
        ("print('not json')", "did not say what it is"),
        ("pass", "did not say what it is"),
        ("print('{\"unknown\": 1}')", "did not say what it is"),
    ],
)
def test_an_engine_that_does_not_load_is_not_usable_and_says_why(invoke, monkeypatch, code, said):
    _probe(monkeypatch, code)
    state = _llama(invoke)
    assert state["is_usable"] is False
    assert said in state["missing"]


def test_an_engine_that_hangs_is_given_up(invoke, monkeypatch):
    monkeypatch.setattr(command, "_PROBE_SECONDS", 0.5)
    _probe(monkeypatch, "import time; time.sleep(60)")
    assert "took more than" in _llama(invoke)["missing"]


def test_a_sandbox_that_works_is_shown(invoke, monkeypatch):
    state = SandboxState(
        kind="bubblewrap", version="9", missing=None, command=None, way="other_user"
    )
    monkeypatch.setattr(command, "sandbox_state", lambda: state)
    assert "sandbox: bubblewrap 9\n" in invoke("backends").stdout
    shown = json.loads(invoke("backends", "--json").stdout)["sandbox"]
    assert shown["is_usable"] is True
    assert shown["way"] == "other_user"


def test_a_sandbox_that_is_missing_comes_with_the_exact_command(invoke, monkeypatch):
    state = SandboxState(kind=None, version=None, missing="not installed", command="get it now")
    monkeypatch.setattr(command, "sandbox_state", lambda: state)
    assert "sandbox: not installed\n  get it now\n" in invoke("backends").stdout
    shown = json.loads(invoke("backends", "--json").stdout)["sandbox"]
    assert (shown["is_usable"], shown["command"]) == (False, "get it now")


def test_all_packages_of_an_engine_are_in_its_command(invoke, monkeypatch, tmp_path):
    _probe(monkeypatch, "pass")
    monkeypatch.setenv("PATH", str(tmp_path))
    states = json.loads(invoke("backends", "--json").stdout)["backends"]
    state = next(one for one in states if one["name"] == "transformers")
    assert (state["is_usable"], state["missing"]) == (False, "not installed")  # compiled nowhere
    for package in ("torch==2.13.0", "transformers", "safetensors", "accelerate"):
        assert package in state["command"]
