# A null where a number is expected fails these tests by itself.
# mypy: disable-error-code="operator,index,arg-type,misc,no-untyped-def"

from __future__ import annotations

import numpy as np
import pytest

from silentzone.stats.clusters import ClusterPartition
from silentzone.stats.proportions import proportion_estimate, wilson_interval

PASSAGES = ClusterPartition.of(np.repeat(np.arange(12), 5), unit="passage")


def test_a_clustered_share_near_the_end_is_cut_to_what_it_can_be_and_says_so():
    values = np.zeros(60)
    values[0] = 1.0
    estimate = proportion_estimate(values, PASSAGES)
    assert estimate.interval[0] == 0.0
    assert estimate.method.endswith("cut to [0, 1]")


def test_an_interval_inside_its_range_is_left_as_it_is():
    estimate = proportion_estimate((np.arange(60) % 2).astype(float), PASSAGES)
    assert "cut" not in estimate.method


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_clusters_in_which_nothing_differs_still_bound_the_share(value):
    estimate = proportion_estimate(np.full(60, value), PASSAGES)
    assert estimate.value == value
    assert estimate.interval == wilson_interval(round(12 * value), 12)
    assert estimate.standard_error is None
    assert "as of 12 passages" in estimate.cautions[0]
    assert (estimate.n_observations, estimate.n_clusters) == (60, 12)
