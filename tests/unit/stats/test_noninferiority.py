# A null where a number is expected fails these tests by itself.
# mypy: disable-error-code="operator,index,arg-type,union-attr,list-item,no-untyped-def"

from __future__ import annotations

import math

import numpy as np
import pytest

from silentzone.errors import InputError
from silentzone.stats.clusters import ClusterPartition
from silentzone.stats.equivalence import lower_bound
from silentzone.stats.noninferiority import (
    PairedPart,
    inferiority_bound,
    noninferiority_bound,
    noninferiority_pvalue,
    restricted_variance,
    score_error,
)
from silentzone.stats.paired import decompose


def scores(harm: int, gain: int, n: int):
    reference = np.concatenate([np.ones(harm), np.zeros(gain), np.ones(n - harm - gain)])
    candidate = np.concatenate([np.zeros(harm), np.ones(gain), np.ones(n - harm - gain)])
    return reference, candidate


def part_of(harm: int, gain: int, n: int, clusters: ClusterPartition | None = None):
    reference, candidate = scores(harm, gain, n)
    alone = ClusterPartition.singletons(n, unit="item")
    return PairedPart.of(decompose(reference, candidate, clusters or alone))


def test_with_many_differences_the_score_test_is_walds():
    reference, candidate = scores(2100, 2000, 40_000)
    part = decompose(reference, candidate, ClusterPartition.singletons(40_000, unit="item"))
    bound = noninferiority_bound(
        part.net.value, [PairedPart.of(part)], alpha=0.025, degrees_of_freedom=39_999
    )
    assert bound == pytest.approx(lower_bound(part.net, alpha=0.025), rel=2e-3)


def test_the_bound_is_the_margin_at_which_the_pvalue_is_alpha():
    for harm, gain, n in ((0, 0, 300), (7, 2, 600), (90, 60, 1000), (3, 9, 150)):
        part = part_of(harm, gain, n)
        bound = noninferiority_bound(part.net, [part], alpha=0.025, degrees_of_freedom=n - 1)
        pvalue = noninferiority_pvalue(part.net, [part], -bound, degrees_of_freedom=n - 1)
        assert pvalue == pytest.approx(0.025, rel=1e-6)


def test_a_wider_margin_is_never_harder_to_show():
    part = part_of(6, 2, 400)
    margins = np.linspace(0.001, 0.5, 200)
    pvalues = [
        noninferiority_pvalue(part.net, [part], margin, degrees_of_freedom=399)
        for margin in margins
    ]
    assert (np.diff(pvalues) <= 1e-12).all()


def test_equal_answers_show_only_what_their_number_can():
    # Without any loss in n items, losses up to about t^2 / n remain possible.
    part = part_of(0, 0, 300)
    bound = noninferiority_bound(0.0, [part], alpha=0.025, degrees_of_freedom=299)
    assert bound == pytest.approx(-(1.968**2) / 300, rel=0.02)


def test_exchanging_the_models_exchanges_the_bounds():
    part, mirror = part_of(12, 5, 500), part_of(5, 12, 500)
    upper = inferiority_bound(part.net, [part], alpha=0.025, degrees_of_freedom=499)
    lower = noninferiority_bound(mirror.net, [mirror], alpha=0.025, degrees_of_freedom=499)
    assert upper == pytest.approx(-lower)
    assert (
        upper
        > part.net
        > noninferiority_bound(part.net, [part], alpha=0.025, degrees_of_freedom=499)
    )


def test_clusters_inflate_the_error_under_the_null_as_they_do_the_observed():
    reference, candidate = (np.repeat(one, 4) for one in scores(30, 20, 500))
    alone = decompose(reference, candidate, ClusterPartition.singletons(2000, unit="item"))
    clustered = decompose(
        reference, candidate, ClusterPartition.of(np.repeat(np.arange(500), 4), unit="cluster")
    )
    errors = [
        score_error(part.net.value, [PairedPart.of(part)], -0.02) for part in (alone, clustered)
    ]
    assert errors[1] == pytest.approx(2.0 * errors[0], rel=0.01)


def test_graded_scores_are_tested_by_their_own_error():
    rng = np.random.default_rng(0)
    reference = rng.random(200)
    candidate = np.clip(reference + rng.normal(0, 0.1, 200), 0, 1)
    part = decompose(reference, candidate, ClusterPartition.singletons(200, unit="item"))
    own = PairedPart.of(part)
    assert own.counts is None
    bound = noninferiority_bound(own.net, [own], alpha=0.025, degrees_of_freedom=199)
    assert bound == pytest.approx(lower_bound(part.net, alpha=0.025))


def test_an_unknown_error_gives_no_part():
    one_cluster = ClusterPartition.of(np.zeros(20), unit="cluster")
    assert part_of(2, 1, 20, one_cluster) is None


def test_the_mean_over_benchmarks_has_the_error_of_independent_parts():
    parts = [part_of(30, 25, 600), part_of(10, 8, 300)]
    value = (parts[0].net + parts[1].net) / 2
    errors = [score_error(part.net, [part], part.net) for part in parts]
    assert score_error(value, parts, value) == pytest.approx(math.hypot(errors[0], errors[1]) / 2)


def test_a_bound_never_leaves_the_range_of_a_difference():
    few = part_of(2, 0, 3)
    assert noninferiority_bound(few.net, [few], alpha=0.025, degrees_of_freedom=2) == -1.0


def test_the_null_variance_at_the_observed_net_is_the_observed_one():
    assert restricted_variance(30, 10, 400, -0.05) == pytest.approx((0.1 - 0.0025) / 400)
    assert restricted_variance(10, 30, 400, 0.05) == pytest.approx((0.1 - 0.0025) / 400)


def test_a_margin_must_be_positive_and_something_must_be_tested():
    with pytest.raises(InputError, match="must be positive"):
        noninferiority_pvalue(0.0, [part_of(1, 1, 50)], 0.0, degrees_of_freedom=49)
    with pytest.raises(InputError, match="not empty"):
        noninferiority_pvalue(0.0, [], 0.01, degrees_of_freedom=49)
