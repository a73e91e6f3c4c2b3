# A null where a number is expected fails these tests by itself.
# mypy: disable-error-code="operator,index,arg-type,type-var,misc,no-untyped-def,union-attr"

from __future__ import annotations

import json

import numpy as np
import pytest
from tests.unit.analysis.prompt_items import changed, prompt_data

from silentzone.analysis.signed_shift import signed_shift_section
from silentzone.analysis.signed_splits import Splits, boundary_weights


def row_of(rows, predictor, *, benchmark="alpha", zone="full", items=None):
    found = [
        row
        for row in rows
        if (row["predictor"], row["benchmark"], row["zone"]) == (predictor, benchmark, zone)
        and (items is None or row["items"] == items)
    ]
    return found[0]


def section(*data, **options):
    return signed_shift_section(data, seed=1, **options)


def test_each_split_is_the_means_of_two_disjoint_halves():
    data = prompt_data(n_models=3, n_items=41, cluster_size=3)
    splits = Splits.of(data, 200, np.random.default_rng(0))
    predictors, target = splits.halves()
    weights = boundary_weights(data.reference_margin)
    shift = data.margin - data.reference_margin
    net = data.scores - data.reference_score
    for split in (0, 199):
        is_first = np.isin(data.clusters.codes, splits.order_RG[split, :7])
        expected = (shift * weights)[:, is_first].sum(axis=1) / weights[is_first].sum()
        assert predictors["signed_shift"][:, split] == pytest.approx(
            shift[:, is_first].mean(axis=1)
        )
        assert predictors["weighted_signed_shift"][:, split] == pytest.approx(expected)
        assert predictors["item_kld_mean"][:, split] == pytest.approx(
            data.divergence[:, is_first].mean(axis=1)
        )
        assert predictors["net"][:, split] == pytest.approx(net[:, is_first].mean(axis=1))
        assert target[:, split] == pytest.approx(net[:, ~is_first].mean(axis=1))


def test_few_items_are_whole_clusters_of_the_first_half():
    data = prompt_data(n_models=2, n_items=40, cluster_size=2)
    splits = Splits.of(data, 200, np.random.default_rng(0))
    few = splits.subset(5)["signed_shift"][:, 3]
    chosen = np.isin(data.clusters.codes, splits.order_RG[3, :3])
    shift = data.margin - data.reference_margin
    assert few == pytest.approx(shift[:, chosen].mean(axis=1))


def test_missing_margins_are_left_out_item_by_item():
    data = prompt_data(n_models=2, n_items=30)
    margin, reference = data.margin.copy(), data.reference_margin.copy()
    margin[0, :5], reference[7] = np.nan, np.nan
    splits = Splits.of(
        changed(data, margin=margin, reference_margin=reference), 200, np.random.default_rng(0)
    )
    predictors, _ = splits.halves()
    chosen = splits.order_RG[0, :15]
    own = (margin - reference)[0, chosen]
    assert predictors["signed_shift"][0, 0] == pytest.approx(np.nanmean(own))


def test_weights_fall_away_from_the_boundary_and_use_its_median_size():
    weights = boundary_weights(np.array([0.0, -2.0, 2.0, 4.0, np.nan]))
    assert weights[:4] == pytest.approx([1.0, np.exp(-1.0), np.exp(-1.0), np.exp(-2.0)])
    assert np.isnan(weights[4])
    assert boundary_weights(np.zeros(3)).tolist() == [1.0, 1.0, 1.0]


def test_a_bias_of_the_candidates_is_found_by_the_shift_and_not_by_kld():
    rows, summary = section(prompt_data(n_models=12, n_items=1200, bias=0.6))
    assert row_of(rows, "weighted_signed_shift")["rho"]["value"] > 0.8
    assert row_of(rows, "net")["rho"]["value"] > 0.8
    assert row_of(rows, "kld_mean")["rho"]["value"] < 0.7
    assert "weighted signed gold-margin shift" in summary["sentence"]
    assert [own["predictor"] for own in summary["against"]] == ["kld_mean", "net"]


def test_a_metric_beaten_by_net_does_not_work_and_the_numbers_are_there():
    data = prompt_data(n_models=10, n_items=600, bias=0.6)
    noise = np.random.default_rng(3).normal(size=data.margin.shape)
    _, summary = section(changed(data, margin=data.reference_margin + noise))
    assert summary["works"] is False
    assert "it does not work: it does not beat" in summary["sentence"]
    assert summary["against"][1]["difference"] < 0.0


def test_a_metric_that_beats_both_works():
    # The score is a coarse, noisy reading of the margin: only the margin keeps the order.
    data = prompt_data(n_models=16, n_items=300)
    rng = np.random.default_rng(4)
    quality = rng.permutation(np.linspace(-0.3, 0.3, 16))[:, None]
    scores = (rng.random(data.scores.shape) < 0.5 + quality).astype(float)
    shifted = changed(
        data,
        scores=scores,
        margin=data.reference_margin + quality + 0.001 * rng.normal(size=scores.shape),
        reference_score=np.full(300, 0.5),
    )
    _, summary = section(shifted)
    assert summary["against"][1]["difference"] > 0.0
    assert summary["works"] is True, summary
    assert "it works: it beats" in summary["sentence"]


def test_rho_is_aligned_and_the_raw_one_stands_beside_it():
    rows, _ = section(prompt_data(n_models=10, bias=0.0))
    kld = row_of(rows, "kld_mean")
    assert kld["rho"]["value"] > 0.0
    assert kld["spearman"] == -kld["rho"]["value"]
    net = row_of(rows, "net")
    assert net["spearman"] == net["rho"]["value"]


def test_the_interval_is_the_central_share_of_the_splits_and_says_so():
    rows, _ = section(prompt_data(n_models=10))
    estimate = row_of(rows, "net")["rho"]
    assert "central 95 % over splits" in estimate["method"]
    assert estimate["interval"][0] <= estimate["value"] <= estimate["interval"][1]
    assert estimate["standard_error"] is None


def test_few_items_have_rows_up_to_the_half():
    rows, summary = section(prompt_data(n_models=10, n_items=300))
    assert sorted({row["items"] for row in rows}) == [25, 50, 100, 150]
    assert not [r for r in rows if r["items"] == 25 and r["predictor"] == "kld_mean"]
    assert "From 100 items alone" in summary["sentence"]


def test_zones_are_judged_among_their_members():
    data = prompt_data(n_models=10)
    rows, _ = section(data, zones={"band": ("Q0", "Q1", "Q2", "Q3", "no such")})
    band = row_of(rows, "net", zone="band")
    assert band["n"] == 4
    assert band["rho"]["cautions"][0].startswith("n = 4, fewer than 8")
    assert band["cautions"] == ["1 of 5 candidates have no value and are left out"]


def test_three_candidates_give_a_rho_and_no_verdict_and_two_give_none():
    rows, summary = section(prompt_data(n_models=3))
    assert row_of(rows, "signed_shift")["rho"]["value"] is not None
    assert summary["works"] is None
    assert "too few to say" in summary["sentence"]
    rows, summary = section(prompt_data(n_models=2))
    assert row_of(rows, "signed_shift")["rho"]["value"] is None
    assert "needs three candidates" in summary["sentence"]


def test_candidates_that_do_not_differ_have_no_rho():
    data = prompt_data(n_models=9)
    rows, summary = section(changed(data, scores=np.tile(data.reference_score, (9, 1))))
    assert row_of(rows, "signed_shift")["rho"]["value"] is None
    assert summary["works"] is None


def test_without_a_corpus_kld_along_the_items_is_the_rival():
    rows, summary = section(changed(prompt_data(n_models=9), mean_divergence={}))
    assert row_of(rows, "kld_mean")["rho"]["value"] is None
    assert [own["predictor"] for own in summary["against"]] == ["item_kld_mean", "net"]


def test_without_any_kld_nothing_is_said_to_work():
    data = changed(prompt_data(n_models=9, bias=1.0), mean_divergence={}, divergence=None)
    _, summary = section(data)
    assert [own["predictor"] for own in summary["against"]] == ["net"]
    assert summary["works"] is not True


def test_benchmarks_without_margins_have_no_row():
    rows, summary = section(changed(prompt_data(), margin=None))
    assert rows == []
    assert summary["works"] is None
    assert "No benchmark has gold margins" in summary["sentence"]


def test_the_composite_is_the_macro_mean_over_the_benchmarks_that_enter():
    alpha = prompt_data(n_models=9, n_items=200)
    beta = prompt_data(n_models=9, n_items=300, seed=1, benchmark="beta")
    gamma = changed(prompt_data(n_models=9, benchmark="gamma"), margin=None)
    rows, summary = section(alpha, beta, gamma)
    composite = row_of(rows, "net", benchmark="composite")
    assert composite["items"] == 100 + 150
    assert composite["cautions"] == ["without margins, not in it: gamma"]
    assert summary["benchmark"] == "composite"
    rows, summary = section(alpha, beta, entering=["beta"])
    assert {row["benchmark"] for row in rows} == {"alpha", "beta"}
    assert summary["benchmark"] == "beta"


def test_units_of_one_benchmarks_margins_do_not_decide_the_composite():
    alpha = prompt_data(n_models=9, n_items=200)
    beta = prompt_data(n_models=9, n_items=300, seed=1, benchmark="beta")
    longer = changed(beta, margin=50 * beta.margin, reference_margin=50 * beta.reference_margin)
    plain, _ = section(alpha, beta)
    scaled, _ = section(alpha, longer)
    for name in ("signed_shift", "weighted_signed_shift"):
        assert row_of(scaled, name, benchmark="composite")["rho"]["value"] == pytest.approx(
            row_of(plain, name, benchmark="composite")["rho"]["value"]
        )


def test_a_candidate_that_lacks_a_benchmark_is_not_in_the_composite():
    alpha = prompt_data(n_models=9, n_items=200)
    beta = prompt_data(n_models=8, n_items=300, seed=1, benchmark="beta")
    rows, _ = section(alpha, beta)
    assert row_of(rows, "net", benchmark="composite")["n"] == 8


def test_the_sections_are_json_and_the_same_for_the_same_seed():
    data = prompt_data(n_models=8)
    rows, summary = section(data, zones={"band": ("Q0", "Q1", "Q2")})
    assert json.loads(json.dumps([rows, summary], allow_nan=False)) == [rows, summary]
    again, _ = section(data, zones={"band": ("Q0", "Q1", "Q2")})
    assert again == rows
