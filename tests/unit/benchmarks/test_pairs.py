from __future__ import annotations

import re

import pytest

from silentzone.benchmarks.pairs import split_pair, tokenize_item
from silentzone.records.items import ChoiceItem

WORDS: dict[str, int] = {}


def tokenize(text):
    """A word keeps the white space before it, as in byte-level vocabularies."""
    pieces = re.findall(r"\s?[^\s]+|\s", text)
    return [WORDS.setdefault(piece, len(WORDS)) for piece in pieces]


def with_bos(text):
    return [999, *tokenize(text)]


def spell(tokens):
    return "".join(piece for token in tokens for piece in WORDS if WORDS[piece] == token)


def item(prompt, *choices):
    return ChoiceItem(
        item_id="a", prompt=prompt, choices=choices, gold=0, lengths=tuple(map(len, choices))
    )


def test_prompt_and_continuation_spell_the_whole():
    pair = split_pair(tokenize, "Bees make", " sweet honey")
    assert pair.status == "ok"
    assert spell(pair.prompt) == "Bees make"
    assert spell(pair.continuation) == " sweet honey"


@pytest.mark.parametrize("space", [" ", "  ", "\n", " \n\t"])
def test_white_space_at_the_end_of_the_prompt_moves_to_the_choice(space):
    pair = split_pair(tokenize, "Bees make" + space, "honey")
    assert spell(pair.prompt) == "Bees make"
    assert spell(pair.continuation) == space + "honey"


def test_bos_stays_with_the_prompt():
    pair = split_pair(with_bos, "Bees make", " honey")
    assert pair.prompt.tolist() == [999, *tokenize("Bees make")]
    assert pair.continuation.tolist() == tokenize(" honey")


def test_a_token_across_the_boundary_leaves_what_the_whole_has_beyond_the_prompt():
    def merging(text):
        return {"um": [1], "umbrella stand": [7, 8]}[text]

    pair = split_pair(merging, "um", "brella stand")
    assert pair.prompt.tolist() == [1]
    assert pair.continuation.tolist() == [8]


def test_a_choice_swallowed_by_the_prompt_has_a_status():
    pair = split_pair(lambda text: [1], "um", "brella")
    assert pair.status == "empty_continuation"


def test_a_prompt_without_tokens_has_a_status_unless_bos_stands_for_it():
    assert split_pair(tokenize, " ", "honey").status == "empty_prompt"
    assert split_pair(with_bos, " ", "honey").status == "ok"


def test_the_longest_choice_decides_whether_an_item_fits():
    question = item("one two three", " four", " four five six")
    assert tokenize_item(tokenize, question, context_length=6).status == "ok"
    too_long = tokenize_item(tokenize, question, context_length=5)
    assert too_long.status == "too_long"
    assert len(too_long.prompt) == 3


def test_one_bad_choice_decides_the_status_of_the_item():
    result = tokenize_item(tokenize, item("one", " two", ""), context_length=5)
    assert result.status == "empty_continuation"
    assert [len(tokens) for tokens in result.continuations] == [1, 0]
