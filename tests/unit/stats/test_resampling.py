# A null where a number is expected fails these tests by itself.
# mypy: disable-error-code="operator,index,arg-type,type-var,misc,no-untyped-def"

from __future__ import annotations

import numpy as np
import pytest

from silentzone.errors import InputError
from silentzone.stats.clusters import ClusterPartition
from silentzone.stats.estimates import mean_estimate
from silentzone.stats.resampling import bootstrap_counts, bootstrap_sums

SIZES = np.array([1, 40, 3, 7, 12, 5, 20, 9, 2, 30, 6, 11])


def unequal_clusters():
    """Values in clusters of very different size, that share a part within each."""
    rng = np.random.default_rng(4)
    labels = np.repeat(np.arange(len(SIZES)), SIZES)
    return rng.normal(2.0, 1.0, len(labels)) + rng.normal(0, 0.5, len(SIZES))[labels], labels


def seeded(seed=1):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("n_resamples", [1, 127, 128, 129, 300])
def test_every_resample_draws_as_many_clusters_as_there_are(n_resamples):
    counts = np.concatenate(list(bootstrap_counts(7, n_resamples, rng=seeded())))
    assert counts.shape == (n_resamples, 7)
    assert (counts.sum(axis=1) == 7).all()
    assert (counts == np.round(counts)).all()
    assert counts.min() >= 0


def test_a_longer_run_begins_with_the_shorter_one():
    short = np.concatenate(list(bootstrap_counts(9, 100, rng=seeded())))
    long = np.concatenate(list(bootstrap_counts(9, 200, rng=seeded())))
    assert np.array_equal(long[:100], short)


def test_counts_are_those_of_draws_with_replacement():
    n, n_resamples = 5, 40_000
    counts = np.concatenate(list(bootstrap_counts(n, n_resamples, rng=seeded())))
    # A multinomial's: mean 1, variance 1 - 1/n, covariance -1/n; five standard errors.
    assert counts.mean(axis=0) == pytest.approx(1.0, abs=5 * np.sqrt(0.8 / n_resamples))
    covariance = np.cov(counts.T, ddof=0)
    expected = np.eye(n) - np.full((n, n), 1 / n)
    assert covariance == pytest.approx(expected, abs=0.04)


def test_sums_are_the_counts_times_the_clusters_columns():
    columns = seeded(2).normal(size=(6, 3))
    counts = np.concatenate(list(bootstrap_counts(6, 150, rng=seeded())))
    assert bootstrap_sums(columns, 150, rng=seeded()) == pytest.approx(counts @ columns)


def test_resampled_sums_have_the_mean_and_covariance_of_the_clusters():
    columns = seeded(3).gamma(2.0, 1.0, size=(30, 2)) @ np.array([[1.0, 0.6], [0.0, 0.8]])
    sums = bootstrap_sums(columns, 20_000, rng=seeded())
    spread = 30 * np.cov(columns.T, ddof=0)
    assert sums.mean(axis=0) == pytest.approx(
        columns.sum(axis=0), abs=5 * np.sqrt(spread.max() / 20_000)
    )
    # The error of a variance of 20,000 draws is about 1 %.
    assert np.cov(sums.T) == pytest.approx(spread, rel=0.06)


def test_means_over_clusters_of_unequal_size_spread_as_the_clustered_standard_error_says():
    values, labels = unequal_clusters()
    clusters = ClusterPartition.of(labels, unit="document")
    columns = np.stack([clusters.sums(values), clusters.sizes.astype(float)], axis=1)
    sums = bootstrap_sums(columns, 20_000, rng=seeded())
    means = sums[:, 0] / sums[:, 1]
    estimate = mean_estimate(values, clusters)
    # CR1 has the factor G / (G - 1), which the bootstrap lacks.
    expected = estimate.standard_error * np.sqrt(1 - 1 / len(SIZES))
    assert means.mean() == pytest.approx(estimate.value, abs=0.1 * estimate.standard_error)
    assert means.std() == pytest.approx(expected, rel=0.12)


@pytest.mark.parametrize("arguments", [(0, 10), (10, 0)])
def test_nothing_to_draw_from_or_no_draw_is_refused(arguments):
    with pytest.raises(InputError, match="must be at least 1"):
        list(bootstrap_counts(*arguments, rng=seeded()))
