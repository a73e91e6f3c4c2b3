"""Records laid out as FlipEval's native ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from silentzone.errors import TableError
from silentzone.importers.reading import Bundle, ImportOptions
from silentzone.importers.tools import items
from silentzone.importers.tools.flipeval import FORMAT

FOLDER = Path(__file__).parents[3] / "golden/imports/flipeval"


def _read(path, **options):
    return FORMAT.read(Bundle(main=path), ImportOptions(**options))


def _written(tmp_path, text):
    path = tmp_path / "q4.jsonl"
    path.write_text(text)
    return path


def test_every_task_is_a_benchmark():
    found = _read(FOLDER / "made-model.jsonl")

    assert [(one.model, one.benchmark) for one in found.items] == [
        ("made-model", "sums"),
        ("made-model", "names"),
    ]
    assert found.items[0].item_ids == ("sums:0", "sums:1")
    assert found.items[0].scores.tolist() == [1.0, 0.0]
    assert found.items[0].predictions == ("2", "5")
    assert found.items[0].targets == ("2", "4")
    assert found.notes == ("made-model: no model is named, so it is called like the file",)
    with pytest.raises(TableError, match="2 tasks, so one benchmark cannot be right"):
        _read(FOLDER / "made-model.jsonl", benchmark="b")


def test_the_three_fields_are_enough_with_a_benchmark():
    found = _read(FOLDER / "least.jsonl", model="Q4", benchmark="sums")

    assert found.items[0].scores.tolist() == [1.0, 0.0]
    assert found.notes == ()
    with pytest.raises(TableError, match="records without a task"):
        _read(FOLDER / "least.jsonl")


def test_numbers_and_nothing_as_correct(tmp_path):
    path = _written(
        tmp_path,
        '{"item_id": 1, "prediction": 5, "correct": 0.25}\n\n'
        '{"item_id": 2, "prediction": null, "correct": null}\n',
    )
    (answers,) = _read(path, benchmark="b").items

    assert answers.scores[0] == 0.25
    assert answers.statuses == ("ok", "score missing")
    assert answers.predictions == ("5", None)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"item_id": 1, "prediction": ""}', "line 1: `correct` is missing"),
        ('{"item_id": 1, "correct": true}', "line 1: `prediction` is missing"),
        ('{"item_id": 1, "prediction": "", "correct": "yes"}', "must be a finite number"),
        ('{"item_id": 1, "prediction": "", "correct": 3}', "no proportion"),
        ('{"item_id": true, "prediction": "", "correct": true}', "`item_id` must be a text"),
        ('{"item_id": 1, "prediction": "", "correct": true, "task": 3}', "`task` must be a text"),
        ("[]", "no object"),
        ("{", "line 1: this is not JSON"),
    ],
)
def test_what_is_no_record_is_refused(tmp_path, line, message):
    with pytest.raises(TableError, match=message):
        _read(_written(tmp_path, line), benchmark="b")


def test_an_item_twice_is_refused(tmp_path):
    line = '{"item_id": 1, "prediction": "", "correct": true}\n'

    with pytest.raises(TableError, match="line 2: item '1', attempt 1, is there twice"):
        _read(_written(tmp_path, line * 2), benchmark="b")


def test_tables_of_our_own_are_left_to_their_reader(tmp_path):
    own = _written(tmp_path, '{"item_id": 1, "prediction": "", "correct": true, "score": 1}')
    files = [FOLDER / "least.jsonl", own, FOLDER / "make_records.py"]

    assert [one.main for one in FORMAT.find(files)] == [FOLDER / "least.jsonl"]
    assert [one.main for one in items.FORMAT.find(files)] == [own]
