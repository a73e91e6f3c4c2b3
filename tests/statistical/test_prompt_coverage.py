"""Coverage of what is said per item: AUROC, ratios, added value, and decisions between models.

Bounds have five binomial standard errors of room, as in ``test_coverage.py``: a method that keeps
them fails about once in a million seeds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import stats as distributions

from silentzone.analysis.prompt_gain import added_value
from silentzone.stats.classification import Outcomes, auroc_estimate, log_ratio_estimate
from silentzone.stats.clusters import ClusterPartition
from silentzone.stats.dyads import PairTally, share_estimate

if TYPE_CHECKING:
    from numpy.typing import NDArray

Rng = np.random.Generator


def lowest(coverage: float, n_simulations: int) -> float:
    return coverage - 5 * math.sqrt(coverage * (1 - coverage) / n_simulations)


def highest(coverage: float, n_simulations: int) -> float:
    return coverage + 5 * math.sqrt(coverage * (1 - coverage) / n_simulations)


def covers(interval: tuple[float, float] | None, truth: float) -> bool:
    return interval is not None and interval[0] <= truth <= interval[1]


@dataclass(frozen=True)
class Binormal:
    """Failures and values that share a part inside clusters of items and between candidates."""

    n_items: int
    n_failed: int
    auroc: float
    n_models: int = 1
    cluster_size: int = 1
    shared: float = 0.0

    @property
    def shift(self) -> float:
        return float(distributions.norm.ppf(self.auroc)) * math.sqrt(2.0)

    def draw(self, rng: Rng) -> tuple[NDArray[np.float64], Outcomes]:
        labels = np.repeat(np.arange(self.n_items // self.cluster_size), self.cluster_size)
        shape = (self.n_models, self.n_items)

        def normal() -> NDArray[np.float64]:
            common = rng.normal(size=self.n_items // self.cluster_size)[labels]
            own = rng.normal(size=shape)
            return math.sqrt(self.shared) * common + math.sqrt(1.0 - self.shared) * own

        failed = normal() < distributions.norm.ppf(self.n_failed / self.n_items)
        values = normal() + self.shift * failed + 3.0 * rng.normal(size=(self.n_models, 1))
        strata = np.repeat(np.arange(self.n_models), self.n_items)
        clusters = ClusterPartition.of(np.tile(labels, self.n_models), unit="item")
        outcomes = Outcomes(is_failed=failed.ravel(), strata=strata, clusters=clusters)
        return values.ravel(), outcomes


@pytest.mark.parametrize(
    "case",
    [
        Binormal(300, 40, 0.7),
        Binormal(300, 40, 0.9),
        Binormal(300, 20, 0.7),
        Binormal(300, 40, 0.7, n_models=5, shared=0.5),
        Binormal(300, 40, 0.7, cluster_size=10, shared=0.5),
    ],
)
def test_aurocs_and_ratios_cover_alone_stacked_and_in_clusters(case):
    rng, n_simulations, hits = np.random.default_rng(31), 1500, np.zeros(2)
    for _ in range(n_simulations):
        values, outcomes = case.draw(rng)
        hits[0] += covers(auroc_estimate(values, outcomes).interval, case.auroc)
        ratio = log_ratio_estimate(np.exp(values), outcomes)
        hits[1] += covers(ratio.interval, math.exp(case.shift))
    assert (hits / n_simulations > lowest(0.93, n_simulations)).all()
    assert (hits / n_simulations < highest(0.97, n_simulations)).all()


@pytest.mark.parametrize("auroc", [0.7, 0.9, 0.95])
def test_ten_failures_cover_although_their_own_spread_is_too_small(auroc):
    rng, n_simulations, hits, n = np.random.default_rng(32), 1500, 0, 0
    for _ in range(n_simulations):
        values, outcomes = Binormal(300, 10, auroc).draw(rng)
        estimate = auroc_estimate(values, outcomes)
        if estimate.value is not None:
            n += 1
            hits += covers(estimate.interval, auroc)
    assert n > 0.9 * n_simulations
    assert hits / n > lowest(0.95, n)


def test_ignoring_that_candidates_share_items_would_not_cover():
    rng, n_simulations, hits = np.random.default_rng(33), 400, 0
    for _ in range(n_simulations):
        values, outcomes = Binormal(200, 40, 0.7, n_models=8, shared=0.9).draw(rng)
        alone = Outcomes(
            is_failed=outcomes.is_failed,
            strata=outcomes.strata,
            clusters=ClusterPartition.singletons(len(outcomes), unit="answer"),
        )
        hits += covers(auroc_estimate(values, alone).interval, 0.7)
    assert hits / n_simulations < 0.8


@pytest.mark.parametrize(("slope", "n_models"), [(0.0, 1), (0.5, 4)])
def test_the_coefficient_of_divergence_covers_and_noise_is_not_said_to_add(slope, n_models):
    rng, n_simulations, n_items = np.random.default_rng(34), 300, 300
    strata = np.repeat(np.arange(n_models), n_items)
    clusters = ClusterPartition.of(np.tile(np.arange(n_items), n_models), unit="item")
    hits = adds = 0
    for _ in range(n_simulations):
        odds_of_confidence = rng.normal(1.5, 1.0, n_items)
        log_kld = rng.normal(size=(n_models, n_items)) + 0.5 * rng.normal(size=n_items)
        odds = -0.7 * odds_of_confidence - 1.0 + slope * log_kld
        failed = (rng.random(odds.shape) < 1.0 / (1.0 + np.exp(-odds))).ravel()
        gain = added_value(
            np.tile(1.0 / (1.0 + np.exp(-odds_of_confidence)), n_models),
            np.exp(log_kld.ravel()),
            Outcomes(is_failed=failed, strata=strata, clusters=clusters),
            rng=rng,
        )
        hits += covers(gain.coefficient.interval, slope)
        adds += gain.auroc_gain.interval is not None and gain.auroc_gain.interval[0] > 0.0
    assert hits / n_simulations > lowest(0.93, n_simulations)
    if slope == 0.0:
        assert adds / n_simulations < highest(0.025, n_simulations)


@dataclass(frozen=True)
class Cohort:
    """Models with a level of divergence and a skill of their own, drawn from a population."""

    spread: float
    """Between models; 0: all alike, 1: divergences over three orders of magnitude."""
    item_effect: float = 0.0
    """How much an item decides whether the lower divergence is right there."""

    def draw(
        self, shape: tuple[int, int], rng: Rng, cluster_size: int = 1
    ) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
        n_models, n_items = shape
        level = rng.normal(0.0, self.spread, (n_models, 1))
        skill = rng.normal(0.0, self.spread / 2.0, (n_models, 1)) - 0.3 * level
        difficulty = np.repeat(rng.normal(size=n_items // cluster_size), cluster_size)
        sign = rng.choice([-1.0, 1.0], size=n_items // cluster_size)
        slope = self.item_effect * np.repeat(sign, cluster_size) - 0.15
        ability = 1.0 + skill - 1.2 * difficulty + rng.normal(size=shape)
        log_kld = level + 0.5 * difficulty + rng.normal(0.0, 0.8, shape) + slope * ability
        return ability > 0.0, log_kld

    def truth(self) -> float:
        """Share of right decisions in the population: many small draws of very many models."""
        rng, right, decisions = np.random.default_rng(9), 0.0, 0.0
        for _ in range(800):
            passed, log_kld = self.draw((120, 40), rng)
            ordered = np.take_along_axis(passed, np.argsort(log_kld, axis=0), axis=0)
            # Every wrong model loses to the right ones with a lower divergence.
            right += float((np.cumsum(ordered, axis=0) * ~ordered).sum())
            decisions += float((ordered.sum(axis=0) * (~ordered).sum(axis=0)).sum())
        return right / decisions


def lower_divergence(
    passed: NDArray[np.bool_], log_kld: NDArray[np.float64], clusters: ClusterPartition
) -> PairTally:
    tally, right = PairTally(len(passed), clusters), passed.astype(np.int8)
    for first in range(len(passed) - 1):
        outcome = right[first] - right[first + 1 :]
        vote = np.sign(log_kld[first + 1 :] - log_kld[first]).astype(np.int8)
        tally.add(first, outcome * vote, np.abs(outcome))
    return tally


@pytest.mark.parametrize(
    ("cohort", "n_models", "n_items", "cluster_size"),
    [
        (Cohort(0.0), 8, 200, 1),
        (Cohort(0.0), 30, 300, 1),
        (Cohort(0.3), 8, 600, 1),
        (Cohort(0.6), 12, 400, 1),
        (Cohort(1.0), 8, 200, 1),
        (Cohort(1.0), 16, 300, 1),
        (Cohort(1.0, item_effect=0.5), 16, 600, 10),
        (Cohort(0.3, item_effect=0.5), 16, 600, 10),
    ],
)
def test_shares_of_decisions_cover_for_new_items_and_new_models(
    cohort, n_models, n_items, cluster_size
):
    rng, n_simulations, hits, truth = np.random.default_rng(35), 600, 0, cohort.truth()
    labels = np.repeat(np.arange(n_items // cluster_size), cluster_size)
    clusters = ClusterPartition.of(labels, unit="item")
    for _ in range(n_simulations):
        passed, log_kld = cohort.draw((n_models, n_items), rng, cluster_size)
        estimate = share_estimate(lower_divergence(passed, log_kld, clusters), label="share")
        hits += covers(estimate.interval, truth)
    assert hits / n_simulations > lowest(0.93, n_simulations)
    assert hits / n_simulations < highest(0.97, n_simulations)


def test_an_interval_by_item_alone_would_not_cover_for_new_models():
    cohort = Cohort(1.0)
    rng, n_simulations, hits, truth = np.random.default_rng(36), 300, 0, cohort.truth()
    clusters = ClusterPartition.singletons(300, unit="item")
    for _ in range(n_simulations):
        tally = lower_divergence(*cohort.draw((12, 300), rng), clusters)
        residual = (tally.votes_MG - tally.ratio * tally.decisions_MG).sum(axis=0) / 2.0
        error = math.sqrt(float(residual @ residual)) / tally.n_decisions / 2.0
        hits += abs(0.5 + tally.ratio / 2.0 - truth) < 1.96 * error
    assert hits / n_simulations < 0.6
