# A null where a number is expected fails these tests by itself.
# mypy: disable-error-code="operator,index,arg-type,type-var,misc,no-untyped-def"

from __future__ import annotations

import numpy as np
import pytest

from silentzone.errors import InputError, ShapeError
from silentzone.stats.clusters import ClusterPartition
from silentzone.stats.reliability import (
    Reliability,
    attainable_correlation,
    column_spearman,
    half_quantiles,
    half_ratios,
    random_halves,
    split_half_reliability,
)


def halves_of(spread: float, noise: float, n_models: int = 20, n_clusters: int = 40):
    rng = np.random.default_rng(1)
    sums = np.linspace(0, spread, n_models)[:, None] + rng.normal(0, noise, (n_models, n_clusters))
    halves = random_halves(n_clusters, 200, rng=rng)
    sizes = np.ones_like(sums)
    return half_ratios(sums, sizes, halves), half_ratios(sums, sizes, ~halves)


def test_halves_are_equal_in_size_and_follow_the_seed():
    first = random_halves(11, 200, rng=np.random.default_rng(4))
    assert (first.sum(axis=1) == 5).all()
    assert np.array_equal(first, random_halves(11, 200, rng=np.random.default_rng(4)))


def test_every_cluster_is_as_often_in_the_first_half():
    share = random_halves(10, 20000, rng=np.random.default_rng(4)).mean(axis=0)
    assert np.abs(share - 0.5).max() < 0.02


def test_one_cluster_or_few_splits_are_refused():
    for arguments in ((1, 200), (10, 199)):
        with pytest.raises(InputError, match="at least"):
            random_halves(*arguments, rng=np.random.default_rng(0))


def test_a_strong_axis_is_reliable_and_a_noisy_one_is_not_used():
    assert split_half_reliability(*halves_of(10.0, 0.1)).value > 0.98
    noise = split_half_reliability(*halves_of(0.0, 1.0))
    assert noise.value is None
    assert "below 0.3" in noise.cautions[0]


def test_reliability_steps_the_half_correlation_up_by_spearman_brown():
    result = split_half_reliability(*halves_of(1.0, 1.0))
    r = result.half_correlation
    assert result.value == pytest.approx(2 * r / (1 + r))


def test_two_models_or_missing_halves_have_no_reliability():
    first, second = halves_of(1.0, 1.0)
    assert split_half_reliability(first[:2], second[:2]).value is None
    first[0] = np.nan
    assert split_half_reliability(first, second).n_splits == 0


def test_shapes_must_agree():
    first, second = halves_of(1.0, 1.0)
    with pytest.raises(ShapeError, match="one shape"):
        split_half_reliability(first, second[:3])
    with pytest.raises(ShapeError, match="one shape"):
        half_ratios(first, second[:3], np.ones((200, 200), dtype=bool))


def test_half_quantiles_are_numpys_on_the_members():
    rng = np.random.default_rng(2)
    values = rng.normal(size=(3, 60))
    clusters = ClusterPartition.of(np.repeat(np.arange(6), 10), unit="window")
    halves = random_halves(6, 200, rng=rng)
    found = half_quantiles(values, 0.9, clusters, halves)
    expected = np.quantile(values[1][halves[7][clusters.codes]], 0.9)
    assert found[1, 7] == pytest.approx(expected)


def test_column_spearman_gives_nan_for_constant_columns():
    first = np.array([[1.0, 1.0], [2.0, 1.0], [3.0, 1.0]])
    assert column_spearman(first, first)[0] == pytest.approx(1.0)
    assert np.isnan(column_spearman(first, first)[1])


def test_attainable_is_the_root_of_the_product_or_null():
    good = Reliability(value=0.81, half_correlation=0.7, n_splits=200)
    assert attainable_correlation(good, good) == pytest.approx(0.81)
    none = Reliability(value=None, half_correlation=None, n_splits=0)
    assert attainable_correlation(good, none) is None
