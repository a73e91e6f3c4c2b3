# A null where a number is expected fails these tests by itself.
# mypy: disable-error-code="operator,index,arg-type,type-var,misc,no-untyped-def"

from __future__ import annotations

import numpy as np
import pytest

from silentzone.errors import InputError
from silentzone.stats.clusters import ClusterPartition
from silentzone.stats.equivalence import equivalence_test, lower_bound, upper_bound
from silentzone.stats.estimates import mean_estimate, null_estimate
from silentzone.stats.noninferiority import PairedPart
from silentzone.stats.planning import (
    growth_needed,
    items_for_margin,
    items_for_score_test,
    margin_for_items,
    resolvable_margin,
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


@pytest.mark.parametrize(("volume", "difference"), [(0.05, 0.0), (0.2, -0.004), (0.012, 0.003)])
def test_the_margin_that_the_planned_items_resolve_is_the_margin_planned_for(volume, difference):
    items = items_for_score_test(0.01, volume, assumed_difference=difference)
    margin = margin_for_items(items, volume, assumed_difference=difference)
    assert margin == pytest.approx(0.01, rel=2e-3)


def test_far_above_the_margin_the_score_test_needs_what_the_textbook_says():
    assert items_for_score_test(0.01, 0.5) == pytest.approx(
        items_for_margin(0.01, 0.5).items, rel=0.003
    )


def test_without_any_change_of_answers_the_items_are_those_that_rule_the_loss_out():
    # The share lost could be 1 %: about 3.84 / 0.01 equal answers are needed, not one.
    assert items_for_margin(0.01, 0.0).items == 1
    assert items_for_score_test(0.01, 0.0) == pytest.approx(3.8415 * 0.99 / 0.01, rel=0.01)


def test_clusters_multiply_the_items():
    plain = items_for_score_test(0.01, 0.05)
    assert items_for_score_test(0.01, 0.05, design_effect=2.0) == pytest.approx(2 * plain, rel=1e-3)
    wider = margin_for_items(plain, 0.05, design_effect=2.0)
    assert margin_for_items(2 * plain, 0.05, design_effect=2.0) == pytest.approx(0.01, rel=2e-3)
    assert wider > 0.014


def test_the_growth_of_todays_items_is_the_plan_for_todays_volume():
    part = PairedPart(net=0.0, standard_error=(0.05 / 500) ** 0.5, n_items=500, counts=(12.5, 12.5))
    growth = growth_needed(0.0, [part], 0.01, alpha=0.025)
    assert 500 * growth == pytest.approx(items_for_score_test(0.01, 0.05), rel=0.003)
    assert growth_needed(-0.01, [part], 0.01, alpha=0.025) is None


def test_plans_that_no_number_settles_say_so():
    assert items_for_score_test(0.01, 0.05, assumed_difference=-0.01) is None
    assert margin_for_items(2, 1.0, assumed_difference=-0.5) is None
    with pytest.raises(InputError, match="`design_effect`"):
        items_for_score_test(0.01, 0.05, design_effect=0.0)
    with pytest.raises(InputError, match="`n_items`"):
        margin_for_items(1, 0.05)


def test_a_difference_beyond_the_margin_needs_no_number_of_items():
    plan = items_for_margin(0.01, 0.05, assumed_difference=-0.02)
    assert plan.items is None
    assert "cannot be shown" in plan.reason


def test_impossible_plans_are_refused():
    with pytest.raises(InputError, match="within the volume"):
        items_for_margin(0.01, 0.05, assumed_difference=0.06)


def test_the_resolvable_margin_is_that_of_both_sides_together():
    assert resolvable_margin(0.01) == pytest.approx(0.01 * (1.959964 + 1.281552), rel=1e-5)
