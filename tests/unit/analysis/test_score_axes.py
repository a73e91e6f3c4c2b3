# A null where a number is expected fails these tests by itself.
# mypy: disable-error-code="operator,index,arg-type,no-untyped-def,union-attr"

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import rankdata
from tests.unit.analysis.answers import answers, benchmark

from silentzone.analysis.benchmarks import composite_rows_of, judge_benchmarks, score_evidence
from silentzone.analysis.replicates import N_DRAWS, N_SPLITS
from silentzone.analysis.score_axes import (
    N_RESAMPLES,
    BenchmarkReplicates,
    macro_replicates,
    normalised_axis,
    rank_axis,
)

RNG = np.random.default_rng(8)
N = 60
TRUTH = (RNG.random(N) < 0.8).astype(float)
MODELS = ("Q8", "Q6", "Q4", "Q3", "Q2")


def flipped(share, seed, base=TRUTH):
    flips = np.random.default_rng(seed).random(len(base)) < share
    return np.where(flips, 1.0 - base, base)


def made(name="mmlu", seed=1, **changes):
    """Benchmark on which each candidate changed more answers than the one before."""
    own = {model: flipped(0.03 + 0.05 * k, seed + k) for k, model in enumerate(MODELS)}
    return benchmark(TRUTH, name=name, **{**own, **changes})


def judged(*found, chance=0.25, chances=None):
    names = {one.benchmark: one for one in found}
    return judge_benchmarks(names, chances or dict.fromkeys(names, chance), "F16", MODELS)


def mean_difference(found, model):
    return float((found.candidates[model] - found.reference).mean())


@pytest.fixture(scope="module")
def two():
    return made(), made("piqa", seed=50)


@pytest.fixture(scope="module")
def evidence(two):
    return score_evidence(judged(*two), seed=4)


def test_a_benchmark_ranks_by_the_paired_difference_to_the_reference(two, evidence):
    for model in MODELS:
        expected = mean_difference(two[0], model)
        assert evidence.axes["mmlu"].values[model] == pytest.approx(expected)
        assert evidence.axes["net:mmlu"].values[model] == pytest.approx(expected)


def test_volume_and_direction_are_the_parts_of_that_difference(two, evidence):
    moved = np.abs(two[0].candidates["Q2"] - two[0].reference).mean()
    assert evidence.axes["volume:mmlu"].values["Q2"] == pytest.approx(moved)
    assert evidence.axes["direction:mmlu"].values["Q2"] == pytest.approx(
        mean_difference(two[0], "Q2") / moved
    )


def test_volume_is_a_loss_and_the_others_are_not(evidence):
    losses = {name for name, one in evidence.axes.items() if one.is_loss}
    assert losses == {"volume:composite", "volume:mmlu", "volume:piqa"}


def test_the_composite_is_the_unweighted_mean_over_benchmarks(two, evidence):
    for model in MODELS:
        expected = np.mean([mean_difference(one, model) for one in two])
        assert evidence.axes["composite"].values[model] == pytest.approx(expected)


def test_the_normalised_composite_weighs_by_what_the_reference_has_over_chance(two):
    chances = {"mmlu": 0.25, "piqa": 0.5}
    found = score_evidence(judged(*two, chances=chances), seed=4).axes["composite_normalised"]
    score = TRUTH.mean()
    for model in MODELS:
        shares = [
            (one.candidates[model].mean() - chances[one.benchmark])
            / (score - chances[one.benchmark])
            for one in two
        ]
        assert found.values[model] == pytest.approx(np.mean(shares) - 1.0)


def test_its_draws_move_the_reference_along_with_the_candidates(two):
    parts = [BenchmarkReplicates.of(one, seed=4) for one in two]
    found = normalised_axis(parts, [0.25, 0.5]).noise
    shares = [
        one.net / (one.reference - chance) for one, chance in zip(parts, (0.25, 0.5), strict=True)
    ]
    expected = np.mean(shares, axis=0)
    draws = expected[:, 1 + 2 * N_SPLITS :] - expected[:, :1]
    assert found.deviations == pytest.approx(draws)


def test_the_rank_composite_is_the_mean_rank_among_candidates_the_best_the_highest(two, evidence):
    ranks = [rankdata([mean_difference(one, model) for model in MODELS]) for one in two]
    expected = dict(zip(MODELS, np.mean(ranks, axis=0), strict=True))
    assert evidence.axes["composite_rank"].values == pytest.approx(expected)


def test_equal_candidates_share_their_rank():
    same = flipped(0.4, 30)
    found = made(Q6=same, Q4=same)
    values = score_evidence(judged(found), seed=4).axes["composite_rank"].values
    assert values["Q6"] == values["Q4"]
    assert values["Q6"] % 1.0 == 0.5


def test_halves_and_draws_repeat_what_the_items_say(two):
    found = BenchmarkReplicates.of(two[0], seed=4)
    assert found.net.shape == (5, 1 + 2 * N_SPLITS + N_RESAMPLES)
    assert found.net[:, 0] == pytest.approx([mean_difference(two[0], model) for model in MODELS])
    halves = found.net[:, 1 : 1 + N_SPLITS], found.net[:, 1 + N_SPLITS : 1 + 2 * N_SPLITS]
    # Two halves of 30 items have the mean of the whole between them.
    assert (halves[0] + halves[1]) / 2 == pytest.approx(np.tile(found.net[:, :1], N_SPLITS))
    draws = found.net[:, 1 + 2 * N_SPLITS :]
    difference = two[0].candidates["Q2"] - two[0].reference
    assert draws[4].std() == pytest.approx(difference.std() / np.sqrt(N), rel=0.04)


def test_draws_are_joint_so_what_candidates_share_stays_shared(two):
    draws = BenchmarkReplicates.of(made(Q6=flipped(0.2, 7), Q4=flipped(0.2, 7)), seed=4).net
    assert np.array_equal(draws[1], draws[2])
    found = BenchmarkReplicates.of(two[0], seed=4).net[:, 1 + 2 * N_SPLITS :]
    items = [two[0].candidates[model] - two[0].reference for model in MODELS]
    assert np.corrcoef(found) == pytest.approx(np.corrcoef(items), abs=0.05)


def test_whole_clusters_are_halved_and_drawn():
    labels = [f"g{k // 6}" for k in range(N)]
    own = made()
    clustered = benchmark(
        answers(TRUTH.tolist(), clusters=labels),
        **{model: own.candidates[model].tolist() for model in MODELS},
    )
    found = BenchmarkReplicates.of(clustered, seed=4)
    sums = (own.candidates["Q2"] - TRUTH).reshape(10, 6).mean(axis=1)
    draws = found.net[4, 1 + 2 * N_SPLITS :]
    assert draws.std() == pytest.approx(sums.std() / np.sqrt(10), rel=0.04)


def test_a_candidate_with_few_items_does_not_change_the_others():
    partial = flipped(0.1, 3).tolist()
    partial[:5] = [None] * 5
    found = BenchmarkReplicates.of(made(Q4=answers(partial)), seed=4)
    alone = BenchmarkReplicates.of(made(), seed=4)
    assert found.net[0, 0] == pytest.approx((flipped(0.03, 1) - TRUTH).mean())
    assert np.array_equal(found.net[0], alone.net[0])
    assert np.array_equal(found.reference, alone.reference)
    own = found.models.index("Q4")
    assert found.net[own, 0] == pytest.approx((flipped(0.1, 3)[5:] - TRUTH[5:]).mean())


def test_deviations_are_from_the_sample_the_draws_came_from(evidence):
    for name in ("mmlu", "composite", "volume:piqa"):
        noise = evidence.axes[name].noise
        assert noise.deviations.shape[1] >= N_DRAWS
        assert noise.halves[0].shape == noise.halves[1].shape == (5, N_SPLITS)
        allowed = 6 * noise.deviations.std(axis=1) / np.sqrt(noise.deviations.shape[1])
        assert (np.abs(noise.deviations.mean(axis=1)) <= allowed).all()


def test_equal_sums_reached_in_another_order_stay_tied():
    # Three benchmarks, the same three differences in another order.
    losses = (0, 1, 5)
    found = []
    for place, name in enumerate(("a", "b", "c")):
        own = {}
        for shift, model in enumerate(MODELS[:3]):
            scores = np.ones(N)
            scores[: losses[(place + shift) % 3]] = 0.0
            own[model] = scores
        found.append(benchmark(np.ones(N), name=name, **own))
    parts = [BenchmarkReplicates.of(one, seed=4) for one in found]
    whole = rank_axis(parts).values
    assert len(set(whole.values())) == 1
    normalised = normalised_axis(parts, [0.25] * 3).values
    assert len(set(normalised.values())) == 1


def test_graded_losses_of_equal_size_stay_tied_whatever_items_they_fell_on():
    split, whole = np.ones(4), np.ones(4)
    split[:2] -= (0.1, 0.2)
    whole[2] -= 0.3
    found = BenchmarkReplicates.of(benchmark(np.ones(4), Q8=split, Q4=whole), seed=4)
    assert (split - 1.0).sum() != (whole - 1.0).sum()
    assert found.net[0, 0] == found.net[1, 0]
    assert found.volume[0, 0] == found.volume[1, 0]


def test_a_composite_lacks_candidates_that_lack_a_benchmark():
    found = made(), made("piqa", seed=50, Q4=answers([None] * N))
    axes = score_evidence(judged(*found), seed=4).axes
    for name in ("composite", "composite_normalised", "composite_rank"):
        assert set(axes[name].values) == set(MODELS) - {"Q4"}
    assert "Q4" in axes["mmlu"].values


def test_a_benchmark_at_chance_enters_no_composite_and_is_named():
    weak = (RNG.random(N) < 0.3).astype(float)
    at_chance = benchmark(
        weak, name="hard", **{m: flipped(0.1, k, weak) for k, m in enumerate(MODELS)}
    )
    benchmarks = judged(made(), at_chance)
    evidence = score_evidence(benchmarks, seed=4)
    assert benchmarks.entering == ["mmlu"]
    assert evidence.axes["composite"].values == pytest.approx(dict(evidence.axes["mmlu"].values))
    rows = composite_rows_of(benchmarks, evidence.why_not_normalised)
    assert [row["name"] for row in rows] == ["composite", "composite_normalised", "composite_rank"]
    for row in rows:
        assert row["benchmarks"] == ["mmlu"]
        assert "not shown to be above chance" in row["left_out"][0]["why"]
        assert row["why_empty"] is None


def test_without_a_known_chance_there_is_no_normalised_composite_and_it_says_for_which(two):
    benchmarks = judged(*two, chances={"mmlu": 0.25, "piqa": None})
    evidence = score_evidence(benchmarks, seed=4)
    reason = "the score of guessing is not known for piqa"
    assert evidence.axes["composite_normalised"].values == {}
    assert evidence.axes["composite_normalised"].why_empty == reason
    assert evidence.axes["composite"].values
    assert composite_rows_of(benchmarks, evidence.why_not_normalised)[1]["why_empty"] == reason


def test_where_no_benchmark_enters_every_composite_says_why():
    axes = score_evidence(judged(made(), chance=0.99), seed=4).axes
    for name in ("composite", "composite_normalised", "composite_rank", "volume:composite"):
        assert axes[name].values == {}
        assert axes[name].why_empty.startswith("no benchmark enters the composite (mmlu:")


def test_a_single_item_leaves_nothing_to_draw():
    one = benchmark([1.0], **{model: [0.0] for model in MODELS})
    assert BenchmarkReplicates.of(one, seed=4) is None
    axis = score_evidence(judged(one, chance=None), seed=4).axes["mmlu"]
    assert axis.noise is None
    assert axis.reliability(MODELS).cautions == (
        "fewer than two items or clusters: nothing to draw again",
    )


def test_a_macro_needs_replicates_of_every_benchmark():
    parts = [BenchmarkReplicates.of(made(), seed=4), None]
    assert macro_replicates(parts) is None
    assert rank_axis(parts).values == {}


def test_each_benchmark_has_draws_of_its_own_by_the_seed_and_its_name(two):
    first, again = (BenchmarkReplicates.of(two[0], seed=4).net for _ in range(2))
    other_seed = BenchmarkReplicates.of(two[0], seed=5).net
    other_name = BenchmarkReplicates.of(made("arc"), seed=4).net
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other_seed)
    assert not np.array_equal(first, other_name)
