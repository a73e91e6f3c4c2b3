# A null where a number is expected fails these tests by itself.
# mypy: disable-error-code="operator,index,arg-type,type-var,misc,no-untyped-def,union-attr"

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import linregress

from silentzone.stats.shapes import SHAPES, fitted_shape, perfect_order


def cohort(n=15, seed=1, *, tied=False):
    rng = np.random.default_rng(seed)
    losses = rng.gamma(1.0, 0.1, n) + 0.001
    scores = 0.7 - losses + rng.normal(0, 0.05, n)
    return (np.ceil(20 * losses) / 20 if tied else losses), scores


def falling_by_min_and_max(losses, scores):
    """Least squares over falling functions, by the formula of minima of maxima of means."""
    levels = np.unique(losses)
    blocks = [scores[losses == level] for level in levels]

    def mean(first, last):
        return np.concatenate(blocks[first : last + 1]).mean()

    fitted = {
        level: min(
            max(mean(first, last) for last in range(place, len(levels)))
            for first in range(place + 1)
        )
        for place, level in enumerate(levels)
    }
    return np.array([fitted[loss] for loss in losses])


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_isotonic_is_the_least_squares_fit_that_never_rises_with_the_loss(seed, tied):
    losses, scores = cohort(seed=seed, tied=tied)
    fitted = fitted_shape("isotonic", losses, scores)
    assert fitted == pytest.approx(falling_by_min_and_max(losses, scores))
    assert (np.diff(fitted[np.argsort(losses)]) <= 1e-12).all()


def test_isotonic_leaves_a_falling_relation_as_it_is_and_flattens_a_rising_one():
    losses = np.array([0.3, 0.1, 0.2])
    assert fitted_shape("isotonic", losses, -losses) == pytest.approx(-losses)
    assert fitted_shape("isotonic", losses, losses) == pytest.approx(0.2)


def test_equal_losses_get_equal_scores():
    fitted = fitted_shape("isotonic", np.array([1.0, 1.0, 2.0]), np.array([5.0, 1.0, 4.0]))
    assert fitted == pytest.approx([10 / 3, 10 / 3, 10 / 3])


@pytest.mark.parametrize(("shape", "turn"), [("linear", np.array), ("logarithmic", np.log)])
def test_lines_are_scipys_regression_on_the_loss_or_its_logarithm(shape, turn):
    losses, scores = cohort()
    peer = linregress(turn(losses), scores)
    fitted = fitted_shape(shape, losses, scores)
    assert fitted == pytest.approx(peer.intercept + peer.slope * turn(losses))


def test_a_line_may_rise_with_the_loss():
    losses = np.array([1.0, 2.0, 3.0])
    assert fitted_shape("linear", losses, 2.0 * losses) == pytest.approx(2.0 * losses)


def test_every_shape_keeps_the_mean_of_the_scores():
    losses, scores = cohort()
    for shape in SHAPES:
        assert fitted_shape(shape, losses, scores).mean() == pytest.approx(scores.mean())


def test_a_logarithm_of_no_loss_and_a_slope_through_equal_losses_do_not_exist():
    scores = np.array([1.0, 2.0, 3.0])
    assert fitted_shape("logarithmic", np.array([0.0, 1.0, 2.0]), scores) is None
    assert fitted_shape("linear", np.ones(3), scores) is None
    assert fitted_shape("logarithmic", np.ones(3), scores) is None


def test_a_perfect_order_gives_the_best_score_to_the_least_loss():
    losses, scores = np.array([0.3, 0.1, 0.2, 0.4]), np.array([0.1, 0.4, 0.2, 0.3])
    assert perfect_order(losses, scores, 0.0).tolist() == [0.2, 0.4, 0.3, 0.1]


def test_noise_draws_a_perfect_order_together_until_truth_alone_is_left():
    scores = np.random.default_rng(3).normal(size=200)
    variance = scores.var(ddof=1)
    placed = perfect_order(np.arange(200.0), scores, 0.75 * variance)
    assert placed.var(ddof=1) == pytest.approx(0.25 * variance)
    assert placed.mean() == pytest.approx(scores.mean())
    assert np.ptp(perfect_order(np.arange(200.0), scores, 2 * variance)) == pytest.approx(0.0)
