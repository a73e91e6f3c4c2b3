from __future__ import annotations

import builtins
import importlib.metadata
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from silentzone.benchmarks.built_in import Draw
from silentzone.benchmarks.generated import read_generated
from silentzone.benchmarks.registry import BUILT_IN, load_generated
from silentzone.benchmarks.rules import reasoning_gym as own
from silentzone.benchmarks.rules.checkers import CHECKERS
from silentzone.benchmarks.sets import reasoning_gym as sets
from silentzone.errors import BenchmarkError, MissingExtraError
from silentzone.records.items import BenchmarkSource

ENTRY = {
    "question": "1 + 1 =", "answer": "2", "metadata": {"num_terms": 2, "num_digits": 1},
}  # fmt: skip
HOSTILE = (
    "", "\0", "\ud800", "9" * 6000, "x" * 200_000, "1e999999999", "NaN", "[" * 10_000, "-1",
    "__import__('os').abort()", "1," * 50_000, "Monday", "Yes", "²",
)  # fmt: skip


def _load(name="reasoning_gym", items=24, seed=3):
    pytest.importorskip("reasoning_gym")
    source = BenchmarkSource(name=name, path=None, is_built_in=True, items=items, seed=seed)
    return load_generated(source)[1]


def _gold(item):
    return json.loads(item.gold.value)


def _score(item, text):
    return own.check_answer({"text": text, "value": item.gold.value})


def test_the_set_has_as_many_questions_of_every_generator():
    items = _load()
    clusters = [item.cluster_id for item in items]
    assert {name: clusters.count(name) for name in own.GENERATORS} == dict.fromkeys(
        own.GENERATORS, 2
    )
    assert len({item.asked for item in items}) == len({item.item_id for item in items}) == 24


@pytest.mark.parametrize("name", own.GENERATORS)
def test_the_own_answer_is_right_and_no_answer_is_not(name):
    for item in _load(f"rg_{name}", 10):
        answer = _gold(item)["entry"]["answer"]
        found = _score(item, f"Let me see. <answer>{answer}</answer>")
        assert found == {"prediction": answer.strip(), "score": 1.0}
        assert _score(item, answer) == {"prediction": None, "score": 0.0}
        assert _score(item, "<answer>neither</answer>")["score"] < 1.0


@pytest.mark.parametrize("name", own.GENERATORS)
def test_no_scorer_runs_what_it_reads_fails_or_takes_long(name, monkeypatch):
    items = _load(f"rg_{name}", 10)
    own.warm_up()

    def refuse(*_, **__):
        raise SystemExit("code was run")

    monkeypatch.setattr(builtins, "eval", refuse)
    monkeypatch.setattr(builtins, "exec", refuse)
    started = time.process_time()
    for item in items:
        for text in HOSTILE:
            assert 0.0 <= own.score_entry(name, text, _gold(item)["entry"]) <= 1.0
    assert time.process_time() - started < 5.0


def test_a_partly_right_answer_keeps_its_share():
    (item,) = _load("rg_spell_backward", 1)
    answer = _gold(item)["entry"]["answer"]
    expected = pytest.approx(1 - 1 / len(answer))
    assert _score(item, f"<answer>{answer[:-1]}?</answer>")["score"] == expected


def test_a_score_above_one_is_the_scorers_failure():
    package = pytest.importorskip("reasoning_gym")
    entry = {**ENTRY, "answer": "-1", "metadata": {"task": "recurring_event_day"}}
    assert package.create_dataset("calendar_arithmetic").score_answer("5", entry) > 1e6
    with pytest.raises(BenchmarkError, match=r"gave .*, not a number in 0\.\.1"):
        own.score_entry("calendar_arithmetic", "5", entry)
    with pytest.raises(BenchmarkError, match="failed: OverflowError"):
        own.score_entry("calendar_arithmetic", "500", entry)
    tasks = own.GENERATORS["calendar_arithmetic"].settings["tasks"]
    assert "recurring_event_day" not in tasks


def test_a_smaller_set_is_part_of_a_larger_one_and_seeds_share_nothing():
    small, large = _load("rg_chain_sum", 5), _load("rg_chain_sum", 20)
    assert small == large[:5]
    assert _load(items=13) == _load(items=24)[:13]
    other = _load("rg_chain_sum", 20, seed=4)
    assert not {item.asked for item in large} & {item.asked for item in other}


def test_another_process_makes_the_same_items():
    expected = [item.gold.value for item in _load()]
    code = (
        "import json; from silentzone.benchmarks.registry import load_generated;"
        "from silentzone.records.items import BenchmarkSource;"
        "source = BenchmarkSource(name='reasoning_gym', path=None, is_built_in=True, items=24,"
        " seed=3);"
        "print(json.dumps([item.gold.value for item in load_generated(source)[1]]))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    made = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, env=environment
    )
    assert json.loads(made.stdout) == expected


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("<answer>\n 4 \n</answer> done", "4"),
        ("<answer>3</answer><answer>4</answer>", "4"),
        ("<answer>a <answer>4</answer>", "4"),
        ("<answer></answer>", ""),
        ("<answer>4", None),
        ("4</answer>", None),
        ("</answer><answer>", None),
        ("<Answer>4</Answer>", None),
    ],
)
def test_the_answer_stands_between_the_last_tags(text, answer):
    assert own.extract_answer(text) == answer


def test_many_tags_take_no_time():
    started = time.process_time()
    for text in ("<answer>" * 300_000, "</answer>" * 300_000, "<answer" * 300_000):
        assert own.extract_answer(text) is None
    assert time.process_time() - started < 2.0


def _value(**changes):
    return json.dumps({"generator": "chain_sum", "entry": ENTRY, **changes})


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "an object of `generator` and `entry`"),
        (_value(more=1), "an object of `generator` and `entry`"),
        (_value(generator="chainsum"), "did you mean `chain_sum`?"),
        (_value(generator="codeio"), "there is no generator `codeio`"),
        (_value(generator=["chain_sum"]), "there is no generator"),
        (_value(entry={**ENTRY, "answer": None}), "the texts `question` and `answer`"),
        (_value(entry=[]), "the texts `question` and `answer`"),
    ],
)
def test_an_entry_that_cannot_be_used_is_refused(value, message):
    with pytest.raises(BenchmarkError, match=r"^line 4: ") as caught:
        own.check_entry_gold(value, "line 4")
    assert message in caught.value.message


def test_an_entry_whose_own_answer_is_wrong_is_refused(tmp_path):
    pytest.importorskip("reasoning_gym")
    path = tmp_path / "own.jsonl"
    gold = {"generator": "family_relationships", "entry": ENTRY}
    line = {"item_id": 1, "prompt": "?", "reasoning_gym": gold}
    path.write_text(json.dumps(line), "utf-8")
    assert read_generated(path)[0].gold.rule == "reasoning_gym"
    entry = {**ENTRY, "metadata": {"task": "none"}}
    broken = {"generator": "calendar_arithmetic", "entry": entry}
    path.write_text(json.dumps({**line, "reasoning_gym": broken}), "utf-8")
    with pytest.raises(BenchmarkError, match=r"line 1: .*own answer 0 instead of 1"):
        read_generated(path)
    entry["metadata"] = {}
    path.write_text(json.dumps({**line, "reasoning_gym": broken}), "utf-8")
    with pytest.raises(BenchmarkError, match=r"line 1: .*failed: KeyError"):
        read_generated(path)


def _without(name):
    raise importlib.metadata.PackageNotFoundError(name)


@pytest.mark.parametrize("version", [_without, lambda _: "0.2.0"])
def test_without_the_package_the_command_is_told(monkeypatch, version):
    monkeypatch.setattr(importlib.metadata, "version", version)
    with pytest.raises(MissingExtraError, match=r"needs .*reasoning-gym") as caught:
        BUILT_IN["rg_chain_sum"].read(Draw(folder=Path(), items=3, seed=1))
    assert 'pip install "silentzone[reasoning-gym]"' in str(caught.value.hint)


class _Repeating:
    def __getitem__(self, index):
        return {"question": "same?", "answer": "1", "metadata": {}}


class _Strange:
    def __getitem__(self, index):
        return {"question": f"{index}?", "answer": "1", "metadata": {"when": {1, 2}}}


@pytest.mark.parametrize(
    ("dataset", "message"),
    [(_Repeating, "has only 1 different questions, not 3"), (_Strange, "more than JSON can hold")],
)
def test_a_generator_that_makes_no_usable_set_is_refused(monkeypatch, dataset, message):
    monkeypatch.setattr(sets, "make_dataset", lambda *_: dataset())
    monkeypatch.setattr(sets, "check_entry_gold", lambda *_: None)
    with pytest.raises(BenchmarkError, match=message):
        BUILT_IN["rg_chain_sum"].read(Draw(folder=Path(), items=3, seed=1))


def test_too_many_items_are_refused():
    with pytest.raises(BenchmarkError, match="10000 at most"):
        BUILT_IN["reasoning_gym"].read(Draw(folder=Path(), items=10_001, seed=1))


def test_the_process_of_the_checker_fits_its_memory_and_tells_a_failure():
    from silentzone.measure.judging import Judge
    from silentzone.records.items import Gold

    (item,) = _load("rg_chain_sum", 1)
    answer = _gold(item)["entry"]["answer"]
    broken = json.dumps({"generator": "calendar_arithmetic", "entry": ENTRY})
    with Judge() as judge:
        found = judge(f"<answer>{answer}</answer>", item.gold)
        failed = judge("<answer>1</answer>", Gold(rule="reasoning_gym", value=broken))
        again = judge("<answer>\ud800\0</answer>", item.gold)
    assert (found.status, found.score, found.prediction) == ("ok", 1.0, answer)
    assert (failed.status, failed.score) == ("grader_error", None)
    assert "KeyError" in str(failed.details)
    assert (again.status, again.score) == ("ok", 0.0)
    assert not CHECKERS["reasoning_gym"].is_confined


def test_a_yes_or_no_question_has_the_chance_of_a_coin():
    chances = {one.name: one.chance for one in sets.REASONING_GYM}
    assert chances["rg_syllogism"] == 0.5
    assert chances["rg_chain_sum"] == 0.0
    assert chances["reasoning_gym"] == pytest.approx(0.5 / 12)
