# A null where a number is expected fails these tests by itself.
# mypy: disable-error-code="operator,index,arg-type,comparison-overlap,no-untyped-def"

from __future__ import annotations

import numpy as np
import pytest

from silentzone.errors import ShapeError
from silentzone.stats.clusters import ClusterPartition
from silentzone.stats.pairwise import ItemDifferences, pairwise_differences
from silentzone.stats.selection import (
    compare_with_best,
    joint_draws,
    simultaneous_critical_value,
    split_half_best,
)


def independent_draws(n_models, *, error=0.01, n=20_000, seed=0):
    return np.random.default_rng(seed).normal(0.0, error, (n_models, n))


def test_two_models_are_compared_by_a_one_sided_bound():
    # Hsu's intervals of two treatments use the one-sided 5 % point, 1.645, not 1.96.
    values, error = np.array([0.0, 0.03]), 0.01 * np.sqrt(2)
    first, second = compare_with_best(values, independent_draws(2))
    assert first.value == pytest.approx(-0.03)
    assert first.interval == (pytest.approx(-0.03 - 1.645 * error, abs=6e-4), 0.0)
    assert not first.may_be_best
    assert second.may_be_best
    assert second.interval == (0.0, pytest.approx(0.03 + 1.645 * error, abs=6e-4))


def test_three_equal_independent_models_use_dunnetts_one_sided_value():
    # Dunnett's table, two treatments against a control, infinite df, one-sided 5 %: 1.92.
    values, error = np.array([0.0, 0.0, -0.0271]), 0.01 * np.sqrt(2)
    results = compare_with_best(values, independent_draws(3, n=60_000))
    assert results[2].may_be_best == (1.92 * error > 0.0271)
    assert results[0].interval[1] == pytest.approx(1.92 * error, abs=6e-4)


def test_what_two_models_share_does_not_blur_their_difference():
    shared = independent_draws(1, error=0.1)
    draws = shared + independent_draws(2, error=0.001, seed=1)
    first, _ = compare_with_best(np.array([0.0, 0.01]), draws)
    assert not first.may_be_best


def test_a_broken_model_does_not_widen_the_comparison_of_the_others():
    draws = np.vstack([independent_draws(2, error=0.001), independent_draws(1, error=0.2)])
    results = compare_with_best(np.array([0.0, -0.01, -0.3]), draws)
    assert [one.may_be_best for one in results] == [True, False, True]


def test_copies_of_the_best_stay_in_the_set():
    draws = np.repeat(independent_draws(1), 3, axis=0)
    results = compare_with_best(np.array([0.0, 0.0, -0.5]), draws)
    assert [one.may_be_best for one in results] == [True, True, False]


def test_an_unknown_error_keeps_a_model_in_the_set_and_leaves_no_interval():
    values = np.array([[0.0] * 30, [0.3] * 30])  # graded, without any spread
    benchmark = ItemDifferences(values, ClusterPartition.singletons(30))
    draws = joint_draws([benchmark], 200, rng=np.random.default_rng(0))
    results = compare_with_best(
        np.array([0.0, 0.3]), draws, pairs=pairwise_differences([benchmark])
    )
    assert all(one.may_be_best and one.interval is None for one in results)


def test_draws_of_another_number_of_models_are_refused():
    with pytest.raises(ShapeError, match="one row for each of 3 models"):
        compare_with_best(np.zeros(3), np.zeros((2, 10)))


def test_joint_draws_have_the_covariance_of_the_paired_items():
    rng = np.random.default_rng(1)
    values = rng.choice([-1.0, 0.0, 1.0], p=[0.1, 0.8, 0.1], size=(3, 400))
    values[1] = np.where(rng.random(400) < 0.8, values[0], values[1])
    values[2, :40] = np.nan
    benchmarks = [
        ItemDifferences(values, ClusterPartition.singletons(400)),
        ItemDifferences(values[:, ::-1], ClusterPartition.of(np.arange(400) // 8, unit="c")),
    ]
    draws = joint_draws(benchmarks, 8000, rng=rng)
    pairs = pairwise_differences(benchmarks)
    assert np.abs(draws.mean(axis=1)).max() < 1e-3
    assert (draws[0] - draws[1]).std() == pytest.approx(pairs.errors_MM[0, 1], rel=0.05)
    # Each model's own items are drawn, the pair's error is from those both have.
    assert (draws[0] - draws[2]).std() == pytest.approx(pairs.errors_MM[0, 2], rel=0.1)


def test_simultaneous_intervals_are_wider_than_single_ones():
    assert simultaneous_critical_value(independent_draws(1), confidence=0.95) == pytest.approx(
        1.96, abs=0.03
    )
    # Sidak: the two-sided point at 0.95^(1/10).
    many = simultaneous_critical_value(independent_draws(10), confidence=0.95)
    assert many == pytest.approx(2.80, abs=0.04)
    assert simultaneous_critical_value(np.zeros((2, 5)), confidence=0.95) == pytest.approx(
        1.96, abs=0.01
    )


def test_the_best_of_equals_is_no_better_on_the_other_half():
    rng = np.random.default_rng(2)
    values = rng.choice([-1.0, 1.0], size=(20, 1000))
    benchmark = ItemDifferences(values, ClusterPartition.singletons(1000))
    assert values.mean(axis=1).max() > 0.04
    # On a fixed sample the picked half and the other one are complements: below zero by as much.
    honest = split_half_best([benchmark], 100, rng=rng)
    assert honest < 0.03


def test_a_true_best_keeps_its_value_on_the_other_half():
    rng = np.random.default_rng(4)
    values = np.vstack([np.zeros((5, 2000)), rng.choice([0.0, 1.0], p=[0.9, 0.1], size=2000)])
    benchmark = ItemDifferences(values, ClusterPartition.of(np.arange(2000) // 4, unit="c"))
    assert split_half_best([benchmark], 50, rng=rng) == pytest.approx(values[5].mean(), abs=1e-9)


def test_a_half_without_items_gives_no_honest_value():
    values = np.full((2, 4), np.nan)
    values[:, 0] = 1.0
    benchmark = ItemDifferences(values, ClusterPartition.singletons(4))
    assert split_half_best([benchmark], 10, rng=np.random.default_rng(0)) is None
