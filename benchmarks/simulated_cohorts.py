"""Cohorts whose truth is known: items with a difficulty, candidates with a displacement and a bias.

An item is answered right where its margin is above zero. A candidate moves every margin by a random
amount of its displacement's size, and by its bias, the same for all items. Its divergence is its
displacement squared, measured with noise. The bias is worked out from the net change wanted: a
displacement alone already costs points, since it pulls every score towards one half.

Array shapes: M candidates, n items.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from silentzone.analysis.audit import Evidence
from silentzone.analysis.axes import Axis, Noise, RankedMetric
from silentzone.analysis.benchmarks import judge_benchmarks, score_evidence
from silentzone.analysis.items import BenchmarkScores, ModelAnswers
from silentzone.analysis.replicates import N_DRAWS, N_SPLITS
from silentzone.stats.clusters import ClusterPartition

KINDS = ("directed", "loose", "null", "coin", "unbiased", "fading")
MEAN_MARGIN = 0.5
"""Of a margin of variance one: the reference is right on 69 % of the items."""


@dataclass(frozen=True, kw_only=True)
class Cohort:
    """What is simulated, by what the true net change does.

    ``directed``: falls in proportion to KLD, so that volume, direction and net all follow KLD.
    ``loose``: falls with the rank of the KLD, candidates scattered about it: a true rho of 0.6.
    ``null``: of one spread for all candidates, whatever their KLD.
    ``coin``: of a sign tossed for each candidate, and a size that grows with the displacement.
    ``unbiased``: none, for any candidate: displacement alone, nothing that could be ranked.
    ``fading``: as ``null`` among the half with the least KLD, falling with KLD in the other half.
    """

    kind: str
    candidates: int = 16
    items: int = 600
    benchmarks: int = 3
    cluster_size: int = 1
    kld: tuple[float, float] = (0.001, 0.5)
    loss: float = 0.10
    """Fall of the score at the largest KLD, where it falls with KLD."""
    spread: float = 0.01
    """Standard deviation of true net changes that have nothing to do with KLD."""
    metric_error: float = 0.02
    """Relative standard error of every measured KLD."""


def displacement(cohort: Cohort) -> np.ndarray:
    return np.sqrt(np.geomspace(*cohort.kld, cohort.candidates))


def true_net(cohort: Cohort, rng: np.random.Generator) -> np.ndarray:
    """Draw expected score less the reference's, of every candidate, the least displaced first."""
    n = cohort.candidates
    kld, own = displacement(cohort) ** 2, rng.normal(size=n)
    fall = -cohort.loss * kld / kld[-1]
    if cohort.kind == "directed":
        return fall
    if cohort.kind == "loose":  # product-moment 0.62 is 0.6 of the ranks
        place = special.ndtri((np.arange(n) + 0.5) / n)
        return 2 * cohort.spread * (-0.62 * place + np.sqrt(1 - 0.62**2) * own - 1)
    if cohort.kind == "null":
        return cohort.spread * own
    if cohort.kind == "coin":
        return cohort.spread * np.sign(own) * 2 * displacement(cohort) / displacement(cohort)[-1]
    if cohort.kind == "unbiased":
        return np.zeros(n)
    is_near = np.arange(n) < -(-n // 2)
    return np.where(is_near, cohort.spread * own, fall - 2 * cohort.spread)


def biases(cohort: Cohort, net: np.ndarray) -> np.ndarray:
    """Bias of every candidate that gives it its net change."""
    wanted = special.ndtri(special.ndtr(MEAN_MARGIN) + net)
    return wanted * np.sqrt(1 + displacement(cohort) ** 2) - MEAN_MARGIN


def answers(
    cohort: Cohort, bias: np.ndarray, n_items: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draw the reference of shape (n,) and candidates of shape (M, n), 0 or 1."""
    shared = np.repeat(rng.normal(size=-(-n_items // cohort.cluster_size)), cohort.cluster_size)
    margin = MEAN_MARGIN + 0.5 * shared[:n_items] + rng.normal(0, np.sqrt(0.75), n_items)
    moves = displacement(cohort)[:, None] * rng.normal(size=(cohort.candidates, n_items))
    candidates = (margin + bias[:, None] + moves > 0).astype(float)
    return (margin > 0).astype(float), candidates


def evidence(cohort: Cohort, rng: np.random.Generator, net: np.ndarray | None = None) -> Evidence:
    """One measured cohort; the true net changes are drawn unless they are given."""
    names = tuple(f"c{k}" for k in range(cohort.candidates))
    bias = biases(cohort, true_net(cohort, rng) if net is None else net)
    found = {}
    for number in range(cohort.benchmarks):
        n = cohort.items // cohort.benchmarks
        reference, candidates = answers(cohort, bias, n, rng)
        found[f"b{number}"] = scores_of(f"b{number}", names, reference, candidates, cohort)
    benchmarks = judge_benchmarks(found, dict.fromkeys(found, 0.25), "ref", names)
    seed = int(rng.integers(2**31))
    return Evidence(
        candidates=names,
        metrics=(kld_metric(cohort, names, rng),),
        scores=score_evidence(benchmarks, seed).axes,
        outcomes=benchmarks.outcomes(),
        benchmarks=tuple(found),
        seed=seed,
    )


def scores_of(
    name: str, names: tuple[str, ...], reference: np.ndarray, candidates: np.ndarray, cohort: Cohort
) -> BenchmarkScores:
    n = len(reference)
    answered = {
        model: ModelAnswers(
            scores=scores, split=None, predictions=None, confidence=None, margin=None,
            divergence=None,
        )
        for model, scores in {"ref": reference, **dict(zip(names, candidates, strict=True))}.items()
    }  # fmt: skip
    return BenchmarkScores(
        benchmark=name,
        item_ids=tuple(f"{name}-{k}" for k in range(n)),
        clusters=ClusterPartition.of(np.arange(n) // cohort.cluster_size, unit="item cluster"),
        reference=reference,
        candidates=dict(zip(names, candidates, strict=True)),
        answers=answered,
        excluded={},
    )


def kld_metric(cohort: Cohort, names: tuple[str, ...], rng: np.random.Generator) -> RankedMetric:
    truth, error = displacement(cohort) ** 2, cohort.metric_error
    shape = (cohort.candidates, 1)
    measured = truth[:, None] * np.exp(error * rng.normal(size=shape))
    halves = rng.normal(size=(cohort.candidates, N_SPLITS))
    noise = Noise(
        models=names,
        deviations=measured * error * rng.normal(size=(cohort.candidates, N_DRAWS)),
        halves=(measured * (1 + error * halves), measured * (1 - error * halves)),
    )
    values = dict(zip(names, measured[:, 0].tolist(), strict=True))
    axis = Axis(name="kld_mean on text", is_loss=True, values=values, noise=noise)
    return RankedMetric(metric="kld_mean", corpus="text", context_length=512, axis=axis)
