# A null where a number is expected fails these tests by itself.
# mypy: disable-error-code="operator,index,arg-type,type-var,misc,no-untyped-def"

from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import pytest
from scipy import stats as scipy_stats

from silentzone.errors import InputError, ShapeError
from silentzone.stats.correlation import (
    kendall,
    kendall_tau,
    masked_spearman,
    mean_ranks,
    minimum_detectable,
    permutation_pvalues,
    rho_interval,
    spearman,
    t_approximation_pvalue,
)

ORDER = np.arange(12.0)
TIED = np.array([1.0, 2.0, 2.0, 3.0, 3.0, 3.0, 4.0])


def correlated(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    x, noise = np.random.default_rng(seed).normal(size=(2, n))
    return x, 0.7 * x + noise


def rank_correlation(x, y) -> float:
    """Spearman's rho by its definition: Pearson's of the mean ranks."""
    return float(np.corrcoef(scipy_stats.rankdata(x), scipy_stats.rankdata(y))[0, 1])


def concordance(x, y) -> float:
    """Concordant less discordant pairs."""
    return float(np.sign(np.subtract.outer(x, x) * np.subtract.outer(y, y)).sum() / 2)


def share_as_extreme(statistic, x, y) -> float:
    """Share of all orders of y whose |statistic| reaches the observed one."""
    observed = abs(statistic(x, y))
    found = [abs(statistic(x, np.array(order))) for order in permutations(y)]
    return float(np.mean([one >= observed - 1e-9 for one in found]))


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


@pytest.mark.parametrize("n", [3, 4, 5, 8, 9, 10, 16, 25, 41, 60])
def test_kendalls_exact_pvalue_without_ties_is_scipys(n):
    x, y = correlated(n, n)
    peer = scipy_stats.kendalltau(x, y, method="exact")
    result = kendall(x, y)
    assert (result.value, result.pvalue) == pytest.approx((peer.statistic, peer.pvalue))
    assert result.pvalue_method == "exact"


@pytest.mark.parametrize("y", [TIED[::-1], np.array([2.0, 1.0, 1.0, 5.0, 4.0, 4.0, 3.0])])
def test_kendalls_pvalue_with_ties_counts_every_order(y):
    result = kendall(TIED, y)
    peer = scipy_stats.kendalltau(TIED, y)
    assert result.value == pytest.approx(peer.statistic)
    assert result.pvalue == pytest.approx(share_as_extreme(concordance, TIED, y))
    assert result.pvalue_method == "exact permutation"


def test_kendalls_random_orders_with_nine_tied_pairs_are_near_the_share_of_all_orders():
    x, y = np.append(TIED, [5.0, 6.0]), np.array([1.0, 4.0, 2.0, 2.0, 7.0, 3.0, 5.0, 5.0, 6.0])
    result = kendall(x, y)
    peer = scipy_stats.permutation_test(
        (y,),
        lambda order: concordance(x, order),
        permutation_type="pairings",
        n_resamples=3000,
        rng=np.random.default_rng(1),
    )
    # Two samples of orders: four standard errors of the smaller one.
    assert result.pvalue == pytest.approx(peer.pvalue, abs=4 * math.sqrt(peer.pvalue / 3000))
    assert "random permutations" in result.pvalue_method


def test_kendalls_tau_alone_is_null_where_one_side_is_equal():
    assert kendall_tau(np.ones(4), ORDER[:4]) is None


@pytest.mark.parametrize("n", [4, 5, 6, 7])
@pytest.mark.parametrize("ties", [False, True])
def test_permutation_pvalues_count_every_order_up_to_eight(n, ties):
    x, y = correlated(n, 10 + n)
    if ties:
        x, y = np.round(x), np.round(2.0 * y) / 2.0
    found, method = permutation_pvalues(x, np.stack([y, -y, y**3], axis=1))
    assert method == "exact permutation"
    assert found == pytest.approx(share_as_extreme(rank_correlation, x, y))


def test_of_eight_pairs_all_40320_orders_are_tried():
    x, y = correlated(8, 3)
    ranks, order = scipy_stats.rankdata(x), np.array(list(permutations(scipy_stats.rankdata(y))))
    centred = np.abs((order - 4.5) @ (ranks - 4.5))
    observed = abs((scipy_stats.rankdata(y) - 4.5) @ (ranks - 4.5))
    expected = (centred >= observed - 1e-9).mean()
    assert permutation_pvalues(x, y[:, None])[0][0] == pytest.approx(expected)
    assert spearman(x, y).pvalue == pytest.approx(expected)


def test_permutation_pvalues_of_many_pairs_count_the_observed_order_and_repeat_themselves():
    perfect, method = permutation_pvalues(ORDER, ORDER[:, None])
    assert perfect[0] == pytest.approx(1 / 10_000)
    assert method == "9999 random permutations"
    x, y = correlated(30, 6)
    first, second = (permutation_pvalues(x, 0.2 * y[:, None])[0][0] for _ in range(2))
    assert first == second
    # Student's t is close at 30 pairs; 0.02 is four standard errors of 9,999 draws.
    assert first == pytest.approx(t_approximation_pvalue(rank_correlation(x, y), 30), abs=0.02)


def test_a_score_of_equal_values_has_permutation_pvalue_one():
    assert permutation_pvalues(ORDER[:6], np.ones((6, 1)))[0][0] == 1.0


def test_masked_spearman_is_scipys_on_the_members_alone():
    rng = np.random.default_rng(5)
    x = rng.integers(0, 6, size=(12, 40)).astype(float)
    y = x + rng.integers(0, 8, size=(12, 40))
    members = rng.random((12, 40)) < 0.7
    found = masked_spearman(x, y, members)
    for column, mask in enumerate(members.T):
        peer = scipy_stats.spearmanr(x[mask, column], y[mask, column]).statistic
        assert found[column] == pytest.approx(peer)
    whole = masked_spearman(x, y, None)
    assert whole[7] == pytest.approx(scipy_stats.spearmanr(x[:, 7], y[:, 7]).statistic)


def test_masked_spearman_is_nan_for_two_members_or_equal_members():
    x = np.array([[1.0, 1.0], [2.0, 1.0], [3.0, 1.0], [4.0, 9.0]])
    members = np.array([[True, True], [True, True], [False, True], [False, False]])
    assert np.isnan(masked_spearman(x, x, members)).all()


def test_mean_ranks_are_scipys_average_ranks():
    for values in (TIED, -TIED, np.array([0.5]), np.array([]), correlated(9, 1)[0]):
        assert mean_ranks(values).tolist() == scipy_stats.rankdata(values).tolist()
