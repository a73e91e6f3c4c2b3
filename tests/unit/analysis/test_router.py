# A null where a number is expected fails these tests by itself.
# mypy: disable-error-code="operator,index,arg-type,type-var,misc,no-untyped-def,union-attr"

from __future__ import annotations

import json
from itertools import combinations

import numpy as np
import pytest
from tests.unit.analysis.prompt_items import changed, prompt_data

from silentzone.analysis.router import router_row, router_rows


def shares(row):
    return {own["rule"]: own["accuracy"]["value"] for own in row["rules"]}


def by_hand(data, trusted):
    """Right and all decisions of a rule ``trusted(first, second, item)`` in {-1, 0, 1}."""
    right, n = 0.0, 0
    for a, b in combinations(range(len(data.models)), 2):
        for item in range(len(data)):
            outcome = data.scores[a, item] - data.scores[b, item]
            if outcome != 0.0 and not np.isnan(outcome):
                right += 0.5 + 0.5 * outcome * trusted(a, b, item)
                n += 1
    return right / n, n


def test_every_rule_is_the_share_counted_by_hand():
    data = prompt_data(n_models=5, n_items=60, cluster_size=2)
    row = router_row(data)
    kld, confidence = data.divergence, data.confidence
    means = [data.mean_divergence[name] for name in data.models]
    lower, n = by_hand(data, lambda a, b, i: np.sign(kld[b, i] - kld[a, i]))
    assert shares(row)["lower_kld"] == pytest.approx(lower)
    assert row["decisions"] == n
    mean, _ = by_hand(data, lambda a, b, i: np.sign(means[b] - means[a]))
    assert shares(row)["lower_mean_kld"] == pytest.approx(mean)
    sure, _ = by_hand(data, lambda a, b, i: np.sign(confidence[a, i] - confidence[b, i]))
    assert shares(row)["higher_confidence"] == pytest.approx(sure)
    better, _ = by_hand(data, lambda a, b, i: np.sign(data.scores[a].sum() - data.scores[b].sum()))
    assert shares(row)["better_model"] == pytest.approx(better)
    differences = {own["against"]: own["difference"]["value"] for own in row["comparisons"]}
    assert differences == {
        "chance": pytest.approx(lower - 0.5),
        "lower_mean_kld": pytest.approx(lower - mean),
        "higher_confidence": pytest.approx(lower - sure),
    }


def test_a_divergence_that_knows_is_always_right():
    data = prompt_data()
    row = router_row(changed(data, divergence=2.0 - data.scores))
    assert shares(row)["lower_kld"] == 1.0
    assert row["rules"][0]["accuracy"]["interval"] is None


def test_equal_divergences_count_half_and_are_counted():
    data = prompt_data(n_models=3)
    row = router_row(changed(data, divergence=np.ones_like(data.scores)))
    assert shares(row)["lower_kld"] == 0.5
    assert row["rules"][0]["ties"] == row["decisions"] > 0


def test_a_missing_divergence_takes_its_decisions_out_of_every_rule():
    data = prompt_data(n_models=3)
    divergence = data.divergence.copy()
    divergence[2] = np.nan
    row = router_row(changed(data, divergence=divergence))
    assert row["pairs"] == 1
    assert row["decisions"] == (data.scores[0] != data.scores[1]).sum()
    assert {own["accuracy"]["n_observations"] for own in row["rules"]} == {row["decisions"]}
    assert row["cautions"] == ["no divergence of Q2: not in any pair"]


def test_a_missing_score_is_not_wrong():
    data = prompt_data(n_models=2)
    scores = data.scores.copy()
    scores[1, scores[1] == 0.0] = np.nan
    row = router_row(changed(data, scores=scores))
    assert row["decisions"] == ((scores[0] == 0.0) & (scores[1] == 1.0)).sum()


def test_without_confidences_that_rule_is_null_and_its_comparison_too():
    row = router_row(changed(prompt_data(), confidence=None))
    assert shares(row)["higher_confidence"] is None
    assert row["comparisons"][2]["difference"]["value"] is None
    assert "confidence" not in row["sentence"]


def test_without_a_corpus_the_mean_is_over_the_items_and_the_words_say_so():
    row = router_row(changed(prompt_data(), mean_divergence={}))
    assert "over the benchmark's items" in row["rules"][1]["words"]
    assert shares(row)["lower_mean_kld"] is not None


def test_the_better_model_is_marked_as_chosen_on_the_same_items():
    row = router_row(prompt_data())
    assert "the items it is judged on" in row["rules"][3]["accuracy"]["cautions"][0]
    assert shares(row)["better_model"] >= 0.5


def test_intervals_are_by_item_and_model_from_five_models():
    many, few = router_row(prompt_data(n_models=5)), router_row(prompt_data(n_models=4))
    assert "by item and by model" in many["rules"][0]["accuracy"]["method"]
    assert "by item only" in few["rules"][0]["accuracy"]["method"]


def test_no_item_that_divides_candidates_has_no_decision():
    data = prompt_data(n_models=3)
    row = router_row(changed(data, scores=np.ones_like(data.scores)))
    assert (row["decisions"], row["items"], row["pairs"]) == (0, 0, 0)
    assert shares(row)["lower_kld"] is None
    assert "no decision" in row["sentence"]
    assert "exactly one" in row["cautions"][0]


def test_there_is_a_row_over_all_benchmarks_and_it_counts_their_decisions():
    data = [prompt_data(), prompt_data(benchmark="beta", seed=2, n_models=4, cluster_size=2)]
    rows = router_rows(data)
    assert [row["benchmark"] for row in rows] == ["alpha", "beta", "all"]
    assert rows[2]["decisions"] == rows[0]["decisions"] + rows[1]["decisions"]
    assert "over all benchmarks" in rows[2]["sentence"]
    assert json.loads(json.dumps(rows, allow_nan=False)) == rows


def test_benchmarks_without_divergence_or_with_one_candidate_have_no_row():
    assert router_rows([changed(prompt_data(), divergence=None), prompt_data(n_models=1)]) == []


def test_graded_scores_name_their_rule():
    data = prompt_data()
    graded = router_row(changed(data, scores=np.where(data.scores > 0.5, 0.75, 0.25)))
    assert graded["cautions"] == ["an item counts as passed from a score of 0.5"]
    assert shares(graded) == shares(router_row(data))


def test_the_sentence_names_what_is_better_worse_and_open():
    data = prompt_data(n_models=6, n_items=800)
    noise = np.random.default_rng(2).normal(size=data.scores.shape)
    row = router_row(
        changed(data, divergence=np.exp(data.scores + noise), confidence=data.scores + noise)
    )
    assert "worse than a coin" in row["sentence"]
    assert "worse than trusting the higher confidence (7" in row["sentence"]
    blind = router_row(changed(data, divergence=np.exp(noise)))
    assert "not shown to differ from a coin" in blind["sentence"]


def test_a_share_without_an_interval_is_not_compared():
    data = prompt_data(n_models=6)
    row = router_row(changed(data, divergence=1.0 + data.scores))
    assert "no interval against a coin" in row["sentence"]
