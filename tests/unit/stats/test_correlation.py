# A null where a number is expected fails these tests by itself.
# mypy: disable-error-code="operator,index,arg-type,type-var,misc,no-untyped-def"

from __future__ import annotations

import math

import numpy as np
import pytest

from silentzone.errors import InputError, ShapeError
from silentzone.stats.correlation import (
    kendall,
    minimum_detectable,
    rho_interval,
    spearman,
    t_approximation_pvalue,
)

ORDER = np.arange(12.0)


def test_published_coefficients_have_their_published_pvalues():
    assert round(t_approximation_pvalue(-0.24, 16), 2) == 0.37
    assert round(t_approximation_pvalue(0.55, 16), 2) == 0.03
    with pytest.raises(InputError, match="no t approximation"):
        t_approximation_pvalue(1.0, 16)


def test_equal_values_have_no_correlation():
    result = spearman(np.ones(10), ORDER[:10])
    assert result.value is None
    assert result.pvalue is None
    assert "equal" in result.cautions[0]


def test_two_pairs_have_no_correlation():
    assert kendall(np.array([1.0, 2.0]), np.array([2.0, 1.0])).value is None


def test_a_perfect_order_has_an_exact_pvalue_and_no_interval():
    result = spearman(ORDER, -ORDER)
    assert result.value == -1.0
    assert result.pvalue == pytest.approx(2 / math.factorial(12))
    assert result.interval is None
    assert "perfect order" in result.cautions[0]


def test_a_perfect_order_of_four_has_the_exact_permutation_pvalue():
    assert spearman(ORDER[:4], ORDER[:4]).pvalue == pytest.approx(2 / 24)


def test_ties_are_counted_in_the_permutation_pvalue():
    # Of the 6 orders of y, each of the three distinct ones appears twice; |rho| is largest in two.
    result = spearman(np.array([1.0, 2.0, 3.0]), np.array([1.0, 1.0, 2.0]))
    assert result.pvalue == pytest.approx(4 / 6)
    assert kendall(np.array([1.0, 2.0, 3.0]), np.array([1.0, 1.0, 2.0])).pvalue == pytest.approx(
        4 / 6
    )


def test_fewer_than_eight_pairs_have_no_interval():
    interval, _, cautions = rho_interval(0.5, 7)
    assert interval is None
    assert "n = 7" in cautions[0]


def test_the_interval_has_bonett_and_wrights_variance():
    (low, high), method, _ = rho_interval(0.5, 28)
    half = 1.959964 * math.sqrt((1 + 0.125) / 25)
    assert (low, high) == pytest.approx(
        (math.tanh(math.atanh(0.5) - half), math.tanh(math.atanh(0.5) + half)), abs=1e-6
    )
    assert "Bonett-Wright" in method


@pytest.mark.parametrize(("n", "smallest"), [(8, 0.70), (16, 0.50), (28, 0.37), (40, 0.31)])
def test_the_smallest_detectable_rho_is_the_half_interval_at_zero(n, smallest):
    assert minimum_detectable(n) == pytest.approx(smallest, abs=0.006)
    assert rho_interval(0.0, n)[0][1] == pytest.approx(minimum_detectable(n))


def test_where_no_interval_exists_no_rho_is_detectable():
    assert minimum_detectable(7) is None
    assert rho_interval(0.0, 7)[0] is None


def test_unusable_input_is_refused():
    with pytest.raises(ShapeError, match="of one length"):
        spearman(ORDER, ORDER[:3])
    with pytest.raises(InputError, match="must be finite"):
        spearman(np.array([1.0, np.nan, 2.0]), ORDER[:3])
