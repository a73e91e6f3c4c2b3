from __future__ import annotations

import time

import pytest

from silentzone.errors import BenchmarkError, InputError, MeasurementError, TimeLimitError
from silentzone.execution.limited import LimitedProcess

SEARCH = "silentzone.benchmarks.answer_rules:search_pattern"
RENDER = "silentzone.benchmarks.chat:render_chat"
ENDLESS = {"pattern": "(a+)+$", "text": "a" * 40 + "b"}


def conversation(template):
    return {"template": template, "messages": [], "bos_token": "", "eos_token": ""}


def test_calls_are_answered_one_after_the_other():
    with LimitedProcess(SEARCH, 30.0) as search:
        assert search({"pattern": "b+", "text": "abbc"}) == {"found": "bb"}
        assert search({"pattern": "x", "text": "é" * 100_000}) == {"found": None}


def test_a_hostile_pattern_costs_its_own_call_only():
    started = time.monotonic()
    with LimitedProcess(SEARCH, 1.0) as search:
        with pytest.raises(TimeLimitError, match="longer than 1 s"):
            search(ENDLESS)
        assert search({"pattern": "b", "text": "b"}) == {"found": "b"}
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
        search({"pattern": "b", "text": "b"})
        process = search._process
        assert process is not None
        process.kill()
        process.wait()
        with pytest.raises(MeasurementError, match="died"):
            search({"pattern": "b", "text": "b"})
        assert search({"pattern": "b", "text": "b"}) == {"found": "b"}


def test_only_functions_of_this_package_are_run():
    with pytest.raises(InputError, match="silentzone"):
        LimitedProcess("os:system", 1.0)
