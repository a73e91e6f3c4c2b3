"""What was asked, as it is kept for people to look at."""

from __future__ import annotations

import json

import numpy as np

from silentzone.measure.generated import Question
from silentzone.measure.questions import choice_questions, written_questions
from silentzone.records.items import ChoiceItem, GeneratedItem, Gold
from silentzone.records.parts import PartKey
from silentzone.records.tables import QUESTIONS

KEY = PartKey.of("questions", items_sha256="d" * 64)


def stored(folder, columns):
    folder.write_table(QUESTIONS, "own", "ref", columns, KEY)
    return folder.read_table(QUESTIONS, "own", "ref")


def test_choices_are_kept_with_the_index_of_the_gold(folder):
    item = ChoiceItem(
        item_id="a", prompt="Is\nit ü?", choices=(" ja", ' "no"'), gold=1, lengths=(2, 4)
    )
    table = stored(folder, choice_questions([item]))
    assert table.strings("prompt") == ["Is\nit ü?"]
    assert [json.loads(text or "") for text in table.strings("choices")] == [[" ja", ' "no"']]
    assert (table.strings("rule"), table.strings("gold")) == (["choice"], ["1"])


def test_a_written_question_is_kept_as_the_reference_read_it(folder):
    gold = Gold(rule="number", value="15")
    item = GeneratedItem(
        item_id="b", prompt=None, messages=(("user", "7 + 8"),), gold=gold, cluster_id="sums"
    )
    question = Question(item=item, text="[user] 7 + 8\n> ", tokens=np.arange(3, dtype=np.int32))
    table = stored(folder, written_questions([question]))
    assert table.strings("prompt") == ["[user] 7 + 8\n> "]
    assert table.strings("choices") == [None]
    assert table.strings("cluster_id") == ["sums"]
    assert (table.strings("rule"), table.strings("gold")) == (["number"], ["15"])
