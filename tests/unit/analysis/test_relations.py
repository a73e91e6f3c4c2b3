# A null where a number is expected fails these tests by itself.
# mypy: disable-error-code="operator,index,arg-type,no-untyped-def,union-attr"

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import kendalltau, spearmanr
from tests.unit.analysis.cohorts import axis, metric, names, outcomes

from silentzone.analysis.axes import Axis, Noise
from silentzone.analysis.relations import (
    N_NOISE_DRAWS,
    noise_of_rho,
    relate,
    with_holm,
    with_permutation_pvalues,
)
from silentzone.analysis.zones import EQUIVALENCE, FULL, Zone, ZoneRule, form_zone
from silentzone.stats.correlation import permutation_pvalues, spearman
from silentzone.stats.multiplicity import holm

RNG = np.random.default_rng(9)
N = 12
KLD = np.sort(RNG.gamma(1.0, 0.05, N))
SCORES = 0.7 - KLD + RNG.normal(0.0, 0.04, N)


def whole(n=N):
    return Zone(rule=ZoneRule(kind=FULL), definition="all", members=names(n))


def related(x=KLD, y=SCORES, *, metric_noise=0.005, score_noise=0.005, zone=None, **of_score):
    score = axis(y, noise=score_noise, **of_score)
    return relate(metric(x, noise=metric_noise), "mmlu", score, zone or whole(len(x)))


def test_both_rank_correlations_are_scipys_over_the_members():
    found = related()
    assert found.correlation.value == pytest.approx(spearmanr(KLD, SCORES).statistic)
    assert found.kendall.value == pytest.approx(kendalltau(KLD, SCORES).statistic)
    assert found.kendall.pvalue == pytest.approx(kendalltau(KLD, SCORES, method="exact").pvalue)
    assert found.members == names(N)


def test_aligned_and_its_interval_are_turned_for_a_loss_against_a_gain():
    found = related()
    low, high = found.correlation.interval
    assert found.aligned == -found.correlation.value
    assert found.aligned_interval == (-high, -low)
    of_volume = related(is_loss=True)
    assert of_volume.aligned == of_volume.correlation.value
    assert of_volume.aligned_interval == of_volume.correlation.interval


def test_members_without_a_value_are_left_out_and_counted():
    partial = {name: value for name, value in zip(names(N), SCORES, strict=True) if name != "c03"}
    found = relate(metric(KLD), "mmlu", axis(partial), whole())
    assert "c03" not in found.members
    assert f"1 of {N} members have no value and are left out" in found.cautions
    kept = np.arange(N) != 3
    assert found.correlation.value == pytest.approx(spearmanr(KLD[kept], SCORES[kept]).statistic)


def test_only_members_of_the_zone_count():
    zone = replace(whole(), members=names(N)[:5])
    assert related(zone=zone).correlation.value == pytest.approx(
        spearmanr(KLD[:5], SCORES[:5]).statistic
    )


def test_attainable_is_the_root_of_both_reliabilities_among_the_members():
    zone = replace(whole(), members=names(N)[2:])
    found = related(metric_noise=0.02, score_noise=0.03, zone=zone)
    parts = [
        axis(KLD, is_loss=True, noise=0.02, seed=2).reliability(zone.members).value,
        axis(SCORES, noise=0.03).reliability(zone.members).value,
    ]
    assert found.attainable == pytest.approx(np.sqrt(parts[0] * parts[1]))


def test_a_metric_without_stated_noise_is_taken_as_exact():
    found = related(metric_noise=None, score_noise=0.03)
    reliability = axis(SCORES, noise=0.03).reliability(names(N)).value
    assert found.attainable == pytest.approx(np.sqrt(reliability))
    assert "kld_mean on text: nothing is known of its noise" in found.cautions


def test_a_metric_whose_noise_is_not_known_is_not_taken_as_exact():
    y = axis(SCORES, noise=0.02, seed=3)
    rho = spearmanr(KLD, SCORES).statistic
    assert noise_of_rho(axis(KLD, is_loss=True), y, names(N), rho) is None


def test_a_score_whose_noise_is_not_known_leaves_nothing_attainable():
    found = related(score_noise=None)
    assert found.attainable is None
    assert "the score: nothing is known of its noise" in found.cautions


def test_scores_that_do_not_repeat_leave_nothing_attainable_and_say_so():
    found = related(score_noise=5.0)
    assert found.attainable is None
    assert any("below 0.3" in text for text in found.cautions)


def test_values_equal_but_for_rounding_stay_tied():
    x, y = np.array([1.0, 2.0, 3.0, 4.0]), np.array([0.1 + 0.2, 0.3, 0.5, 0.9])
    tied = related(x, y).correlation.value
    assert tied == pytest.approx(spearmanr(x, [0.3, 0.3, 0.5, 0.9]).statistic)
    tiny = 1e-15 * np.array([1.0, 2.0, 3.0, 4.0])
    assert related(tiny, x).correlation.value == 1.0


def test_a_zone_that_was_refused_gives_null_with_its_reason_and_no_members():
    zone = form_zone(
        ZoneRule(kind=EQUIVALENCE, width=0.001), metric(KLD).axis, outcomes(KLD), names(N)
    )
    found = related(zone=zone)
    assert found.correlation.value is found.attainable is found.kendall.value is None
    assert found.members == ()
    assert "not resolvable" in found.cautions[0]
    assert found.as_json()["minimum_detectable"] is None


def test_an_axis_without_any_value_gives_its_reason():
    empty = replace(axis({}), why_empty="no benchmark enters")
    assert relate(metric(KLD), "composite", empty, whole()).cautions[0] == "no benchmark enters"


@pytest.mark.parametrize("n", [0, 1, 2])
def test_fewer_than_three_members_have_no_correlation(n):
    found = related(zone=replace(whole(), members=names(N)[:n]))
    assert found.correlation.value is None
    assert f"n = {n}" in found.cautions[0]


def test_json_keeps_the_interval_raw_and_names_every_method():
    row = related().as_json()
    assert row["interval"] == list(related().correlation.interval)
    assert row["pvalue_method"] == "t approximation"
    assert row["kendall_pvalue_method"] == "exact"
    assert row["minimum_detectable"] == pytest.approx(np.tanh(1.959964 / 3.0), abs=1e-6)
    assert row["measurement"] is row["expected"] is row["disattenuated"] is None


def test_noise_of_rho_is_the_spread_over_joint_draws_around_the_measured_values():
    x = axis(KLD, is_loss=True, noise=0.02, seed=2)
    y = axis(SCORES, noise=0.02, seed=3)
    rho = spearmanr(KLD, SCORES).statistic
    found = noise_of_rho(x, y, names(N), rho)
    moved = (KLD[:, None] + x.noise.deviations, SCORES[:, None] + y.noise.deviations)
    drawn = [spearmanr(moved[0][:, k], moved[1][:, k]).statistic for k in range(N_NOISE_DRAWS)]
    assert found.standard_error == pytest.approx(np.std(drawn, ddof=1))
    reach = 1.96 * np.std(np.arctanh(drawn), ddof=1)
    low, high = np.quantile(drawn, (0.025, 0.975))
    assert found.interval == pytest.approx(
        (min(low, np.tanh(np.arctanh(rho) - reach)), max(high, np.tanh(np.arctanh(rho) + reach)))
    )
    assert min(drawn) < found.interval[0] < found.interval[1] < 0.0  # of the raw rho, as it is


def test_noise_that_all_candidates_share_does_not_move_rho():
    shared = np.tile(RNG.normal(0.0, 0.1, 1000), (N, 1))
    noise = Noise(models=names(N), deviations=shared, halves=None)
    x = Axis(name="x", is_loss=True, values=dict(zip(names(N), KLD, strict=True)), noise=noise)
    y = Axis(name="y", is_loss=False, values=dict(zip(names(N), SCORES, strict=True)), noise=noise)
    found = noise_of_rho(x, y, names(N), spearmanr(KLD, SCORES).statistic)
    assert found.standard_error < 1e-12


def test_a_metric_without_known_noise_leaves_that_of_the_score():
    x, y = axis(KLD, is_loss=True, is_exact=True), axis(SCORES, noise=0.02, seed=3)
    exact = axis(KLD, is_loss=True, noise=1e-12)
    rho = spearmanr(KLD, SCORES).statistic
    found, close = (noise_of_rho(one, y, names(N), rho) for one in (x, exact))
    assert found.standard_error == pytest.approx(close.standard_error)


@pytest.mark.parametrize(
    ("members", "rho", "noise"),
    [(names(N)[:3], 0.5, 0.01), (names(N), 1.0, 0.01), (names(N), 0.5, None)],
)
def test_three_candidates_a_perfect_order_or_unknown_noise_have_no_spread(members, rho, noise):
    assert noise_of_rho(axis(KLD, is_loss=True), axis(SCORES, noise=noise), members, rho) is None


def several(scores):
    own = metric(KLD)
    axes = {name: axis(values) for name, values in scores.items()}
    return own, axes, [relate(own, name, one, whole()) for name, one in axes.items()]


def test_permutation_pvalues_stand_at_the_relation_they_belong_to():
    noise = RNG.normal(size=(3, N))
    own, axes, found = several({"a": SCORES, "b": noise[0], "c": noise[1], "flat": np.ones(N)})
    partial = relate(own, "b", axes["b"], replace(whole(), members=names(N)[:6]))
    result = with_permutation_pvalues([*found, partial], own.axis, axes)
    for one, y in zip(result[:3], (SCORES, noise[0], noise[1]), strict=True):
        assert one.pvalue_permutation == pytest.approx(permutation_pvalues(KLD, y[:, None])[0][0])
    assert result[3].pvalue_permutation is None
    exact = spearman(KLD[:6], noise[0][:6]).pvalue
    assert result[4].pvalue_permutation == pytest.approx(exact)


def test_holm_is_taken_over_the_benchmarks_of_one_metric_corpus_and_zone():
    noise = RNG.normal(size=(2, N))
    _, axes, found = several(
        {"composite": SCORES, "a": SCORES, "b": noise[0], "volume:a": noise[1]}
    )
    other = [relate(metric(KLD[::-1], key="js_mean"), "a", axes["a"], whole())]
    result = with_holm([*found, *other], ["a", "b"])
    adjusted = holm([found[1].correlation.pvalue, found[2].correlation.pvalue])
    assert [one.pvalue_holm for one in result] == [
        None,
        pytest.approx(adjusted[0]),
        pytest.approx(adjusted[1]),
        None,
        pytest.approx(other[0].correlation.pvalue),
    ]
