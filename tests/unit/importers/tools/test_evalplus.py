"""Results that EvalPlus wrote: base and plus, timeouts, several solutions per task."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from silentzone.errors import ConfigError, TableError
from silentzone.importers.reading import Bundle, ImportOptions
from silentzone.importers.tools.evalplus import FORMAT

FOLDER = Path(__file__).parents[3] / "golden/imports/evalplus"
FULL = FOLDER / "made--model_hf_temp_0.2_eval_results.json"
BASE_ONLY = FOLDER / "made--model_base_eval_results.json"


def _read(path, **options):
    return FORMAT.read(Bundle(main=path), ImportOptions(**options))


def _changed(tmp_path, change):
    document = json.loads(FULL.read_text())
    change(document)
    path = tmp_path / FULL.name
    path.write_text(json.dumps(document))
    return path


def test_a_solution_must_pass_both_halves():
    found = _read(FULL)
    (answers,) = found.items

    assert (answers.model, answers.benchmark) == ("made--model_hf_temp_0.2", "humaneval+")
    keys = zip(answers.item_ids, answers.repeats.tolist(), strict=True)
    values = zip(answers.scores.tolist(), answers.statuses, strict=True)
    by_item = dict(zip(keys, values, strict=True))
    assert by_item["HumanEval/0", 0] == (1.0, "ok")
    # The second passes the base tests and fails the plus tests.
    assert by_item["HumanEval/0", 1] == (0.0, "ok")
    assert by_item["HumanEval/1", 1] == (0.0, "ok")
    score, status = by_item["HumanEval/2", 1]
    assert math.isnan(score)
    assert status == "timeout"
    assert answers.settings["metric"] == "base and plus tests"
    assert len(answers.settings["items_sha256"]) == len("md5:") + 32
    where = "made--model_hf_temp_0.2, humaneval+: "
    assert found.notes == (
        where + "a solution counts as right where it passes the base and plus tests",
        where + "no model is named, so it is called like the file",
        where + "1 of 6 answers are no verdict: the evaluator ended them: 1 timeout",
    )


def test_base_alone_on_demand_and_where_nothing_else_was_run():
    asked = _read(FULL, metric="base").items[0]
    only = _read(BASE_ONLY).items[0]

    assert asked.benchmark == only.benchmark == "humaneval"
    assert asked.settings == only.settings
    assert asked.scores[:4].tolist() == only.scores[:4].tolist() == [1.0, 1.0, 1.0, 0.0]
    with pytest.raises(TableError, match="plus tests were not run"):
        _read(BASE_ONLY, metric="plus")
    with pytest.raises(ConfigError, match="no metric 'best'"):
        _read(FULL, metric="best")


@pytest.mark.parametrize(
    ("base", "plus", "status", "score"),
    [
        ("timeout", "fail", "ok", 0.0),
        ("fail", "timeout", "ok", 0.0),
        ("pass", "timeout", "timeout", None),
        ("timeout", "pass", "timeout", None),
    ],
)
def test_a_failed_half_decides_and_an_ended_one_does_not(tmp_path, base, plus, status, score):
    def change(document):
        document["eval"]["HumanEval/0"][0].update(base_status=base, plus_status=plus)

    answers = _read(_changed(tmp_path, change)).items[0]

    assert answers.statuses[0] == status
    assert answers.scores[0] == score or (score is None and math.isnan(answers.scores[0]))


def test_the_pass_rate_that_newer_versions_state_is_held_against_the_solutions(tmp_path):
    right = {"base": {"pass@1": 2 / 3}, "plus": {"pass@1": 1 / 3}}
    assert _read(_changed(tmp_path, lambda document: document.update(pass_at_k=right))).items

    wrong = {"base": {"pass@1": 2 / 3}, "plus": {"pass@1": 0.5}}
    with pytest.raises(TableError, match=r"states a pass@1 of '0\.5' with base and plus tests"):
        _read(_changed(tmp_path, lambda document: document.update(pass_at_k=wrong)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda document: document.pop("eval"), "`eval` is missing"),
        (lambda document: document.update(eval={}), "has no solutions"),
        (lambda document: document["eval"].update({"HumanEval/0": []}), "a list of solutions"),
        (
            lambda document: document["eval"].update({"HumanEval/0": {"base": []}}),
            "task 'HumanEval/0': this is how EvalPlus before 0.2 wrote",
        ),
        (
            lambda document: document["eval"]["HumanEval/0"][0].update(base_status="passed"),
            "must be pass, fail or timeout; it is 'passed'",
        ),
        (
            lambda document: document["eval"]["HumanEval/0"][0].update(plus_status=None),
            "some solutions have a plus_status",
        ),
        (
            lambda document: document["eval"].update({"Mbpp/2": document["eval"]["HumanEval/0"]}),
            "tasks of 2 sets, 'humaneval', 'mbpp'",
        ),
    ],
)
def test_what_is_no_result_is_refused(tmp_path, change, message):
    with pytest.raises(TableError, match=message):
        _read(_changed(tmp_path, change))


def test_a_file_named_for_its_folder(tmp_path):
    path = tmp_path / "some-model" / "eval_results.json"
    path.parent.mkdir()
    path.write_text(FULL.read_text())

    assert _read(path).items[0].model == "some-model"


def test_finds_its_own_files_alone(tmp_path):
    other = tmp_path / "x_eval_results.json"
    other.write_text("[]")

    assert [one.main for one in FORMAT.find([FULL, other, BASE_ONLY])] == [FULL, BASE_ONLY]
