"""Coverage of intervals, by seeded simulation.

A bound on coverage of c with R simulations is asked with five binomial standard errors of room, so
a method that keeps it fails about once in a million seeds.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from silentzone.stats.clusters import ClusterPartition
from silentzone.stats.correlation import spearman
from silentzone.stats.estimates import mean_estimate
from silentzone.stats.paired import paired_difference
from silentzone.stats.proportions import exact_interval, wilson_interval
from silentzone.stats.quantiles import quantile_estimate
from silentzone.stats.reliability import half_ratios, random_halves, split_half_reliability


def lowest(coverage: float, n_simulations: int) -> float:
    return coverage - 5 * math.sqrt(coverage * (1 - coverage) / n_simulations)


def covers(interval: tuple[float, float] | None, truth: float) -> bool:
    return interval is not None and interval[0] <= truth <= interval[1]


@pytest.mark.parametrize("n_clusters", [10, 20, 30])
def test_clustered_means_cover_with_ten_to_thirty_clusters(n_clusters):
    rng, n_simulations, size = np.random.default_rng(11), 2000, 20
    clusters = ClusterPartition.of(np.repeat(np.arange(n_clusters), size), unit="window")
    hits = 0
    for _ in range(n_simulations):
        shared = np.repeat(rng.gamma(4.0, 0.25, n_clusters), size)
        values = shared + rng.exponential(1.0, n_clusters * size)
        hits += covers(mean_estimate(values, clusters).interval, 2.0)
    assert hits / n_simulations > lowest(0.95, n_simulations)


def test_ignoring_clusters_would_not_cover():
    rng, n_simulations, size = np.random.default_rng(12), 500, 20
    hits = 0
    for _ in range(n_simulations):
        values = np.repeat(rng.normal(0.0, 1.0, 20), size) + rng.normal(0.0, 1.0, 400)
        hits += covers(mean_estimate(values, ClusterPartition.singletons(400)).interval, 0.0)
    assert hits / n_simulations < 0.7


@pytest.mark.parametrize("fraction", [0.5, 0.9])
def test_clustered_quantiles_cover(fraction):
    rng, n_simulations, n_clusters, size = np.random.default_rng(13), 1000, 30, 20
    clusters = ClusterPartition.of(np.repeat(np.arange(n_clusters), size), unit="window")
    z = {0.5: 0.0, 0.9: 1.2815515655}[fraction]
    hits = 0
    for _ in range(n_simulations):
        values = np.repeat(rng.normal(0, 0.6, n_clusters), size) + rng.normal(0, 0.8, 600)
        hits += covers(quantile_estimate(values, fraction, clusters).interval, z)
    assert hits / n_simulations > lowest(0.94, n_simulations)


@pytest.mark.parametrize(("n_items", "harm", "gain"), [(60, 0.03, 0.03), (300, 0.04, 0.02)])
def test_paired_differences_of_answers_cover(n_items, harm, gain):
    rng, n_simulations = np.random.default_rng(14), 2000
    clusters = ClusterPartition.singletons(n_items, unit="item")
    hits = 0
    for _ in range(n_simulations):
        draw = rng.random(n_items)
        reference = np.where(draw < harm, 1.0, np.where(draw < harm + gain, 0.0, 1.0))
        candidate = np.where(draw < harm, 0.0, 1.0)
        hits += covers(paired_difference(reference, candidate, clusters).interval, gain - harm)
    assert hits / n_simulations > lowest(0.95, n_simulations)


@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_exact_intervals_never_and_wilson_intervals_hardly_undercover(share):
    n = 50
    mass = np.array([math.comb(n, k) * share**k * (1 - share) ** (n - k) for k in range(n + 1)])
    exact = sum(mass[k] for k in range(n + 1) if covers(exact_interval(k, n), share))
    wilson = sum(mass[k] for k in range(n + 1) if covers(wilson_interval(k, n), share))
    assert exact >= 0.95
    assert wilson >= 0.93


@pytest.mark.parametrize("correlation", [0.0, 0.7])
def test_intervals_of_spearman_cover_at_sixteen_candidates(correlation):
    rng, n_simulations = np.random.default_rng(15), 1000
    truth = 6 / math.pi * math.asin(correlation / 2)  # of a bivariate normal
    hits = 0
    for _ in range(n_simulations):
        x, noise = rng.normal(size=(2, 16))
        y = correlation * x + math.sqrt(1 - correlation**2) * noise
        hits += covers(spearman(x, y).interval, truth)
    assert hits / n_simulations > lowest(0.95, n_simulations)


def test_split_halves_recover_the_reliability_that_was_simulated():
    rng, found = np.random.default_rng(16), []
    n_models, n_clusters, noise = 60, 50, 0.5
    for _ in range(20):
        truth = rng.normal(size=(n_models, 1))
        sums = truth + rng.normal(0.0, math.sqrt(noise * n_clusters), (n_models, n_clusters))
        halves, sizes = random_halves(n_clusters, 200, rng=rng), np.ones_like(sums)
        result = split_half_reliability(
            half_ratios(sums, sizes, halves), half_ratios(sums, sizes, ~halves)
        )
        found.append(result.value if result.value is not None else 0.0)
    # Rank correlations of normal axes are a little below the product-moment ones.
    assert np.mean(found) == pytest.approx(1.0 / (1.0 + noise), abs=0.06)
