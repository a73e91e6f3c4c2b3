from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from silentzone.corpora.text import Text
from silentzone.corpora.windows import choose_windows, document_of_tokens
from silentzone.errors import CorpusError, ShapeError

DEFAULTS: dict[str, Any] = {
    "windows": None,
    "select": "first",
    "first_scored": None,
    "add_bos": False,
}


def choose(count, context_length, documents=None, **options):
    tokens = np.arange(count, dtype=np.int32)
    options = {**DEFAULTS, **options}
    return choose_windows(tokens, documents, context_length=context_length, **options)


def text_of(*documents: str) -> Text:
    starts = np.cumsum([0, *(len(document) for document in documents[:-1])])
    return Text(text="".join(documents), document_starts=tuple(map(int, starts)), sha256="")


def test_windows_are_aligned_and_the_rest_is_not_used():
    windows = choose(11, 4)
    assert windows.tokens.tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert windows.tokens.dtype == np.int32
    assert windows.indices.tolist() == [0, 1]


def test_half_the_context_is_scored_unless_told_otherwise():
    assert choose(8, 4).plan.first_scored == 2
    assert choose(8, 4, first_scored=0).plan.first_scored == 0
    assert choose(8, 4, add_bos=True).plan.add_bos


def test_first_takes_the_first_and_spread_the_middles_of_equal_parts():
    assert choose(400, 4, windows=3).indices.tolist() == [0, 1, 2]
    assert choose(400, 4, windows=4, select="spread").indices.tolist() == [12, 37, 62, 87]


@pytest.mark.parametrize("windows", range(1, 24))
def test_spread_windows_are_distinct_and_in_order(windows):
    chosen = choose(23 * 4, 4, windows=windows, select="spread")
    assert len(chosen.indices) == windows
    assert (np.diff(chosen.indices) > 0).all()
    assert (chosen.tokens[:, 0] == 4 * chosen.indices).all()


def test_a_short_text_gives_the_windows_it_has():
    assert len(choose(15, 4, windows=64).tokens) == 3
    assert len(choose(15, 4, windows=64, select="spread").tokens) == 3


def test_the_document_is_the_one_of_the_first_predicted_token():
    documents = np.array([0, 0, 0, 1, 1, 1, 1, 2], dtype=np.int32)
    assert choose(8, 4, documents).documents.tolist() == [1, 2]
    assert choose(8, 4, documents, first_scored=0).documents.tolist() == [0, 1]
    assert choose(8, 4).documents is None


def test_a_text_shorter_than_a_window_names_tokens_found_and_needed():
    with pytest.raises(CorpusError, match="has 3 tokens; one window needs 4"):
        choose(3, 4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"select": "last"}, "`select` must be one of first, spread"),
        ({"windows": 0}, "`windows` must be at least 1"),
        ({"first_scored": 3}, r"`first_scored` must lie in 0\.\.2; it is 3"),
        ({"first_scored": -1}, "`first_scored` must lie"),
        ({"context_length": 2}, "`context_length` must be at least 3"),
    ],
)
def test_an_impossible_option_is_refused(options, message):
    with pytest.raises(CorpusError, match=message):
        choose(8, **{"context_length": 4, **options})


def test_documents_of_another_shape_are_refused():
    with pytest.raises(ShapeError, match=r"\(8,\) and \(7,\)"):
        choose(8, 4, np.zeros(7, dtype=np.int32))
    with pytest.raises(ShapeError, match="None"):
        choose_windows(np.zeros((2, 4), dtype=np.int32), None, context_length=4, **DEFAULTS)


def test_a_token_belongs_to_the_document_of_its_first_byte():
    pieces = [b"\xc3", b"\xa4b", b"c\n", b"\nd", b"e"]
    documents, reason = document_of_tokens(pieces, text_of("äbc\n\n", "de"))
    assert reason is None
    assert documents is not None
    assert documents.tolist() == [0, 0, 0, 0, 1]
    assert documents.dtype == np.int32


def test_control_tokens_belong_to_the_byte_that_follows():
    documents, _ = document_of_tokens([b"", b"one", b"", b"two", b""], text_of("one", "two"))
    assert documents is not None
    assert documents.tolist() == [0, 0, 1, 1, 1]


def test_a_leading_space_marker_shifts_nothing():
    documents, reason = document_of_tokens([b"", b" one", b"two"], text_of("one", "two"))
    assert reason is None
    assert documents is not None
    assert documents.tolist() == [0, 0, 1]


@pytest.mark.parametrize(
    "pieces", [[b"one"], [b"one", b"twoo"], [b"one", b"tw?"], [b"  one", b"two"]]
)
def test_tokens_that_spell_another_text_give_no_documents_and_a_reason(pieces):
    documents, reason = document_of_tokens(pieces, text_of("one", "two"))
    assert documents is None
    assert reason is not None
    assert "not the text's 6 bytes" in reason


def test_a_text_without_documents_says_so():
    documents, reason = document_of_tokens(
        [b"one"], Text(text="one", document_starts=(), sha256="")
    )
    assert documents is None
    assert reason == "the text has no known documents"
