"""Window means from rounded running means, against means that are known."""

from __future__ import annotations

import numpy as np
import pytest

from silentzone.importers.running_means import (
    RunningMeans,
    are_resolved,
    rounding,
    spread,
    window_means,
)


def _printed(means, decimals):
    running = np.cumsum(means) / np.arange(1, len(means) + 1)
    half = np.full(len(means), 0.5 * 10.0**-decimals)
    return RunningMeans(np.round(running, decimals), half)


def test_means_come_back_within_the_stated_rounding():
    means = np.random.default_rng(1).gamma(4.0, 0.01, 200)
    printed = _printed(means, 5)
    off = np.abs(window_means(printed) - means)
    assert (off <= rounding(printed) + 1e-12).all()
    assert off.max() > 0.2 * rounding(printed).max()  # the bound is no idle one


@pytest.mark.parametrize("size", [2, 7, 50])
def test_blocks_are_known_better_and_the_rest_joins_the_last(size):
    means = np.random.default_rng(2).gamma(4.0, 0.01, 103)
    printed = _printed(means, 5)
    blocks = window_means(printed, size)
    assert len(blocks) == 103 // size
    last = means[(103 // size - 1) * size :].mean()
    assert blocks[-1] == pytest.approx(last, abs=rounding(printed, size)[-1] + 1e-12)
    assert rounding(printed, size).max() < rounding(printed).max()


def _spread(means):
    found = spread(means)
    assert found is not None
    return found


def test_the_error_is_that_of_the_window_means():
    means = np.random.default_rng(3).gamma(4.0, 0.05, 60)
    found = _spread(_printed(means, 6))
    assert found.standard_error == pytest.approx(means.std(ddof=1) / np.sqrt(60), rel=2e-3)
    assert found.method == "clustered by 60 windows (CR1), from running means"


def test_windows_are_pooled_where_the_printing_hides_single_ones():
    generator = np.random.default_rng(4)
    errors, truths = [], []
    for _ in range(40):
        means = generator.gamma(4.0, 0.001, 400)
        printed = _printed(means, 5)
        assert not are_resolved(printed)
        found = _spread(printed)
        assert "blocks of" in found.method
        errors.append(found.standard_error**2)
        truths.append(means.var(ddof=1) / 400)
    assert np.mean(errors) == pytest.approx(np.mean(truths), rel=0.2)


def test_nothing_is_said_where_nothing_is_resolved():
    assert spread(_printed(np.full(600, 1e-5), 5)) is None
    assert spread(_printed(np.random.default_rng(5).gamma(4.0, 1e-5, 600), 5)) is None
    assert spread(_printed(np.array([0.1, 0.2, 0.3, 0.4]), 5)) is None
