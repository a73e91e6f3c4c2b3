from __future__ import annotations

import subprocess
import sys
import time

import pytest

from silentzone.errors import (
    BenchmarkError,
    EnvironmentNotReadyError,
    InputError,
    MeasurementError,
    TimeLimitError,
)
from silentzone.execution.bubblewrap import SandboxState
from silentzone.execution.limited import LimitedProcess

SEARCH = "silentzone.benchmarks.rules.answer_rules:check_pattern"
RENDER = "silentzone.benchmarks.chat:render_chat"
B = {"value": "b", "text": "b"}
FOUND = {"prediction": "b", "score": 1.0}
ENDLESS = {"value": "(a+)+$", "text": "a" * 40 + "b"}


def conversation(template):
    return {"template": template, "messages": [], "bos_token": "", "eos_token": ""}


def test_calls_are_answered_one_after_the_other():
    with LimitedProcess(SEARCH, 30.0) as search:
        assert search({"value": "b+", "text": "abbc"}) == FOUND | {"prediction": "bb"}
        assert search({"value": "x", "text": "é" * 100_000})["prediction"] is None


def test_a_hostile_pattern_costs_its_own_call_only():
    started = time.monotonic()
    with LimitedProcess(SEARCH, 1.0) as search:
        with pytest.raises(TimeLimitError, match="longer than 1 s"):
            search(ENDLESS)
        assert search(B) == FOUND
    assert time.monotonic() - started < 60


def test_a_template_that_never_ends_is_ended():
    nest = "{% for i in range(99999) %}" * 3 + "{% endfor %}" * 3
    with LimitedProcess(RENDER, 1.0) as render, pytest.raises(TimeLimitError):
        render(conversation(nest))


def test_a_template_that_wants_all_memory_is_refused():
    with LimitedProcess(RENDER, 60.0) as render:
        with pytest.raises(BenchmarkError, match="failed: MemoryError"):
            render(conversation("{{ 'x' * 99999999999 }}"))
        assert render(conversation("fine")) == {"text": "fine"}


def test_a_process_that_died_is_said_and_replaced():
    with LimitedProcess(SEARCH, 30.0) as search:
        search(B)
        process = search._process
        assert process is not None
        process._process.kill()
        process._process.wait()
        with pytest.raises(MeasurementError, match="died"):
            search(B)
        assert search(B) == FOUND


def test_what_a_function_prints_is_not_taken_for_an_answer():
    code = (
        "import os\n"
        "from silentzone.execution import limited\n"
        "replies = limited._own_output()\n"
        "print('noise', flush=True)\n"
        "os.write(1, b'noise')\n"
        "limited._reply(replies, {'result': {}})\n"
    )
    outcome = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert outcome.stdout == b'{"result": {}}\n'


def test_only_functions_of_this_package_are_run():
    with pytest.raises(InputError, match="silentzone"):
        LimitedProcess("os:system", 1.0)


def test_a_confined_process_answers_call_after_call(sandbox):
    with LimitedProcess(SEARCH, 30.0, confined=True) as search:
        assert search(B) == FOUND
        process = search._process
        assert search(B) == FOUND
        assert search._process is process
        assert search.sandbox == sandbox


def test_a_confined_process_that_takes_too_long_is_ended_and_replaced(sandbox):
    with LimitedProcess(SEARCH, 1.0, confined=True) as search:
        with pytest.raises(TimeLimitError, match="longer than 1 s"):
            search(ENDLESS)
        assert search(B) == FOUND


def test_what_is_no_answer_is_not_taken_for_one(monkeypatch):
    with LimitedProcess(SEARCH, 30.0) as search:
        assert search(B) == FOUND
        for line in (b"[]\n", b"{\n", b'{"result": 1}\n', b'{"error": "x", "hint": 2}\n'):
            search(B)
            monkeypatch.setattr(search, "_line", lambda pipe, seconds, line=line: line)
            with pytest.raises(MeasurementError, match="died"):
                search._ask(B, 1.0)
            monkeypatch.undo()


def test_what_is_to_be_confined_is_refused_without_a_sandbox(monkeypatch):
    missing = SandboxState(kind=None, version=None, missing="it is not there", command="get it")
    monkeypatch.setattr("silentzone.execution.sandbox.sandbox_state", lambda: missing)
    with pytest.raises(EnvironmentNotReadyError, match="it is not there") as caught:
        LimitedProcess(SEARCH, 1.0, confined=True)
    assert "get it" in (caught.value.hint or "")
    with LimitedProcess(SEARCH, 30.0, confined=True, unsafe=True) as search:
        assert search(B) == FOUND
        assert search.sandbox == missing
