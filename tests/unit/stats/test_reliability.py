# A null where a number is expected fails these tests by itself.
# mypy: disable-error-code="operator,index,arg-type,type-var,misc,no-untyped-def"

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from silentzone.errors import InputError, ShapeError
from silentzone.stats.reliability import (
    Reliability,
    attainable_correlation,
    column_spearman,
    half_ratios,
    random_halves,
    reliability_from_errors,
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


def test_column_spearman_gives_nan_for_constant_columns():
    first = np.array([[1.0, 1.0], [2.0, 1.0], [3.0, 1.0]])
    assert column_spearman(first, first)[0] == pytest.approx(1.0)
    assert np.isnan(column_spearman(first, first)[1])


def test_attainable_is_the_root_of_the_product_or_null():
    good = Reliability(value=0.81, half_correlation=0.7, n_splits=200)
    assert attainable_correlation(good, good) == pytest.approx(0.81)
    none = Reliability(value=None, half_correlation=None, n_splits=0)
    assert attainable_correlation(good, none) is None


def test_column_spearman_is_scipys_with_ties_and_nan_where_a_model_is_missing():
    rng = np.random.default_rng(3)
    first, second = rng.integers(0, 5, (2, 9, 4)).astype(float)
    found = column_spearman(first, second)
    assert found == pytest.approx(
        [spearmanr(a, b).statistic for a, b in zip(first.T, second.T, strict=True)]
    )
    first[2, 1] = np.nan
    assert np.isnan(column_spearman(first, second)).tolist() == [False, True, False, False]


def test_stated_errors_give_the_share_of_the_variance_that_is_not_error():
    values, errors = np.array([0.1, 0.2, 0.4, 0.5]), np.array([0.05, 0.02, 0.05, 0.08])
    result = reliability_from_errors(values, errors)
    assert result.value == pytest.approx(1 - np.mean(errors**2) / np.var(values, ddof=1))
    assert "stated standard errors" in result.cautions[0]


def test_stated_errors_find_the_reliability_a_second_measurement_would_show():
    rng = np.random.default_rng(8)
    truth = rng.normal(0.0, 1.0, 4000)
    errors = rng.uniform(0.3, 0.9, 4000)
    first, second = (truth + errors * rng.normal(size=4000) for _ in range(2))
    expected = np.corrcoef(first, second)[0, 1]
    # 4,000 models: an error of 0.02 on either side is two standard errors.
    assert reliability_from_errors(first, errors).value == pytest.approx(expected, abs=0.04)


def test_errors_as_large_as_the_differences_leave_no_reliability():
    result = reliability_from_errors(np.array([0.1, 0.2, 0.3]), np.full(3, 0.09))
    assert result.value is None
    assert "below 0.3" in result.cautions[0]


@pytest.mark.parametrize(
    ("values", "reason"), [([0.1, 0.2], "needs three"), ([0.1, 0.1, 0.1], "all values are equal")]
)
def test_two_models_or_equal_values_have_no_reliability_from_errors(values, reason):
    result = reliability_from_errors(np.array(values), np.full(len(values), 0.01))
    assert result.value is None
    assert reason in result.cautions[0]
