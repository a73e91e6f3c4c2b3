"""The decision's arithmetic against statsmodels, SciPy's optimiser and FlipEval's table.

The recipe is make_decision.py.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from silentzone.stats.clusters import ClusterPartition
from silentzone.stats.equivalence import equivalence_test
from silentzone.stats.estimates import mean_estimate
from silentzone.stats.multiplicity import holm
from silentzone.stats.noninferiority import PairedPart, noninferiority_pvalue, restricted_variance
from silentzone.stats.planning import items_for_margin, items_for_score_test
from silentzone.stats.power_law import PowerLaw, fit_power_law, predict

GOLDEN = json.loads(Path(__file__).with_name("decision.json").read_text())
close = lambda value: pytest.approx(value, rel=1e-9, abs=1e-12)  # noqa: E731


def test_holm_is_statsmodels():
    case = GOLDEN["holm"]
    assert holm(case["pvalues"]) == close(tuple(case["adjusted"]))


def test_both_sides_of_an_equivalence_test_are_statsmodels():
    case = GOLDEN["tost"]
    values = np.array(case["candidate"]) - np.array(case["reference"])
    difference = mean_estimate(values, ClusterPartition.singletons(len(values)))
    result = equivalence_test(difference, case["margin"])
    assert result.pvalue_lower == close(case["pvalue_lower"])
    assert result.pvalue_upper == close(case["pvalue_upper"])


def test_a_predicted_volume_and_its_interval_are_those_of_ordinary_least_squares():
    case = GOLDEN["prediction"]
    law = fit_power_law(np.array(case["x"]), np.array(case["y"]))
    assert isinstance(law, PowerLaw)
    assert law.slope == close(case["slope"])
    estimate = predict(law, case["at"])
    assert estimate.value == close(case["value"])
    assert estimate.interval == close(tuple(case["interval"]))


@pytest.mark.parametrize(("harm", "gain", "n", "net", "variance"), GOLDEN["restricted_variance"])
def test_the_variance_under_the_null_is_that_of_a_numerical_likelihood(
    harm, gain, n, net, variance
):
    assert restricted_variance(harm, gain, n, net) == pytest.approx(variance, rel=1e-5)


@pytest.mark.parametrize(("harm", "gain", "n", "margin", "pvalue"), GOLDEN["score_test"])
def test_the_score_test_is_that_likelihoods(harm, gain, n, margin, pvalue):
    net = (gain - harm) / n
    part = PairedPart(net=net, standard_error=1e-6, n_items=n, counts=(harm, gain))
    found = noninferiority_pvalue(net, [part], margin, degrees_of_freedom=n - 1)
    assert found == pytest.approx(pvalue, rel=1e-4)


@pytest.mark.parametrize(("family", "discordance", "items"), GOLDEN["required_n"]["rows"])
def test_the_textbook_plan_is_the_published_table_of_paired_evaluations(family, discordance, items):
    plan = items_for_margin(0.02, discordance, alpha=0.05)
    assert plan.items == pytest.approx(items, abs=1), family
    # What the decision's own test needs is a little more: its variance is that of the null.
    assert items <= items_for_score_test(0.02, discordance, alpha=0.05) <= 1.05 * items
