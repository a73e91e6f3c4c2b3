# A null where a number is expected fails these tests by itself.
# mypy: disable-error-code="operator,index,arg-type,type-var,misc,no-untyped-def"

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import trim1

from silentzone.errors import InputError
from silentzone.stats.quantile_grid import (
    grid_quantiles,
    grid_trimmed_means,
    quantile_grids,
)
from silentzone.stats.resampling import bootstrap_counts

ALLOWED = {0.5: 0.1, 0.9: 0.1, 0.99: 0.1, 0.999: 0.25}
"""Root mean square error of a resample's quantile, in spreads between resamples, by fraction."""


def heavy_tailed(n=20_000, n_clusters=40, *, decimals=None):
    """Values as divergences are, and clusters that differ in level and in size."""
    rng = np.random.default_rng(7)
    codes = np.sort(rng.integers(0, n_clusters, n))
    values = np.exp(rng.normal(-5.0, 2.0, n) + rng.normal(0.0, 0.4, n_clusters)[codes])
    return (values if decimals is None else np.round(values, decimals)), codes


def draws(n_clusters, n_resamples=150):
    blocks = bootstrap_counts(n_clusters, n_resamples, rng=np.random.default_rng(3))
    return np.concatenate(list(blocks))


def through_the_grid(read, values, codes, fraction, weights):
    n_clusters = weights.shape[1]
    (grid,) = quantile_grids(values, codes, n_clusters, (fraction,))
    return read(grid, weights, weights @ np.bincount(codes, minlength=n_clusters))


def sorted_again(statistic, values, codes, weights):
    """A statistic of every resample, laid out value by value."""
    return np.array([statistic(np.repeat(values, row.astype(int)[codes])) for row in weights])


def upper_trimmed(fraction):
    def mean(values):
        # SciPy cuts int(share * n) from one end.
        return trim1(values, 1.0 - fraction, tail="right").mean()

    return mean


@pytest.mark.parametrize(("fraction", "allowed"), ALLOWED.items())
@pytest.mark.parametrize("n_clusters", [9, 40])
def test_quantiles_of_resamples_are_those_of_resamples_sorted_again(n_clusters, fraction, allowed):
    values, codes = heavy_tailed(n_clusters=n_clusters)
    weights = draws(n_clusters)
    found = through_the_grid(grid_quantiles, values, codes, fraction, weights)
    exact = sorted_again(lambda v: np.quantile(v, fraction), values, codes, weights)
    # Grid points lie 0.4 standard errors of the share apart and the sample is taken as straight
    # between two of them. Of the 20 values beyond p99.9 the gaps themselves are that wide.
    spread = exact.std()
    assert np.sqrt(np.mean((found - exact) ** 2)) <= allowed * spread
    assert abs(np.mean(found - exact)) <= 0.06 * spread
    assert found.std() == pytest.approx(spread, rel=allowed / 2)


@pytest.mark.parametrize(("fraction", "allowed"), ALLOWED.items())
def test_ties_add_no_more_than_the_step_between_tied_values(fraction, allowed):
    values, codes = heavy_tailed(decimals=3)
    weights = draws(40)
    found = through_the_grid(grid_quantiles, values, codes, fraction, weights)
    exact = sorted_again(lambda v: np.quantile(v, fraction), values, codes, weights)
    spread = exact.std()
    assert np.sqrt(np.mean((found - exact) ** 2)) <= allowed * spread + 0.001
    assert abs(np.mean(found - exact)) <= 0.06 * spread


@pytest.mark.parametrize("fraction", ALLOWED)
def test_the_sample_itself_has_its_own_quantile(fraction):
    values, codes = heavy_tailed()
    ones = np.ones((1, 40))
    found = through_the_grid(grid_quantiles, values, codes, fraction, ones)[0]
    ordered = np.sort(values)
    # The grid's middle point is the order statistic nearest to the quantile.
    place = fraction * (len(values) - 1)
    low, high = ordered[int(place) - 1], ordered[int(place) + 2]
    assert low <= found <= high
    assert found == pytest.approx(np.quantile(values, fraction), rel=0.02)


def test_a_small_sample_lies_on_the_grid_whole_so_its_quantile_is_exact():
    values, codes = np.random.default_rng(1).normal(size=15), np.repeat(np.arange(5), 3)
    for fraction in (0.25, 0.5, 0.9):
        found = through_the_grid(grid_quantiles, values, codes, fraction, np.ones((1, 5)))
        assert found[0] == pytest.approx(np.quantile(values, fraction))


def test_a_resample_of_one_cluster_alone_stays_inside_the_grid():
    values, codes = heavy_tailed(n_clusters=9)
    (grid,) = quantile_grids(values, codes, 9, (0.99,))
    lonely = 9.0 * np.eye(9)
    found = grid_quantiles(grid, lonely, lonely @ np.bincount(codes))
    assert (found >= grid.values[0]).all()
    assert (found <= grid.values[-1]).all()


def test_equal_values_have_that_quantile_and_that_trimmed_mean():
    codes = np.repeat(np.arange(8), 5)
    for read in (grid_quantiles, grid_trimmed_means):
        assert through_the_grid(read, np.full(40, 0.3), codes, 0.9, draws(8)) == pytest.approx(0.3)


def test_a_resample_without_observations_is_nan():
    values, codes = np.arange(10.0), np.repeat([0, 1], 5)
    for read in (grid_quantiles, grid_trimmed_means):
        found = through_the_grid(read, values, codes, 0.5, np.array([[0.0, 0.0], [1.0, 1.0]]))
        assert np.isnan(found[0])
        assert np.isfinite(found[1])


@pytest.mark.parametrize("decimals", [None, 3])
def test_trimmed_means_of_resamples_are_those_of_resamples_sorted_again(decimals):
    values, codes = heavy_tailed(decimals=decimals)
    weights = draws(40)
    found = through_the_grid(grid_trimmed_means, values, codes, 0.99, weights)
    exact = sorted_again(upper_trimmed(0.99), values, codes, weights)
    # The sum between two grid points is taken as straight: far less than the spread.
    assert np.abs(found - exact).max() <= 0.03 * exact.std()


def test_twice_every_cluster_changes_no_quantile():
    values, codes = heavy_tailed(n=2_000)
    once, twice = np.ones((1, 40)), np.full((1, 40), 2.0)
    for read in (grid_quantiles, grid_trimmed_means):
        one = through_the_grid(read, values, codes, 0.9, once)
        other = through_the_grid(read, values, codes, 0.9, twice)
        assert one == pytest.approx(other, rel=2e-3)


def test_an_infinite_value_or_no_value_is_refused():
    for values in (np.array([]), np.array([1.0, np.inf])):
        with pytest.raises(InputError, match="needs finite values"):
            quantile_grids(values, np.zeros(len(values), dtype=np.intp), 1, (0.5,))
