"""Coverage of the audit's 95 % intervals, and its reliabilities against the truth, by simulation.

What tests/statistical/test_coverage.py holds already is not repeated.
Array shapes: M candidates, n items or positions, G clusters.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import simulated_cohorts as cohorts
from scipy import special, stats

from silentzone.analysis import score_axes
from silentzone.analysis.churn import ChurnRows, excess_volume
from silentzone.analysis.items import BenchmarkScores
from silentzone.analysis.relations import noise_of_rho
from silentzone.analysis.replicates import N_DRAWS
from silentzone.analysis.scores import composite_difference, decompositions
from silentzone.stats.clusters import ClusterPartition
from silentzone.stats.correlation import masked_spearman, rho_interval
from silentzone.stats.disattenuation import HalvedAxis, disattenuated, disattenuated_interval
from silentzone.stats.estimates import mean_estimate
from silentzone.stats.paired import decompose
from silentzone.stats.quantiles import quantile_estimate, trimmed_mean_estimate
from silentzone.stats.reliability import (
    attainable_correlation,
    random_halves,
    reliability_from_errors,
    split_half_reliability,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

Rows = list[list[object]]
N_GROUPS = 60


@dataclass
class Hits:
    """How often an interval held the truth, lay above or below it, or was not there."""

    inside: int = 0
    too_high: int = 0
    too_low: int = 0
    missing: int = 0
    values: list[float] = field(default_factory=list)

    def add(
        self, interval: tuple[float, float] | None, truth: float, value: float | None = None
    ) -> None:
        """Count one simulation; the value is the point estimate, where its error matters."""
        if value is not None:
            self.values.append(value)
        if interval is None:
            self.missing += 1
        elif interval[0] > truth:
            self.too_high += 1
        elif interval[1] < truth:
            self.too_low += 1
        else:
            self.inside += 1

    @property
    def cells(self) -> list[object]:
        """Coverage, its two kinds of miss, and the intervals that were not there, in percent."""
        n = self.inside + self.too_high + self.too_low
        total = n + self.missing
        if n == 0:
            return ["-", "-", "100", total]
        return [
            f"{100 * self.inside / n:.1f}",
            f"{100 * self.too_high / n:.1f} / {100 * self.too_low / n:.1f}",
            f"{100 * self.missing / total:.0f}",
            total,
        ]


HEAD = ("coverage, %", "misses above / below, %", "no interval, %", "simulations")


def bivariate(correlation_of_ranks: float) -> float:
    """Product-moment correlation of normal variables whose ranks have the one given."""
    return 2 * math.sin(math.pi * correlation_of_ranks / 6)


def spearman_rows(seed: int, n_simulations: int) -> Rows:
    """Cover the rank correlation of the population that candidates are drawn from."""
    rows: Rows = []
    for n, rho in product((8, 16, 28, 40), (0.0, 0.5, 0.8)):
        rng, hits, r = np.random.default_rng([seed, n]), Hits(), bivariate(rho)
        x, noise = rng.normal(size=(2, n, n_simulations))
        found = masked_spearman(x, r * x + math.sqrt(1 - r * r) * noise, None)
        for value in found.tolist():
            hits.add(rho_interval(value, n)[0], rho)
        rows.append([n, rho, *hits.cells])
    return rows


REPEATED = (
    ("directed", 16, 600, 0.02),
    ("directed", 40, 3000, 0.02),
    ("null", 16, 600, 0.02),
    ("null", 16, 3000, 0.02),
    ("loose", 16, 600, 0.02),
    ("loose", 16, 600, 0.3),
    ("loose", 40, 600, 0.02),
    ("loose", 8, 3000, 0.02),
    ("unbiased", 16, 600, 0.02),
)
"""Kind of cohort, candidates, items, relative error of KLD."""


def measurement_rows(
    seed: int,
    n_simulations: int,
    n_truths: int = 4,
    settings: Sequence[tuple[str, int, int, float]] = REPEATED,
) -> Rows:
    """Cover the mean raw rho over repeated measurements, candidates held."""
    score_axes.N_RESAMPLES = N_DRAWS
    rows: Rows = []
    for kind, n, items, error in settings:
        cohort = cohorts.Cohort(kind=kind, candidates=n, items=items, metric_error=error)
        rng, hits, errors, spread = np.random.default_rng([seed, n, items]), Hits(), [], []
        for _ in range(n_truths):
            net = cohorts.true_net(cohort, rng)
            target = repeated_rho(cohort, net, rng)
            spread.append(float(target.std()))
            for _ in range(n_simulations // n_truths):
                found = cohorts.evidence(cohort, rng, net)
                metric, score = found.metrics[0].axis, found.scores["composite"]
                rho = -rho_of(metric.losses(found.candidates), score.losses(found.candidates))
                noise = noise_of_rho(metric, score, found.candidates, rho)
                hits.add(noise and noise.interval, -float(target.mean()))
                if noise is not None:
                    errors.append(noise.standard_error)
        rows.append(
            [kind, n, items, error, *hits.cells, f"{np.mean(errors):.3f}", f"{np.mean(spread):.3f}"]
        )
    return rows


def repeated_rho(
    cohort: cohorts.Cohort, net: np.ndarray, rng: np.random.Generator, n_repeats: int = 400
) -> np.ndarray:
    """Aligned rho of KLD with the composite, the same candidates measured again and again."""
    bias, kld = cohorts.biases(cohort, net), cohorts.displacement(cohort) ** 2
    losses = kld[:, None] * np.exp(cohort.metric_error * rng.normal(size=(len(kld), n_repeats)))
    scores = np.empty((len(kld), n_repeats))
    for repeat in range(n_repeats):
        parts = []
        for _ in range(cohort.benchmarks):
            reference, own = cohorts.answers(cohort, bias, cohort.items // cohort.benchmarks, rng)
            parts.append((own - reference).mean(axis=1))
        scores[:, repeat] = np.round(np.mean(parts, axis=0), 12)
    return -masked_spearman(losses, scores, None)


def rho_of(first: np.ndarray, second: np.ndarray) -> float:
    return float(masked_spearman(first[:, None], np.round(second, 12)[:, None], None)[0])


def noisy_axis(truth: np.ndarray, reliability: float, rng: np.random.Generator) -> HalvedAxis:
    """Axis of variance one plus noise, measured on independent groups; in 200 halves as well."""
    spread = math.sqrt((1 / reliability - 1) * N_GROUPS)
    measured = truth[:, None] + rng.normal(0, spread, (len(truth), N_GROUPS))
    halves = random_halves(N_GROUPS, 200, rng=rng).astype(float)
    first, whole = measured @ halves.T, measured.sum(axis=1)
    return HalvedAxis(
        values=whole / N_GROUPS,
        halves=(2 * first / N_GROUPS, 2 * (whole[:, None] - first) / N_GROUPS),
    )


DISATTENUATED = tuple(product((0.6, 0.9), (0.0, 0.5, 0.8), (8, 16, 28, 40)))
"""Reliability of both axes, true rank correlation, candidates."""


def disattenuated_rows(
    seed: int,
    n_simulations: int,
    settings: Sequence[tuple[float, float, int]] = DISATTENUATED,
) -> Rows:
    """Cover the rank correlation of the true values; the attainable rho beside the true one."""
    rows: Rows = []
    for reliability, rho, n in settings:
        rng, hits, attainable = np.random.default_rng([seed, n]), Hits(), []
        r = bivariate(rho)
        for _ in range(n_simulations):
            x, noise = rng.normal(size=(2, n))
            y = r * x + math.sqrt(1 - r * r) * noise
            first, second = noisy_axis(x, reliability, rng), noisy_axis(y, reliability, rng)
            assert first.halves is not None
            assert second.halves is not None
            limit = attainable_correlation(
                split_half_reliability(*first.halves), split_half_reliability(*second.halves)
            )
            if limit is None:
                hits.add(None, rho)
                continue
            attainable.append(limit)
            interval, _ = disattenuated_interval(first, second, n_resamples=400, rng=rng)
            hits.add(interval, rho, disattenuated(rho_of(first.values, second.values), limit))
        true_limit = 6 / math.pi * math.asin(reliability / 2)
        rows.append(
            [reliability, rho, n, *hits.cells, f"{np.mean(hits.values) - rho:+.2f}",
             f"{np.median(hits.values) - rho:+.2f}",
             f"{np.mean(attainable):.2f} ± {np.std(attainable):.2f}", f"{true_limit:.2f}"]
        )  # fmt: skip
    return rows


def stated_rows(seed: int, n_simulations: int) -> Rows:
    """Reliability from stated errors against the true one; errors shared between models or not."""
    rows: Rows = []
    for shared, reliability, n in product((0.0, 0.5), (0.5, 0.8, 0.95), (8, 16, 40)):
        rng = np.random.default_rng([seed, n])
        size = math.sqrt(1 / reliability - 1)
        found = []
        for _ in range(n_simulations):
            # A fully shared error moves all models alike and costs no rank.
            noise = math.sqrt(1 - shared) * rng.normal(size=n) + math.sqrt(shared) * rng.normal()
            values = rng.normal(size=n) + size * noise
            found.append(reliability_from_errors(values, np.full(n, size)).value)
        known = [one for one in found if one is not None]
        truth = 1 / (1 + size * size * (1 - shared))
        rows.append(
            [f"{shared:.0%}", n, f"{truth:.2f}", f"{np.median(known):.2f}",
             f"{np.quantile(known, 0.1):.2f} to {np.quantile(known, 0.9):.2f}",
             f"{100 * (1 - len(known) / len(found)):.0f}"]
        )  # fmt: skip
    return rows


@dataclass(frozen=True)
class Change:
    """A candidate's displacement and bias, with what they truly change."""

    size: float
    bias: float

    @property
    def net(self) -> float:
        """Expected score less the reference's."""
        place = (cohorts.MEAN_MARGIN + self.bias) / math.sqrt(1 + self.size**2)
        return float(special.ndtr(place) - special.ndtr(cohorts.MEAN_MARGIN))

    @property
    def volume(self) -> float:
        """Probability that an answer changes from right to wrong or back."""
        mean = cohorts.MEAN_MARGIN
        law = stats.multivariate_normal(
            [mean, mean + self.bias], [[1.0, 1.0], [1.0, 1.0 + self.size**2]]
        )
        both_wrong = float(law.cdf([0.0, 0.0]))
        shares = special.ndtr(-mean) + special.ndtr(-mean) - self.net
        return float(shares - 2 * both_wrong)

    def answers(
        self, clusters: ClusterPartition, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Draw reference, candidate, and the margin behind the reference; clusters share a part."""
        codes, n = clusters.codes, len(clusters)
        common = rng.normal(size=(2, clusters.n_clusters))
        share = 0.0 if clusters.has_only_singletons else 0.25
        own = rng.normal(size=(2, n))
        margin, move = math.sqrt(share) * common[:, codes] + math.sqrt(1 - share) * own
        margin = margin + cohorts.MEAN_MARGIN
        moved = margin + self.bias + self.size * move
        return (margin > 0).astype(float), (moved > 0).astype(float), margin


CHANGES = (Change(0.1, 0.0), Change(0.4, -0.1))


def grouped(n_clusters: int, size: int) -> ClusterPartition:
    if size == 1:
        return ClusterPartition.singletons(n_clusters, unit="item")
    return ClusterPartition.of(np.repeat(np.arange(n_clusters), size), unit="item cluster")


def item_rows(seed: int, n_simulations: int) -> Rows:
    """Cover net, volume and direction of one benchmark."""
    rows: Rows = []
    for change, shape in product(CHANGES, ((200, 1), (600, 1), (6, 50), (10, 50), (20, 30))):
        rng, clusters = np.random.default_rng([seed, *shape]), grouped(*shape)
        hits = {"net": Hits(), "volume": Hits(), "direction": Hits()}
        truth = {"net": change.net, "volume": change.volume,
                 "direction": change.net / change.volume}  # fmt: skip
        for _ in range(n_simulations):
            reference, own, _ = change.answers(clusters, rng)
            found = decompose(reference, own, clusters)
            for part, hit in hits.items():
                hit.add(getattr(found, part).interval, truth[part])
        rows += [
            [part, f"{100 * change.volume:.1f}", f"{100 * change.net:+.1f}",
             f"{shape[0]} x {shape[1]}", *hit.cells]
            for part, hit in hits.items()
        ]  # fmt: skip
    return rows


def composite_rows(seed: int, n_simulations: int) -> Rows:
    """Cover net, volume and direction of the composite of three unlike benchmarks."""
    rows: Rows = []
    changes = (Change(0.1, 0.0), Change(0.4, -0.1), Change(0.25, 0.05))
    truth = {part: float(np.mean([getattr(one, part) for one in changes]))
             for part in ("net", "volume")}  # fmt: skip
    truth["direction"] = truth["net"] / truth["volume"]
    for shape in ((200, 1), (1000, 1), (6, 50), (20, 30)):
        rng, clusters = np.random.default_rng([seed, *shape]), grouped(*shape)
        hits = {part: Hits() for part in truth}
        for _ in range(n_simulations):
            scores = [
                benchmark(f"b{k}", *one.answers(clusters, rng)[:2], clusters)
                for k, one in enumerate(changes)
            ]
            parts = {one.benchmark: decompositions(one) for one in scores}
            found = composite_difference("own", scores, parts)
            assert found is not None
            for part, hit in hits.items():
                hit.add(getattr(found, part).interval, truth[part])
        rows += [[part, f"3 x {shape[0]} x {shape[1]}", *hit.cells] for part, hit in hits.items()]
    return rows


def benchmark(
    name: str, reference: np.ndarray, own: np.ndarray, clusters: ClusterPartition
) -> BenchmarkScores:
    return BenchmarkScores(
        benchmark=name,
        item_ids=tuple(f"{name}-{k}" for k in range(len(reference))),
        clusters=clusters,
        reference=reference,
        candidates={"own": own},
        answers={},
        excluded={},
    )


def excess_rows(seed: int, n_simulations: int) -> Rows:
    """Cover the volume less the churn: what the same model changes when asked again."""
    rows: Rows = []
    churn, items = Change(0.12, 0.0), 600
    for change, again in product(CHANGES, (32, 100, 600)):
        rng, clusters, hits = np.random.default_rng([seed, again]), grouped(items, 1), Hits()
        for _ in range(n_simulations):
            reference, own, margin = change.answers(clusters, rng)
            scores = benchmark("b", reference, own, clusters)
            asked = rng.choice(items, again, replace=False)
            second = margin[asked] + churn.size * rng.normal(size=again) > 0
            moved = np.abs(second - reference[asked])
            ids = tuple(scores.item_ids[place] for place in asked)
            found = excess_volume(scores, "own", ChurnRows(item_ids=ids, moved=moved))
            hits.add(found.interval, change.volume - churn.volume)
        rows.append([f"{100 * change.volume:.1f}", f"{100 * churn.volume:.1f}", again, *hits.cells])
    return rows


def position_rows(seed: int, n_simulations: int) -> Rows:
    """Cover mean, trimmed mean and quantiles of a skewed KLD whose windows differ."""
    size, shared, own = 255, 0.4, 1.5

    def drawn(windows: int, rng: np.random.Generator) -> np.ndarray:
        level = np.repeat(rng.normal(0, shared, windows), size)
        return np.exp(-4 + level + rng.normal(0, own, windows * size))

    def law(share: float) -> float:
        return math.exp(-4 + math.hypot(shared, own) * float(special.ndtri(share)))

    spread, cut = math.hypot(shared, own), special.ndtri(0.99)
    mean = math.exp(-4 + spread**2 / 2)
    truth = {"mean": mean, "mean below p99": mean * float(special.ndtr(cut - spread)) / 0.99,
             **{f"p{100 * share:g}": law(share) for share in (0.5, 0.95, 0.99, 0.999)}}  # fmt: skip
    rows: Rows = []
    for windows in (12, 30, 80):
        rng, clusters = np.random.default_rng([seed, windows]), grouped(windows, size)
        hits = {name: Hits() for name in truth}
        for _ in range(n_simulations):
            values = drawn(windows, rng)
            found = {"mean": mean_estimate(values, clusters),
                     "mean below p99": trimmed_mean_estimate(values, 0.99, clusters)}  # fmt: skip
            for share in (0.5, 0.95, 0.99, 0.999):
                found[f"p{100 * share:g}"] = quantile_estimate(values, share, clusters)
            for name, hit in hits.items():
                hit.add(found[name].interval, truth[name])
        rows += [[name, windows, *hit.cells] for name, hit in hits.items()]
    return rows
