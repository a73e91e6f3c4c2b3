from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path

import pytest
from tests.unit.benchmarks.passing_answers import passing_answer

from silentzone.benchmarks.built_in import Draw
from silentzone.benchmarks.registry import load_generated
from silentzone.benchmarks.rules.instruction_rules import INSTRUCTION_RULES
from silentzone.benchmarks.rules.instructions import check_instructions
from silentzone.benchmarks.sets.instruction_items import INSTRUCTIONS, make_instruction_items
from silentzone.records.items import BenchmarkSource

ITEMS = make_instruction_items()


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item.item_id)
def test_every_item_can_be_answered_and_is_not_by_nothing(item):
    answer = passing_answer(json.loads(item.gold.value))
    found = check_instructions({"text": answer, "value": item.gold.value})
    assert (found["prediction"], found["score"]) == ("all followed", 1.0), answer
    assert check_instructions({"text": " ", "value": item.gold.value})["score"] == 0.0


def test_every_rule_leads_ten_items_that_differ():
    assert Counter(item.cluster_id for item in ITEMS) == dict.fromkeys(INSTRUCTION_RULES, 10)
    assert len({item.asked for item in ITEMS}) == len({item.item_id for item in ITEMS}) == 250
    assert all(json.loads(item.gold.value)[0]["id"] == item.cluster_id for item in ITEMS)


def test_the_set_is_the_same_everywhere():
    content = json.dumps([asdict(item) for item in ITEMS])
    digest = hashlib.sha256(content.encode()).hexdigest()
    assert digest == "cc0482a86e8008066ae92251f8847c0928f732c0862e1be359ae405f40e98a67"


def test_a_plain_text_follows_few_items():
    text = "Well, this is a text that somebody wrote, and it is about nothing in particular."
    scores = [
        check_instructions({"text": text, "value": item.gold.value})["score"] for item in ITEMS
    ]
    assert sum(scores) < 0.15 * len(ITEMS)


def test_a_part_of_the_set_is_drawn_by_the_seed_of_the_study():
    source = BenchmarkSource(
        name="instructions", path=None, is_built_in=True, items=40, seed=1, uses_chat=True
    )
    reference, items = load_generated(source)
    assert (reference.item_count, reference.licence) == (40, "Apache-2.0")
    assert {item.item_id for item in items} <= {item.item_id for item in ITEMS}


def test_the_list_says_how_many_there_are():
    items, left_out = INSTRUCTIONS.read(Draw(folder=Path(), items=None, seed=1))
    assert (INSTRUCTIONS.item_count, left_out) == (len(items), 0)
