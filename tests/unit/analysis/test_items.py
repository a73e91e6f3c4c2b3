# A null where a number is expected fails these tests by itself.
# mypy: disable-error-code="operator,index,arg-type,no-untyped-def,union-attr"

from __future__ import annotations

import numpy as np
import pytest
from tests.unit.analysis.answers import answers, benchmark

from silentzone.errors import ProtocolMismatchError


def test_scores_stand_in_the_order_of_the_references_items():
    own = answers([0.0, 1.0, 0.5], items=["c", "a", "b"])
    found = benchmark(answers([1.0, 1.0, 0.0], items=["a", "b", "c"]), Q4=own)
    assert found.item_ids == ("a", "b", "c")
    assert found.reference.tolist() == [1.0, 1.0, 0.0]
    assert found.candidates["Q4"].tolist() == [1.0, 0.5, 0.0]


def test_repeats_are_averaged_by_item_whatever_their_number():
    own = answers([1.0, 0.0, 0.0, 1.0], items=["i0", "i0", "i0", "i1"], repeats=[0, 1, 2, 0])
    found = benchmark([1.0, 1.0], Q4=own)
    assert found.candidates["Q4"] == pytest.approx([1 / 3, 1.0])


def test_a_repeat_without_a_score_is_left_out_of_the_mean():
    own = answers([1.0, None, 0.0], items=["i0", "i0", "i1"], repeats=[0, 1, 0])
    found = benchmark([1.0, 1.0], Q4=own)
    assert found.candidates["Q4"].tolist() == [1.0, 0.0]
    assert found.excluded["Q4"] == {}


def test_items_without_a_score_are_missing_and_counted_by_status():
    own = answers([1.0, None, None], statuses=["ok", "too_long", "too_long"])
    found = benchmark([1.0, 1.0, 0.0], Q4=own)
    assert np.isnan(found.candidates["Q4"]).tolist() == [False, True, True]
    assert found.excluded["Q4"] == {"too_long": 2}


def test_a_missing_score_of_an_item_called_ok_has_a_name_of_its_own():
    found = benchmark([1.0, 1.0], Q4=answers([1.0, None], statuses=["ok", "ok"]))
    assert found.excluded["Q4"] == {"score missing": 1}


def test_items_only_one_of_the_two_was_asked_are_counted_on_the_candidate():
    own = answers([1.0, 0.0, 1.0], items=["i1", "i8", "i9"])
    found = benchmark([1.0, 0.0, 1.0], Q4=own)
    assert found.item_ids == ("i0", "i1", "i2")
    assert found.excluded["Q4"] == {"not asked of the candidate": 2, "no reference score": 2}
    reference, candidate, clusters = found.pairs("Q4")
    assert (reference.tolist(), candidate.tolist(), len(clusters)) == ([0.0], [1.0], 1)


def test_items_the_reference_could_not_answer_leave_every_comparison():
    reference = answers([1.0, None, 0.0], statuses=["ok", "failed", "ok"])
    found = benchmark(reference, Q4=[1.0, 1.0, 1.0])
    assert found.item_ids == ("i0", "i2")
    assert found.candidates["Q4"].tolist() == [1.0, 1.0]
    assert found.excluded == {"F16": {"failed": 1}, "Q4": {"no reference score": 1}}


def test_an_item_put_in_other_words_is_refused_by_name_and_models():
    reference = answers([1.0, 0.0], prompts=["p0", "p1"])
    with pytest.raises(ProtocolMismatchError, match=r"item `i1` of `mmlu` .* `F16` and `Q4`"):
        benchmark(reference, Q4=answers([1.0, 0.0], prompts=["p0", "other"]))


def test_prompts_are_compared_item_by_item_not_row_by_row():
    reference = answers([1.0, 0.0], prompts=["p0", "p1"])
    own = answers([0.0, 1.0], items=["i1", "i0"], prompts=["p1", "p0"])
    assert benchmark(reference, Q4=own).candidates["Q4"].tolist() == [1.0, 0.0]


def test_where_nobody_recorded_the_prompts_they_are_not_compared():
    reference = answers([1.0, 0.0], prompts=["p0", "p1"])
    assert benchmark(reference, Q4=[1.0, 0.0]).candidates["Q4"].tolist() == [1.0, 0.0]


def test_items_of_one_cluster_stay_together_and_an_item_without_one_stands_alone():
    reference = answers([1.0, 0.0, 1.0, 0.0], clusters=["x", None, "x", None])
    found = benchmark(reference, Q4=[1.0] * 4).clusters
    assert found.n_clusters == 3
    assert found.codes[0] == found.codes[2] != found.codes[1] != found.codes[3]
    assert found.unit == "item cluster"


def test_an_item_named_like_a_cluster_is_not_part_of_it():
    reference = answers([1.0, 0.0], items=["x", "y"], clusters=[None, "x"])
    assert benchmark(reference).clusters.n_clusters == 2


def test_without_clusters_every_item_is_its_own():
    found = benchmark(answers([1.0, 0.0, 1.0], clusters=[None] * 3)).clusters
    assert found.has_only_singletons
    assert found.unit == "item"


def test_the_answer_kept_is_that_of_the_first_repeat_that_was_ok():
    own = answers(
        [None, 0.0, 1.0, 0.0],
        items=["i0", "i0", "i0", "i1"],
        repeats=[0, 1, 2, 0],
        predictions=["A", "B", "C", "D"],
    )
    found = benchmark([1.0, 1.0], Q4=own)
    assert found.answers["Q4"].predictions.tolist() == ["B", "D"]


def test_the_first_repeat_is_the_first_by_number_not_by_row():
    own = answers([1.0, 0.0], items=["i0", "i0"], repeats=[1, 0], predictions=["late", "first"])
    assert benchmark([1.0], Q4=own).answers["Q4"].predictions.tolist() == ["first"]


def test_confidences_are_averaged_where_there_and_missing_where_not():
    own = answers(
        [1.0, 1.0, 1.0],
        items=["i0", "i0", "i1"],
        repeats=[0, 1, 0],
        confidence=[0.5, 0.7, np.nan],
    )
    found = benchmark([1.0, 1.0], Q4=own).answers["Q4"].confidence
    assert found[0] == pytest.approx(0.6)
    assert np.isnan(found[1])
    assert benchmark([1.0]).answers["F16"].confidence is None


def test_even_and_odd_repeats_of_a_model_are_held_against_each_other():
    own = answers(
        [1.0, 0.0, 1.0, 1.0, 1.0],
        items=["i0", "i0", "i0", "i1", "i2"],
        repeats=[0, 1, 2, 0, 1],
    )
    found = benchmark([1.0, 1.0, 1.0], Q4=own).answers
    assert found["Q4"].split[0] == pytest.approx(1.0)
    assert np.isnan(found["Q4"].split[1:]).all()
    assert found["F16"].split is None


CUT_OFF = {"statuses": ["ok", "truncated", "timeout", "error"]}


def test_answers_that_were_cut_off_are_left_out_and_counted():
    found = benchmark(answers([1.0, 1.0, 1.0, 1.0]), a=answers([1.0, None, None, None], **CUT_OFF))
    np.testing.assert_array_equal(found.candidates["a"], [1.0, np.nan, np.nan, np.nan])
    assert found.excluded["a"] == {"truncated": 1, "timeout": 1, "error": 1}
    assert found.counted_wrong == {}


def test_answers_that_were_cut_off_can_count_as_wrong_but_no_other():
    found = benchmark(
        answers([1.0, 1.0, 1.0, 1.0]),
        a=answers([1.0, None, None, None], **CUT_OFF),
        unfinished="wrong",
    )
    np.testing.assert_array_equal(found.candidates["a"], [1.0, 0.0, 0.0, np.nan])
    assert found.excluded["a"] == {"error": 1}
    assert found.counted_wrong == {"a": 2}
