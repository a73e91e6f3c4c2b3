"""Our matching of function calls beside bfcl-eval's; see README.md."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from silentzone.benchmarks.rules.function_calls import check_calls

ITEMS = json.loads((Path(__file__).parent / "expected.json").read_text("utf-8"))["items"]
CASES = [
    (json.dumps({"functions": item["functions"], "calls": item["calls"]}), text, expected)
    for item in ITEMS
    for text, expected in item["texts"]
]
_TEA = "kitchen.brew_tea(kind='Earl Grey', minutes=4)"
_MEANT = {
    f"```python\n[{_TEA}]\n```": "a fence with a language is a fence",
    "[kitchen.brew_tea(1, kind='Earl Grey', minutes=4)]": "theirs drops arguments without a name",
    "[kitchen.brew_tea(kind='Earl Grey', minutes=3, minutes=4)]": "theirs takes the last one",
    "[kitchen.brew_tea(kind='Earl Grey', minutes=2 + 2)]": "theirs evaluates it",
    "[kitchen.brew_tea(kind='Earl Grey', minutes=+4)]": "theirs reads any sign as minus",
    "[plan_walk(stops=['lake', 'Old Mill'], start=(3.5, 4))]": "a whole number is a number",
    "[shop.order(basket=[{'item': 'bread', 'count': 2}, {'item': 'milk'}],"
    " address={'street': 'Mill Lane 3', 'gift': 1})]": "1 is not true",
    "[kitchen.brew_tea(kind='Assam'), kitchen.brew_tea(kind='Assam', minutes=3),"
    " kitchen.brew_tea(kind='mint')]": "theirs gives away a call that another gold needs",
    "Sure: [kitchen.brew_tea(kind='mint')]": "a call within words is a call",
    "```python\n[kitchen.brew_tea(kind='mint')]\n```": "a call within a fence is a call",
}
"""Answers judged otherwise, and why."""


@pytest.mark.parametrize(("gold", "text", "expected"), CASES)
def test_every_answer_is_judged_as_by_bfcl_but_for_those_that_are_named(gold, text, expected):
    assert bool(check_calls({"text": text, "value": gold})["score"]) == (
        expected != (text in _MEANT)
    )


def test_every_named_answer_is_among_the_cases_and_both_verdicts_occur():
    assert {text for _, text, _ in CASES} >= set(_MEANT)
    assert {expected for _, _, expected in CASES} == {True, False}
