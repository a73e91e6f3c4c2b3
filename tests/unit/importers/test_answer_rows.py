"""Rows of answers: what cannot be one, and what becomes of a status."""

from __future__ import annotations

import math

import numpy as np
import pytest

from silentzone.importers.answer_rows import AnswerRows


def _built(rows):
    return rows.build("m", "b", settings={"metric": "x", "task": ""}, about={}, sources=())


def test_only_ok_answers_have_a_score():
    rows = AnswerRows()
    rows.add("1", score=0.5, output_tokens=7)
    rows.add("1", score=1.0, repeat=1, status="timeout")

    built = _built(rows)

    assert built.scores[0] == 0.5
    assert math.isnan(built.scores[1])
    assert built.statuses == ("ok", "timeout")
    assert built.repeats.tolist() == [0, 1]
    assert built.output_tokens is not None
    assert built.output_tokens.tolist() == [7, -1]
    assert built.predictions is None
    assert built.settings == {"metric": "x"}
    assert rows.status_note() == ("1 of 2 answers have no score: 1 timeout",)


def test_the_mean_is_over_items_first():
    rows = AnswerRows()
    rows.add("1", score=1.0)
    rows.add("1", score=0.0, repeat=1)
    rows.add("2", score=1.0)
    rows.add("3", score=None, status="error")

    assert rows.mean_of_items == 0.75
    assert AnswerRows().mean_of_items is None


@pytest.mark.parametrize("tokens", [-1, 2**31, True, 1.5, "7", None])
def test_what_is_no_count_of_tokens_is_missing(tokens):
    rows = AnswerRows()
    rows.add("1", score=1.0, output_tokens=tokens)

    assert _built(rows).output_tokens is None


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"item_id": " "}, "name of an item"),
        ({"item_id": "\ud800"}, "name of an item"),
        ({"item_id": "x" * 1001}, "name of an item"),
        ({"repeat": -1}, "number of an attempt"),
        ({"repeat": 2**31}, "number of an attempt"),
        ({"score": 1.01}, "no proportion"),
        ({"score": math.nan}, "no proportion"),
        ({"score": None}, "no proportion"),
        ({"item_id": "0"}, "attempt 1, is there twice"),
    ],
)
def test_impossible_rows_are_refused_and_not_kept(fields, message):
    rows = AnswerRows()
    rows.add("0", score=1.0)
    with pytest.raises(ValueError, match=message):
        rows.add(**{"item_id": "1", "score": 1.0, **fields})

    assert np.array_equal(_built(rows).item_ids, ["0"])
