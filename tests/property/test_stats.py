# A null where a number is expected fails these tests by itself.
# mypy: disable-error-code="operator,index,arg-type,type-var,misc,no-untyped-def"

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from silentzone.stats.clusters import ClusterPartition
from silentzone.stats.correlation import spearman
from silentzone.stats.estimates import mean_estimate
from silentzone.stats.paired import decompose
from silentzone.stats.quantiles import quantile_estimate

pairs = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=2, max_size=60)
graded = st.lists(
    st.tuples(st.sampled_from([0.0, 0.25, 0.5, 1.0]), st.sampled_from([0.0, 0.25, 0.5, 1.0])),
    min_size=2,
    max_size=60,
)
numbers = st.lists(st.integers(-1000, 1000).map(float), min_size=3, max_size=40)


@settings(deadline=None)
@given(st.one_of(pairs, graded))
def test_volume_times_direction_is_net(answers):
    reference, candidate = np.array(answers, dtype=np.float64).T
    part = decompose(reference, candidate, ClusterPartition.singletons(len(reference)))
    if part.direction.value is None:
        assert part.volume.value == 0.0
        assert part.net.value == 0.0
    else:
        assert part.volume.value * part.direction.value == pytest.approx(part.net.value)


@settings(deadline=None)
@given(pairs)
def test_swapping_reference_and_candidate_turns_net_and_direction_around(answers):
    reference, candidate = np.array(answers, dtype=np.float64).T
    clusters = ClusterPartition.singletons(len(reference))
    there, back = (
        decompose(reference, candidate, clusters),
        decompose(candidate, reference, clusters),
    )
    assert there.net.value == -back.net.value
    assert (there.harm, there.gain) == (back.gain, back.harm)
    assert there.volume == back.volume


@settings(deadline=None)
@given(numbers)
def test_singleton_clusters_give_the_plain_standard_error(values):
    array = np.array(values)
    estimate = mean_estimate(array, ClusterPartition.singletons(len(array)))
    if estimate.standard_error is not None:
        plain = array.std(ddof=1) / np.sqrt(len(array))
        assert estimate.standard_error == pytest.approx(plain)
    else:
        assert np.ptp(array) == 0.0


@settings(deadline=None)
@given(numbers, st.integers(0, 2**32 - 1))
def test_results_do_not_depend_on_names_of_clusters_or_order_of_observations(values, seed):
    rng = np.random.default_rng(seed)
    array = np.array(values)
    labels = rng.integers(0, 5, len(array))
    order = rng.permutation(len(array))
    renamed = rng.permutation(5)[labels]
    first = ClusterPartition.of(labels, unit="window")
    second = ClusterPartition.of(renamed[order], unit="window")
    for estimator in (mean_estimate, lambda v, c: quantile_estimate(v, 0.5, c)):
        one, other = estimator(array, first), estimator(array[order], second)
        assert one.value == pytest.approx(other.value)
        assert (one.standard_error is None) == (other.standard_error is None)
        if one.standard_error is not None:
            assert one.standard_error == pytest.approx(other.standard_error)


@settings(deadline=None)
@given(numbers, st.integers(0, 2**32 - 1))
def test_spearman_sees_order_alone(values, seed):
    x = np.array(values)
    y = np.random.default_rng(seed).normal(size=len(x))
    plain, stretched = spearman(x, y), spearman(x**3, -y)
    if plain.value is None:
        assert stretched.value is None
    else:
        assert stretched.value == pytest.approx(-plain.value)
        assert stretched.pvalue == pytest.approx(plain.pvalue)
        assert 0.0 < plain.pvalue <= 1.0
