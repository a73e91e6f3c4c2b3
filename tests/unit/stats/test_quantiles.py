# A null where a number is expected fails these tests by itself.
# mypy: disable-error-code="operator,index,arg-type,type-var,misc,no-untyped-def"

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import trim1

from silentzone.errors import InputError
from silentzone.stats.clusters import ClusterPartition
from silentzone.stats.quantiles import trimmed_mean_estimate
from silentzone.stats.resampling import bootstrap_counts

RNG = np.random.default_rng(12)
LABELS = np.repeat(np.arange(60), 50)
VALUES = np.exp(RNG.normal(-4.0, 1.5, 3000) + RNG.normal(0.0, 0.5, 60)[LABELS])
WINDOWS = ClusterPartition.of(LABELS, unit="window")


def test_a_mean_up_to_a_quantile_is_scipys_mean_trimmed_at_one_end():
    for left_out in (0.5, 0.1, 0.01):
        kept = trim1(VALUES, left_out, tail="right")
        estimate = trimmed_mean_estimate(VALUES, 1.0 - left_out, WINDOWS)
        assert estimate.value == pytest.approx(kept.mean())


@pytest.mark.parametrize("fraction", [0.5, 0.9, 0.99])
def test_its_standard_error_is_that_of_the_clustered_bootstrap(fraction):
    estimate = trimmed_mean_estimate(VALUES, fraction, WINDOWS)
    rng = np.random.default_rng(3)
    counts = np.concatenate(list(bootstrap_counts(60, 500, rng=rng))).astype(int)
    drawn = [
        trim1(np.repeat(VALUES, row[LABELS]), 1.0 - fraction, tail="right").mean() for row in counts
    ]
    # 500 draws give a standard error to 3 %; 60 clusters and the curvature allow for the rest.
    assert estimate.standard_error == pytest.approx(np.std(drawn), rel=0.12)


def test_leaving_out_the_tail_makes_a_heavy_tailed_mean_surer():
    trimmed = trimmed_mean_estimate(VALUES, 0.9, WINDOWS)
    nearly_whole = trimmed_mean_estimate(VALUES, 0.9999, WINDOWS)
    assert trimmed.standard_error < nearly_whole.standard_error
    assert nearly_whole.value == pytest.approx(VALUES.mean(), rel=0.03)


def test_infinite_values_beyond_the_quantile_do_no_harm_and_those_at_it_leave_null():
    values = VALUES.copy()
    values[:5] = math.inf
    assert trimmed_mean_estimate(values, 0.99, WINDOWS).value < VALUES.mean()
    values[:40] = math.inf
    assert trimmed_mean_estimate(values, 0.99, WINDOWS).value is None


def test_no_observation_is_null_and_nan_or_a_fraction_outside_is_refused():
    nothing = trimmed_mean_estimate(np.array([]), 0.9, ClusterPartition.singletons(0))
    assert nothing.value is None
    with pytest.raises(InputError, match="must not hold NaN"):
        trimmed_mean_estimate(np.full(3000, np.nan), 0.9, WINDOWS)
    with pytest.raises(InputError, match="between 0 and 1"):
        trimmed_mean_estimate(VALUES, 1.0, WINDOWS)


def test_values_tied_with_the_quantile_are_kept_as_often_as_their_rank_allows():
    # One value in two lies at the top: the lowest nine tenths hold five zeros in nine.
    values = np.tile([0.0, 1.0], 500)
    clusters = ClusterPartition.singletons(1000)
    kept = trim1(values, 0.1, tail="right")
    assert trimmed_mean_estimate(values, 0.9, clusters).value == pytest.approx(kept.mean())
