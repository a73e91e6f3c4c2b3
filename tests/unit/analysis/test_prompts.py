# A null where a number is expected fails these tests by itself.
# mypy: disable-error-code="operator,index,arg-type,type-var,misc,no-untyped-def,union-attr"

from __future__ import annotations

import json

import numpy as np
import pytest
from tests.unit.analysis.prompt_items import changed, prompt_data

from silentzone.analysis.prompt_gain import added_value
from silentzone.analysis.prompts import calibration, prompt_rows, ranks_within
from silentzone.stats.classification import Outcomes
from silentzone.stats.clusters import ClusterPartition


def rows_of(data, seed=1):
    return {row["model"]: row for row in prompt_rows([data], seed=seed)}


def auroc(row, name):
    found = [own["auroc"] for own in row["predictors"] if own["predictor"] == name]
    return found[0]["value"] if found else None


def test_there_is_one_row_per_candidate_and_one_of_all_and_it_is_json():
    rows = prompt_rows([prompt_data(n_models=3)], seed=1)
    assert [row["model"] for row in rows] == ["all", "Q0", "Q1", "Q2"]
    assert json.loads(json.dumps(rows, allow_nan=False)) == rows


def test_a_single_candidate_has_the_row_of_all_as_well():
    assert list(rows_of(prompt_data(n_models=1))) == ["all", "Q0"]


def test_only_items_the_reference_passed_count():
    data = prompt_data()
    row = rows_of(data)["Q5"]
    passed = data.reference_score == 1.0
    assert row["n_items"] == passed.sum()
    assert row["n_failed"] == (data.scores[5][passed] == 0.0).sum()
    assert row["n_failed"] + row["n_passed"] == row["n_items"]
    assert rows_of(data)["all"]["n_items"] == passed.sum()
    assert rows_of(data)["all"]["n_failed"] == (data.scores[:, passed] == 0.0).sum()


def test_near_the_references_boundary_answers_fail():
    row = rows_of(prompt_data())["all"]
    assert auroc(row, "reference_confidence") > 0.8
    assert auroc(row, "reference_margin") == pytest.approx(auroc(row, "reference_confidence"))


def test_a_worse_candidate_with_more_divergence_adds_nothing_by_that_alone():
    data = prompt_data(n_models=4)
    rng = np.random.default_rng(3)
    level = np.array([[0.001], [0.01], [0.1], [1.0]])
    noise = changed(data, divergence=level * rng.exponential(size=data.scores.shape))
    row = rows_of(noise)["all"]
    assert auroc(row, "divergence") == pytest.approx(0.5, abs=0.08)
    assert row["geometric_mean_ratio"]["interval"][0] < 1.0
    assert row["geometric_mean_ratio"]["interval"][1] > 1.0


def test_divergence_that_tells_failures_is_found_and_adds_to_the_confidence():
    data = prompt_data()
    rng = np.random.default_rng(4)
    failed = data.scores < 0.5
    told = changed(data, divergence=np.exp(rng.normal(size=failed.shape) + 1.0 * failed))
    row = rows_of(told)["all"]
    assert 1.8 < row["geometric_mean_ratio"]["value"] < 4.0
    assert auroc(row, "divergence") == pytest.approx(0.76, abs=0.06)
    assert row["added"]["auroc_gain"]["interval"][0] > 0.0
    assert row["added"]["coefficient"]["interval"][0] > 0.5
    assert row["added"]["pvalue"] < 1e-6
    assert "KLD adds to the confidence" in row["sentence"]


def test_divergence_without_meaning_is_not_said_to_add():
    data = prompt_data()
    rng = np.random.default_rng(5)
    noise = changed(data, divergence=rng.exponential(size=data.scores.shape))
    row = rows_of(noise)["all"]
    assert row["added"]["auroc_gain"]["value"] < 0.005
    assert "not shown to add" in row["sentence"]


def test_a_divergence_of_zero_is_left_out_of_the_ratio_and_counted():
    data = prompt_data(n_models=1)
    divergence = data.divergence.copy()
    passed = np.flatnonzero(data.reference_score == 1.0)
    divergence[0, passed[:3]] = [0.0, -1e-12, np.inf]
    row = rows_of(changed(data, divergence=divergence))["Q0"]
    assert row["n_zero"] == 3
    assert row["geometric_mean_ratio"]["n_observations"] == len(passed) - 3
    assert row["predictors"][0]["auroc"]["n_observations"] == len(passed)
    assert "counted" in row["zero_rule"]
    assert json.dumps(row, allow_nan=False)


def test_missing_confidences_are_left_out_and_counted():
    data = prompt_data(n_models=2)
    confidence = data.reference_confidence.copy()
    confidence[::10] = np.nan
    row = rows_of(changed(data, reference_confidence=confidence))["all"]
    missing = 2 * int((np.isnan(confidence) & (data.reference_score == 1.0)).sum())
    assert row["cautions"] == [
        f"{missing} of {2 * row['n_items']} answers have no reference confidence: left out of it"
    ]


def test_what_was_not_measured_gives_no_predictor():
    data = changed(
        prompt_data(), divergence=None, reference_margin=None, margin=None, confidence=None
    )
    row = rows_of(data)["all"]
    assert [own["predictor"] for own in row["predictors"]] == ["reference_confidence"]
    assert (row["geometric_mean_ratio"], row["added"]) == (None, None)
    nothing = changed(data, reference_confidence=None)
    assert prompt_rows([nothing], seed=1) == []


def test_too_few_failures_are_null_with_the_reason():
    data = prompt_data(n_models=2)
    scores = data.scores.copy()
    scores[0] = data.reference_score
    rows = rows_of(changed(data, scores=scores))
    assert auroc(rows["Q0"], "reference_confidence") is None
    assert "0 failed, fewer than 5" in rows["Q0"]["sentence"]
    assert rows["Q0"]["added"]["coefficient"]["value"] is None
    assert rows["all"]["cautions"][0].startswith("1 of 2 candidates failed none or all")


def test_a_candidate_without_scores_has_no_row():
    data = prompt_data(n_models=2)
    scores = data.scores.copy()
    scores[1] = np.nan
    assert list(rows_of(changed(data, scores=scores))) == ["all", "Q0"]


def test_graded_scores_pass_from_one_half():
    data = prompt_data(n_models=1)
    graded = changed(
        data,
        scores=np.where(data.scores == 1.0, 0.5, 0.49),
        reference_score=np.where(data.reference_score == 1.0, 0.6, 0.2),
    )
    assert rows_of(graded)["Q0"]["n_failed"] == rows_of(data)["Q0"]["n_failed"]


def test_the_same_seed_gives_the_same_rows_and_other_benchmarks_do_not_matter():
    data = prompt_data()
    both = prompt_rows([prompt_data(benchmark="beta", seed=9), data], seed=1)
    assert [row for row in both if row["benchmark"] == "alpha"] == prompt_rows([data], seed=1)


def test_a_perfect_predictor_has_no_fit_and_says_so():
    failed = np.repeat([True, False], [20, 80])
    rng = np.random.default_rng(6)
    outcomes = Outcomes.of(failed, ClusterPartition.singletons(100, unit="item"))
    gain = added_value(np.where(failed, 0.4, 0.9), rng.exponential(size=100), outcomes, rng=rng)
    assert gain.pvalue is None
    for estimate in (gain.auroc, gain.auroc_gain, gain.coefficient):
        assert "no finite fit" in estimate.cautions[0]


def test_certain_confidences_have_a_logit():
    data = prompt_data()
    confidence = np.where(data.reference_confidence > 0.9, 1.0, data.reference_confidence)
    row = rows_of(changed(data, reference_confidence=confidence))["all"]
    assert row["added"]["coefficient"]["value"] is not None


class TestCalibration:
    outcomes = Outcomes.of(np.arange(200) % 4 == 0, ClusterPartition.singletons(200, unit="item"))

    def test_bins_have_equal_counts_and_failed_shares_with_wilsons_interval(self):
        bins = calibration(np.arange(200.0), self.outcomes)
        assert [own["n"] for own in bins] == [20] * 10
        assert [own["low"] for own in bins] == [20.0 * k for k in range(10)]
        assert bins[0]["high"] == 19.0
        assert bins[0]["failed_share"]["value"] == 0.25
        assert "Wilson" in bins[0]["failed_share"]["method"]

    def test_equal_values_are_not_divided(self):
        values = np.where(np.arange(200) < 150, 0.0, np.arange(200.0))
        bins = calibration(values, self.outcomes)
        assert [own["n"] for own in bins] == [150, 10, 20, 20]
        assert bins[0]["high"] == 0.0

    def test_few_values_have_few_bins_and_missing_ones_none(self):
        values = np.full(200, np.nan)
        values[:25] = np.arange(25)
        assert [own["n"] for own in calibration(values, self.outcomes)] == [12, 13]
        values[9:] = np.nan
        assert calibration(values, self.outcomes) == []

    def test_an_infinite_edge_is_null(self):
        values = np.append(np.arange(199.0), np.inf)
        assert calibration(values, self.outcomes)[-1]["high"] is None

    def test_clusters_widen_the_intervals(self):
        labels = np.repeat(np.arange(20), 10)
        failed = np.repeat(np.arange(20) % 4 == 0, 10)
        values = np.tile(np.arange(10.0), 20)
        clustered = Outcomes.of(failed, ClusterPartition.of(labels, unit="item"))
        assert calibration(values, clustered)[0]["failed_share"]["n_clusters"] == 20


def test_the_curve_of_all_candidates_ranks_divergence_within_each_of_them():
    strata = np.array([0, 0, 0, 1, 1, 1])
    ranks = ranks_within(np.array([1.0, 2.0, 3.0, 100.0, np.nan, 200.0]), strata)
    assert ranks == pytest.approx([1 / 6, 3 / 6, 5 / 6, 1 / 4, np.nan, 3 / 4], nan_ok=True)
