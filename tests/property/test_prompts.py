# A null where a number is expected fails these tests by itself.
# mypy: disable-error-code="operator,index,arg-type,type-var,misc,no-untyped-def"

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.analysis.prompt_items import changed, prompt_data

from silentzone.analysis.router import router_row
from silentzone.stats.classification import Outcomes, auroc_estimate, auroc_influence
from silentzone.stats.clusters import ClusterPartition

seeds = st.integers(0, 2**32 - 1)


def drawn(seed, n=60):
    """Tied values, two strata, clusters of three."""
    rng = np.random.default_rng(seed)
    outcomes = Outcomes(
        is_failed=rng.random(n) < 0.4,
        strata=rng.integers(0, 2, n),
        clusters=ClusterPartition.of(np.arange(n) // 3, unit="item"),
    )
    return rng.integers(-8, 9, n).astype(float), outcomes


@given(seeds)
def test_an_auroc_sees_order_alone(seed):
    values, outcomes = drawn(seed)
    plain = auroc_estimate(values, outcomes)
    assert auroc_estimate(np.exp(values) - 3.0, outcomes) == plain
    turned = auroc_estimate(-values, outcomes)
    if plain.value is not None:
        assert turned.value == pytest.approx(1.0 - plain.value)
        assert (turned.standard_error is None) == (plain.standard_error is None)


@given(seeds)
def test_failed_and_passed_change_places(seed):
    values, outcomes = drawn(seed)
    other = Outcomes(
        is_failed=~outcomes.is_failed, strata=outcomes.strata, clusters=outcomes.clusters
    )
    value, influence = auroc_influence(values, outcomes)
    turned, turned_influence = auroc_influence(-values, other)
    if outcomes.comparable().any():
        assert turned == pytest.approx(value)
        assert turned_influence == pytest.approx(influence)
        assert influence.sum() == pytest.approx(0.0, abs=1e-12)


@given(seeds)
def test_an_auroc_does_not_depend_on_order_or_names(seed):
    values, outcomes = drawn(seed)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(values))
    renamed = Outcomes(
        is_failed=outcomes.is_failed[order],
        strata=1 - outcomes.strata[order],
        clusters=ClusterPartition.of(
            rng.permutation(20)[outcomes.clusters.codes[order]], unit="item"
        ),
    )
    plain, other = auroc_estimate(values, outcomes), auroc_estimate(values[order], renamed)
    assert other.value == pytest.approx(plain.value)
    assert other.standard_error == pytest.approx(plain.standard_error)


@given(seeds)
def test_a_router_does_not_depend_on_the_order_or_names_of_candidates_and_items(seed):
    data = prompt_data(n_models=5, n_items=30, seed=seed % 1000, cluster_size=2)
    rng = np.random.default_rng(seed)
    order, items = rng.permutation(5), rng.permutation(30)
    other = changed(
        data,
        models=tuple(f"R{place}" for place in range(5)),
        item_ids=tuple(data.item_ids[item] for item in items),
        clusters=ClusterPartition.of(data.clusters.codes[items], unit="item"),
        reference_score=data.reference_score[items],
        reference_confidence=None,
        reference_margin=None,
        margin=None,
        scores=data.scores[order][:, items],
        divergence=data.divergence[order][:, items],
        confidence=data.confidence[order][:, items],
        mean_divergence={
            f"R{place}": data.mean_divergence[data.models[old]] for place, old in enumerate(order)
        },
    )
    plain, renamed = router_row(data), router_row(other)
    for one, two in zip(plain["rules"], renamed["rules"], strict=True):
        assert two["accuracy"]["value"] == pytest.approx(one["accuracy"]["value"])
        assert two["accuracy"]["standard_error"] == pytest.approx(one["accuracy"]["standard_error"])
        assert two["ties"] == one["ties"]


@given(seeds)
def test_divergence_turned_around_is_right_where_it_was_wrong(seed):
    data = prompt_data(n_models=5, n_items=30, seed=seed % 1000)
    row = router_row(data)
    turned = router_row(changed(data, divergence=-data.divergence))
    if row["decisions"]:
        there, back = (own["rules"][0]["accuracy"]["value"] for own in (row, turned))
        assert there + back == pytest.approx(1.0)
