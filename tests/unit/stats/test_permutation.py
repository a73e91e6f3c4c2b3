# A null where a number is expected fails these tests by itself.
# mypy: disable-error-code="operator,index,arg-type,type-var,misc,no-untyped-def"

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from scipy.stats import rankdata

from silentzone.errors import InputError, ShapeError
from silentzone.stats.correlation import permutation_pvalues
from silentzone.stats.permutation import maxt


def standard(values):
    ranks = rankdata(values) - (len(values) + 1) / 2
    return ranks / np.sqrt((ranks**2).sum())


def family(n: int, n_variants: int, seed: int):
    """Raw variants that share much of their order, and a score."""
    rng = np.random.default_rng(seed)
    score = rng.normal(size=n)
    common = 0.8 * score + rng.normal(size=n)
    return [common + spread * rng.normal(size=n) for spread in range(n_variants)], score


def adjusted(variants, score, n_resamples=999):
    rows = np.stack([standard(one) for one in variants])
    rng = np.random.default_rng(2)
    return maxt(rows, standard(score), n_resamples=n_resamples, rng=rng)


def stepped_down(variants, score):
    """Westfall and Young by hand: test the strongest, take it away, test the strongest left."""

    def strength(one, order):
        return abs(np.corrcoef(rankdata(one), rankdata(order))[0, 1])

    observed = [strength(one, score) for one in variants]
    null = [[strength(one, order) for one in variants] for order in permutations(score)]
    left, found, running = set(range(len(variants))), [0.0] * len(variants), 0.0
    while left:
        strongest = max(left, key=lambda k: observed[k])
        reached = [max(row[k] for k in left) >= observed[strongest] - 1e-9 for row in null]
        running = max(running, float(np.mean(reached)))
        found[strongest] = running
        left.remove(strongest)
    return found


@pytest.mark.parametrize(("n", "n_variants"), [(4, 3), (5, 4), (6, 3)])
def test_up_to_eight_candidates_the_adjusted_pvalues_are_those_of_the_step_down_over_all_orders(
    n, n_variants
):
    variants, score = family(n, n_variants, seed=n)
    result = adjusted(variants, score)
    assert result.adjusted == pytest.approx(stepped_down(variants, score))
    assert result.n_resamples == len(list(permutations(range(n))))
    assert result.method.startswith("maxT, all ")


def test_tied_scores_and_variants_step_down_as_well():
    variants = [np.array([1.0, 1.0, 2.0, 3.0, 3.0]), np.array([4.0, 1.0, 2.0, 2.0, 5.0])]
    score = np.array([1.0, 2.0, 2.0, 2.0, 3.0])
    assert adjusted(variants, score).adjusted == pytest.approx(stepped_down(variants, score))


@pytest.mark.parametrize("n", [5, 8])
def test_a_single_variant_has_its_own_exact_permutation_pvalue(n):
    variants, score = family(n, 1, seed=3)
    result = adjusted(variants, score)
    expected = permutation_pvalues(variants[0], score[:, None])[0][0]
    assert result.adjusted[0] == result.pvalues[0] == pytest.approx(expected)


def test_a_single_variant_of_many_candidates_is_near_the_pvalue_of_other_permutations():
    variants, score = family(20, 1, seed=9)
    result = adjusted(variants, score, n_resamples=9999)
    expected = permutation_pvalues(variants[0], score[:, None])[0][0]
    # Both are shares of 9,999 draws: five standard errors of their difference.
    allowed = 5 * np.sqrt(2 * expected * (1 - expected) / 9999)
    assert result.adjusted[0] == pytest.approx(expected, abs=allowed)
    assert result.method == "maxT, 9999 random permutations"


@pytest.mark.parametrize("n", [6, 15])
def test_variants_that_rank_alike_cost_nothing(n):
    variants, score = family(n, 1, seed=4)
    alone = adjusted(variants, score)
    # The same order, its reverse, and a stretched one.
    many = adjusted([variants[0], -variants[0], np.exp(variants[0])], score)
    assert many.adjusted == pytest.approx(np.repeat(alone.pvalues, 3))


@pytest.mark.parametrize("n", [7, 20])
def test_adjusted_pvalues_never_lie_below_the_plain_ones_and_keep_the_order_of_strength(n):
    variants, score = family(n, 6, seed=5)
    result = adjusted(variants, score)
    assert (result.adjusted >= result.pvalues).all()
    by_strength = np.argsort(-np.abs(result.correlations))
    assert (np.diff(result.adjusted[by_strength]) >= 0.0).all()
    assert result.adjusted[by_strength[-1]] <= 1.0


def test_the_weakest_variant_keeps_its_place_behind_the_stronger_not_behind_all():
    # Step-down: with an unrelated second variant the weakest is compared with itself alone.
    variants, score = family(6, 2, seed=6)
    result = adjusted(variants, score)
    weakest = int(np.argmin(np.abs(result.correlations)))
    assert result.adjusted[weakest] == max(result.pvalues[weakest], result.adjusted.min())


def test_random_permutations_count_the_observed_order_so_no_pvalue_is_zero():
    score = np.arange(12.0)
    result = adjusted([score], score, n_resamples=199)
    assert result.pvalues[0] == result.adjusted[0] == pytest.approx(1 / 200)


def test_the_same_generator_gives_the_same_pvalues():
    variants, score = family(15, 4, seed=7)
    first, second = (adjusted(variants, score) for _ in range(2))
    assert np.array_equal(first.adjusted, second.adjusted)


def test_shapes_and_an_empty_family_are_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(ShapeError, match="must have shapes"):
        maxt(np.ones((2, 5)), np.ones(4), n_resamples=9, rng=rng)
    with pytest.raises(InputError, match="at least one variant"):
        maxt(np.ones((0, 5)), np.ones(5), n_resamples=9, rng=rng)
