# A null where a number is expected fails these tests by itself.
# mypy: disable-error-code="operator,index,arg-type,type-var,misc,no-untyped-def"

from __future__ import annotations

import math

import numpy as np
import pytest

from silentzone.errors import InputError, ShapeError
from silentzone.stats.clusters import ClusterPartition
from silentzone.stats.estimates import (
    absolute_mean_estimate,
    exp_mean_difference_estimate,
    exp_mean_estimate,
    geometric_mean_estimate,
    maximum_estimate,
    mean_estimate,
    mean_of_sums_estimate,
    ratio_of_means_estimate,
    root_mean_square_estimate,
)
from silentzone.stats.quantiles import quantile_estimate

WINDOWS = ClusterPartition.of(np.repeat(np.arange(12), 10), unit="window")
NORMAL = np.random.default_rng(3).normal(2.0, 1.0, 120)


def test_one_cluster_has_a_value_but_no_standard_error():
    estimate = mean_estimate(np.array([1.0, 3.0]), ClusterPartition.of([7, 7], unit="window"))
    assert estimate.value == 2.0
    assert estimate.standard_error is None
    assert estimate.interval is None
    assert "one window only" in estimate.cautions[0]


def test_no_observations_give_null_with_a_caution():
    estimate = mean_estimate(np.array([]), ClusterPartition.singletons(0))
    assert estimate.value is None
    assert estimate.cautions == ("no observations",)


def test_equal_observations_have_an_unknown_spread_rather_than_zero():
    estimate = mean_estimate(np.full(120, 0.1), WINDOWS)
    assert estimate.standard_error is None
    assert "do not differ" in estimate.cautions[0]


def test_fewer_than_ten_clusters_are_cautioned():
    few = ClusterPartition.of(np.repeat(np.arange(9), 2), unit="document")
    assert "9 documents" in mean_estimate(NORMAL[:18], few).cautions[0]
    assert mean_estimate(NORMAL, WINDOWS).cautions == ()


def test_the_interval_uses_t_with_clusters_less_one_degrees_of_freedom():
    estimate = mean_estimate(NORMAL, WINDOWS)
    half = (estimate.interval[1] - estimate.interval[0]) / 2
    # Student's t, 97.5 %, 11 degrees of freedom.
    assert half / estimate.standard_error == pytest.approx(2.200985, abs=1e-6)


def test_an_infinite_value_makes_the_mean_null_and_is_counted():
    values = NORMAL.copy()
    values[3] = math.inf
    estimate = mean_estimate(values, WINDOWS)
    assert estimate.value is None
    assert "1 of 120 values are infinite" in estimate.cautions[0]


def test_nan_is_refused():
    with pytest.raises(InputError, match="must not hold NaN"):
        mean_estimate(np.array([1.0, np.nan]), ClusterPartition.singletons(2))


def test_clusters_of_another_length_are_refused():
    with pytest.raises(ShapeError, match="as the clusters do"):
        mean_estimate(np.ones(3), WINDOWS)


def test_labels_must_be_one_dimensional():
    with pytest.raises(ShapeError, match="one-dimensional"):
        ClusterPartition.of([[1, 2]], unit="window")


def test_perplexity_is_exp_of_the_mean_with_a_delta_error_and_positive_interval():
    plain, perplexity = mean_estimate(NORMAL, WINDOWS), exp_mean_estimate(NORMAL, WINDOWS)
    assert perplexity.value == pytest.approx(math.exp(plain.value))
    assert perplexity.standard_error == pytest.approx(perplexity.value * plain.standard_error)
    assert perplexity.interval == pytest.approx(tuple(map(math.exp, plain.interval)))


def test_overflowing_perplexity_is_null():
    assert exp_mean_estimate(NORMAL + 1e4, WINDOWS).value is None


def test_root_mean_square_has_the_delta_error_of_its_square():
    square = mean_estimate(NORMAL**2, WINDOWS)
    estimate = root_mean_square_estimate(NORMAL, WINDOWS)
    assert estimate.value == pytest.approx(math.sqrt(square.value))
    assert estimate.standard_error == pytest.approx(
        square.standard_error / (2 * math.sqrt(square.value))
    )


def test_the_geometric_mean_leaves_out_zeros_and_says_how_many():
    values = np.array([0.0, 1.0, 4.0, 4.0])
    estimate = geometric_mean_estimate(values, ClusterPartition.singletons(4))
    assert estimate.value == pytest.approx(16 ** (1 / 3))
    assert "1 of 4 values" in estimate.cautions[0]


def test_a_geometric_mean_of_zeros_is_null():
    assert geometric_mean_estimate(np.zeros(3), ClusterPartition.singletons(3)).value is None


def test_a_perplexity_difference_agrees_with_the_jackknife():
    rng = np.random.default_rng(8)
    first = rng.gamma(2.0, 1.0, 400)
    second = first + rng.normal(0.02, 0.1, 400)
    clusters = ClusterPartition.singletons(400)
    estimate = exp_mean_difference_estimate(first, second, clusters)
    drop = np.arange(400)
    left_out = np.array(
        [np.exp(np.delete(second, k).mean()) - np.exp(np.delete(first, k).mean()) for k in drop]
    )
    jackknife = math.sqrt(399 / 400 * ((left_out - left_out.mean()) ** 2).sum())
    assert estimate.value == pytest.approx(math.exp(second.mean()) - math.exp(first.mean()))
    assert estimate.standard_error == pytest.approx(jackknife, rel=0.01)


def test_a_ratio_with_zero_denominator_is_null():
    result = ratio_of_means_estimate(np.ones(3), np.zeros(3), ClusterPartition.singletons(3))
    assert result.value is None


def test_a_maximum_has_no_interval():
    estimate = maximum_estimate(NORMAL, WINDOWS)
    assert estimate.value == NORMAL.max()
    assert estimate.interval is None
    assert estimate.standard_error is None


def test_a_median_has_an_order_statistic_interval_around_it_that_names_its_method():
    estimate = quantile_estimate(NORMAL, 0.5, WINDOWS)
    assert estimate.value == pytest.approx(np.median(NORMAL))
    assert estimate.interval[0] < estimate.value < estimate.interval[1]
    assert "Woodruff" in estimate.method


def test_a_quantile_too_far_out_has_no_interval():
    estimate = quantile_estimate(NORMAL, 0.999, WINDOWS)
    assert estimate.value == pytest.approx(np.quantile(NORMAL, 0.999))
    assert estimate.interval is None
    assert "too few observations" in estimate.cautions[-1]


def test_a_quantile_among_infinite_values_is_null():
    assert quantile_estimate(np.full(120, math.inf), 0.5, WINDOWS).value is None


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.5])
def test_a_quantile_fraction_outside_the_open_unit_interval_is_refused(fraction):
    with pytest.raises(InputError, match="between 0 and 1"):
        quantile_estimate(NORMAL, fraction, WINDOWS)


def test_an_absolute_mean_is_the_means_folded_at_zero():
    plain = mean_estimate(-NORMAL, WINDOWS)
    estimate = absolute_mean_estimate(-NORMAL, WINDOWS)
    assert estimate.value == -plain.value
    assert estimate.standard_error == plain.standard_error
    assert estimate.interval == (-plain.interval[1], -plain.interval[0])
    assert estimate.method == f"absolute {plain.method}"


def test_an_absolute_mean_near_zero_has_an_interval_from_zero():
    centred = NORMAL - NORMAL.mean() + 0.01
    low, high = mean_estimate(centred, WINDOWS).interval
    assert low < 0.0 < high
    assert absolute_mean_estimate(centred, WINDOWS).interval == (0.0, max(-low, high))


def test_cluster_sums_alone_give_the_clustered_mean():
    sizes = np.array([3, 10, 1, 6])
    clusters = ClusterPartition.of(np.repeat(np.arange(4), sizes), unit="window")
    whole = mean_estimate(NORMAL[:20], clusters)
    found = mean_of_sums_estimate(clusters.sums(NORMAL[:20]), clusters)
    assert (found.value, found.standard_error) == pytest.approx((whole.value, whole.standard_error))
    assert found.interval == pytest.approx(whole.interval)
    assert (found.n_observations, found.n_clusters) == (20, 4)
