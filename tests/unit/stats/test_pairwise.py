# A null where a number is expected fails these tests by itself.
# mypy: disable-error-code="operator,index,arg-type,no-untyped-def"

from __future__ import annotations

import itertools

import numpy as np
import pytest

from silentzone.stats.clusters import ClusterPartition
from silentzone.stats.macro import macro_mean_estimate, satterthwaite_df
from silentzone.stats.paired import paired_difference
from silentzone.stats.pairwise import ItemDifferences, pairwise_differences


def benchmark(rng, n_models, n, clusters, *, missing=0.0, graded=False):
    reference = rng.random(n) if graded else (rng.random(n) < 0.6) * 1.0
    moved = rng.random((n_models, n)) < 0.05 * np.arange(1, n_models + 1)[:, None] / n_models
    scores = np.where(moved, rng.random((n_models, n)) if graded else 1 - reference, reference)
    scores = np.where(rng.random((n_models, n)) < missing, np.nan, scores)
    return reference, scores, clusters


@pytest.fixture(params=["whole", "missing", "graded"])
def cohort(request):
    rng = np.random.default_rng(3)
    missing = 0.04 if request.param == "missing" else 0.0
    graded = request.param == "graded"
    grouped = ClusterPartition.of(rng.integers(0, 30, 150), unit="cluster")
    alone = ClusterPartition.singletons(200, unit="item")
    return [
        benchmark(rng, 5, 200, alone, missing=missing, graded=graded),
        benchmark(rng, 5, 150, grouped, missing=missing),
    ]


def test_every_pair_is_the_paired_difference_of_the_two(cohort):
    pairs = pairwise_differences(
        [ItemDifferences(scores - reference, clusters) for reference, scores, clusters in cohort]
    )
    for first, second in itertools.permutations(range(5), 2):
        parts = []
        for _, scores, clusters in cohort:
            mask = ~np.isnan(scores[first]) & ~np.isnan(scores[second])
            parts.append(
                paired_difference(scores[second][mask], scores[first][mask], clusters.select(mask))
            )
        mean = macro_mean_estimate(parts)
        assert pairs.values_MM[first, second] == pytest.approx(mean.value, abs=1e-12)
        assert pairs.errors_MM[first, second] == pytest.approx(mean.standard_error, rel=1e-9)
        assert pairs.degrees_of_freedom_MM[first, second] == pytest.approx(satterthwaite_df(parts))
        assert pairs.n_items_MM[first, second] == mean.n_observations
        assert pairs.n_clusters_MM[first, second] == mean.n_clusters


def test_two_models_without_a_common_item_or_with_one_cluster_have_no_known_difference():
    values = np.array([[1.0, 0.0, np.nan, np.nan], [np.nan, np.nan, 0.0, -1.0]])
    apart = pairwise_differences([ItemDifferences(values, ClusterPartition.singletons(4))])
    assert np.isnan(apart.values_MM[0, 1])
    assert apart.n_items_MM[0, 1] == 0
    together = ClusterPartition.of(np.zeros(4), unit="cluster")
    alone = pairwise_differences([ItemDifferences(np.eye(2, 4), together)])
    assert alone.values_MM[0, 1] == 0.0
    assert np.isnan(alone.errors_MM[0, 1])


def test_models_that_answer_alike_are_bounded_not_proven_equal():
    values = np.zeros((2, 100))
    pairs = pairwise_differences([ItemDifferences(values, ClusterPartition.singletons(100))])
    assert pairs.values_MM[0, 1] == 0.0
    assert pairs.errors_MM[0, 1] == pytest.approx(np.sqrt(2) / 102)
