"""Answers held against their golds by the rule each names."""

from __future__ import annotations

import json

import pytest

from silentzone.benchmarks.rules.checkers import CHECKERS
from silentzone.errors import EnvironmentNotReadyError
from silentzone.execution import sandbox
from silentzone.execution.bubblewrap import SandboxState
from silentzone.measure.judging import Judge, require_safety
from silentzone.records.items import GeneratedItem, Gold

AT_LEAST = {"num_words": 3, "relation": "at least"}
WORDS = {"id": "length_constraints:number_words", "kwargs": AT_LEAST}


def item(rule, value="x"):
    gold = Gold(rule=rule, value=value)
    return GeneratedItem(item_id="a", prompt="p", messages=(), gold=gold)


def test_every_rule_is_judged_and_checkers_keep_their_processes():
    with Judge() as judge:
        assert judge("so 15", Gold(rule="number", value="15")).score == 1.0
        first = judge("see B", Gold(rule="regex", value="([A-D])$"))
        assert (first.status, first.prediction, first.score) == ("ok", "B", 1.0)
        told = judge("one two", Gold(rule="instructions", value=json.dumps([WORDS])))
        assert (told.status, told.score) == ("ok", 0.0)
        assert json.loads(told.details or "")["loose"] == 0.0
        assert len(judge._processes) == 2


def test_a_pattern_that_never_ends_is_not_the_models_fault():
    with Judge() as judge:
        slow = judge("a" * 60, Gold(rule="regex", value="(a|a|b|aa)*(a|a|b|aa)*(a|aa|a)*c"))
        assert (slow.status, slow.score) == ("rule_timeout", None)
        assert judge("see B", Gold(rule="regex", value="B")).score == 1.0


def test_a_gold_that_breaks_its_checker_is_not_the_models_fault():
    with Judge() as judge:
        broken = judge("text", Gold(rule="instructions", value="[{]"))
        assert broken.status in {"grader_error", "rule_timeout"}
        assert broken.score is None


def test_what_a_model_wrote_is_not_run_without_a_sandbox(monkeypatch):
    nothing = SandboxState(kind=None, version=None, missing="not here", command="get it")
    monkeypatch.setattr(sandbox, "sandbox_state", lambda: nothing)
    require_safety([item("number", "3"), item("regex")], unsafe=False)
    with pytest.raises(EnvironmentNotReadyError, match="not here") as caught:
        require_safety([item("python_tests")], unsafe=False)
    assert "get it" in (caught.value.hint or "")
    require_safety([item("python_tests")], unsafe=True)


def test_programs_are_confined_and_no_other_checker_needs_it():
    assert {rule for rule, one in CHECKERS.items() if one.is_confined} == {"python_tests"}
    assert {rule for rule, one in CHECKERS.items() if one.task is None} == {"python_tests"}
