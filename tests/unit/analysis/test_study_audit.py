from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from tests.unit.analysis.studies import FOUR
from tests.unit.analysis.tables import find

from silentzone.analysis.study import analyze_study
from silentzone.records.config import AuditEntry, DecisionEntry

SCHEMA = Path(__file__).parents[3] / "docs" / "analysis-json.md"
ZONES = ("full", "equivalence", "band", "fidelity")
JUDGED = ("kld_mean", "kld_median", "kld_p99", "top1_agreement", "ln_ppl_ratio", "js_mean")
PARTS = ("volume", "direction", "net")
BENCHMARKS = ("alpha", "beta")
SCORES = {
    "composite",
    "composite_normalised",
    "composite_rank",
    *BENCHMARKS,
    *(f"{part}:{name}" for part in PARTS for name in ("composite", *BENCHMARKS)),
}


def test_the_object_is_strict_json_of_the_documented_schema(whole):
    json.dumps(whole, allow_nan=False)
    page = SCHEMA.read_text()
    assert whole["schema_version"] == 2
    assert [key for key in whole if f'"{key}":' not in page] == []


@pytest.mark.parametrize(
    "section",
    ["composites", "scores", "decomposition", "relations", "verdicts", "variants",
     "variant_summaries", "sensitivity", "volume_direction"],
)  # fmt: skip
def test_every_row_has_the_documented_keys(whole, section):
    text = SCHEMA.read_text().split(f'\n "{section}":', 1)[1].split('\n "', 1)[0]
    named = set(re.findall(r'"(\w+)"', text))
    assert whole[section]
    assert all(set(row) <= named for row in whole[section])


def test_every_metric_that_ranks_meets_every_score_in_every_zone_once(whole):
    rows = [(one["metric"], one["score"], one["zone"]) for one in whole["relations"]]
    assert len(rows) == len(set(rows)) == 23 * len(SCORES) * len(ZONES)
    assert {score for _, score, _ in rows} == SCORES
    assert {zone for *_, zone in rows} == set(ZONES)
    assert not {"ppl_reference", "ppl_candidate"} & {metric for metric, *_ in rows}


def test_six_metrics_are_judged_and_the_first_on_single_benchmarks_too(whole):
    judged = {(one["metric"], one["score"]) for one in whole["verdicts"]}
    scores = ("composite", *(f"{part}:composite" for part in PARTS))
    single = {("kld_mean", name) for name in BENCHMARKS}
    assert judged == {(metric, score) for metric in JUDGED for score in scores} | single
    expected = {(r["metric"], r["score"]) for r in whole["relations"] if r["expected"] is not None}
    assert expected == judged


def test_the_headline_is_mean_kld_on_the_first_corpus(whole):
    assert whole["headline"] == {"metric": "kld_mean", "corpus": "text"}


def test_the_same_folder_and_seed_give_the_same_object_and_another_seed_other_draws(study, plan):
    folder = study(plan(names=FOUR))
    first, again, other = (analyze_study(folder, rng_seed=seed) for seed in (3, 3, 4))
    assert json.dumps(first, sort_keys=True) == json.dumps(again, sort_keys=True)
    assert first["relations"] != other["relations"]
    assert first["fidelity"] == other["fidelity"]


def test_candidates_stand_largest_first(whole):
    assert [one["name"] for one in whole["candidates"]] == [f"Q{8 * k}" for k in range(8, 0, -1)]
    assert whole["candidates"][0]["provenance"] == {"general.quantized_by": "nobody"}


def test_a_fidelity_axis_that_truly_follows_volume_is_found_to_do_so(whole):
    relation = find(whole["relations"], metric="kld_mean", score="volume:composite", zone="full")
    assert relation["aligned"] > 0.8
    assert relation["spearman"] == relation["aligned"]


def test_aligned_turns_a_loss_around_and_keeps_a_gain(whole):
    loss = find(whole["relations"], metric="kld_mean", score="composite", zone="full")
    gain = find(whole["relations"], metric="top1_agreement", score="composite", zone="full")
    assert loss["aligned"] == -loss["spearman"]
    assert gain["aligned"] == gain["spearman"]


def test_what_was_simulated_is_a_range_over_shapes_and_what_was_not_says_why(whole):
    expected = [r["expected"] for r in whole["relations"] if r["expected"] is not None]
    assert any(one["n_simulations"] == 1000 for one in expected)
    for one in expected:
        medians = [shape["median"] for shape in one["shapes"]]
        assert one["low"] == min(medians, default=None)
        assert one["high"] == max(medians, default=None)
        assert (one["pvalue"] is None) == (not medians)
    simulated = find(whole["relations"], metric="kld_mean", score="composite", zone="full")
    assert [shape["shape"] for shape in simulated["expected"]["shapes"]] == ["order"]


def test_holm_stands_on_single_benchmarks_alone_and_is_never_below_the_plain_pvalue(whole):
    for one in whole["relations"]:
        if one["score"] in BENCHMARKS and one["pvalue"] is not None:
            assert one["pvalue_holm"] >= one["pvalue"]
        else:
            assert one["pvalue_holm"] is None


def test_zones_and_margins_can_be_asked_otherwise_than_the_study_has_them(study, plan):
    from silentzone.analysis.answers import Settings

    settings = Settings(
        decision=DecisionEntry(margin=0.3, guard_margin=0.5),
        audit=AuditEntry(band=0.5, fidelity_share=0.75),
    )
    folder = study(plan(names=FOUR))
    result = analyze_study(folder, rng_seed=1, settings=settings)
    of_zone = {
        zone: find(result["relations"], metric="kld_mean", score="composite", zone=zone)
        for zone in ZONES
    }
    assert of_zone["band"]["n"] == 4
    assert of_zone["fidelity"]["n"] == 3
    assert "within 30 points" in of_zone["equivalence"]["definition"]
    assert result["decision"]["margin"] == 0.3
    assert result["audit_settings"]["band"] == 0.5


def test_a_margin_that_cannot_be_resolved_leaves_the_equivalence_zone_empty(analyzed):
    result = analyzed(decision=DecisionEntry(margin=0.005))
    relation = find(result["relations"], score="composite", zone="equivalence")
    assert relation["spearman"] is None
    assert relation["n"] == 0
    assert "not resolvable" in relation["cautions"][0]


def test_the_fidelity_zone_holds_the_half_with_least_loss(whole):
    relation = find(whole["relations"], metric="kld_mean", score="composite", zone="fidelity")
    kld = {row["model"]: row["metrics"]["kld_mean"]["value"] for row in whole["fidelity"]}
    assert set(relation["members"]) == set(sorted(kld, key=lambda name: kld[name])[:4])
