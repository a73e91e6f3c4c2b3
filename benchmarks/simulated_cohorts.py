"""Cohorts whose truth is known: items with a difficulty, candidates with a displacement and a bias.

An item is answered right where its margin is above zero. A candidate moves every margin by a random
amount of its displacement's size (volume), and by its bias, the same for all items (direction). Its
divergence is its displacement squared, measured with noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from silentzone.analysis.audit import Evidence
from silentzone.analysis.axes import Axis, Noise, RankedMetric
from silentzone.analysis.benchmarks import judge_benchmarks, score_evidence
from silentzone.analysis.items import BenchmarkScores, ModelAnswers
from silentzone.analysis.replicates import N_DRAWS, N_SPLITS
from silentzone.stats.clusters import ClusterPartition

KINDS = ("directed", "null", "unbiased", "fading")


@dataclass(frozen=True, kw_only=True)
class Cohort:
    """What is simulated.

    ``directed``: the bias grows with the displacement, so volume, direction and net follow KLD.
    ``null``: every candidate has a bias of its own size and sign, whatever its KLD.
    ``unbiased``: no candidate has a bias: displacement alone.
    ``fading``: directed among the most displaced, null among the others.
    """

    kind: str
    candidates: int = 16
    items: int = 600
    benchmarks: int = 3
    cluster_size: int = 1
    kld: tuple[float, float] = (0.001, 0.5)
    bias: float = 0.5
    """Bias in units of a candidate's displacement."""
    metric_error: float = 0.02
    """Relative standard error of every measured KLD."""


def displacement(cohort: Cohort) -> np.ndarray:
    return np.sqrt(np.geomspace(*cohort.kld, cohort.candidates))


def biases(cohort: Cohort, rng: np.random.Generator) -> np.ndarray:
    size = displacement(cohort)
    own = rng.normal(size=cohort.candidates)
    far = size > np.median(size)
    # A bias of its own must be of one size whatever the KLD, or its spread would follow the KLD.
    alone = cohort.bias * np.median(size) * own
    return {
        "directed": -cohort.bias * size,
        "null": alone,
        "unbiased": np.zeros(cohort.candidates),
        "fading": np.where(far, -cohort.bias * size * 1.5, alone * 0.5),
    }[cohort.kind]


def answers(
    cohort: Cohort, bias: np.ndarray, n_items: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Reference of shape (n,) and candidates of shape (M, n), 0 or 1."""
    shared = np.repeat(rng.normal(size=-(-n_items // cohort.cluster_size)), cohort.cluster_size)
    margin = 0.5 + 0.5 * shared[:n_items] + rng.normal(0, np.sqrt(0.75), n_items)
    moves = displacement(cohort)[:, None] * rng.normal(size=(cohort.candidates, n_items))
    candidates = (margin + bias[:, None] + moves > 0).astype(float)
    return (margin > 0).astype(float), candidates


def evidence(cohort: Cohort, rng: np.random.Generator) -> Evidence:
    """One measured cohort."""
    names = tuple(f"c{k}" for k in range(cohort.candidates))
    bias = biases(cohort, rng)
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


def kld_metric(
    cohort: Cohort, names: tuple[str, ...], rng: np.random.Generator
) -> RankedMetric:
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
