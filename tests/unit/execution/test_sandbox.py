from __future__ import annotations

import json
import os
import struct
import tempfile
from pathlib import Path

import pytest

from silentzone.errors import EnvironmentNotReadyError, InputError, MeasurementError
from silentzone.execution import bubblewrap, confined, probe, sandbox, seccomp, speed
from silentzone.execution.bubblewrap import (
    OTHER_USER,
    USER_NAMESPACE,
    Limits,
    Program,
    SandboxState,
    bubblewrap_command,
    inside_plan,
)

MISSING = SandboxState(kind=None, version=None, missing="it is not there", command="get it")
WHICH = "silentzone.execution.sandbox.shutil.which"
ALLOW, KILL = 0x7FFF0000, 0x00050001


@pytest.fixture
def state(monkeypatch):
    """State found anew, where bubblewrap can be started and the probe finds nothing."""
    monkeypatch.setattr("silentzone.execution.sandbox.sys.platform", "linux")
    monkeypatch.setattr(sandbox, "is_filter_known", lambda: True)
    monkeypatch.setattr(
        "silentzone.execution.sandbox.shutil.which", lambda name: f"/usr/bin/{name}"
    )
    monkeypatch.setattr(sandbox, "_version", lambda program: "1.2.3")
    monkeypatch.setattr(sandbox, "problem_of", lambda way: None)
    return sandbox.sandbox_state.__wrapped__


def test_a_sandbox_that_held_is_usable(state, monkeypatch):
    monkeypatch.setattr("silentzone.execution.sandbox.os.geteuid", lambda: 1000)
    found = state()
    assert found.is_usable
    assert found.name == "bubblewrap 1.2.3"
    assert found.way == USER_NAMESPACE


def test_root_is_given_up_where_that_works(state, monkeypatch):
    monkeypatch.setattr("silentzone.execution.sandbox.os.geteuid", lambda: 0)
    assert state().way == OTHER_USER
    monkeypatch.setattr(sandbox, "problem_of", lambda way: "no" if way == OTHER_USER else None)
    assert state().way == USER_NAMESPACE


def test_a_sandbox_that_is_installed_and_leaks_is_not_usable(state, monkeypatch):
    monkeypatch.setattr(sandbox, "problem_of", lambda way: "a file outside was read")
    found = state()
    assert not found.is_usable
    assert found.name == "none"
    assert found.missing == (
        "bubblewrap 1.2.3 is installed and does not work here: a file outside was read"
    )


@pytest.mark.parametrize(("user", "command"), [(0, "apt-get"), (1000, "sudo apt-get")])
def test_what_is_not_installed_comes_with_the_exact_command(state, monkeypatch, user, command):
    monkeypatch.setattr("silentzone.execution.sandbox.os.geteuid", lambda: user)
    monkeypatch.setattr(
        "silentzone.execution.sandbox.shutil.which",
        lambda name: "/usr/bin/apt-get" if name == "apt-get" else None,
    )
    found = state()
    assert found.missing == "bubblewrap is not installed"
    assert found.command == f"{command} install -y bubblewrap"


def test_other_reasons_are_said(state, monkeypatch):
    monkeypatch.setattr(sandbox, "_version", lambda program: None)
    assert "cannot be started" in str(state().missing)
    monkeypatch.setattr(sandbox, "is_filter_known", lambda: False)
    assert "no filter of system calls" in str(state().missing)
    monkeypatch.setattr("silentzone.execution.sandbox.sys.platform", "darwin")
    assert "Linux only" in str(state().missing)


def test_code_is_refused_without_a_sandbox_unless_it_is_asked_for(monkeypatch):
    monkeypatch.setattr(sandbox, "sandbox_state", lambda: MISSING)
    with pytest.raises(
        EnvironmentNotReadyError, match="none works here: it is not there"
    ) as caught:
        sandbox.require_sandbox()
    assert "run `get it`" in (caught.value.hint or "")
    assert sandbox.require_sandbox(unsafe=True) == MISSING


def test_the_probe_finds_a_missing_sandbox(monkeypatch):
    def without(code, state, limits, *, arguments):
        return confined.run_confined(code, MISSING, limits, arguments=arguments)

    monkeypatch.setattr(probe, "run_confined", without)
    assert probe.problem_of(USER_NAMESPACE) == "a file outside was written"


def test_the_probe_says_why_a_sandbox_does_not_start(sandbox, monkeypatch):
    monkeypatch.setattr(confined, "filter_program", lambda: b"x")
    assert "the sandbox did not start: bwrap: " in str(probe.problem_of(sandbox.way))


def test_the_probe_passes_where_a_sandbox_works(sandbox):
    assert probe.problem_of(sandbox.way) is None


def test_a_python_in_the_folder_of_homes_is_refused(monkeypatch, tmp_path):
    monkeypatch.setattr("silentzone.execution.bubblewrap.sys.base_prefix", str(tmp_path))
    monkeypatch.setattr("silentzone.execution.bubblewrap.Path.home", lambda: tmp_path / "somebody")
    with pytest.raises(InputError, match="holds the home"):
        bubblewrap_command(USER_NAMESPACE, 3, {}, with_packages=False)


def test_only_what_python_needs_is_seen():
    command = bubblewrap_command(OTHER_USER, 3, {}, with_packages=False)
    assert "--bind" not in command
    assert "--share-net" not in command
    seen = {command[k + 1] for k, one in enumerate(command) if one == "--ro-bind"}
    assert str(Path.home()) not in seen
    assert str(Path(bubblewrap.__file__).parents[1]) not in seen
    with_packages = bubblewrap_command(OTHER_USER, 3, {}, with_packages=True)
    assert str(Path(bubblewrap.__file__).resolve().parents[1]) in with_packages


def test_a_plan_holds_all_limits():
    limits = Limits(wall_seconds=1.0, cpu_seconds=2, processes=3)
    plan = json.loads(inside_plan(Program(code="x"), limits, 5, uid=7, is_confined=True))
    assert plan["limits"]["RLIMIT_NPROC"] == 3
    assert plan["limits"]["RLIMIT_CPU"] == 3, "the last second is for its signal"
    assert plan["limits"]["RLIMIT_CORE"] == 0
    loose = json.loads(inside_plan(Program(code="x"), limits, 5, uid=None, is_confined=False))
    assert "RLIMIT_NPROC" not in loose["limits"], "all processes of the user would count"


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_filter_refuses_what_it_lists_and_allows_the_rest(monkeypatch, machine):
    monkeypatch.setattr("silentzone.execution.seccomp.platform.machine", lambda: machine)
    column = seccomp._COLUMN[machine]
    audit = seccomp._AUDIT[machine]

    def run(name_or_number, first=0, architecture=audit):
        special = {**seccomp._REFUSED, **seccomp._SPECIAL}
        number = (
            special[name_or_number][column] if isinstance(name_or_number, str) else name_or_number
        )
        return filtered(seccomp.filter_program(), number, architecture, first)

    assert all(run(name) == KILL for name in seccomp._REFUSED)
    allowed = set(range(500)) - {pair[column] for pair in seccomp._REFUSED.values()}
    allowed -= {pair[column] for pair in seccomp._SPECIAL.values()}
    assert {run(number) for number in allowed} == {ALLOW}
    assert run("clone", 0x01200011) == ALLOW, "what fork asks for"
    assert run("clone", 0x003D0F00) == ALLOW, "what a thread asks for"
    for flag in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000):
        assert run("clone", flag | 17) == KILL
    assert run("clone3") == 0x00050026, "unknown, so that clone is taken"
    assert run("socket", 1) == ALLOW
    assert {run("socket", family) for family in (2, 10, 16, 40)} == {0x0005000D}
    assert run(1, architecture=0x40000003) == KILL, "32-bit calls have other numbers"
    assert run(0x40000000 | 1) == KILL


def filtered(program, number, architecture, first):
    """What the kernel would make of a call: the few instructions that the filter uses."""
    data = {0: number, 4: architecture, 16: first}
    at, held = 0, 0
    while True:
        code, yes, no, value = struct.unpack_from("=HBBI", program, 8 * at)
        at += 1
        if code == 0x06:
            return value
        if code == 0x20:
            held = data[value]
        else:
            holds = {0x15: held == value, 0x35: held >= value, 0x45: bool(held & value)}[code]
            at += yes if holds else no


def test_a_program_that_never_starts_is_said(monkeypatch):
    monkeypatch.setattr(confined, "interpreter", lambda with_packages: ["/bin/false"])
    with pytest.raises(MeasurementError, match="did not start: it ended without a word"):
        confined.run_confined("pass", MISSING, Limits(wall_seconds=1.0))
    monkeypatch.setattr(confined, "START_SECONDS", 0.2)
    monkeypatch.setattr(confined, "interpreter", lambda with_packages: ["/bin/sleep", "9", "#"])
    monkeypatch.setattr(confined, "inside_plan", lambda *_, **__: "9")
    before = set(os.listdir(tempfile.gettempdir()))  # noqa: PTH208
    with pytest.raises(MeasurementError, match="did not start: "):
        confined.run_confined("pass", MISSING, Limits(wall_seconds=1.0))
    left = set(os.listdir(tempfile.gettempdir())) - before  # noqa: PTH208
    assert not any(name.startswith("silentzone-unsafe-") for name in left)


@pytest.mark.parametrize(
    ("uid_map", "low", "high"),
    [
        ("         0          0 4294967295\n", 1_900_000_000, 2_100_000_000),
        ("         0     100000      65536\n", 32_768, 65_535),
        ("", 1000, 1001),
    ],
)
def test_a_user_that_nobody_is_lies_among_those_there_are(monkeypatch, uid_map, low, high):
    monkeypatch.setattr(
        "silentzone.execution.confined.Path.read_text", lambda self, encoding: uid_map
    )
    found = {confined._unused_id() for _ in range(50)}
    assert min(found) >= low
    assert max(found) <= high


def test_a_slow_machine_gets_more_time_and_a_fast_one_no_less(monkeypatch):
    for measured, factor in ((0.001, 1.0), (3 * speed.NOMINAL_SECONDS, 3.0), (60.0, speed.MOST)):
        monkeypatch.setattr(speed, "_measured", lambda measured=measured: measured)
        assert speed.speed_factor.__wrapped__() == factor


def test_the_speed_is_measured():
    assert 1.0 <= speed.speed_factor() <= speed.MOST
    assert speed._measured() > 0.0
