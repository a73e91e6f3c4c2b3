"""Error rates, power and coverage of the decision, by enumeration and seeded simulation.

Bounds on simulated rates leave five binomial standard errors, so a method that keeps its promise
fails about once in a million seeds.
"""

from __future__ import annotations

import math
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import stats

from silentzone.analysis.contenders import Contender, DecisionRule
from silentzone.analysis.decision import decide
from silentzone.analysis.scores import CompositeDifference
from silentzone.stats.clusters import ClusterPartition
from silentzone.stats.estimates import null_estimate
from silentzone.stats.macro import macro_mean_estimate, satterthwaite_df
from silentzone.stats.noninferiority import PairedPart, noninferiority_bound
from silentzone.stats.paired import Decomposition, paired_difference
from silentzone.stats.pairwise import ItemDifferences, pairwise_differences
from silentzone.stats.planning import items_for_margin, items_for_score_test
from silentzone.stats.power_law import PowerLaw, fit_power_law, predict
from silentzone.stats.results import Estimate
from silentzone.stats.selection import compare_with_best, joint_draws

if TYPE_CHECKING:
    from collections.abc import Sequence

ALPHA = 0.025


def room(rate: float, n_simulations: int) -> float:
    return 5.0 * math.sqrt(rate * (1.0 - rate) / n_simulations)


def probability_shown(n: int, margin: float, harm: float, gain: float, alpha: float) -> float:
    """Exact probability that the score test shows it, over all counts of harm and gain."""
    largest = [int(stats.binom.isf(1e-8, n, share)) + 1 if share else 0 for share in (harm, gain)]
    total = 0.0
    for b, c in product(range(largest[0] + 1), range(largest[1] + 1)):
        mass = stats.multinomial.pmf([b, c, n - b - c], n, [harm, gain, 1 - harm - gain])
        if mass < 1e-9:
            continue
        net = (c - b) / n
        variance = max(
            ((b + c) / n - net**2) / (n - 1),
            ((b + c + 2) / (n + 2) - ((c - b) / (n + 2)) ** 2) / (n + 2),
        )
        part = PairedPart(net=net, standard_error=variance**0.5, n_items=n, counts=(b, c))
        bound = noninferiority_bound(net, [part], alpha=alpha, degrees_of_freedom=n - 1)
        total += mass * (bound > -margin)
    return total


@pytest.mark.parametrize(
    ("n", "margin", "gain"),
    [(100, 0.03, 0.0), (300, 0.02, 0.0), (300, 0.02, 0.005), (600, 0.01, 0.0), (600, 0.01, 0.01)],
)
def test_a_loss_of_the_margin_is_claimed_smaller_less_often_than_alpha(n, margin, gain):
    assert probability_shown(n, margin, margin + gain, gain, ALPHA) <= ALPHA


@pytest.mark.parametrize(
    ("margin", "volume", "difference"),
    [(0.03, 0.03, 0.0), (0.02, 0.005, 0.0), (0.03, 0.06, -0.004)],
)
def test_the_planned_items_have_the_power_planned_for(margin, volume, difference):
    n = items_for_score_test(margin, volume, assumed_difference=difference)
    assert n is not None
    harm, gain = (volume - difference) / 2, (volume + difference) / 2
    # Counts are whole numbers, so the power is met in steps.
    assert 0.77 <= probability_shown(n, margin, harm, gain, ALPHA) <= 0.86


def test_the_published_number_of_items_has_its_power_on_one_side_only():
    # 2,164 items at a discordance of 0.14 and 2 points: z at the power, for each side.
    n, volume, margin, rng = 2164, 0.14, 0.02, np.random.default_rng(31)
    assert items_for_margin(margin, volume, alpha=0.05).items == n
    counts = rng.multinomial(n, [volume / 2, volume / 2, 1 - volume], size=20_000)
    net = (counts[:, 1] - counts[:, 0]) / n
    error = np.sqrt((counts[:, :2].sum(axis=1) / n - net**2) / (n - 1))
    critical = stats.t.isf(0.05, n - 1)
    above, below = (net + margin) / error > critical, (margin - net) / error > critical
    assert above.mean() == pytest.approx(0.8, abs=0.01)
    assert (above & below).mean() == pytest.approx(0.6, abs=0.015)


def contender(name: str, size: int, nets: list[Estimate], parts: list[Decomposition]) -> Contender:
    nothing = null_estimate("not needed")
    composite = CompositeDifference(
        net=macro_mean_estimate(nets),
        degrees_of_freedom=satterthwaite_df(nets),
        volume=nothing,
        direction=nothing,
        n_items=sum(part.n_items for part in parts),
    )
    guards = {f"b{k}": part for k, part in enumerate(parts)}
    return Contender(
        name=name, file_bytes=size, memory_bytes=None, composite=composite, guards=guards
    )


def cohort(
    rng: np.random.Generator,
    nets: Sequence[tuple[float, ...]],
    n: int,
    gain: float,
    clusters: int = 0,
) -> list[Contender]:
    """Candidates with the given true nets on each benchmark; half of an item's luck is shared."""
    found = []
    shared = [rng.random(n) for _ in nets[0]]
    alone = ClusterPartition.singletons(n, unit="item")
    groups = ClusterPartition.of(np.arange(n) % clusters, unit="c") if clusters else alone
    for k, true in enumerate(nets):
        parts = []
        for own, luck in zip(true, shared, strict=True):
            draw = np.where(rng.random(n) < 0.5, luck, rng.random(n))
            reference = np.where(draw < 0.5, 1.0, 0.0)
            harmed, gained = draw < gain - own, draw > 1.0 - gain
            candidate = np.where(harmed, 0.0, np.where(gained, 1.0, reference))
            net = paired_difference(reference, candidate, groups)
            harm_count, gain_count = int(harmed.sum()), int(gained.sum())
            volume = (harm_count + gain_count) / n
            parts.append(
                Decomposition(
                    n_items=n,
                    harm=harm_count,
                    gain=gain_count,
                    volume=Estimate(
                        value=volume, standard_error=None, interval=None, method="",
                        n_observations=n, n_clusters=n,
                    ),
                    direction=null_estimate("not needed"),
                    net=net,
                )
            )  # fmt: skip
        found.append(contender(f"c{k}", 1000 - k, [part.net for part in parts], parts))
    return found


BOUNDARY = [(-0.02,)] * 8
MIXED = [(0.0,), (-0.02,)] * 4
HIDDEN = [(0.03, -0.05)] * 8
"""The composite is well, one benchmark lies at its guard margin."""


@pytest.mark.slow
@pytest.mark.parametrize("method", ["fixed sequence", "Holm"])
@pytest.mark.parametrize(
    ("nets", "n", "gain", "clusters"),
    [
        (BOUNDARY, 500, 0.01, 0),
        (MIXED, 500, 0.01, 0),
        (HIDDEN, 300, 0.06, 0),
        (BOUNDARY, 600, 0.02, 60),
    ],
)
def test_any_false_claim_over_eight_candidates_is_as_rare_as_alpha(method, nets, n, gain, clusters):
    rng, n_simulations = np.random.default_rng(21), 700
    rule = DecisionRule(
        margin=0.02, guard_margin=0.05, alpha=ALPHA, memory_budget_bytes=None, method=method
    )
    worse = {f"c{k}" for k, true in enumerate(nets) if np.mean(true) <= -0.02 or min(true) <= -0.05}
    false = 0
    for _ in range(n_simulations):
        steps = decide(cohort(rng, nets, n, gain, clusters), rule)["steps"]
        false += any(step["passes"] and step["model"] in worse for step in steps)
    assert false / n_simulations <= ALPHA + room(ALPHA, n_simulations)


def test_holm_finds_good_candidates_behind_a_broken_one_and_the_sequence_does_not():
    rng = np.random.default_rng(22)
    nets = [(0.0,), (-0.2,), (0.0,), (0.0,)]
    found = {}
    for method in ("fixed sequence", "Holm"):
        rule = DecisionRule(
            margin=0.02, guard_margin=0.05, alpha=ALPHA, memory_budget_bytes=None, method=method
        )
        picks = [decide(cohort(rng, nets, 2000, 0.01), rule)["pick"] for _ in range(60)]
        found[method] = sum(pick == "c3" for pick in picks)
    assert found["fixed sequence"] == 0
    assert found["Holm"] >= 50


LADDER = -np.linspace(0.002, 0.12, 16)
SELECTION = {
    "all equal": (np.zeros(16), np.linspace(0.01, 0.25, 16)),
    "two share the best": (np.array([0.02, 0.02] + [-0.01] * 14), np.full(16, 0.06)),
    "a ladder": (LADDER, -1.5 * LADDER + 0.01),
    "rare changes": (np.zeros(16), np.full(16, 0.006)),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", SELECTION)
def test_the_true_best_of_16_candidates_on_600_items_is_in_the_set(case):
    rng, n_simulations, n = np.random.default_rng(23), 200, 600
    nets, volumes = SELECTION[case]
    true = np.append(nets, 0.0)
    best = int(true.argmax())
    others = true[:, None] - true[None, :] + np.diag(np.full(17, np.inf))
    targets = others.min(axis=1)
    clusters = ClusterPartition.singletons(n)
    in_set = all_covered = 0
    for _ in range(n_simulations):
        luck = np.where(rng.random((16, n)) < 0.5, rng.random(n), rng.random((16, n)))
        harm, gain = (volumes - nets)[:, None] / 2, (volumes + nets)[:, None] / 2
        moved = np.where(luck < harm, -1.0, np.where(luck > 1.0 - gain, 1.0, 0.0))
        items = [ItemDifferences(np.vstack([moved, np.zeros(n)]), clusters)]
        results = compare_with_best(
            items[0].values_Mn.mean(axis=1),
            joint_draws(items, 500, rng=rng),
            pairs=pairwise_differences(items),
        )
        in_set += results[best].may_be_best
        ends = [one.interval for one in results]
        all_covered += all(
            end is not None and end[0] - 1e-12 <= target <= end[1] + 1e-12
            for end, target in zip(ends, targets, strict=True)
        )
    lowest = 0.95 - room(0.95, n_simulations)
    assert in_set / n_simulations >= lowest
    assert all_covered / n_simulations >= lowest


def test_a_predicted_volume_lies_in_its_interval_as_often_as_said():
    rng, n_simulations, hits = np.random.default_rng(24), 4000, 0
    for _ in range(n_simulations):
        x = np.exp(rng.normal(-4.0, 1.0, 9))
        y = 0.6 * x**0.55 * np.exp(rng.normal(0.0, 0.25, 9))
        law = fit_power_law(x[:8], y[:8])
        assert isinstance(law, PowerLaw)
        low, high = predict(law, float(x[8])).interval or (0.0, 0.0)
        hits += low <= y[8] <= high
    assert hits / n_simulations == pytest.approx(0.95, abs=room(0.95, n_simulations))
