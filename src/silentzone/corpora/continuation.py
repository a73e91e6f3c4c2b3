"""A benchmark made from a text: find the sentence that really follows a passage."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from silentzone.errors import CorpusError
from silentzone.records.items import ChoiceItem

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

    from silentzone.corpora.text import Text

PASSAGE_WORDS = (40, 60)
SENTENCE_WORDS = (8, 30)
CHOICES = 4
WIDEST_LENGTH_RATIO = 1.5
"""A distractor is at most this many times longer or shorter than the true sentence, in words."""

_PARAGRAPH = re.compile(r"[^\r\n]+")
_SENTENCE_END = re.compile(r"[.!?][\"'\u201d\u2019)\]]*\s+(?=[\"'\u201c\u2018(\[]*[^\W_a-z])")
# A full stop after these does not end a sentence; single letters are initials.
_ABBREVIATION = re.compile(
    r"(?:^|[\s(])(?:[A-Za-z]|Mr|Mrs|Ms|Dr|St|Jr|Sr|No|Nos|vs|Gen|Col|Lt|Capt|Rev|Hon|Messrs|Gov|Sen"
    r"|(?:[A-Z]\.)+[A-Z])\.\s+$"
)
# Looking back a fixed stretch keeps a line made of abbreviations alone from costing its square.
_LONGEST_ABBREVIATION = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sentence:
    """A sentence by its place in the text."""

    start: int
    end: int
    words: int
    paragraph: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Slot:
    """A passage and the sentence that follows it."""

    document: int
    start: int
    true: _Sentence
    usable: list[_Sentence]
    """Every sentence of the document that is neither too short nor too long."""


def continuation_items(
    text: Text, *, items: int | None, rng: np.random.Generator
) -> tuple[ChoiceItem, ...]:
    """Multiple-choice items: the true next sentence among four of the same document.

    Parameters
    ----------
    text : Text
        With known documents; every line of it is read as a paragraph.
    items : int or None
        How many items; null takes all. Spread over the documents as evenly as they allow.
    rng : numpy.random.Generator
        Decides which passages are taken, the three other sentences and the order of the choices.

    Returns
    -------
    tuple of ChoiceItem
        In the order of the text, as many as asked for or as the text has. The cluster is the
        document.

    Raises
    ------
    CorpusError
        If ``items`` is below 1, the text has no known documents, or no passage qualifies.

    Notes
    -----
    A passage is a run of whole sentences of one paragraph with 40 to 60 words; the next sentence
    of that paragraph has 8 to 30. The other three come from other paragraphs of the document, have
    8 to 30 words as well and are at most half as long again or as short. Passages never overlap.
    Sentences are found by punctuation: now and then one ends at an abbreviation, which makes an
    item odd but not wrong.
    """
    if items is not None and items < 1:
        raise CorpusError(f"`items` must be at least 1; it is {items}")
    if not text.document_starts:
        raise CorpusError(
            "continuation items need a text with known documents",
            hint='set `documents = "files"` or `documents = "headings"`',
        )
    ends = (*text.document_starts[1:], len(text.text))
    slots_by_document = [
        list(_slots(text.text, document, start, end))
        for document, (start, end) in enumerate(zip(text.document_starts, ends, strict=True))
    ]
    chosen: list[tuple[_Slot, list[_Sentence]]] = []
    for slot in _in_turn(slots_by_document, rng):
        if len(chosen) == items:
            break
        distractors = _similar(text.text, slot)
        if len(distractors) >= CHOICES - 1:
            chosen.append((slot, distractors))
    if not chosen:
        raise CorpusError(
            "no passage of the text qualifies for a continuation item",
            hint="every line must be a whole paragraph; some need 50 words and more",
        )
    chosen.sort(key=lambda pair: pair[0].start)
    return tuple(_item(text.text, slot, distractors, rng) for slot, distractors in chosen)


def _in_turn(slots_by_document: list[list[_Slot]], rng: np.random.Generator) -> Iterator[_Slot]:
    """One slot of every document, then a second of each, and so on; both orders are random."""
    queues = [[slots[k] for k in rng.permutation(len(slots))] for slots in slots_by_document]
    queues = [queues[k] for k in rng.permutation(len(queues))]
    for turn in range(max(map(len, queues))):
        for queue in queues:
            if turn < len(queue):
                yield queue[turn]


def _slots(text: str, document: int, start: int, end: int) -> Iterator[_Slot]:
    """Every passage of one document that has a next sentence."""
    paragraphs = [
        list(_sentences(text, number, line.start(), line.end()))
        for number, line in enumerate(_PARAGRAPH.finditer(text, start, end))
    ]
    usable = [
        sentence
        for paragraph in paragraphs
        for sentence in paragraph
        if SENTENCE_WORDS[0] <= sentence.words <= SENTENCE_WORDS[1]
    ]
    for paragraph in paragraphs:
        for first, true in _passages(paragraph):
            yield _Slot(document=document, start=first, true=true, usable=usable)


def _sentences(text: str, paragraph: int, start: int, end: int) -> Iterator[_Sentence]:
    """Sentences of one paragraph that end in a full stop, question or exclamation mark."""
    first = start
    for mark in _SENTENCE_END.finditer(text, start, end):
        if _ABBREVIATION.search(text, max(first, mark.start() - _LONGEST_ABBREVIATION), mark.end()):
            continue
        yield _sentence(text, first, mark.end(), paragraph)
        first = mark.end()
    if text[first:end].rstrip().rstrip("\"'\u201d\u2019)]").endswith((".", "!", "?")):
        yield _sentence(text, first, end, paragraph)


def _sentence(text: str, start: int, end: int, paragraph: int) -> _Sentence:
    content = text[start:end]
    return _Sentence(
        start=start + len(content) - len(content.lstrip()),
        end=start + len(content.rstrip()),
        words=len(content.split()),
        paragraph=paragraph,
    )


def _passages(sentences: list[_Sentence]) -> Iterator[tuple[int, _Sentence]]:
    """Start of each passage with the sentence that follows it; nothing is used twice."""
    first = 0
    while first < len(sentences):
        words = 0
        last = first
        while last < len(sentences) and words < PASSAGE_WORDS[0]:
            words += sentences[last].words
            last += 1
        is_passage = PASSAGE_WORDS[0] <= words <= PASSAGE_WORDS[1] and last < len(sentences)
        if is_passage and SENTENCE_WORDS[0] <= sentences[last].words <= SENTENCE_WORDS[1]:
            yield sentences[first].start, sentences[last]
            first = last + 1
        else:
            first += 1


def _similar(text: str, slot: _Slot) -> list[_Sentence]:
    """Sentences of other paragraphs about as long as the true one, each wording once."""
    true = slot.true
    by_wording = {text[true.start : true.end]: true}
    for sentence in slot.usable:
        ratio = max(sentence.words, true.words) / min(sentence.words, true.words)
        if sentence.paragraph != true.paragraph and ratio <= WIDEST_LENGTH_RATIO:
            by_wording.setdefault(text[sentence.start : sentence.end], sentence)
    return [sentence for sentence in by_wording.values() if sentence is not true]


def _item(
    text: str, slot: _Slot, distractors: list[_Sentence], rng: np.random.Generator
) -> ChoiceItem:
    picks = rng.choice(len(distractors), size=CHOICES - 1, replace=False)
    sentences = [slot.true, *(distractors[k] for k in picks)]
    order = rng.permutation(CHOICES)
    wordings = [text[sentences[k].start : sentences[k].end] for k in order]
    return ChoiceItem(
        item_id=f"{slot.document:04d}-{slot.start}",
        prompt=text[slot.start : slot.true.start].rstrip(),
        choices=tuple(f" {wording}" for wording in wordings),
        gold=int((order == 0).argmax()),
        lengths=tuple(map(len, wordings)),
        cluster_id=f"document-{slot.document:04d}",
    )
