# A null where a number is expected fails these tests by itself.
# mypy: disable-error-code="operator,index,arg-type,no-untyped-def,union-attr"

from __future__ import annotations

import dataclasses

import numpy as np
from tests.unit.analysis.answers import answers, benchmark

from silentzone.analysis import flips
from silentzone.analysis.flips import Asked, BenchmarkDetails, Told, changed_answers


def details(reference, **candidates):
    scores = benchmark(reference, **candidates)
    return BenchmarkDetails(scores=scores, reference="F16")


def changes(found):
    return [(one["question"], one["model"], one["kind"]) for one in found["changes"]]


def test_harm_gain_and_another_wrong_answer_are_told_apart():
    own = answers([1.0, 0.0, 0.0, 0.0, 1.0], predictions=list("abcde"))
    other = answers([0.0, 1.0, 0.0, 0.0, 1.0], predictions=list("xyzde"))
    found = changed_answers([details(own, Q4=other)], "F16")
    assert changes(found) == [(0, 0, "harm"), (1, 0, "gain"), (2, 0, "other")]
    assert [one["item"] for one in found["questions"]] == ["i0", "i1", "i2"]
    assert found["left_out"] == []


def test_a_question_stands_once_with_how_many_changed_it():
    found = changed_answers([details([1.0, 0.0], a=[0.0, 0.0], b=[0.0, 1.0], c=[1.0, 1.0])], "F16")
    assert found["models"] == ["a", "b", "c"]
    assert changes(found) == [(0, 0, "harm"), (0, 1, "harm"), (1, 1, "gain"), (1, 2, "gain")]
    counts = [(one["harmed"], one["gained"], one["candidates"]) for one in found["questions"]]
    assert counts == [(2, 0, 3), (0, 2, 3)]


def test_items_without_a_score_are_no_change():
    for reference, own in (([1.0, 1.0, None], [None, 1.0, 0.0]), ([None], [1.0])):
        found = changed_answers([details(reference, a=own)], "F16")
        assert found["changes"] == []
        assert found["questions"] == []
    assert changed_answers([details([1.0])], "F16")["models"] == []


def test_the_largest_changes_are_kept_and_the_others_counted(monkeypatch):
    monkeypatch.setattr(flips, "MOST_CHANGES", 2)
    monkeypatch.setattr(flips, "LEAST_PER_PAIR", 2)
    one = details([1.0, 1.0, 1.0, 1.0], a=[0.5, 0.0, 0.0, 0.9])
    margins = {"F16": [1.0, 1.0, 1.0, 1.0], "a": [0.0, 0.9, -2.0, 0.0]}
    told = {
        name: dataclasses.replace(one.scores.answers[name], margin=np.array(values))
        for name, values in margins.items()
    }
    scores = dataclasses.replace(one.scores, answers=told)
    found = changed_answers([BenchmarkDetails(scores=scores, reference="F16")], "F16")
    assert [one["item"] for one in found["questions"]] == ["i1", "i2"]
    assert found["left_out"] == [{"benchmark": 0, "model": 0, "count": 2}]


def test_words_and_shared_tokens_stand_beside_the_scores():
    one = dataclasses.replace(
        details([1.0], a=[0.0]),
        asked={"i0": Asked(prompt="p" * 3000, gold="7", rule="number", cluster="sums")},
        told={
            "F16": {"i0": Told(text="it is 7", tokens=[4, 5, 6])},
            "a": {"i0": Told(text="it is 8", tokens=[4, 5, 9, 1])},
        },
    )
    found = changed_answers([one], "F16")
    (question,), (change,) = found["questions"], found["changes"]
    assert len(question["prompt"]) == flips.LONGEST_TEXT + 1
    assert (question["gold"], question["rule"], question["cluster"]) == ("7", "number", "sums")
    assert (question["reference"]["text"], change["text"]) == ("it is 7", "it is 8")
    assert change["shared_tokens"] == 2
    assert change["divergence"] is None


def test_benchmarks_are_numbered_and_models_shared_between_them():
    first = details([1.0], a=[0.0])
    second = BenchmarkDetails(scores=benchmark([0.0], name="other", b=[1.0]), reference="F16")
    found = changed_answers([first, second], "F16")
    assert found["models"] == ["a", "b"]
    assert [one["benchmark"] for one in found["questions"]] == [0, 1]
    assert changes(found) == [(0, 0, "harm"), (1, 1, "gain")]
    assert found["benchmarks"] == [{"name": "mmlu", "items": 1}, {"name": "other", "items": 1}]
