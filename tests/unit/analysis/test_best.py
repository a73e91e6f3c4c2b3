# A null where a number is expected fails these tests by itself.
# mypy: disable-error-code="operator,index,arg-type,union-attr,no-untyped-def"

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import pytest

from silentzone.analysis.best import all_pairs, best_set, compared_models, yardstick
from silentzone.stats.clusters import ClusterPartition
from silentzone.stats.paired import paired_difference


@dataclass
class Scores:
    """What is read of a benchmark's scores."""

    reference: np.ndarray
    candidates: dict[str, np.ndarray]
    clusters: ClusterPartition


def benchmark(rates: dict[str, tuple[float, float]], *, n=2000, seed=0):
    """Candidates by name with the share of harmed and of gained items."""
    rng = np.random.default_rng(seed)
    reference = (rng.random(n) < 0.6) * 1.0
    candidates = {}
    for name, (harm, gain) in rates.items():
        draw = rng.random(n)
        lost = (reference == 1.0) & (draw < harm / 0.6)
        won = (reference == 0.0) & (draw < gain / 0.4)
        candidates[name] = np.where(lost | won, 1.0 - reference, reference)
    return Scores(reference, candidates, ClusterPartition.singletons(n, unit="item"))


RATES = {"near": (0.01, 0.01), "fair": (0.03, 0.02), "broken": (0.2, 0.02)}


def models(scores=None, names=tuple(RATES), **options):
    own = [benchmark(RATES), benchmark(RATES, seed=1)] if scores is None else scores
    return compared_models(
        own, names, "F16", rng=np.random.default_rng(5), n_resamples=2000, **options
    )


def test_the_set_that_may_be_best_leaves_out_what_is_shown_to_be_worse():
    best = best_set(models())
    assert best["set"] == ["near", "fair", "F16"] or best["set"] == ["near", "F16"]
    rows = {row["model"]: row for row in best["comparisons"]}
    assert list(rows) == ["near", "fair", "broken", "F16"]
    assert rows["broken"]["in_set"] is False
    assert rows["broken"]["difference"]["interval"][1] == 0.0
    assert rows["broken"]["difference"]["value"] == pytest.approx(-0.18, abs=0.03)
    assert "shown to be worse than the best" in best["sentence"]
    assert best["n_resamples"] == 2000


def test_the_pick_is_said_to_be_in_the_set_or_not():
    own = models()
    assert (
        "near, the pick, is among those that may be the best."
        in best_set(own, pick="near")["sentence"]
    )
    assert "broken, the pick, is not among" in best_set(own, pick="broken")["sentence"]


def test_where_none_can_be_told_apart_the_sentence_says_so():
    twins = benchmark({"a": (0.01, 0.01), "b": (0.01, 0.01)}, n=200)
    best = best_set(models([twins], ("a", "b")))
    assert best["set"] == ["a", "b", "F16"]
    assert best["sentence"] == (
        "None of the 3 models, the reference among them, can be told from the best."
    )


def test_one_model_can_be_shown_to_be_the_best():
    clear = benchmark({"worse": (0.2, 0.0), "bad": (0.4, 0.0)})
    best = best_set(models([clear], ("worse", "bad")))
    assert best["set"] == ["F16"]
    assert "F16 scores best: every other of the 3 models is shown to be worse" in best["sentence"]


def test_every_pair_of_candidates_is_compared_on_the_items_both_have():
    scores = benchmark(RATES)
    scores.candidates["fair"] = np.where(np.arange(2000) < 100, np.nan, scores.candidates["fair"])
    pairs = all_pairs(models([scores]))
    assert [(row["first"], row["second"]) for row in pairs] == [
        ("near", "fair"), ("near", "broken"), ("fair", "broken"),
    ]  # fmt: skip
    mask = ~np.isnan(scores.candidates["fair"])
    own = paired_difference(
        scores.candidates["fair"][mask],
        scores.candidates["near"][mask],
        scores.clusters.select(mask),
    )
    row = pairs[0]
    assert row["difference"]["value"] == pytest.approx(own.value)
    assert row["difference"]["interval"] == pytest.approx(list(own.interval))
    assert row["difference"]["n_observations"] == 1900
    assert pairs[1]["is_distinguishable"] is True
    assert all(row["pvalue_holm"] >= row["pvalue"] for row in pairs)


def test_holms_adjustment_is_over_all_pairs():
    pairs = all_pairs(models())
    smallest = min(row["pvalue"] for row in pairs)
    assert min(row["pvalue_holm"] for row in pairs) == pytest.approx(3 * smallest)


def test_a_pair_without_spread_is_null_with_a_caution():
    flat = Scores(
        np.full(20, 0.5),
        {"a": np.full(20, 0.5), "b": np.full(20, 0.75)},
        ClusterPartition.singletons(20, unit="item"),
    )
    row = all_pairs(models([flat], ("a", "b")))[0]
    assert (row["pvalue"], row["pvalue_holm"], row["is_distinguishable"]) == (None, None, None)
    assert row["difference"]["cautions"]


def test_where_the_reference_is_best_there_is_no_second_yardstick():
    worse = benchmark({"a": (0.1, 0.0), "b": (0.05, 0.0)})
    assert yardstick(models([worse], ("a", "b")), rng=np.random.default_rng(0)) is None


def test_the_best_of_many_equals_is_called_optimistic_and_is_not_shown_better():
    rates = {f"c{k}": (0.03, 0.03) for k in range(12)}
    own = models([benchmark(rates, seed=3)], tuple(rates))
    found = yardstick(own, rng=np.random.default_rng(0), pick="c0")
    assert found["difference"]["value"] > 0.0
    low, high = found["difference"]["interval"]
    assert low < 0.0 < high
    plain = 1.96 * found["difference"]["standard_error"]
    assert high - found["difference"]["value"] > 1.2 * plain
    assert found["split_half"] < found["difference"]["value"]
    assert "picked as the largest of 12" in found["difference"]["cautions"][0]
    assert "As the largest of 12 this is optimistic" in found["sentence"]
    assert "is not shown to be better than the reference" in found["sentence"]
    assert "Held against it, c0 is at -" in found["sentence"]
    assert found["pick_difference"]["value"] < 0.0


def test_a_truly_better_candidate_is_shown_to_be_better():
    rates = {"better": (0.0, 0.1), "equal": (0.01, 0.01)}
    found = yardstick(models([benchmark(rates)], tuple(rates)), rng=np.random.default_rng(0))
    assert found["model"] == "better"
    assert found["split_half"] == pytest.approx(found["difference"]["value"], abs=0.01)
    assert "it is shown to be better than the reference" in found["sentence"]
    assert found["pick_difference"] is None


def test_candidates_without_a_composite_are_left_out_and_given_draws_follow():
    scores = [benchmark(RATES), benchmark(RATES, seed=1)]
    del scores[1].candidates["fair"]
    draws = np.vstack([np.full(50, k, dtype=float) for k in range(3)])
    own = models(scores, draws=draws)
    assert own.names == ("near", "broken", "F16")
    assert own.draws_MB[:, 0].tolist() == [0.0, 2.0, 0.0]
    assert models(scores, ("fair",)) is None
    assert models([], ("near",)) is None


def test_the_answers_are_the_same_for_the_same_seed_and_are_plain_json():
    def answers():
        own = models()
        return json.dumps(
            [best_set(own), all_pairs(own), yardstick(own, rng=np.random.default_rng(1))],
            allow_nan=False,
        )

    assert answers() == answers()


def test_a_single_candidate_was_not_picked_among_several():
    own = models([benchmark({"only": (0.0, 0.05)})], ("only",))
    found = yardstick(own, rng=np.random.default_rng(0))
    assert found["difference"]["cautions"] == []
    assert "optimistic" not in found["sentence"]
    assert all_pairs(own) == []


def test_two_candidates_without_a_common_item_have_no_difference_and_are_not_told_apart():
    own = benchmark({"first": (0.1, 0.0), "second": (0.2, 0.0)}, n=400)
    own.candidates["first"][:200] = np.nan
    own.candidates["second"][200:] = np.nan
    (row,) = all_pairs(models([own], ("first", "second")))
    assert row["difference"]["value"] is None
    assert row["difference"]["cautions"] == ["no item of a benchmark was asked of both"]
    assert row["pvalue"] is None
    assert row["is_distinguishable"] is None
    json.dumps(row, allow_nan=False)
