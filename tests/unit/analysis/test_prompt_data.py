# A null where a number is expected fails these tests by itself.
# mypy: disable-error-code="operator,index,arg-type,type-var,misc,no-untyped-def,union-attr"

from __future__ import annotations

import numpy as np
import pytest
from tests.unit.analysis.prompt_items import changed, prompt_data

from silentzone.analysis.prompt_data import stacked
from silentzone.errors import InputError, ShapeError
from silentzone.stats.clusters import ClusterPartition


def test_stacked_benchmarks_keep_their_clusters_apart():
    first, second = prompt_data(n_items=20, cluster_size=2), prompt_data(n_items=9, seed=1)
    both = stacked([first, second])
    assert both.clusters.n_clusters == 10 + 9
    assert len(set(both.clusters.codes[:20]) & set(both.clusters.codes[20:])) == 0
    assert (both.benchmark, len(both)) == ("all", 29)


def test_a_candidate_or_quantity_a_benchmark_lacks_is_missing_on_its_items():
    first = prompt_data(n_models=2, n_items=5)
    second = changed(prompt_data(n_models=3, n_items=4), divergence=None, reference_confidence=None)
    both = stacked([first, second])
    assert both.models == ("Q0", "Q1", "Q2")
    assert np.isnan(both.scores[2, :5]).all()
    assert np.isnan(both.divergence[:, 5:]).all()
    assert np.isnan(both.reference_confidence[5:]).all()
    assert both.scores[1, 5:].tolist() == second.scores[1].tolist()


def test_what_no_benchmark_has_stays_null():
    both = stacked([changed(prompt_data(n_items=5), margin=None)] * 2)
    assert both.margin is None


def test_clusters_of_several_kinds_are_named_item_clusters():
    first = prompt_data(n_items=5)
    second = changed(first, clusters=ClusterPartition.of([0, 0, 1, 1, 1], unit="passage"))
    assert stacked([first, second]).clusters.unit == "item cluster"


def test_the_mean_item_divergence_is_over_items_every_candidate_has():
    data = prompt_data(n_models=3, n_items=4)
    divergence = np.array([[1.0, 2.0, 3.0, 4.0], [2.0, 2.0, np.nan, 8.0], [np.nan] * 4])
    assert changed(data, divergence=divergence).mean_item_divergence() == {
        "Q0": pytest.approx(7.0 / 3.0),
        "Q1": 4.0,
    }
    assert changed(data, divergence=None).mean_item_divergence() == {}
    nothing = np.array([[1.0, np.nan], [np.nan, 1.0]])
    two = changed(prompt_data(n_models=2, n_items=2), divergence=nothing)
    assert two.mean_item_divergence() == {}


def test_a_missing_reference_score_is_not_passed():
    data = prompt_data(n_items=3)
    assert changed(
        data, reference_score=np.array([1.0, np.nan, 0.4])
    ).reference_passed.tolist() == [True, False, False]


@pytest.mark.parametrize("field", ["scores", "margin", "divergence", "confidence"])
def test_a_matrix_of_another_shape_is_refused(field):
    with pytest.raises(ShapeError, match=f"`{field}` of `alpha` must have shape"):
        changed(prompt_data(n_items=5), **{field: np.ones((6, 4))})


def test_impossible_data_is_refused():
    data = prompt_data(n_items=5)
    with pytest.raises(ShapeError, match="`reference_margin` of `alpha`"):
        changed(data, reference_margin=np.ones(4))
    with pytest.raises(ShapeError, match="`clusters` must hold 5 items"):
        changed(data, clusters=ClusterPartition.singletons(4))
    with pytest.raises(InputError, match="one stands there twice"):
        changed(data, models=("Q0",) * 6)
    with pytest.raises(InputError, match="at least one benchmark"):
        stacked([])
