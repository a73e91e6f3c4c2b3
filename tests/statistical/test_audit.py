"""Error rates of the audit on simulated cohorts, small and seeded.

The full tables are made by ``benchmarks/audit_errors.py``. Bounds on rates leave five binomial
standard errors, so a method that keeps its promise fails about once in a million seeds.
"""

from __future__ import annotations

import importlib
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from silentzone.stats.permutation import maxt

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
SEED = 20


def room(rate: float, n_simulations: int) -> float:
    return 5.0 * math.sqrt(rate * (1.0 - rate) / n_simulations)


@pytest.fixture(scope="module")
def errors():
    """Load the simulation, with what no verdict depends on cut short."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [str(BENCHMARKS), *sys.path])
        module: Any = importlib.import_module("audit_errors")
        for owner, name, value in module.SHORTCUTS:
            patch.setattr(owner, name, value)
        yield module


def audited(errors: Any, times: int, **cohort: Any) -> list[Any]:
    return [errors.seen(errors.cohorts.Cohort(**cohort), number, SEED) for number in range(times)]


def share(found: list[Any], word: str, score: str = "composite", zone: str = "full") -> float:
    return float(np.mean([one.words[score, zone] == word for one in found]))


@pytest.fixture(scope="module")
def directed(errors):
    """Volume, direction and net all follow KLD: 16 candidates, 600 items."""
    return audited(errors, 20, kind="directed", candidates=16, items=600)


@pytest.mark.slow
@pytest.mark.parametrize("zone", ["full", "equivalence", "band", "fidelity"])
def test_a_directed_cohort_is_hardly_ever_called_silent(directed, zone):
    assert share(directed, "silent", zone=zone) <= 0.05 + room(0.05, len(directed))


@pytest.mark.slow
def test_a_directed_cohort_is_found_informative(directed):
    assert share(directed, "informative") >= 0.8 - room(0.8, len(directed))


@pytest.mark.slow
def test_where_all_parts_follow_it_is_not_said_that_direction_does_not(directed):
    assert not any(any(one.volume_not_direction.values()) for one in directed)


@pytest.fixture(scope="module")
def null(errors):
    """Net changes of a spread of one point, whatever the KLD: 16 candidates, 3,000 items."""
    return audited(errors, 30, kind="null", candidates=16, items=3000)


@pytest.mark.slow
@pytest.mark.parametrize("zone", ["full", "fidelity"])
def test_a_null_cohort_is_hardly_ever_called_informative(null, zone):
    assert share(null, "informative", zone=zone) <= 0.05 + room(0.05, len(null))


@pytest.mark.slow
def test_a_large_null_cohort_comes_out_silent_with_eighty_percent(null):
    assert share(null, "silent") >= 0.8 - room(0.8, len(null))


@pytest.mark.slow
def test_a_small_null_cohort_is_left_open(errors):
    found = audited(errors, 20, kind="null", candidates=8, items=150)
    assert share(found, "cannot tell") >= 0.8 - room(0.8, len(found))


def test_maxt_keeps_the_error_of_the_whole_family():
    n_simulations, rng = 300, np.random.default_rng(SEED)
    adjusted = alone = 0

    def standard(values):
        ranks = np.argsort(np.argsort(values)) - (values.shape[-1] - 1) / 2
        return ranks / np.linalg.norm(ranks, axis=-1, keepdims=True)

    for _ in range(n_simulations):
        shared, score = rng.normal(size=(2, 12))
        variants = shared + 0.5 * rng.normal(size=(23, 12))
        found = maxt(standard(variants), standard(score), n_resamples=499, rng=rng)
        adjusted += found.adjusted.min() <= 0.05
        alone += found.pvalues.min() <= 0.05
    assert adjusted / n_simulations <= 0.05 + room(0.05, n_simulations)
    assert alone / n_simulations > 0.1  # or the adjustment would have had nothing to do


@pytest.mark.slow
def test_the_measurement_interval_covers_the_mean_of_repeated_measurements(errors):
    (row,) = errors.audit_coverage.measurement_rows(
        SEED, 100, settings=(("directed", 16, 600, 0.02),)
    )
    assert float(row[4]) / 100 >= 0.93 - room(0.93, 100)


@pytest.mark.slow
def test_disattenuated_intervals_cover_and_the_attainable_rho_is_the_true_one(errors):
    (row,) = errors.audit_coverage.disattenuated_rows(SEED, 150, settings=((0.9, 0.5, 28),))
    coverage, attainable, truth = float(row[3]), float(row[9].split()[0]), float(row[10])
    assert coverage / 100 >= 0.93 - room(0.93, 150)
    assert attainable == pytest.approx(truth, abs=0.04)
