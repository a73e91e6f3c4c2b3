# A null where a number is expected fails these tests by itself.
# mypy: disable-error-code="operator,index,arg-type,no-untyped-def,union-attr"

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import spearmanr
from tests.unit.analysis.tables import analyzed, find, item_rows, items, ladder, relation

from silentzone.errors import InputError


def flips(seed, n_items=200, share=0.1):
    rng = np.random.default_rng(seed)
    truth = (np.random.default_rng(0).random(n_items) < 0.7).astype(float)
    return np.where(rng.random(n_items) < share, 1.0 - truth, truth)


def answered(n_models=5, *, with_reference=True):
    models = {f"c{k:02d}": flips(k + 1, share=0.02 * (k + 1)) for k in range(n_models)}
    reference = {"F16": flips(0, share=0.0)} if with_reference else {}
    return items(*(item_rows(name, scores) for name, scores in {**reference, **models}.items()))


def test_items_alone_give_everything_that_needs_items_and_no_relation():
    found = analyzed(None, answered())
    assert found["source"] == {"kind": "items", "files": ["i.jsonl"]}
    row_of = find(found["decomposition"], model="c04", benchmark="mmlu")
    difference = flips(5, share=0.1) - flips(0, share=0.0)
    assert row_of["harm"] == int((difference < 0).sum())
    assert row_of["gain"] == int((difference > 0).sum())
    assert row_of["volume"]["value"] == pytest.approx(np.abs(difference).mean())
    assert found["relations"] == found["verdicts"] == []
    assert found["decision"]["steps"] or found["decision"]["undecided"]
    json.dumps(found, allow_nan=False)


def test_a_table_beside_items_gives_the_metric_and_the_items_give_the_scores():
    found = analyzed(ladder(5), answered())
    assert found["source"] == {"kind": "table and items", "files": ["t.csv", "i.jsonl"]}
    assert any("the table's score columns are set aside" in text for text in found["cautions"])
    volume = relation(found, score="volume:composite")
    difference = [
        np.abs(flips(k + 1, share=0.02 * (k + 1)) - flips(0, share=0.0)).mean() for k in range(5)
    ]
    kld = [one.fidelity["kld_mean"] for one in ladder(5).models[1:]]
    assert volume["spearman"] == pytest.approx(spearmanr(kld, difference).statistic)
    assert found["volume_direction"]


def test_models_of_either_file_alone_are_kept_and_counted():
    found = analyzed(ladder(7), answered())
    assert len(found["candidates"]) == 7
    assert "2 of 7 members have no value and are left out" in relation(found)["cautions"]


def test_the_chance_of_a_table_holds_for_the_items_beside_it():
    found = analyzed(replace(ladder(5), chance={"mmlu": 0.9}), answered())
    assert found["benchmarks"][0]["enters_composite"] is False
    assert found["benchmarks"][0]["chance"] == 0.9


def test_items_without_a_reference_are_refused_with_the_names_to_choose_from():
    own = answered(with_reference=False)
    with pytest.raises(InputError, match=r"none is marked among them; the models are `c00`"):
        analyzed(None, replace(own, reference=None))
    assert (
        analyzed(None, replace(own, reference=None), reference="c00")["reference"]["name"] == "c00"
    )


def test_two_files_that_mark_different_references_are_refused_until_one_is_named():
    own = replace(answered(), reference="c00")
    with pytest.raises(InputError, match="mark different references: `F16` and `c00`"):
        analyzed(ladder(5), own)
    assert analyzed(ladder(5), own, reference="F16")["reference"]["name"] == "F16"


def test_failed_answers_are_left_out_and_counted_not_taken_as_wrong():
    scores = flips(3)
    scores[:20] = np.nan
    own = items(item_rows("F16", flips(0, share=0.0)), item_rows("c00", scores))
    found = analyzed(None, own)
    assert find(found["decomposition"], model="c00", benchmark="mmlu")["items"] == 180
    counted = find(found["exclusions"], what="items of c00 on mmlu")
    assert (counted["count"], counted["why"]) == (20, "failed")


def test_models_that_one_file_alone_knows_are_named():
    found = analyzed(ladder(6), answered(n_models=5))
    assert (
        "in the cohort table only, and so without a relation: c05 (names must be equal)"
        in (found["cautions"])
    )
    assert not any("in the items table only" in text for text in found["cautions"])


def test_models_that_were_asked_other_parts_are_named_and_never_held_against_each_other():
    parts = {"F16": flips(0, share=0.0), "first": flips(1)[:120], "second": flips(2)}
    rows = [item_rows(name, scores) for name, scores in parts.items()]
    rows[2] = replace(
        rows[2],
        **{
            name: getattr(rows[2], name)[120:]
            for name in ("item_ids", "scores", "statuses", "clusters", "repeats")
        },
        predictions=None,
    )
    found = analyzed(None, items(*rows))
    (caution,) = [text for text in found["cautions"] if "are paired" in text]
    assert "first on mmlu (120 of 200), second on mmlu (80 of 200)" in caution
    (pair,) = found["decision"]["pairs"]
    assert pair["difference"]["value"] is None
    assert pair["difference"]["n_observations"] == 0
    json.dumps(found, allow_nan=False)
