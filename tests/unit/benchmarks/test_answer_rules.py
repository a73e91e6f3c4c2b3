from __future__ import annotations

import pytest

from silentzone.benchmarks.rules.answer_rules import (
    check_gold,
    check_pattern,
    check_pattern_gold,
    judge,
    last_number,
    normalized,
)
from silentzone.errors import BenchmarkError
from silentzone.records.items import Gold


def judged(text, rule, value, tolerance=0.0):
    if rule == "regex":
        found = check_pattern({"text": text, "value": value})
        return found["prediction"], found["score"]
    verdict = judge(text, Gold(rule=rule, value=value, tolerance=tolerance))
    return verdict.prediction, verdict.score


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("it is 4.", "4"),
        ("10-3", "3"),
        ("x = -3", "-3"),
        ("\u22127 degrees", "-7"),
        ("1,234,567.5 in all", "1234567.5"),
        ("12,34", "34"),
        ("about .5", ".5"),
        ("2e3 m", "2e3"),
        ("none", None),
        ("2 + 2 = 4, as in 2024", "2024"),
    ],
)
def test_the_last_number_is_read_as_people_write_it(text, number):
    assert last_number(text) == number


def test_a_number_is_right_within_its_tolerance():
    assert judged("so 3.0", "number", "3") == ("3.0", 1.0)
    assert judged("so 3.2", "number", "3", 0.25) == ("3.2", 1.0)
    assert judged("so 3.3", "number", "3", 0.25) == ("3.3", 0.0)
    assert judged("no idea", "number", "3") == (None, 0.0)
    assert judged("1e999", "number", "3") == (None, 0.0)


def test_a_target_is_compared_once_both_are_normalized():
    assert judged(" PARIS!\n", "target", "Paris") == ("paris", 1.0)
    assert judged("Paris, France", "target", "Paris")[1] == 0.0
    assert normalized("e\u0301") == normalized("\u00c9")


def test_contained_text_stands_alone():
    assert judged("It is 8 or so", "contains", "8") == ("8", 1.0)
    assert judged("It is 18", "contains", "8") == (None, 0.0)
    assert judged("in New\n York.", "contains", "new york")[1] == 1.0


def test_a_pattern_gives_its_first_group():
    assert judged("Answer: B", "regex", r"Answer: ([A-D])") == ("B", 1.0)
    assert judged("Answer: B", "regex", r"[A-D]$") == ("B", 1.0)
    assert judged("Answer: E", "regex", r"Answer: ([A-D])") == (None, 0.0)


@pytest.mark.parametrize(
    ("gold", "message"),
    [
        (Gold(rule="target", value=" ?! "), "empty once normalized"),
        (Gold(rule="contains", value="."), "empty once normalized"),
        (Gold(rule="number", value="nan"), "finite"),
        (Gold(rule="number", value="3", tolerance=-1.0), "not negative"),
    ],
)
def test_an_impossible_gold_is_refused(gold, message):
    with pytest.raises(BenchmarkError, match=message):
        check_gold(gold, "line 3")


@pytest.mark.parametrize(
    ("pattern", "message"),
    [("(a", "not a pattern"), ("a*", "empty text"), ("a" * 1001, "longer than 1000")],
)
def test_an_impossible_pattern_is_refused(pattern, message):
    with pytest.raises(BenchmarkError, match=message):
        check_pattern_gold(pattern, "line 3")
