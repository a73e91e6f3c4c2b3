"""Published cohorts whose regimes are known; they lie beside the checkout, never in it."""

# A null where a number is expected fails these tests by itself.
# mypy: disable-error-code="operator,index,arg-type,no-untyped-def,union-attr"

from __future__ import annotations

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from tests.unit.analysis.tables import (
    analyzed,
    find,
    item_rows,
    items,
    relation,
    table,
    verdict,
)

from silentzone.records.cohort_table import TableModel

CORPORA = ("c4", "fineweb_edu", "wikitext2")
EIGHT_B = ("arc_easy_norm", "hellaswag_norm", "piqa_norm", "winogrande")
ONE_B = ("arc_easy", "hellaswag", "hellaswag_norm", "piqa_norm")
FAMILIES = (
    "Qwen__Qwen2.5-1.5B-Instruct",
    "Qwen__Qwen2.5-3B-Instruct",
    "google__gemma-2-2b-it",
    "meta-llama__Llama-3.2-3B-Instruct",
    "microsoft__Phi-3.5-mini-instruct",
)


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def ladder(shared_cohorts):
    """matt-c1: 22 quants of Llama-3-8B with MMLU, joined to llama.cpp's KLD by their names."""
    folder = shared_cohorts / "matt-c1-llama3-mmlu"
    named = {(row["model"], row["quant"]): row for row in rows_of(folder / "mmlu.csv")}
    count = {"mmlu": 14_042}
    reference = TableModel(
        name="bf16",
        is_reference=True,
        scores={"mmlu": float(named["8B", "bf16"]["mmlu_percent"]) / 100.0},
        n_items=count,
    )
    candidates = [
        TableModel(
            name=row["quant"],
            bits_per_weight=float(row["bpw"]),
            fidelity={"kld_mean": float(row["kld_base"]), "ppl_candidate": float(row["ppl_base"])},
            fidelity_errors={"kld_mean": float(row["kld_base_unc"])},
            scores={"mmlu": float(row["mmlu_percent_instruct"]) / 100.0},
            n_items=count,
        )
        for row in rows_of(folder / "joined_cross_source_kld.csv")
    ]
    return analyzed(table(reference, *candidates))


def toolkit(folder, name, benchmarks, reference=None):
    """gptq-gguf-toolkit: perplexity on three corpora and four scores, no number of items."""
    return table(
        *(
            TableModel(
                name=row["method"],
                is_reference=row["method"] == reference,
                bits_per_weight=float(row["avg_bit_width_score_table"]),
                fidelity={f"ppl_candidate@{text}": float(row[f"{text}_ppl"]) for text in CORPORA},
                scores={name: float(row[name]) for name in benchmarks},
            )
            for row in rows_of(folder / "gptq-gguf-toolkit" / name)
        )
    )


@pytest.fixture(scope="module")
def eight_b(shared_cohorts):
    name = "llama-3.1-8b-instruct.csv"
    return analyzed(toolkit(shared_cohorts, name, EIGHT_B, "F32 (Full Precision)"))


@pytest.fixture(scope="module")
def one_b(shared_cohorts):
    return analyzed(toolkit(shared_cohorts, "llama-3.2-1b-instruct.csv", ONE_B))


@pytest.mark.parametrize("zone", ["full", "band", "fidelity"])
def test_a_ladder_whose_order_holds_is_informative_near_the_reference_too(ladder, zone):
    assert verdict(ladder, zone) == "informative"
    assert relation(ladder, zone)["aligned"] > 0.95


def test_nothing_about_that_ladder_is_silent(ladder):
    assert "silent" not in {one["verdict"] for one in ladder["verdicts"]}
    assert relation(ladder)["n"] == 22
    assert relation(ladder)["attainable"] > 0.95
    json.dumps(ladder, allow_nan=False)


def test_no_width_of_any_zone_makes_that_ladder_fade(ladder):
    shown = [one for one in ladder["sensitivity"] if one["aligned"] is not None and one["n"] > 3]
    assert len(shown) > 15
    assert min(one["aligned"] for one in shown) > 0.9


def test_the_duplicate_rows_of_the_toolkit_are_kept_and_their_effect_is_shown(eight_b):
    (copies,) = eight_b["copies"]
    assert copies["models"] == ["GPTQ-4", "EvoPress-GPTQ-4"]
    effect = find(copies["effect"], zone="full")
    assert (effect["n"], effect["n_without"]) == (27, 26)
    assert effect["spearman"] != effect["spearman_without"]
    assert relation(eight_b)["spearman"] == effect["spearman"]


def test_three_corpora_are_three_variants_and_adjusted_together(eight_b):
    whole = [one for one in eight_b["variants"] if one["score"] == "composite"]
    assert {one["corpus"] for one in whole} == set(CORPORA)
    for zone in ("full", "band", "fidelity"):
        summary = find(eight_b["variant_summaries"], score="composite", zone=zone)
        assert summary["n_variants"] == 3
        adjusted = [one["pvalue_maxt"] for one in whole if one["zone"] == zone]
        assert None not in adjusted


def test_a_full_precision_row_gives_the_toolkits_cohort_its_band(eight_b):
    scores = {
        one["model"]: one["net"]["value"]
        for one in eight_b["decomposition"]
        if one["benchmark"] == "composite"
    }
    inside = {name for name, net in scores.items() if abs(net) <= 0.02 + 1e-12}
    assert set(relation(eight_b, "band")["members"]) == inside
    assert verdict(eight_b) == "informative"


def test_without_numbers_of_items_the_toolkits_noise_is_not_known(eight_b, one_b):
    for found in (eight_b, one_b):
        assert relation(found)["attainable"] is None
        assert "silent" not in {one["verdict"] for one in found["verdicts"]}
    equivalence = relation(eight_b, "equivalence")["cautions"]
    assert equivalence == ["no composite difference has a standard error"]


def test_without_a_full_precision_row_the_whole_and_the_fidelity_zone_are_answered(one_b):
    assert relation(one_b)["n"] == 16
    assert verdict(one_b) == "informative"
    assert relation(one_b, "fidelity")["n"] >= 8
    assert relation(one_b, "fidelity")["spearman"] is not None


def test_without_a_full_precision_row_the_rest_is_null_with_the_reason(one_b):
    for zone in ("band", "equivalence"):
        found = relation(one_b, zone)
        assert found["spearman"] is None
        assert (
            found["cautions"][0] == "no model is marked as the reference (`--reference` names one)"
        )
    assert one_b["reference"] is None
    assert one_b["decision"]["pick"] is None


@pytest.fixture(scope="module")
def flips(shared_cohorts):
    return shared_cohorts / "quantization-flips-small-llms"


def answers(folder, family, precision, benchmark, gold):
    content = json.loads((folder / f"{family}__{precision}__{benchmark}.json").read_text())
    right = np.array([own == one for own, one in zip(content["preds"], gold, strict=True)])
    return replace(
        item_rows(precision, right.astype(float), benchmark), predictions=tuple(content["preds"])
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_harm_and_gain_of_published_answers_are_the_published_counts(flips, family):
    questions = json.loads((flips / "_bench_items.json").read_text())
    own = items(
        *(
            answers(flips, family, precision, name, [one["answer"] for one in questions[name]])
            for name in ("arc", "mmlu", "csqa")
            for precision in ("fp16", "int8", "int4")
        ),
        reference="fp16",
    )
    found = analyzed(None, own)
    published = [
        row
        for row in rows_of(flips / "derived_flips.csv")
        if row["model"].replace("/", "__") == family
    ]
    assert len(published) == 6
    for row in published:
        changed = find(found["decomposition"], model=row["quant"], benchmark=row["benchmark"])
        assert changed["items"] == int(row["n"])
        assert (changed["harm"], changed["gain"]) == (int(row["c_to_i"]), int(row["i_to_c"]))
        assert changed["wrong_to_wrong"] == int(row["w_to_other_w"])
        assert 100 * changed["volume"]["value"] == pytest.approx(float(row["churn_pct"]), abs=0.005)
        assert 100 * changed["answers_changed"]["value"] == pytest.approx(
            float(row["answer_change_pct"]), abs=0.005
        )
        assert 100 * changed["net"]["value"] == pytest.approx(
            float(row["net_delta_pts"]), abs=0.005
        )
