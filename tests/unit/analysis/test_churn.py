# A null where a number is expected fails these tests by itself.
# mypy: disable-error-code="operator,index,arg-type,no-untyped-def,union-attr"

from __future__ import annotations

import math

import numpy as np
import pytest
from tests.unit.analysis.answers import answers, benchmark

from silentzone.analysis.churn import (
    ChurnRows,
    answers_changed,
    churn_floor,
    excess_volume,
    split_repeat,
    wrong_to_wrong,
)
from silentzone.stats.clusters import ClusterPartition
from silentzone.stats.estimates import mean_estimate


def again(*moved: float, items: tuple[str, ...] | None = None) -> ChurnRows:
    return ChurnRows(
        item_ids=items or tuple(f"i{k}" for k in range(len(moved))), moved=np.array(moved)
    )


# Ten items of which the candidate changed four: i0, i1 and i2 for the worse, i3 for the better.
REFERENCE = [1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 1.0]
CANDIDATE = [0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 1.0]
MOVED = np.array([1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])


def test_excess_volume_is_volume_less_the_share_that_changes_by_itself():
    found = excess_volume(benchmark(REFERENCE, Q4=CANDIDATE), "Q4", again(1.0, 0.0, 0.0, 0.0))
    assert found.value == pytest.approx(0.4 - 0.25)
    assert "the floor is from 4 items asked again" in found.cautions
    assert found.method.startswith("volume less churn floor, paired by item")


def test_items_that_enter_both_are_counted_in_both():
    # By hand: influence of an item is its deviation from the volume, less n/m times its
    # deviation from the floor where it was asked again.
    moved = np.array([1.0, 0.0, 0.0, 0.0])
    influence = MOVED - 0.4
    influence[:4] -= (moved - 0.25) * 10 / 4
    error = math.sqrt(10 / 9 * (influence**2).sum()) / 10
    scores = benchmark(REFERENCE, Q4=CANDIDATE)
    assert excess_volume(scores, "Q4", again(*moved)).standard_error == pytest.approx(error)
    # What changes in both at once lowers the error; what changes in one or the other raises it.
    together = excess_volume(scores, "Q4", again(*moved, items=("i0", "i4", "i5", "i6")))
    apart = excess_volume(scores, "Q4", again(*moved, items=("i9", "i0", "i1", "i2")))
    assert together.value == apart.value
    assert together.standard_error < error < apart.standard_error


def test_asked_again_on_every_item_it_is_the_mean_of_the_items_differences():
    moved = np.array([1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    found = excess_volume(benchmark(REFERENCE, Q4=CANDIDATE), "Q4", again(*moved))
    plain = mean_estimate(MOVED - moved, ClusterPartition.singletons(10))
    assert (found.value, found.standard_error) == pytest.approx((plain.value, plain.standard_error))
    assert found.interval == pytest.approx(plain.interval)


def test_excess_volume_may_be_negative():
    found = excess_volume(benchmark(REFERENCE, Q4=CANDIDATE), "Q4", again(1.0, 1.0, 0.0))
    assert found.value == pytest.approx(0.4 - 2 / 3)


def test_items_of_one_cluster_are_not_independent_here_either():
    reference = answers(REFERENCE, clusters=["x"] * 4 + ["y"] * 3 + ["z"] * 3)
    found = excess_volume(benchmark(reference, Q4=CANDIDATE), "Q4", again(1.0, 0.0))
    assert found.n_clusters == 3


def test_items_asked_again_without_both_scores_are_left_out():
    scores = benchmark(REFERENCE, Q4=[0.0, None, *CANDIDATE[2:]])
    found = excess_volume(scores, "Q4", again(1.0, 1.0, 0.0, items=("i0", "i1", "elsewhere")))
    assert found.value == pytest.approx(3 / 9 - 1.0)
    assert "from 1 items" in found.cautions[0]


def test_an_item_asked_again_twice_counts_twice_in_the_floor():
    rows = again(1.0, 0.0, 0.0, items=("i0", "i0", "i1"))
    found = excess_volume(benchmark(REFERENCE, Q4=CANDIDATE), "Q4", rows)
    assert found.value == pytest.approx(0.4 - 1 / 3)


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (again(0.0, 0.0, 0.0), "nothing changed in 3 items asked again: the floor is not known"),
        (again(), "nothing changed in 0 items asked again"),
        (again(1.0, items=("elsewhere",)), "none of the items asked again has both scores"),
    ],
)
def test_a_floor_that_is_not_known_is_not_taken_for_zero(rows, reason):
    found = excess_volume(benchmark(REFERENCE, Q4=CANDIDATE), "Q4", rows)
    assert found.value is None
    assert reason in found.cautions[0]


def test_a_candidate_without_items_has_no_excess():
    found = excess_volume(benchmark(REFERENCE, Q4=[None] * 10), "Q4", again(1.0))
    assert found.value is None


def test_the_floor_is_a_share_with_wilsons_interval_or_nothing_where_nothing_changed():
    found = churn_floor(again(1.0, 0.0, 0.0, 0.0))
    assert found.value == 0.25
    assert "Wilson" in found.method
    assert churn_floor(again(0.0, 0.0)).value is None
    assert churn_floor(again(0.5, 0.0)).value == 0.25


def test_even_against_odd_repeats_tell_what_sampling_adds_to_a_volume():
    own = answers(
        [1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0],
        items=["i0", "i0", "i1", "i1", "i2", "i2", "i3"],
        repeats=[0, 1, 0, 1, 0, 1, 0],
    )
    found = split_repeat(benchmark([1.0] * 4, Q4=own), "Q4")
    assert found.value == pytest.approx(1 / 3)
    assert found.n_observations == 3
    assert split_repeat(benchmark([1.0] * 4, Q4=own), "F16") is None


def compared(reference, candidate):
    return benchmark(reference, Q4=candidate)


def test_wrong_answers_that_became_other_wrong_answers_are_counted():
    found = compared(
        answers([0.0, 0.0, 1.0, 0.0, 0.0], predictions=["A", "B", "C", "D", None]),
        answers([0.0, 0.0, 0.0, 1.0, 0.0], predictions=["A", "C", "D", "A", "B"]),
    )
    assert wrong_to_wrong(found, "F16", "Q4") == 1


def test_answers_changed_counts_every_other_answer_right_or_wrong():
    found = compared(
        answers([0.0, 0.0, 1.0, 0.0, 1.0], predictions=["A", "B", "C", "D", None]),
        answers([0.0, 0.0, 0.0, 1.0, 1.0], predictions=["A", "C", "D", "A", "B"]),
    )
    changed = answers_changed(found, "F16", "Q4")
    assert changed.value == pytest.approx(3 / 4)
    assert changed.n_observations == 4


def test_items_one_of_the_two_has_no_score_for_are_not_changed_answers():
    found = compared(
        answers([0.0, 0.0], predictions=["A", "B"]),
        answers([0.0, None], predictions=["B", "C"]),
    )
    assert answers_changed(found, "F16", "Q4").value == 1.0
    assert wrong_to_wrong(found, "F16", "Q4") == 1


def test_without_answers_neither_is_known():
    found = compared([1.0, 0.0], [0.0, 0.0])
    assert wrong_to_wrong(found, "F16", "Q4") is None
    assert answers_changed(found, "F16", "Q4") is None
