"""AUROC, ratios and logistic fits against SciPy and statsmodels; recipe: make_classification.py."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from silentzone.stats.classification import Outcomes, auroc_estimate, log_ratio_estimate
from silentzone.stats.clusters import ClusterPartition
from silentzone.stats.estimates import linearised_estimate
from silentzone.stats.logistic import fit_logistic

GOLDEN = json.loads(Path(__file__).with_name("classification.json").read_text())


def outcomes_of(case: dict[str, Any]) -> Outcomes:
    failed = np.array(case["failed"])
    return Outcomes.of(failed, ClusterPartition.singletons(len(failed), unit="item"))


def test_the_auroc_is_scipys_mann_whitney_and_its_error_delongs():
    case = GOLDEN["auroc"]
    estimate = auroc_estimate(np.array(case["values"]), outcomes_of(case))
    assert estimate.value == pytest.approx(case["auroc"], rel=1e-9)
    assert estimate.standard_error == pytest.approx(case["delong"], rel=1e-9)


def test_the_ratio_of_geometric_means_has_welchs_interval_on_the_logarithm():
    case = GOLDEN["ratio"]
    estimate = log_ratio_estimate(np.array(case["values"]), outcomes_of(case))
    assert estimate.value == pytest.approx(case["ratio"], rel=1e-9)
    assert estimate.interval == pytest.approx(tuple(case["interval"]), rel=1e-9)


def test_the_logistic_fit_is_statsmodels_logit_with_cluster_covariance():
    case = GOLDEN["logistic"]
    clusters = ClusterPartition.of(case["clusters"], unit="item")
    outcomes = Outcomes(
        is_failed=np.array(case["failed"]), strata=np.array(case["strata"]), clusters=clusters
    )
    fit = fit_logistic(np.array(case["features"]), outcomes)
    assert fit is not None
    assert fit.slopes == pytest.approx(np.array(case["slopes"]), rel=1e-7)
    assert fit.intercepts == pytest.approx(np.array(case["intercepts"]), rel=1e-7)
    for column, error in enumerate(case["standard_errors"]):
        influence = fit.influence[:, column] * len(outcomes)
        estimate = linearised_estimate(0.0, influence, clusters, label="slope")
        assert estimate.standard_error == pytest.approx(error, rel=1e-7)
