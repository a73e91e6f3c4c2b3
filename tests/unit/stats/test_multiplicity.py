from __future__ import annotations

import pytest

from silentzone.errors import InputError
from silentzone.stats.multiplicity import holm


def test_each_pvalue_is_multiplied_by_how_many_are_not_yet_rejected():
    assert holm([0.01, 0.2, 0.03]) == pytest.approx((0.03, 0.2, 0.06))


def test_an_adjusted_pvalue_never_falls_below_that_of_a_smaller_one():
    assert holm([0.01, 0.011, 0.012]) == pytest.approx((0.03, 0.03, 0.03))


def test_equal_pvalues_stay_equal_and_none_exceeds_one():
    assert holm([0.6, 0.6, 0.02]) == pytest.approx((1.0, 1.0, 0.06))


def test_one_pvalue_is_its_own_and_none_give_none():
    assert holm([0.04]) == (0.04,)
    assert holm([]) == ()


@pytest.mark.parametrize("pvalue", [-0.1, 1.1, float("nan")])
def test_what_is_no_pvalue_is_refused(pvalue):
    with pytest.raises(InputError, match=r"must lie in \[0, 1\]"):
        holm([0.5, pvalue])
