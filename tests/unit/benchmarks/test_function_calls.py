"""When function calls are the ones wanted, and which golds can be."""

from __future__ import annotations

import json

import pytest

from silentzone.benchmarks.generated import read_generated
from silentzone.benchmarks.rules.checkers import CHECKERS
from silentzone.benchmarks.rules.function_calls import REASONS, check_calls
from silentzone.errors import BenchmarkError
from silentzone.measure.judging import Judge
from silentzone.records.items import Gold

RIDE = {
    "name": "city.ride",
    "parameters": {
        "type": "object",
        "properties": {
            "to": {"type": "string"},
            "people": {"type": "integer"},
            "tip": {"type": "number"},
            "via": {"type": "array", "items": {"type": "string"}},
            "card": {"type": "object"},
        },
        "required": ["to"],
    },
}
WAIT = {"name": "wait", "parameters": {"type": "object", "properties": {}}}
CALL = {
    "city.ride": {
        "to": ["Main St. 5"],
        "people": [2],
        "tip": ["", 1.5, None],
        "via": ["", ["Zoo", "Park"]],
        "card": ["", {"last": [1234], "kind": ["debit", ""]}],
    }
}


def _gold(*calls, functions=(RIDE, WAIT)):
    return json.dumps({"functions": list(functions), "calls": list(calls)})


def _found(text, *calls):
    return check_calls({"text": text, "value": _gold(*calls)})


@pytest.mark.parametrize(
    "text",
    [
        "[city.ride(to='Main St. 5', people=2)]",
        "[city.ride(people=2, to='main-st 5')]",
        "[city.ride(to='Main St. 5', people=2, tip=1.5, via=['zoo', 'PARK'], card={'last': 1234})]",
        "[city.ride(to='Main St. 5', people=2, tip=None)]",
        "[city.ride(to='Main St. 5', people=2, via=[])]",
        "[city.ride(to='Main St. 5', people=2, card={'kind': 'Debit', 'last': 1234.0})]",
    ],
)
def test_a_wanted_call_is_right_in_each_of_its_forms(text):
    assert _found(text, CALL)["score"] == 1.0


@pytest.mark.parametrize(
    ("text", "reason", "parameter"),
    [
        ("I need a ride.", "unreadable", None),
        ("[]", "wrong_count", None),
        ("[city.ride(to='Main St. 5', people=2), wait()]", "wrong_count", None),
        ("[ride(to='Main St. 5', people=2)]", "wrong_function", None),
        ("[wait()]", "wrong_function", None),
        ("[city.ride(people=2)]", "missing_parameter", "to"),
        ("[city.ride(to='Main St. 5')]", "missing_parameter", "people"),
        ("[city.ride(to='Main St. 5', people=2, when=1)]", "unexpected_parameter", "when"),
        ("[city.ride(to=5, people=2)]", "wrong_type", "to"),
        ("[city.ride(to='Main St. 5', people=2.0)]", "wrong_type", "people"),
        ("[city.ride(to='Main St. 5', people=True)]", "wrong_type", "people"),
        ("[city.ride(to='Main St. 5', people=None)]", "wrong_type", "people"),
        ("[city.ride(to='Main St. 5', people=2, via=('Zoo', 'Park'))]", "wrong_type", "via"),
        ("[city.ride(to='Main St. 5', people=2, via=['Zoo', 1])]", "wrong_type", "via"),
        ("[city.ride(to='Main St. 6', people=2)]", "wrong_value", "to"),
        ("[city.ride(to='Main St. 5', people=2, tip=1)]", "wrong_value", "tip"),
        ("[city.ride(to='Main St. 5', people=2, via=['Park', 'Zoo'])]", "wrong_value", "via"),
        ("[city.ride(to='Main St. 5', people=2, card={})]", "wrong_value", "card"),
        ("[city.ride(to='Main St. 5', people=2, card={'last': True})]", "wrong_value", "card"),
        ("[city.ride(to='Main St. 5', people=2, card={'last': 1234, 'a': 1})]", "wrong_value",
         "card"),
    ],
)  # fmt: skip
def test_a_wrong_answer_has_the_first_reason(text, reason, parameter):
    found = _found(text, CALL)
    assert found["score"] == 0.0
    assert (found["details"]["reason"], found["details"].get("parameter")) == (reason, parameter)
    assert reason in REASONS
    assert (found["prediction"] is None) == (reason == "unreadable")


def test_calls_may_come_in_any_order_and_each_wanted_one_needs_its_own():
    mild, strict = {"city.ride": {"to": ["A", "B"]}}, {"city.ride": {"to": ["A"]}}
    for text in (
        "[city.ride(to='A'), city.ride(to='B')]",
        "[city.ride(to='B'), city.ride(to='A')]",
    ):
        assert _found(text, mild, strict)["score"] == 1.0
        assert _found(text, strict, mild)["score"] == 1.0
    found = _found("[city.ride(to='B'), city.ride(to='B')]", mild, strict)
    assert found["details"] == {"reason": "wrong_value", "function": "city.ride", "parameter": "to"}


def test_the_prediction_is_in_canonical_form():
    found = _found('```\ncity.ride(people=2,to="Main St. 5")```', CALL)
    assert found["prediction"] == "[city.ride(people=2, to='Main St. 5')]"


@pytest.mark.parametrize(
    ("text", "score", "reason"),
    [
        ("[]", 1.0, None),
        ("", 1.0, None),
        ("No function can do that; wait a day.", 1.0, "no_call_in_text"),
        ("[wait()]", 0.0, "unwanted_call"),
        ("[fly(to='Mars')]", 0.0, "unwanted_call"),
        ("I would call wait() here.", 0.0, "unwanted_call"),
        ("[city.ride('A')]", 0.0, "unwanted_call"),
    ],
)
def test_where_no_call_is_wanted_any_answer_without_one_is_right(text, score, reason):
    found = _found(text)
    assert (found["score"], found.get("details", {}).get("reason")) == (score, reason)
    assert score == 0.0 or found["prediction"] == "[]"


def test_the_rule_runs_in_a_process_of_its_own():
    with Judge() as judge:
        right = judge("[wait()]", Gold(rule="function_calls", value=_gold({"wait": {}})))
        huge = judge("[" * 10**6, Gold(rule="function_calls", value=_gold({"wait": {}})))
    assert (right.status, right.score, right.prediction) == ("ok", 1.0, "[wait()]")
    assert (huge.status, huge.score) == ("ok", 0.0)
    assert huge.details is not None
    assert json.loads(huge.details)["reason"] == "unreadable"


def test_a_line_of_the_users_own_file_takes_the_rule(tmp_path):
    line = {
        "item_id": "1",
        "messages": [{"role": "user", "content": "Wait."}],
        "function_calls": {"functions": [WAIT], "calls": [{"wait": {}}]},
    }
    (tmp_path / "own.jsonl").write_text(json.dumps(line), "utf-8")
    (item,) = read_generated(tmp_path / "own.jsonl")
    assert check_calls({"text": "wait()", "value": item.gold.value})["score"] == 1.0


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ('{"functions": [1e999], "calls": []}', "no finite number"),
        ('{"functions": [NaN], "calls": []}', "no finite number"),
        ("[]", "an object with"),
        ('{"functions": [], "calls": []}', "one or more `functions`"),
        (_gold(*[{"wait": {}}] * 65), "up to 64 `calls`"),
        (_gold(functions=[{"name": "a b"}]), "without a usable `name`"),
        (_gold(functions=["wait"]), "without a usable `name`"),
        (_gold(functions=[WAIT, WAIT]), "describes `wait` twice"),
        (_gold(functions=[{"name": "f", "parameters": []}]), "no usable `parameters` for `f`"),
        (_gold(functions=[{"name": "f", "parameters": {"properties": {"x": 1}}}]), "nothing of"),
        (
            _gold(functions=[{"name": "f", "parameters": {"properties": {"x": {"type": "word"}}}}]),
            "a type that is not known for `f(x)`: 'word'",
        ),
        (
            _gold(functions=[{"name": "f", "parameters": {"required": ["x"]}}]),
            "requires `x` of `f`, which is no parameter",
        ),
        (_gold({"wait": {}, "city.ride": {}}), "one name with its arguments"),
        (_gold({"fly": {}}), "calls `fly`, which is none"),
        (_gold({"wait": []}), "arguments of `wait` that are not an object"),
        (_gold({"wait": {"x": [1]}}), "gives `x`, which is no parameter of `wait`"),
        (_gold({"city.ride": {}}), "no answer for `to`, which `city.ride` requires"),
        (_gold({"city.ride": {"to": [""]}}), "no answer for `to`"),
        (_gold({"city.ride": {"to": "A"}}), "list the possible answers of `city.ride(to)`"),
        (_gold({"city.ride": {"to": [5]}}), "answer of `city.ride(to)` that is not of its type: 5"),
        (_gold({"city.ride": {"to": ["A"], "people": [True]}}), "`city.ride(people)`"),
        (_gold({"city.ride": {"to": ["A"], "via": [["A", 1]]}}), "`city.ride(via)`"),
        (_gold({"city.ride": {"to": ["A"], "card": [{"last": 1}]}}), "`city.ride(card)`"),
        (_gold({"city.ride": {"to": ["A"], "card": []}}), "list the possible answers"),
    ],
)  # fmt: skip
def test_a_gold_that_no_answer_could_meet_is_refused(value, message):
    with pytest.raises(BenchmarkError, match="here: `function_calls`") as caught:
        CHECKERS["function_calls"].check_gold(value, "here")
    assert message in caught.value.message
