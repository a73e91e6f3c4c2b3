"""States laid out as llama-eval lays them out: rounds, open cases, cut answers."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from silentzone.errors import TableError
from silentzone.importers.reading import Bundle, ImportOptions
from silentzone.importers.tools.llama_eval import FORMAT

STATE = Path(__file__).parents[3] / "golden/imports/llama_eval/llama-eval-state.json"


def _read(path=STATE, **options):
    return FORMAT.read(Bundle(main=path), ImportOptions(**options))


def _changed(tmp_path, change):
    document = json.loads(STATE.read_text())
    change(document)
    path = tmp_path / STATE.name
    path.write_text(json.dumps(document))
    return path


def _case(document, number=0):
    return list(document["task_states"]["cases"].values())[number]


def test_rounds_are_repeats_and_what_is_no_verdict_is_a_status():
    found = _read()
    (answers,) = found.items

    assert (answers.model, answers.benchmark) == ("made-model-Q4_K_M", "gsm8k")
    assert answers.item_ids == ("gsm8k_002", "gsm8k_000", "gsm8k_001") * 2
    assert answers.repeats.tolist() == [0, 0, 0, 1, 1, 1]
    assert answers.scores[[0, 1, 2, 4]].tolist() == [1.0, 1.0, 1.0, 0.0]
    assert math.isnan(answers.scores[3])
    assert math.isnan(answers.scores[5])
    assert answers.statuses == ("ok", "ok", "ok", "pending", "ok", "truncated")
    assert answers.predictions == ("6", "2", "4", None, "3", None)
    assert answers.targets == ("6", "2", "4") * 2
    assert answers.output_tokens is not None
    assert answers.output_tokens.tolist() == [5, 5, 5, -1, 5, 16]
    assert answers.settings == {
        "dataset": "gsm8k",
        "grader": "regex",
        "sampling": '{"temperature":0.0}',
    }
    assert answers.prompt_sha256 is not None
    assert answers.prompt_sha256[0] == answers.prompt_sha256[3] != answers.prompt_sha256[1]
    assert found.notes == (
        "made-model-Q4_K_M, gsm8k: 2 of 6 answers have no verdict: 1 pending, 1 truncated",
    )


@pytest.mark.parametrize(
    ("status", "expected"),
    [("error: 500 Server Error", "error"), ("error: finish_reason=length", "truncated")],
)
def test_kinds_of_errors(tmp_path, status, expected):
    path = _changed(tmp_path, lambda document: _case(document, 4).update(status=status))

    assert _read(path).items[0].statuses[4] == expected


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda document: document.pop("id"), "`id` is missing"),
        (lambda document: document.pop("task_states"), "`task_states` is missing"),
        (lambda document: document["task_states"].update(cases=[]), "`cases` must be an object"),
        (lambda document: document["tasks"].append("gsm8k_001_099"), "1 tasks have no case"),
        (lambda document: document["tasks"].append("gsm8k_001_000"), "names a task twice"),
        (lambda document: document["task_states"].update(correct=4), "states '4' correct cases; 3"),
        (lambda document: _case(document).update(correct=1), "`correct` must be true or false"),
        (lambda document: _case(document).update(status="done"), "its status 'done'"),
        (lambda document: document.update(model_name=None), "does not say whose it is"),
        (
            lambda document: document["task_states"]["cases"].update({"gsm8k": {}}),
            "case 'gsm8k': its name must end in",
        ),
    ],
)
def test_what_is_no_state_is_refused(tmp_path, change, message):
    with pytest.raises(TableError, match=message):
        _read(_changed(tmp_path, change))


def test_a_state_without_model_takes_the_name_given(tmp_path):
    path = _changed(tmp_path, lambda document: document.update(model_name=None))

    assert _read(path, model="Q4").items[0].model == "Q4"


def test_finds_its_own_files_alone(tmp_path):
    other = tmp_path / "state.json"
    other.write_text('{"id": 1}')

    assert [one.main for one in FORMAT.find([STATE, other])] == [STATE]
