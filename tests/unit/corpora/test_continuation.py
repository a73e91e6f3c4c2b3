from __future__ import annotations

import itertools

import numpy as np
import pytest

from silentzone.corpora.continuation import continuation_items
from silentzone.corpora.text import Text
from silentzone.errors import CorpusError


def sentence(name: str, words: int) -> str:
    return " ".join([f"{name.capitalize()} begins", *[f"w{k}" for k in range(words - 3)], "here."])


def paragraph(name: str) -> str:
    return " ".join(sentence(f"{name}{part}", 12) for part in "abcdefgh")


def corpus(*documents: str) -> Text:
    starts = []
    text = ""
    for document in documents:
        starts.append(len(text))
        text += document + "\n\n"
    return Text(text=text, document_starts=tuple(starts), sha256="")


TWO_DOCUMENTS = corpus(
    "\n".join(paragraph(name) for name in ("red", "green", "blue")),
    "\n".join(paragraph(name) for name in ("one", "two", "three", "four")),
)


def ask(text, items=None, seed=1):
    return continuation_items(text, items=items, rng=np.random.default_rng(seed))


def document_of(text, item):
    number = int(item.item_id.split("-")[0])
    ends = (*text.document_starts[1:], len(text.text))
    return text.text[text.document_starts[number] : ends[number]]


def test_the_gold_choice_follows_the_passage_in_the_text():
    items = ask(TWO_DOCUMENTS)
    assert len(items) == 7
    for item in items:
        assert item.prompt + item.choices[item.gold] in TWO_DOCUMENTS.text
        assert 40 <= len(item.prompt.split()) <= 60
        assert item.prompt.endswith(".")


def test_the_other_choices_are_sentences_of_other_paragraphs_of_the_same_document():
    for item in ask(TWO_DOCUMENTS):
        document = document_of(TWO_DOCUMENTS, item)
        assert len(set(item.choices)) == 4
        own = next(line for line in document.splitlines() if item.prompt in line)
        for index, choice in enumerate(item.choices):
            assert choice.strip() in document
            assert (choice.strip() in own) == (index == item.gold)


def test_lengths_do_not_count_the_leading_space():
    item = ask(TWO_DOCUMENTS)[0]
    assert all(choice[0] == " " for choice in item.choices)
    assert item.lengths == tuple(len(choice) - 1 for choice in item.choices)


def test_a_seed_gives_the_same_items_and_another_seed_others():
    assert ask(TWO_DOCUMENTS) == ask(TWO_DOCUMENTS)
    assert ask(TWO_DOCUMENTS) != ask(TWO_DOCUMENTS, seed=2)


def test_few_items_are_spread_over_the_documents_in_text_order():
    for seed in range(5):
        items = ask(TWO_DOCUMENTS, 2, seed)
        assert [item.cluster_id for item in items] == ["document-0000", "document-0001"]


def test_gold_is_not_tied_to_a_place():
    golds = {ask(TWO_DOCUMENTS, 1, seed)[0].gold for seed in range(40)}
    assert golds == {0, 1, 2, 3}


def test_distractors_are_about_as_long_as_the_truth():
    long_and_short = "\n".join(
        [paragraph("red"), paragraph("blue"), " ".join(sentence(f"long{p}", 29) for p in "abcd")]
    )
    for item in ask(corpus(long_and_short)):
        words = [len(choice.split()) for choice in item.choices]
        assert max(words) <= 1.5 * words[item.gold]


def test_passages_do_not_overlap():
    long_paragraph = " ".join(paragraph(name) for name in ("red", "green", "blue"))
    items = ask(corpus("\n".join([long_paragraph, paragraph("one")])))
    spans = sorted(
        (int(item.item_id.split("-")[1]), len(item.prompt + item.choices[item.gold]))
        for item in items
    )
    assert len(spans) > 2
    assert all(
        start + length <= following for (start, length), (following, _) in itertools.pairwise(spans)
    )


def test_abbreviations_and_initials_do_not_end_a_sentence():
    opening = "Mr. Smith of the U.S. Navy met J. Doe and Dr. No at sea. "
    text = corpus("\n".join([opening + paragraph("red"), paragraph("one"), paragraph("two")]))
    prompts = [item.prompt for item in ask(text)]
    assert any(prompt.startswith("Mr. Smith of the U.S. Navy") for prompt in prompts)


def test_a_document_with_too_few_sentences_gives_no_item():
    lonely = " ".join(sentence(f"alone{part}", 12) for part in "abcdef")
    text = corpus(lonely, "\n".join(paragraph(name) for name in ("red", "blue")))
    assert {item.cluster_id for item in ask(text)} == {"document-0001"}


def test_a_text_that_cannot_give_items_is_refused():
    with pytest.raises(CorpusError, match="known documents"):
        ask(Text(text=TWO_DOCUMENTS.text, document_starts=(), sha256=""))
    with pytest.raises(CorpusError, match="no passage"):
        ask(corpus("too short."))
    with pytest.raises(CorpusError, match="`items` must be at least 1; it is 0"):
        ask(TWO_DOCUMENTS, 0)


def test_a_line_of_abbreviations_costs_no_more_than_its_length():
    abbreviations = corpus("\n".join(["A. B. " * 50_000, *[paragraph(n) for n in ("red", "blue")]]))
    assert ask(abbreviations)
