# mypy: disable-error-code="operator,index,arg-type,union-attr,no-untyped-def"

from __future__ import annotations

import numpy as np
import pytest

from silentzone.errors import InputError, ShapeError
from silentzone.stats.power_law import fit_power_law, predict

X = np.array([0.001, 0.003, 0.01, 0.03, 0.1, 0.3])


def test_a_power_is_found_exactly_where_there_is_no_scatter():
    law = fit_power_law(X, 0.5 * X**0.6)
    assert (law.slope, law.n_points) == (pytest.approx(0.6), 6)
    estimate = predict(law, 0.05)
    assert estimate.value == pytest.approx(0.5 * 0.05**0.6)
    assert estimate.standard_error is None


def test_scatter_widens_the_interval_and_distance_widens_it_further():
    law = fit_power_law(X, X**0.5 * np.array([1.2, 0.8, 1.1, 0.9, 1.3, 0.7]))
    near, far = predict(law, 0.02), predict(law, 20.0)
    ratios = [estimate.interval[1] / estimate.interval[0] for estimate in (near, far)]
    assert 1.5 < ratios[0] < ratios[1]
    assert near.cautions == ()
    assert "beyond the points fitted" in far.cautions[0]


def test_values_that_have_no_logarithm_are_left_out_and_too_few_leave_a_reason():
    y = X.copy()
    y[:2] = 0.0
    assert "4 candidates have both values above zero, fewer than 5" in fit_power_law(X, y)
    assert "the same value" in fit_power_law(np.full(6, 0.1), X)


def test_impossible_inputs_are_refused():
    with pytest.raises(ShapeError, match="one length"):
        fit_power_law(X, X[:3])
    with pytest.raises(InputError, match="must be positive"):
        predict(fit_power_law(X, X), 0.0)
