# A null where a number is expected fails these tests by itself.
# mypy: disable-error-code="operator,index,arg-type,no-untyped-def"

from __future__ import annotations

from itertools import product

import pytest
from tests.unit.analysis.relation_records import expecting, relation

from silentzone.analysis.volume_direction import PARTS, volume_direction
from silentzone.records.config import AuditEntry

RULE = AuditEntry()
NOT_WHICH_WAY = "It measures how much changed, not which way."
WORDS = ("follows", "does not follow", "cannot tell")


def part(name, word, *, n=30, attainable=0.9, kind="full"):
    """Relation of a part that the rule gives this word."""
    sign = 1 if name == "volume" else -1
    aligned, pvalue = {"follows": (0.8, 0.9), "does not follow": (0.0, 0.001)}.get(word, (0.0, 0.5))
    return relation(
        sign * aligned,
        n,
        attainable,
        sign,
        kind=kind,
        expected=expecting(pvalue),
        score=f"{name}:composite",
    )


def judged(*words, score="composite", **changes):
    parts = {name: part(name, word, **changes) for name, word in zip(PARTS, words, strict=True)}
    return volume_direction(parts, score, RULE)


def test_verdicts_become_words_beside_each_parts_own_attainable_rho():
    row = judged("follows", "does not follow", "cannot tell")
    assert [(one["part"], one["word"]) for one in row["parts"]] == [
        ("volume", "follows"),
        ("direction", "does not follow"),
        ("net", "cannot tell"),
    ]
    assert all(one["attainable"] == 0.9 for one in row["parts"])
    assert (row["metric"], row["corpus"], row["zone"], row["n"]) == ("kld_mean", "text", "full", 30)


def test_intervals_and_rho_are_raw_and_aligned_is_turned():
    row = judged("follows", "follows", "follows")
    volume, direction, _ = row["parts"]
    assert volume["spearman"] == volume["aligned"] == direction["aligned"] == 0.8
    assert direction["spearman"] == -0.8
    assert direction["interval"][1] < 0.0 < volume["interval"][0]


@pytest.mark.parametrize("words", list(product(WORDS, repeat=3)))
def test_not_which_way_is_said_only_where_direction_is_silent_and_volume_followed(words):
    sentence = judged(*words)["sentence"]
    is_split = words[:2] == ("follows", "does not follow")
    assert (NOT_WHICH_WAY in sentence) == (is_split and words[2] != "follows")
    assert ("more change is more loss" in sentence) == (is_split and words[2] == "follows")


def test_direction_that_noise_hides_is_said_to_be_hidden():
    parts = {
        "volume": part("volume", "follows"),
        "direction": part("direction", "cannot tell", attainable=0.4),
        "net": part("net", "cannot tell"),
    }
    sentence = volume_direction(parts, "composite", RULE)["sentence"]
    assert "could have shown of direction is about 0.40" in sentence
    assert NOT_WHICH_WAY not in sentence
    parts["direction"] = part("direction", "cannot tell", attainable=None)
    assert "is unknown or too low" in volume_direction(parts, "composite", RULE)["sentence"]


def test_noise_is_not_blamed_where_it_leaves_enough_to_be_seen():
    sentence = judged("follows", "cannot tell", "cannot tell", attainable=0.95)["sentence"]
    assert "could have shown" not in sentence
    assert "Whether it follows the direction cannot be told from these candidates." in sentence


def test_a_zone_without_rho_says_why_nothing_can_be_said():
    parts = {name: relation(None, 2, kind="band", score=f"{name}:composite") for name in PARTS}
    row = volume_direction(parts, "composite", RULE)
    assert row["sentence"].startswith("In the band zone nothing can be said")
    assert {one["word"] for one in row["parts"]} == {"cannot tell"}


def test_the_zone_and_a_single_benchmark_are_named():
    assert judged("follows", "follows", "follows", kind="fidelity")["sentence"].startswith(
        "In the fidelity zone (30 candidates) mean KLD on text follows the volume"
    )
    row = judged("follows", "follows", "follows", score="mmlu")
    assert row["sentence"].startswith("Over the whole cohort")
    assert row["sentence"].endswith(" on mmlu.")


def test_a_part_that_is_missing_leaves_no_row():
    parts = {name: part(name, "follows") for name in PARTS[:2]}
    assert volume_direction(parts, "composite", RULE) is None
