# A null where a number is expected fails these tests by itself.
# mypy: disable-error-code="operator,index,arg-type,type-var,misc,no-untyped-def,union-attr"

from __future__ import annotations

import numpy as np
import pytest

from silentzone.errors import InputError, ShapeError
from silentzone.stats.classification import (
    SEPARATED,
    Outcomes,
    auroc_estimate,
    auroc_influence,
    group_error,
    influence_estimate,
    log_ratio_estimate,
    why_too_few,
)
from silentzone.stats.clusters import ClusterPartition
from silentzone.stats.results import Estimate

TEN = np.repeat([True, False], 5)


def outcomes(failed, *, strata=None, clusters=None) -> Outcomes:
    failed = np.asarray(failed, dtype=bool)
    partition = (
        ClusterPartition.singletons(len(failed), unit="item")
        if clusters is None
        else ClusterPartition.of(clusters, unit="item")
    )
    codes = np.zeros(len(failed), dtype=np.intp) if strata is None else np.asarray(strata)
    return Outcomes(is_failed=failed, strata=codes, clusters=partition)


def drawn(seed, n=200, n_strata=1, share=0.3, shift=0.7):
    rng = np.random.default_rng(seed)
    failed = rng.random(n) < share
    return rng.normal(size=n) + shift * failed, failed, rng.integers(0, n_strata, n)


def test_equal_values_count_half():
    value, _ = auroc_influence(np.array([1.0, 1.0, 0.0]), outcomes([True, False, False]))
    assert value == 0.75


def test_pairs_are_formed_inside_strata_only():
    values = np.array([1.0, 0.0, 11.0, 10.0])
    failed, strata = [True, False, True, False], [0, 0, 1, 1]
    assert auroc_influence(values, outcomes(failed, strata=strata))[0] == 1.0
    assert auroc_influence(values, outcomes(failed))[0] == 0.75


def test_a_stratum_counts_by_its_pairs():
    # 1 of 1 pair concordant in the first stratum, 1 of 4 in the second.
    values = np.array([1.0, 0.0, 1.0, 2.0, 0.0, 3.0])
    failed, strata = [True, False, True, True, False, False], [0, 0, 1, 1, 1, 1]
    value, influence = auroc_influence(values, outcomes(failed, strata=strata))
    assert value == 3.0 / 5.0
    assert influence.sum() == pytest.approx(0.0)


def test_a_stratum_without_failures_changes_nothing():
    values, failed, _ = drawn(1)
    more = np.concatenate([values, [5.0, 6.0]])
    own = outcomes([*failed, False, False], strata=[0] * 200 + [1, 1])
    value, influence = auroc_influence(more, own)
    assert value == auroc_influence(values, outcomes(failed))[0]
    assert not influence[-2:].any()


def test_an_observation_copied_within_its_cluster_leaves_the_error_of_the_copies_alone():
    values, failed, _ = drawn(2)
    once = auroc_estimate(values, outcomes(failed))
    labels = np.arange(200)
    twice = auroc_estimate(
        np.tile(values, 2), outcomes(np.tile(failed, 2), clusters=np.tile(labels, 2))
    )
    assert twice.value == pytest.approx(once.value)
    assert twice.standard_error == pytest.approx(once.standard_error)
    naive = auroc_estimate(np.tile(values, 2), outcomes(np.tile(failed, 2)))
    assert naive.standard_error < 0.75 * once.standard_error


def test_exact_separation_is_named_and_has_no_interval():
    estimate = auroc_estimate(np.arange(10.0)[::-1], outcomes(TEN))
    assert (estimate.value, estimate.standard_error, estimate.interval) == (1.0, None, None)
    assert estimate.cautions == (SEPARATED,)


def test_the_interval_near_one_stays_inside_and_is_wider_than_the_error_says():
    failed = np.repeat([True, False], [6, 60])
    values = np.concatenate([np.full(6, 10.0), np.arange(60.0) / 6.0])
    values[0] = 9.0
    estimate = auroc_estimate(values, outcomes(failed))
    low, high = estimate.interval
    assert 0.0 < low < estimate.value < high < 1.0
    assert estimate.value - low > 3.0 * estimate.standard_error


@pytest.mark.parametrize(("n_failed", "reason"), [(4, "4 failed"), (8, "2 passed")])
def test_fewer_than_five_of_a_group_have_no_auroc_and_no_ratio(n_failed, reason):
    failed = np.arange(10) < n_failed
    for estimate in (
        auroc_estimate(np.arange(10.0), outcomes(failed)),
        log_ratio_estimate(np.arange(1.0, 11.0), outcomes(failed)),
    ):
        assert estimate.value is None
        assert estimate.cautions[0].startswith(reason)


def test_many_failures_on_few_items_are_too_few():
    own = outcomes(np.repeat([True, False], 20), clusters=[*([0, 1, 2, 3] * 5), *range(4, 24)])
    assert why_too_few(own) == "20 failed from 4 items, fewer than 5"


def test_strata_that_never_have_both_groups_compare_nothing():
    own = outcomes(TEN, strata=np.repeat([0, 1], 5))
    assert auroc_estimate(np.arange(10.0), own).cautions == (
        "no stratum has both failed and passed",
    )


def test_a_constant_predictor_has_no_auroc():
    assert auroc_estimate(np.ones(10), outcomes(TEN)).cautions == ("all values are equal",)


def test_an_infinite_value_takes_its_place_in_the_order():
    values = np.array([np.inf, 4.0, 3.0, 2.0, 1.0, 0.0, -1.0, -2.0, -3.0, 5.0])
    finite = np.where(np.isinf(values), 99.0, values)
    assert auroc_estimate(values, outcomes(TEN)) == auroc_estimate(finite, outcomes(TEN))


def test_the_ratio_holds_strata_apart():
    values, failed, strata = drawn(3, n_strata=2)
    scaled = np.exp(values) * np.where(strata == 1, 1000.0, 1.0)
    plain = log_ratio_estimate(np.exp(values), outcomes(failed, strata=strata))
    shifted = log_ratio_estimate(scaled, outcomes(failed, strata=strata))
    assert shifted.value == pytest.approx(plain.value)
    assert shifted.interval == pytest.approx(plain.interval)


def test_equal_values_in_both_groups_have_a_ratio_without_an_interval():
    estimate = log_ratio_estimate(np.where(TEN, 2.0, 1.0), outcomes(TEN))
    assert estimate.value == pytest.approx(2.0)
    assert estimate.interval is None
    assert "no spread" in estimate.cautions[0]


def test_the_few_failed_decide_the_degrees_of_freedom():
    rng = np.random.default_rng(4)
    failed = np.arange(400) < 6
    influence = np.where(failed, rng.normal(size=400) / 6, 0.0)
    influence -= np.where(failed, influence[failed].mean(), 0.0)
    _, df = group_error(influence, outcomes(failed))
    assert df == pytest.approx(5.0)


def test_a_group_in_one_cluster_has_no_error():
    own = outcomes(TEN, clusters=[0] * 5 + [1, 2, 3, 4, 5])
    assert group_error(np.ones(10), own) is None
    assert influence_estimate(0.1, np.ones(10), own, label="x").interval is None


def test_a_difference_of_aurocs_stays_between_minus_one_and_one():
    rng = np.random.default_rng(5)
    estimate = influence_estimate(0.9, rng.normal(size=10), outcomes(TEN), label="difference")
    assert isinstance(estimate, Estimate)
    assert -1.0 <= estimate.interval[0] < estimate.interval[1] == 1.0


def test_values_that_cannot_be_used_are_refused():
    with pytest.raises(InputError, match="must not hold NaN"):
        auroc_estimate(np.full(10, np.nan), outcomes(TEN))
    with pytest.raises(InputError, match="positive and finite"):
        log_ratio_estimate(np.arange(10.0), outcomes(TEN))
    with pytest.raises(ShapeError, match="`values` must have shape"):
        auroc_estimate(np.ones(9), outcomes(TEN))
    with pytest.raises(ShapeError, match="as the clusters do"):
        Outcomes.of(TEN, ClusterPartition.singletons(9))
