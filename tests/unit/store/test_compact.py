"""Columns held as Arrow holds them."""

from __future__ import annotations

from array import array

import pytest

from silentzone.errors import TableError
from silentzone.records.imported import IMPORTED_ITEMS
from silentzone.store import compact
from silentzone.store.columns import arrow_column
from silentzone.store.compact import CompactColumn, CompactTexts, compact_lists, compact_texts

TEXTS = ["a", None, "", "ein größerer Text", "a", "\0"]
COLUMNS = {one.name: one for one in IMPORTED_ITEMS.columns}


@pytest.mark.parametrize("block_bytes", [1, 5, 2**30])
def test_texts_come_back_in_order_whatever_a_block_holds(monkeypatch, block_bytes):
    monkeypatch.setattr(compact, "_BLOCK_BYTES", block_bytes)
    texts = CompactTexts()
    for one in TEXTS:
        texts.append(one)
    column = texts.column()
    assert list(column) == TEXTS
    assert [column[row] for row in range(len(TEXTS))] == TEXTS
    assert column == TEXTS
    assert column != TEXTS[1:]
    assert column[1:3] == TEXTS[1:3]
    assert column.n_distinct == len(set(TEXTS) - {None})
    assert not column.is_empty
    assert arrow_column(COLUMNS["prompt_sha256"], column).to_pylist() == TEXTS


@pytest.mark.parametrize("texts", [[], [None], [None, None]])
def test_a_column_without_a_text_is_empty(texts):
    column = compact_texts(texts)
    assert column.is_empty
    assert column.n_distinct == 0


def test_lists_that_lie_one_behind_the_other_are_told_apart_by_their_counts():
    column = compact_lists(array("d", [1.0, 2.0, 3.0, 4.0, 5.0]), array("I", [2, 0, 3, 0]))
    assert list(column) == [[1.0, 2.0], None, [3.0, 4.0, 5.0], None]
    stored = arrow_column(COLUMNS["choice_log_likelihoods"], column)
    assert stored.to_pylist() == list(column)


def test_a_compact_column_is_held_to_its_schema():
    numbers = compact_lists(array("d", [float("nan")]), array("I", [1]))
    with pytest.raises(TableError, match="NaN"):
        arrow_column(COLUMNS["choice_log_likelihoods"], numbers)
    with pytest.raises(TableError, match="must be string"):
        arrow_column(COLUMNS["item_id"], numbers)
    with pytest.raises(TableError, match="must not be null"):
        arrow_column(COLUMNS["item_id"], compact_texts(["a", None]))


def test_a_compact_column_is_taken_as_it_is():
    column = compact_texts(["a", "b"])
    assert compact_texts(column) is column
    assert isinstance(column, CompactColumn)
