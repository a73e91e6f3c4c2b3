"""Results laid out as LiveCodeBench lays them out: verdicts of the model and of the machine."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from silentzone.errors import TableError
from silentzone.importers.reading import Bundle, ImportOptions
from silentzone.importers.tools.livecodebench import FORMAT

FOLDER = Path(__file__).parents[3] / "golden/imports/livecodebench/Made-Model-7B"
CODE = FOLDER / "codegeneration_3_0.2_eval_all.json"
OUTPUT = FOLDER / "testoutputprediction_1_0.2_eval_all.json"


def _read(path, **options):
    return FORMAT.read(Bundle(main=path), ImportOptions(**options))


def _changed(tmp_path, change):
    rows = json.loads(CODE.read_text())
    change(rows)
    path = tmp_path / CODE.name
    path.write_text(json.dumps(rows))
    return path


def test_every_graded_answer_is_a_repeat():
    found = _read(CODE)
    (answers,) = found.items

    assert (answers.model, answers.benchmark) == ("Made-Model-7B", "livecodebench codegeneration")
    assert answers.item_ids == ("made1_a",) * 3 + ("made2_a",) * 3
    assert answers.repeats.tolist() == [0, 1, 2, 0, 1, 2]
    assert answers.scores[[0, 1, 2, 4]].tolist() == [1.0, 0.0, 1.0, 0.0]
    assert math.isnan(answers.scores[3])
    assert math.isnan(answers.scores[5])
    # A wrong answer and a runtime error are the model's; -3 and -5 are the machine's.
    assert answers.statuses == ("ok", "ok", "ok", "timeout", "ok", "grader error")
    assert answers.predictions is not None
    assert answers.predictions[1] == "print(9)"
    assert answers.settings == {"scenario": "codegeneration", "temperature": "0.2"}
    assert answers.about["attempts"] == "3"
    assert answers.about["contest_dates"] == "2024-02-07T00:00:00 to 2024-03-07T00:00:00"
    assert "2 of 6 answers are verdicts of the grading machine" in found.notes[1]


def test_the_question_is_hashed_and_not_the_answers(tmp_path):
    before = _read(CODE).items[0].prompt_sha256
    other_answers = _read(_changed(tmp_path, lambda rows: rows[0].update(output_list=["", "", ""])))
    other_question = _read(_changed(tmp_path, lambda rows: rows[0].update(question_content="?")))

    assert before is not None
    assert before[0] == before[1] != before[3]
    assert other_answers.items[0].prompt_sha256 == before
    assert other_question.items[0].prompt_sha256 != before


def test_one_question_has_several_tests_where_outputs_are_predicted():
    found = _read(OUTPUT)

    assert found.items[0].item_ids == ("made1_a/0", "made1_a/1")
    assert found.items[0].scores.tolist() == [1.0, 0.0]
    assert len(found.notes) == 1


def test_where_no_metadata_says_why_this_is_said(tmp_path):
    found = _read(_changed(tmp_path, lambda rows: rows[1].update(metadata=[])))

    assert found.items[0].statuses == ("ok",) * 6
    assert "1 questions say nothing of timeouts" in found.notes[-1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows[0].update({"pass@1": 0.5}), "`pass@1` is 0.5, but 2 of 3 passed"),
        (lambda rows: rows[0].update(graded_list=[]), "true or false for each answer"),
        (lambda rows: rows[0].update(graded_list=[1, 0, 1]), "true or false for each answer"),
        (lambda rows: rows[0].update(code_list=["a"]), "the answers are not as many"),
        (lambda rows: rows[0].update(output_list=["a"]), "the answers are not as many"),
        (lambda rows: rows[0].update(metadata=["{}"]), "must be a list of 3"),
        (lambda rows: rows[0].update(metadata=['{"error_code": "x"}'] * 3), "a whole number"),
        (lambda rows: rows[0].update(metadata=["{"] * 3), "not JSON"),
        (lambda rows: rows[0].pop("question_id"), "`question_id` is missing"),
        (lambda rows: rows.append(rows[0]), "is there twice"),
        (lambda rows: rows.clear(), "has no questions"),
    ],
)
def test_what_is_no_result_is_refused(tmp_path, change, message):
    with pytest.raises(TableError, match=message):
        _read(_changed(tmp_path, change))


def test_finds_its_own_files_alone(tmp_path):
    other = tmp_path / "x_eval_all.json"
    other.write_text("{}")

    assert [one.main for one in FORMAT.find([CODE, other, OUTPUT])] == [CODE, OUTPUT]
