# A null where a number is expected fails these tests by itself.
# mypy: disable-error-code="operator,index,arg-type,type-var,misc,no-untyped-def"

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import rankdata

from silentzone.stats.disattenuation import HalvedAxis, disattenuated, disattenuated_interval


def axes(n=24, noise=0.0, seed=1, n_splits=10, spreads=(0.6, 0.8)):
    """Two related axes, each with halves that carry twice the variance of their noise."""
    rng = np.random.default_rng(seed)
    truth = np.linspace(0.0, 3.0, n)
    pair = []
    for spread in spreads:
        clean = truth + spread * rng.normal(size=n)
        halves = tuple(
            clean[:, None] + np.sqrt(2) * noise * rng.normal(size=(n, n_splits)) for _ in range(2)
        )
        pair.append(HalvedAxis(values=clean + noise * rng.normal(size=n), halves=halves))
    return pair


def without_noise(axis):
    return HalvedAxis(values=axis.values, halves=None)


def rank_correlation(first, second):
    return np.corrcoef(rankdata(first), rankdata(second))[0, 1]


def interval(x, y, n_resamples=2000, seed=5):
    return disattenuated_interval(x, y, n_resamples=n_resamples, rng=np.random.default_rng(seed))


def test_without_noise_it_is_the_percentile_bootstrap_of_rho():
    x, y = axes()
    found, cautions = interval(without_noise(x), without_noise(y))
    rng = np.random.default_rng(77)
    drawn = [
        rank_correlation(x.values[rows], y.values[rows])
        for rows in rng.integers(0, 24, size=(2000, 24))
    ]
    # Two bootstraps of 2,000 draws: their 2.5 % points differ by about 0.01.
    assert found == pytest.approx(np.quantile(drawn, (0.025, 0.975)), abs=0.04)
    assert cautions == ()


def test_halves_that_agree_change_nothing():
    x, y = axes()
    same = [HalvedAxis(values=one.values, halves=(one.values[:, None],) * 2) for one in (x, y)]
    assert interval(*same)[0] == pytest.approx(interval(without_noise(x), without_noise(y))[0])


def test_noise_on_either_axis_moves_the_interval_up_even_beyond_one():
    x, y = axes(n=30, noise=0.6, spreads=(0.1, 0.1))
    raw, _ = interval(without_noise(x), without_noise(y))
    clean, _ = interval(x, without_noise(y))
    both, _ = interval(x, y)
    assert raw[1] < clean[1] < both[1]
    assert raw[0] < clean[0] < both[0]
    assert both[1] > 1.0


def test_reliabilities_are_worked_out_again_in_every_resample():
    x, y = axes(n=30, noise=0.7)
    found, _ = interval(x, y, n_resamples=150)
    drawn = []
    for rows in np.random.default_rng(5).integers(0, 30, (150, 30)):
        product = 1.0
        for one in (x, y):
            halves = zip(one.halves[0].T, one.halves[1].T, strict=True)
            half = np.mean(
                [rank_correlation(first[rows], second[rows]) for first, second in halves]
            )
            product *= 2 * half / (1 + half)
        drawn.append(rank_correlation(x.values[rows], y.values[rows]) / np.sqrt(product))
    assert found == pytest.approx(np.quantile(drawn, (0.025, 0.975)))


def test_fewer_than_eight_candidates_have_no_interval():
    found, cautions = interval(*axes(n=7))
    assert found is None
    assert "n = 7, fewer than 8" in cautions[0]


def test_unreliable_axes_have_no_interval():
    found, cautions = interval(*axes(noise=20.0))
    assert found is None
    assert "reliability is too low" in cautions[0]


def test_splits_with_a_missing_half_do_not_count():
    x, y = axes(noise=0.3)
    x.halves[0][3, 0] = np.nan
    spared = HalvedAxis(values=x.values, halves=(x.halves[0][:, 1:], x.halves[1][:, 1:]))
    # The split with the gap drops out of every draw of that row: of nine in ten of them, nearly.
    assert interval(x, y)[0] == pytest.approx(interval(spared, y)[0], abs=0.02)


def test_a_disattenuated_rho_is_not_capped_at_one():
    assert disattenuated(-0.9, 0.6) == pytest.approx(-1.5)


def test_stated_errors_tell_the_reliability_of_every_resample():
    x, y = axes(n=30)
    errors = np.linspace(0.2, 0.6, 30)
    stated = HalvedAxis(values=y.values, halves=None, errors=errors)
    found, _ = interval(without_noise(x), stated, n_resamples=200)
    drawn = []
    for rows in np.random.default_rng(5).integers(0, 30, (200, 30)):
        reliability = 1.0 - np.mean(errors[rows] ** 2) / np.var(y.values[rows], ddof=1)
        drawn.append(rank_correlation(x.values[rows], y.values[rows]) / np.sqrt(reliability))
    assert found == pytest.approx(np.quantile(drawn, (0.025, 0.975)))


def test_errors_as_large_as_the_spread_have_no_interval():
    x, y = axes(n=12)
    stated = HalvedAxis(values=y.values, halves=None, errors=np.full(12, 5.0))
    assert interval(without_noise(x), stated)[0] is None
