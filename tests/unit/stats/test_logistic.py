# A null where a number is expected fails these tests by itself.
# mypy: disable-error-code="operator,index,arg-type,type-var,misc,no-untyped-def,union-attr"

from __future__ import annotations

import numpy as np
import pytest

from silentzone.errors import InputError, ShapeError
from silentzone.stats.classification import Outcomes
from silentzone.stats.clusters import ClusterPartition
from silentzone.stats.logistic import fit_logistic


def problem(seed=0, n=300, n_strata=3):
    rng = np.random.default_rng(seed)
    features, strata = rng.normal(size=(n, 2)), rng.integers(0, n_strata, n)
    odds = 0.5 * strata - 1.0 + features @ [1.2, 0.0]
    failed = rng.random(n) < 1.0 / (1.0 + np.exp(-odds))
    clusters = ClusterPartition.singletons(n, unit="item")
    return features, Outcomes(is_failed=failed, strata=strata, clusters=clusters)


def test_at_the_fit_residuals_are_orthogonal_to_features_and_sum_to_zero_in_strata():
    features, outcomes = problem()
    fit = fit_logistic(features, outcomes)
    probability = 1.0 / (1.0 + np.exp(-fit.log_odds(features, outcomes.strata)))
    residual = outcomes.is_failed - probability
    assert features.T @ residual == pytest.approx(np.zeros(2), abs=1e-6)
    assert np.bincount(outcomes.strata, weights=residual) == pytest.approx(np.zeros(3), abs=1e-6)
    assert fit.influence.sum(axis=0) == pytest.approx(np.zeros(2), abs=1e-9)


def test_units_of_a_feature_and_where_the_search_starts_do_not_matter():
    features, outcomes = problem()
    fit = fit_logistic(features, outcomes)
    other = fit_logistic(features * [1000.0, 1.0] + 7.0, outcomes, start=np.array([0.01, 3.0]))
    assert other.slopes * [1000.0, 1.0] == pytest.approx(fit.slopes)


def test_a_stratum_without_failures_has_no_intercept_and_no_influence():
    features, outcomes = problem()
    failed = outcomes.is_failed & (outcomes.strata != 1)
    fit = fit_logistic(
        features,
        Outcomes(is_failed=failed, strata=outcomes.strata, clusters=outcomes.clusters),
    )
    assert np.isnan(fit.intercepts).tolist() == [False, True, False]
    assert not fit.influence[outcomes.strata == 1].any()


@pytest.mark.parametrize("overlap", [0, 1])
def test_separation_has_no_fit(overlap):
    # With one equal value on both sides the separation is not complete, and still without a fit.
    values = np.arange(20.0)
    failed = values >= 10 - overlap
    values[10 - overlap] = values[10]
    outcomes = Outcomes.of(failed, ClusterPartition.singletons(20))
    assert fit_logistic(values[:, None], outcomes) is None


def test_strong_but_not_perfect_features_have_a_fit():
    rng = np.random.default_rng(3)
    values = np.sort(rng.normal(size=400))
    failed = np.arange(400) >= 200
    failed[195:205] = ~failed[195:205]
    fit = fit_logistic(values[:, None], Outcomes.of(failed, ClusterPartition.singletons(400)))
    assert fit.slopes[0] == pytest.approx(37.717382)  # statsmodels Logit


def test_features_that_repeat_each_other_or_never_change_have_no_fit():
    features, outcomes = problem()
    assert fit_logistic(features[:, [0, 0]], outcomes) is None
    assert fit_logistic(np.ones((300, 1)), outcomes) is None


def test_without_failures_there_is_no_fit():
    features, _ = problem()
    none = Outcomes.of(np.zeros(300, dtype=bool), ClusterPartition.singletons(300))
    assert fit_logistic(features, none) is None


def test_unusable_features_are_refused():
    features, outcomes = problem()
    with pytest.raises(ShapeError, match="300 rows"):
        fit_logistic(features[:10], outcomes)
    with pytest.raises(InputError, match="must be finite"):
        fit_logistic(np.full((300, 1), np.inf), outcomes)
