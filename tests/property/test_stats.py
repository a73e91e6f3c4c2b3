# A null where a number is expected fails these tests by itself.
# mypy: disable-error-code="operator,index,arg-type,type-var,misc,no-untyped-def"

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata

from silentzone.stats.clusters import ClusterPartition
from silentzone.stats.correlation import (
    kendall,
    masked_spearman,
    mean_ranks,
    permutation_pvalues,
    spearman,
)
from silentzone.stats.estimates import mean_estimate
from silentzone.stats.multiplicity import holm
from silentzone.stats.paired import decompose
from silentzone.stats.permutation import maxt
from silentzone.stats.quantile_grid import grid_quantiles, quantile_grids
from silentzone.stats.quantiles import quantile_estimate
from silentzone.stats.shapes import fitted_shape

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


@given(numbers)
def test_mean_ranks_are_scipys(values):
    assert mean_ranks(np.array(values)).tolist() == rankdata(values).tolist()


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=3, max_size=8))
def test_kendall_and_both_permutation_tests_do_not_care_which_side_is_which(pairs):
    x, y = np.array(pairs, dtype=np.float64).T
    one, other = kendall(x, y), kendall(y, x)
    assert one.value == pytest.approx(other.value)
    if one.value is not None:
        assert one.pvalue == pytest.approx(other.pvalue, abs=0.03)  # eight tied pairs are sampled
        there, back = permutation_pvalues(x, y[:, None])[0], permutation_pvalues(y, x[:, None])[0]
        assert there == pytest.approx(back)
        assert there[0] == pytest.approx(spearman(x, y).pvalue)


@given(numbers, st.integers(0, 2**32 - 1))
def test_spearman_over_members_is_spearman_of_the_members(values, seed):
    x = np.array(values)
    rng = np.random.default_rng(seed)
    y, members = rng.integers(0, 5, len(x)).astype(float), rng.random(len(x)) < 0.6
    found = masked_spearman(x[:, None], y[:, None], members[:, None])[0]
    alone = spearman(x[members], y[members]).value
    assert np.isnan(found) if alone is None else found == pytest.approx(alone)


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=12), st.integers(0, 2**32 - 1))
def test_holm_keeps_the_order_of_pvalues_and_does_not_depend_on_that_of_the_tests(pvalues, seed):
    adjusted = np.array(holm(pvalues))
    assert (adjusted >= np.array(pvalues)).all()
    assert (np.diff(adjusted[np.argsort(pvalues, kind="stable")]) >= 0.0).all()
    order = np.random.default_rng(seed).permutation(len(pvalues))
    assert holm([pvalues[k] for k in order]) == pytest.approx(adjusted[order])


@settings(max_examples=20)
@given(st.integers(4, 6), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_maxt_lies_between_the_plain_pvalue_and_bonferronis(n, n_variants, seed):
    rng = np.random.default_rng(seed)
    ranks = np.array([rng.permutation(n) for _ in range(n_variants + 1)]) - (n - 1) / 2.0
    ranks /= np.sqrt((ranks**2).sum(axis=1, keepdims=True))
    found = maxt(ranks[1:], ranks[0], n_resamples=9, rng=rng)
    assert (found.adjusted >= found.pvalues).all()
    assert (found.adjusted <= np.array(holm(found.pvalues.tolist())) + 1e-12).all()


@given(numbers, st.sampled_from([0.25, 0.5, 0.9, 0.99]))
def test_a_quantile_of_a_grid_lies_inside_the_sample(values, fraction):
    array = np.array(values)
    (grid,) = quantile_grids(array, np.arange(len(array)) % 3, 3, (fraction,))
    sizes = np.bincount(np.arange(len(array)) % 3)
    weights = np.array([[1.0, 1.0, 1.0], [3.0, 0.0, 0.0], [0.0, 1.0, 2.0]])
    found = grid_quantiles(grid, weights, weights @ sizes)
    assert (found >= array.min()).all()
    assert (found <= array.max()).all()


@given(numbers, st.integers(0, 2**32 - 1))
def test_an_isotonic_fit_falls_keeps_the_mean_and_fits_no_worse_than_a_constant(values, seed):
    losses = np.array(values)
    scores = np.random.default_rng(seed).normal(size=len(losses))
    fitted = fitted_shape("isotonic", losses, scores)
    assert fitted is not None
    assert (np.diff(fitted[np.argsort(losses)]) <= 1e-9).all()
    assert fitted.mean() == pytest.approx(scores.mean())
    assert ((scores - fitted) ** 2).sum() <= ((scores - scores.mean()) ** 2).sum() + 1e-9
