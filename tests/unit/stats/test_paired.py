# A null where a number is expected fails these tests by itself.
# mypy: disable-error-code="operator,index,arg-type,type-var,misc,no-untyped-def"

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from silentzone.errors import InputError, ShapeError
from silentzone.stats.clusters import ClusterPartition
from silentzone.stats.macro import macro_mean_estimate
from silentzone.stats.paired import decompose, mcnemar_exact, paired_difference
from silentzone.stats.proportions import (
    direction_estimate,
    proportion_estimate,
    wilson_estimate,
    wilson_interval,
)

REFERENCE = np.array([1.0] * 60 + [0.0] * 40)
CANDIDATE = np.array([1.0] * 48 + [0.0] * 12 + [1.0] * 4 + [0.0] * 36)
ITEMS = ClusterPartition.singletons(100, unit="item")


def test_harm_gain_volume_direction_and_net_are_counted_as_defined():
    part = decompose(REFERENCE, CANDIDATE, ITEMS)
    assert (part.harm, part.gain, part.n_items) == (12, 4, 100)
    assert part.volume.value == pytest.approx(0.16)
    assert part.direction.value == pytest.approx(-0.5)
    assert part.net.value == pytest.approx(-0.08)


def test_direction_is_null_without_discordant_items():
    part = decompose(REFERENCE, REFERENCE, ITEMS)
    assert part.direction.value is None
    assert part.direction.cautions == ("no discordant item",)
    assert decompose(REFERENCE, REFERENCE, WINDOWS).direction.value is None


WINDOWS = ClusterPartition.of(np.repeat(np.arange(20), 5), unit="item cluster")


def test_equal_answers_leave_a_difference_that_is_bounded_not_proved_zero():
    net = paired_difference(REFERENCE, REFERENCE, ITEMS)
    assert net.value == 0.0
    # Bonett-Price with no discordant pair: sqrt(2 / (n + 2)^2).
    assert net.standard_error == pytest.approx(math.sqrt(2) / 102)


def test_clustered_answers_get_a_wider_exact_direction_and_a_clustered_volume():
    part, alone = decompose(REFERENCE, CANDIDATE, WINDOWS), decompose(REFERENCE, CANDIDATE, ITEMS)
    assert "Korn-Graubard interval by item cluster" in part.direction.method
    assert part.direction.value == alone.direction.value
    assert part.direction.interval[0] <= alone.direction.interval[0]
    assert part.direction.interval[1] >= alone.direction.interval[1]
    assert part.volume.n_clusters == 20


def test_a_clustered_direction_that_goes_one_way_still_has_an_interval():
    reference = np.ones(40)
    candidate = np.where(np.arange(40) % 10 == 0, 0.0, 1.0)
    clusters = ClusterPartition.of(np.arange(40) // 4, unit="passage")
    direction = decompose(reference, candidate, clusters).direction
    assert direction.value == -1.0
    assert direction.interval[0] == -1.0
    assert -1.0 < direction.interval[1] < 1.0


def test_graded_scores_have_mean_absolute_difference_as_volume():
    part = decompose(np.array([0.5, 1.0]), np.array([0.75, 0.5]), ClusterPartition.singletons(2))
    assert part.volume.value == pytest.approx(0.375)
    assert part.net.value == pytest.approx(-0.125)
    assert part.direction.value == pytest.approx(-1 / 3)


def test_scores_of_another_shape_are_refused():
    with pytest.raises(ShapeError, match="of one length"):
        paired_difference(REFERENCE, CANDIDATE[:5], ITEMS)


def test_mcnemar_without_discordant_items_has_p_one():
    assert mcnemar_exact(0, 0).pvalue == 1.0
    with pytest.raises(InputError, match="must not be negative"):
        mcnemar_exact(-1, 0)


def test_a_one_sided_direction_has_an_interval_but_no_standard_error():
    estimate = direction_estimate(5, 0)
    assert estimate.value == -1.0
    assert estimate.standard_error is None
    # Clopper-Pearson upper bound of 0 in 5: 1 - 0.025 ** (1 / 5).
    assert estimate.interval == pytest.approx((-1.0, 2 * (1 - 0.025**0.2) - 1))


def test_a_proportion_of_one_has_an_interval_but_no_standard_error():
    estimate = wilson_estimate(10, 10)
    assert estimate.standard_error is None
    assert estimate.interval[1] == 1.0
    assert wilson_estimate(0, 0).value is None


@pytest.mark.parametrize(("successes", "n"), [(1, 0), (5, 4), (-1, 3)])
def test_impossible_counts_are_refused(successes, n):
    with pytest.raises(InputError, match="`successes`"):
        wilson_interval(successes, n)


def test_clusters_turn_wilson_into_a_clustered_interval():
    assert "Wilson" in proportion_estimate(REFERENCE, ITEMS).method
    assert "CR1 by item cluster" in proportion_estimate(REFERENCE, WINDOWS).method


def test_a_macro_mean_adds_variances_of_independent_parts():
    parts = [paired_difference(REFERENCE, CANDIDATE, ITEMS)] * 4
    mean = macro_mean_estimate(parts)
    assert mean.value == pytest.approx(-0.08)
    assert mean.standard_error == pytest.approx(parts[0].standard_error / 2)


def test_a_macro_mean_with_a_null_part_is_null():
    assert macro_mean_estimate([wilson_estimate(1, 2), wilson_estimate(0, 0)]).value is None
    assert macro_mean_estimate([]).value is None


def test_a_macro_mean_with_an_unknown_error_keeps_its_value_alone():
    mean = macro_mean_estimate([wilson_estimate(1, 2), wilson_estimate(2, 2)])
    assert (mean.value, mean.standard_error, mean.interval) == (0.75, None, None)


def test_the_net_is_tested_exactly_or_by_its_own_interval():
    reference = np.array([1.0] * 12 + [0.0] * 8)
    candidate = np.array([0.0] * 5 + [1.0] * 7 + [1.0] + [0.0] * 7)
    alone = decompose(reference, candidate, ClusterPartition.singletons(20, unit="item"))
    assert alone.test == mcnemar_exact(5, 1)
    pairs = ClusterPartition.of(np.arange(20) // 2, unit="pair")
    clustered = decompose(reference, candidate, pairs)
    test, net = clustered.test, clustered.net
    assert test is not None
    # scipy.stats.t.sf of value / standard error with 9 degrees of freedom, both sides
    assert test.pvalue == pytest.approx(2 * stats.t.sf(abs(net.value / net.standard_error), 9))
    low, high = net.interval
    assert (test.pvalue < 0.05) == (not low <= 0.0 <= high)
