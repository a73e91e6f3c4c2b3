# A null where a number is expected fails these tests by itself.
# mypy: disable-error-code="operator,index,arg-type,type-var,misc,no-untyped-def,union-attr"

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from silentzone.stats.clusters import ClusterPartition
from silentzone.stats.dyads import (
    PairTally,
    difference_estimate,
    dyad_error,
    item_order,
    share_estimate,
)


def drawn(n_models=6, n_items=40, seed=0):
    """Votes and decisions of every pair on every item."""
    rng = np.random.default_rng(seed)
    pairs = list(combinations(range(n_models), 2))
    decisions = (rng.random((len(pairs), n_items)) < 0.6).astype(np.int8)
    votes = (rng.integers(-1, 2, size=decisions.shape) * decisions).astype(np.int8)
    return pairs, votes, decisions


def tallied(pairs, votes, decisions, clusters):
    n_models = max(max(pair) for pair in pairs) + 1
    tally = PairTally(n_models, clusters)
    order = item_order(clusters)
    for first in range(n_models - 1):
        rows = [row for row, pair in enumerate(pairs) if pair[0] == first]
        ordered = ClusterPartition(clusters.codes[order], clusters.n_clusters, clusters.unit)
        assert np.all(np.diff(ordered.codes) >= 0) or clusters.has_only_singletons
        tally.add(first, votes[rows][:, order], decisions[rows][:, order])
    return tally


def by_hand(pairs, votes, decisions, clusters):
    """Both parts of the variance from every two decisions, and from models left out one by one."""
    n, ratio = decisions.sum(), votes.sum() / decisions.sum()
    cells = [
        (pair, item, (votes[row, item] - ratio * decisions[row, item]) / n)
        for row, pair in enumerate(pairs)
        for item in range(votes.shape[1])
        if decisions[row, item]
    ]
    code = clusters.codes
    by_item = sum(u * v for _, i, u in cells for _, j, v in cells if code[i] == code[j])
    both = sum(
        u * v for p, i, u in cells for q, j, v in cells if code[i] == code[j] and set(p) & set(q)
    )
    n_models = max(max(pair) for pair in pairs) + 1
    left = []
    for model in range(n_models):
        rows = [row for row, pair in enumerate(pairs) if model not in pair]
        left.append(votes[rows].sum() / decisions[rows].sum())
    jackknife = (n_models - 1) / n_models * np.sum((np.array(left) - np.mean(left)) ** 2)
    scale = clusters.n_clusters / (clusters.n_clusters - 1)
    return scale * by_item, max(0.0, jackknife - both)


@pytest.mark.parametrize("size", [1, 4])
def test_both_parts_of_the_variance_are_those_of_every_two_decisions(size):
    pairs, votes, decisions = drawn()
    labels = np.random.default_rng(1).permutation(np.repeat(np.arange(40 // size), size))
    clusters = ClusterPartition.of(labels, unit="item")
    error = dyad_error(tallied(pairs, votes, decisions, clusters))
    by_cluster, by_model = by_hand(pairs, votes, decisions, clusters)
    assert error.by_cluster == pytest.approx(by_cluster)
    assert error.by_model == pytest.approx(by_model, abs=1e-15)


def test_models_that_differ_widen_the_interval():
    pairs, votes, decisions = drawn(n_models=8, n_items=300)
    for row, pair in enumerate(pairs):
        if 0 in pair:
            votes[row] = decisions[row]
    clusters = ClusterPartition.singletons(300, unit="item")
    error = dyad_error(tallied(pairs, votes, decisions, clusters))
    assert error.by_model > 10.0 * error.by_cluster
    assert error.degrees_of_freedom < 6.0


def test_ties_are_counted_and_count_half():
    tally = PairTally(2, ClusterPartition.singletons(3, unit="item"))
    tally.add(0, np.array([[1, 0, -1]], dtype=np.int8), np.ones((1, 3), dtype=np.int8))
    estimate = share_estimate(tally, label="share")
    assert (estimate.value, tally.n_ties, tally.n_decisions, tally.n_pairs) == (0.5, 1, 3, 1)


def test_fewer_than_five_models_have_an_interval_by_item_only_and_it_says_so():
    pairs, votes, decisions = drawn(n_models=4)
    clusters = ClusterPartition.singletons(40, unit="item")
    tally = tallied(pairs, votes, decisions, clusters)
    estimate = share_estimate(tally, label="share")
    assert "by item only" in estimate.method
    assert estimate.cautions[0].startswith("4 models, fewer than 5")
    assert dyad_error(tally).by_model == 0.0
    assert estimate.interval is not None


def test_models_without_a_decision_do_not_count_as_models():
    pairs, votes, decisions = drawn(n_models=6)
    for row, pair in enumerate(pairs):
        if 5 in pair or 4 in pair:
            votes[row] = decisions[row] = 0
    tally = tallied(pairs, votes, decisions, ClusterPartition.singletons(40, unit="item"))
    assert tally.n_models_deciding == 4


def test_where_all_decisions_are_one_models_the_part_by_model_is_not_known():
    pairs, votes, decisions = drawn(n_models=6)
    for row, pair in enumerate(pairs):
        if 0 not in pair:
            votes[row] = decisions[row] = 0
    tally = tallied(pairs, votes, decisions, ClusterPartition.singletons(40, unit="item"))
    assert dyad_error(tally).by_model == 0.0


def test_no_decision_has_no_share():
    tally = PairTally(6, ClusterPartition.singletons(3, unit="item"))
    assert share_estimate(tally, label="share").cautions == ("no decision",)
    assert dyad_error(tally) is None


def test_one_cluster_and_equal_clusters_have_no_interval():
    one = PairTally(2, ClusterPartition.of([0, 0], unit="item"))
    one.add(0, np.ones((1, 2), dtype=np.int8), np.ones((1, 2), dtype=np.int8))
    equal = PairTally(2, ClusterPartition.singletons(2, unit="item"))
    equal.add(0, np.ones((1, 2), dtype=np.int8), np.ones((1, 2), dtype=np.int8))
    for tally in (one, equal):
        estimate = share_estimate(tally, label="share")
        assert (estimate.value, estimate.interval) == (1.0, None)
        assert any("spread is unknown" in text for text in estimate.cautions)


def test_shares_stay_in_their_range_and_differences_in_theirs():
    tally = PairTally(2, ClusterPartition.singletons(3, unit="item"))
    tally.add(0, np.array([[1, 1, 0]], dtype=np.int8), np.ones((1, 3), dtype=np.int8))
    assert share_estimate(tally, label="share").interval[1] == 1.0
    assert difference_estimate(tally, label="difference").value == pytest.approx(1.0 / 3.0)
    assert difference_estimate(tally, label="difference").interval[1] <= 1.0
