# A null where a number is expected fails these tests by itself.
# mypy: disable-error-code="operator,index,arg-type,type-var,misc,no-untyped-def"

from __future__ import annotations

import numpy as np
import pytest

from silentzone.errors import InputError
from silentzone.stats.clusters import ClusterPartition
from silentzone.stats.equivalence import equivalence_test, lower_bound, upper_bound
from silentzone.stats.estimates import mean_estimate, null_estimate
from silentzone.stats.planning import (
    items_for_margin,
    items_from_error,
    resolvable_margin,
    resolvable_margin_at,
)

DIFFERENCE = mean_estimate(
    np.random.default_rng(0).normal(0.0, 1.0, 400), ClusterPartition.singletons(400)
)


def test_equivalence_is_both_one_sided_bounds_inside_the_margin():
    low = lower_bound(DIFFERENCE, alpha=0.05)
    high = upper_bound(DIFFERENCE, alpha=0.05)
    edge = max(-low, high)
    assert equivalence_test(DIFFERENCE, edge * 1.001).is_equivalent is True
    assert equivalence_test(DIFFERENCE, edge * 0.999).is_equivalent is False


def test_an_unknown_error_leaves_equivalence_unknown():
    unknown = null_estimate("mean", "no observations")
    assert equivalence_test(unknown, 0.1).is_equivalent is None
    assert lower_bound(unknown, alpha=0.05) is None
    assert upper_bound(unknown, alpha=0.05) is None


def test_a_margin_must_be_positive():
    with pytest.raises(InputError, match="must be positive"):
        equivalence_test(DIFFERENCE, 0.0)


def test_a_one_sided_bound_at_half_the_error_is_the_end_of_the_interval():
    assert lower_bound(DIFFERENCE, alpha=0.025) == pytest.approx(DIFFERENCE.interval[0])


def test_the_plan_needs_the_textbook_number_of_items():
    # (1.959964 + 0.841621)^2 * 0.05 / 0.01^2
    assert items_for_margin(0.01, 0.05).items == 3925


def test_a_plan_states_the_difference_it_supposes():
    worse = items_for_margin(0.01, 0.05, assumed_difference=-0.005)
    assert worse.items > 4 * 3925 * 0.99
    assert "-0.0050" in worse.reason


def test_a_difference_beyond_the_margin_needs_no_number_of_items():
    plan = items_for_margin(0.01, 0.05, assumed_difference=-0.02)
    assert plan.items is None
    assert "cannot be shown" in plan.reason
    assert items_from_error(100, 0.1, 0.0, alpha=0.025) is None


def test_growing_the_items_to_the_plan_is_consistent_with_the_error_known_now():
    error = (0.05 / 500) ** 0.5
    assert items_from_error(500, error, 0.01, alpha=0.025) == 3925


def test_impossible_plans_are_refused():
    with pytest.raises(InputError, match="within the volume"):
        items_for_margin(0.01, 0.05, assumed_difference=0.06)
    with pytest.raises(InputError, match="`n_items`"):
        resolvable_margin_at(0, 0.5)


def test_the_resolvable_margin_falls_with_the_root_of_the_items():
    assert resolvable_margin_at(100, 0.05) == pytest.approx(2 * resolvable_margin_at(400, 0.05))
    assert resolvable_margin(0.01) == pytest.approx(0.01 * (1.959964 + 1.281552), rel=1e-5)
