"""Statistics against SciPy and statsmodels; the recipe is make_stats.py."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from silentzone.stats.clusters import ClusterPartition
from silentzone.stats.correlation import kendall, spearman
from silentzone.stats.estimates import mean_estimate
from silentzone.stats.paired import mcnemar_exact
from silentzone.stats.proportions import exact_interval, wilson_interval
from silentzone.stats.quantiles import interpolated

GOLDEN = json.loads(Path(__file__).with_name("stats.json").read_text())
close = lambda value: pytest.approx(value, rel=1e-9, abs=1e-12)  # noqa: E731


def test_a_clustered_mean_is_statsmodels_ols_on_a_constant_with_cluster_covariance():
    case = GOLDEN["clustered_mean"]
    estimate = mean_estimate(
        np.array(case["values"]), ClusterPartition.of(case["labels"], unit="window")
    )
    assert estimate.value == close(case["mean"])
    assert estimate.standard_error == close(case["standard_error"])
    assert estimate.interval == close(tuple(case["interval"]))


@pytest.mark.parametrize(("k", "n", "low", "high"), GOLDEN["wilson"])
def test_wilson_intervals_are_statsmodels(k, n, low, high):
    assert wilson_interval(k, n) == close((low, high))


@pytest.mark.parametrize(("k", "n", "low", "high"), GOLDEN["clopper_pearson"])
def test_exact_intervals_are_statsmodels(k, n, low, high):
    assert exact_interval(k, n) == close((low, high))


@pytest.mark.parametrize(("harm", "gain", "pvalue"), GOLDEN["mcnemar"])
def test_mcnemar_is_statsmodels(harm, gain, pvalue):
    assert mcnemar_exact(harm, gain).pvalue == close(pvalue)


@pytest.mark.parametrize("case", GOLDEN["spearman"])
def test_spearman_with_and_without_ties_is_scipys(case):
    result = spearman(np.array(case["x"]), np.array(case["y"]))
    assert (result.value, result.pvalue) == close((case["rho"], case["pvalue"]))
    assert result.pvalue_method == "t approximation"


def test_a_small_spearman_has_scipys_permutation_pvalue():
    case = GOLDEN["spearman_exact"]
    result = spearman(np.array(case["x"]), np.array(case["y"]))
    assert result.pvalue == close(case["pvalue"])
    assert result.pvalue_method == "exact permutation"


@pytest.mark.parametrize("case", GOLDEN["kendall"])
def test_kendall_with_and_without_ties_is_scipys(case):
    result = kendall(np.array(case["x"]), np.array(case["y"]))
    assert (result.value, result.pvalue) == close((case["tau"], case["pvalue"]))


@pytest.mark.parametrize(("fraction", "value"), GOLDEN["quantiles"])
def test_quantiles_are_numpys_linear_ones(fraction, value):
    ordered = np.sort(GOLDEN["clustered_mean"]["values"])
    assert interpolated(ordered, fraction) == close(value)
