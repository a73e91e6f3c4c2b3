"""Size of the audit's tests where nothing, or exactly the tested relation, is true.

Array shapes: n candidates, V variants, B benchmarks, S simulations.
"""

from __future__ import annotations

from itertools import product

import numpy as np

from silentzone.analysis.axes import Axis, Noise
from silentzone.analysis.expected import WholeCohort, expectation
from silentzone.analysis.zones import Outcome, Outcomes, ZoneRule, form_zone
from silentzone.stats.correlation import (
    kendall,
    masked_spearman,
    mean_ranks,
    permutation_pvalues,
    spearman,
)
from silentzone.stats.multiplicity import holm
from silentzone.stats.permutation import maxt
from silentzone.stats.shapes import SHAPES

Rows = list[list[object]]
ALPHA = 0.05


def percent(count: float, n: int) -> str:
    return f"{100 * count / n:.1f}"


def single_rows(seed: int, n_simulations: int) -> Rows:
    """Share of p <= 0.05 for unrelated values, without and with ties."""
    rows: Rows = []
    for n, is_tied in product((8, 10, 16, 28, 40), (False, True)):
        rng = np.random.default_rng([seed, n])
        x = rng.normal(size=n)
        y = rng.normal(size=(n, n_simulations))
        if is_tied:
            x, y = np.round(x), np.round(y)
        rank = tau = 0
        for column in y.T:
            found, other = spearman(x, column), kendall(x, column)
            rank += found.pvalue is not None and found.pvalue <= ALPHA
            tau += other.pvalue is not None and other.pvalue <= ALPHA
        blocks = np.array_split(y, max(1, n_simulations // 250), axis=1)
        permuted = sum((permutation_pvalues(x, one)[0] <= ALPHA).sum() for one in blocks)
        rows.append(
            [n, "yes" if is_tied else "no", percent(rank, n_simulations),
             percent(permuted, n_simulations), percent(tau, n_simulations)]
        )  # fmt: skip
    return rows


def standard_ranks(values: np.ndarray) -> np.ndarray:
    ranks = mean_ranks(values) - (len(values) + 1) / 2
    return ranks / np.sqrt(ranks @ ranks)


def family_rows(
    seed: int, n_simulations: int, n_variants: int = 23, n_permutations: int = 999
) -> Rows:
    """Share of cohorts with any adjusted p <= 0.05, no variant being related to the score."""
    rows: Rows = []
    for n, common in product((8, 16, 40), (0.5, 0.9)):
        rng = np.random.default_rng([seed, n])
        any_adjusted = any_plain = 0
        for _ in range(n_simulations):
            shared = rng.normal(size=n)
            variants = np.sqrt(common) * shared + np.sqrt(1 - common) * rng.normal(
                size=(n_variants, n)
            )
            found = maxt(
                np.stack([standard_ranks(one) for one in variants]),
                standard_ranks(rng.normal(size=n)),
                n_resamples=n_permutations,
                rng=rng,
            )
            any_adjusted += found.adjusted.min() <= ALPHA
            any_plain += found.pvalues.min() <= ALPHA
        rows.append(
            [n, common, percent(any_adjusted, n_simulations), percent(any_plain, n_simulations),
             n_simulations]
        )  # fmt: skip
    return rows


def holm_rows(seed: int, n_simulations: int) -> Rows:
    """Share of cohorts with any Holm p <= 0.05 over benchmarks that share a part."""
    rows: Rows = []
    for n, n_benchmarks, common in product((8, 16, 40), (3, 8), (0.0, 0.7)):
        rng = np.random.default_rng([seed, n, n_benchmarks])
        hits = 0
        for _ in range(n_simulations):
            metric, shared = rng.normal(size=(2, n))
            own = rng.normal(size=(n_benchmarks, n))
            scores = np.sqrt(common) * shared + np.sqrt(1 - common) * own
            hits += min(holm([spearman(metric, one).pvalue or 1.0 for one in scores])) <= ALPHA
        rows.append([n, n_benchmarks, common, percent(hits, n_simulations), n_simulations])
    return rows


def losses_of(n: int) -> np.ndarray:
    return np.geomspace(0.001, 0.5, n)


def true_scores(shape: str, n: int) -> np.ndarray:
    """Score on each shape at every loss, falling by ten points over the cohort."""
    losses = losses_of(n)
    steps = -0.05 * ((np.arange(n) >= n // 2) + (np.arange(n) >= 3 * n // 4).astype(float))
    return {
        "isotonic": steps,
        "linear": -0.10 * losses / losses[-1],
        "logarithmic": -0.10 * np.log(losses / losses[0]) / np.log(losses[-1] / losses[0]),
    }[shape]


ZONES = (
    ZoneRule(kind="full"),
    ZoneRule(kind="equivalence", width=0.03),
    ZoneRule(kind="band", width=0.02),
    ZoneRule(kind="fidelity", width=0.5),
)


def one_expectation(
    shape: str, n: int, error: float, rng: np.random.Generator
) -> dict[tuple[str, str], float | None]:
    """P-value by zone, and whether against all shapes or the isotonic alone."""
    names = tuple(f"c{k}" for k in range(n))
    losses = losses_of(n)
    measured = losses * np.exp(0.02 * rng.normal(size=n))
    scores = true_scores(shape, n) + error * rng.normal(size=n)
    halves = None
    metric = Axis(
        name="kld", is_loss=True, values=dict(zip(names, measured.tolist(), strict=True)),
        noise=Noise(models=names, halves=halves,
                    deviations=0.02 * measured[:, None] * rng.normal(size=(n, 1000))),
    )  # fmt: skip
    score = Axis(
        name="score", is_loss=False, values=dict(zip(names, scores.tolist(), strict=True)),
        noise=Noise(models=names, halves=halves, deviations=error * rng.normal(size=(n, 1000))),
    )  # fmt: skip
    outcomes = Outcomes(
        by_model={
            name: Outcome(difference=value, standard_error=error, degrees_of_freedom=500.0)
            for name, value in score.values.items()
        }
    )
    cohort = WholeCohort(
        metric=metric, score=score, composite=score, outcomes=outcomes, candidates=names
    )
    result: dict[tuple[str, str], float | None] = {}
    for rule in ZONES:
        members = form_zone(rule, metric, outcomes, names).members or ()
        if len(members) < 3:
            continue
        rows = [names.index(name) for name in members]
        rho = -float(masked_spearman(measured[rows, None], scores[rows, None], None)[0])
        if np.isfinite(rho):
            for label, shapes in (("every shape", SHAPES), ("isotonic alone", ("isotonic",))):
                result[rule.zone, label] = expectation(cohort, rule, rho, shapes=shapes).pvalue
    return result


def expected_rows(seed: int, n_simulations: int) -> Rows:
    """Share of p < 0.05 where the relation of the cohort is exactly of one shape."""
    rows: Rows = []
    for shape, n, error in product(SHAPES, (8, 16, 40), (0.01, 0.003)):
        rng = np.random.default_rng([seed, n])
        found = [one_expectation(shape, n, error, rng) for _ in range(n_simulations)]
        cells: list[object] = []
        for rule, label in product(ZONES, ("every shape", "isotonic alone")):
            known = [one.get((rule.zone, label)) for one in found]
            values = [one for one in known if one is not None]
            cells.append(
                percent(sum(p < ALPHA for p in values), len(values))
                if len(values) >= n_simulations // 5
                else "-"
            )
        pairs = [f"{a} / {b}" for a, b in zip(cells[::2], cells[1::2], strict=True)]
        rows.append([shape, n, f"{100 * error:g}", *pairs])
    return rows
