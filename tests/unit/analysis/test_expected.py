# A null where a number is expected fails these tests by itself.
# mypy: disable-error-code="operator,index,arg-type,no-untyped-def,union-attr"

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr
from tests.unit.analysis.cohorts import axis, names, outcomes

from silentzone.analysis.expected import expectation, whole_cohort
from silentzone.analysis.zones import (
    BAND,
    EQUIVALENCE,
    FIDELITY,
    FULL,
    THRESHOLD,
    Outcomes,
    ZoneRule,
)
from silentzone.stats.reliability import attainable_correlation
from silentzone.stats.shapes import SHAPES

N = 20
LOSSES = np.linspace(0.01, 0.2, N)
WHOLE = ZoneRule(kind=FULL)


def on_a_line(
    slope=-0.5,
    *,
    metric_noise=0.02,
    score_noise=0.01,
    is_loss=False,
    found=None,
    is_exact=True,
):
    """Cohort whose measured scores lie exactly on a line of the loss."""
    losses = axis(
        LOSSES, is_loss=True, noise=metric_noise, seed=3, name="mean KLD", is_exact=is_exact
    )
    scores = axis(slope * LOSSES, is_loss=is_loss, noise=score_noise, seed=4)
    found = found or outcomes(slope * LOSSES, score_noise)
    return whole_cohort(losses, scores, scores, found, names(N))


def median(found, shape=None):
    return next(one.median for one in found.shapes if shape in (None, one.shape))


def drawn(cohort):
    """Simulated losses and, for any true scores, simulated scores, as plain arrays."""
    deviations = cohort.score.noise.deviations
    return (
        LOSSES[:, None] + cohort.metric.noise.deviations,
        lambda truth: truth[:, None] + deviations,
    )


@pytest.mark.parametrize(
    ("metric_noise", "score_noise"), [(0.02, 0.01), (0.03, 0.03), (0.001, 0.04)]
)
def test_a_perfect_line_leads_to_about_what_noise_leaves_attainable(metric_noise, score_noise):
    cohort = on_a_line(metric_noise=metric_noise, score_noise=score_noise)
    found = expectation(cohort, WHOLE, 0.5, shapes=("isotonic",))
    reliabilities = (one.reliability(names(N)) for one in (cohort.metric, cohort.score))
    # Spearman's rho of 20 candidates wanders by less than this around its mean.
    assert median(found) == pytest.approx(attainable_correlation(*reliabilities), abs=0.04)
    assert found.n_simulations == 1000
    assert found.cautions == ()


def test_a_metric_taken_as_exact_leaves_the_noise_of_the_score_alone():
    cohort = on_a_line(metric_noise=None, score_noise=0.03)
    found = expectation(cohort, WHOLE, 0.5)
    reliability = cohort.score.reliability(names(N)).value
    assert median(found) == pytest.approx(np.sqrt(reliability), abs=0.04)
    assert "the noise of mean KLD is not known and taken as none" in found.cautions


def test_a_metric_whose_noise_is_not_known_is_not_simulated():
    found = expectation(on_a_line(metric_noise=None, is_exact=False), WHOLE, 0.5)
    assert found.shapes == ()
    assert found.cautions == ("nothing is known of its noise",)


def test_the_half_with_the_least_loss_shows_less_of_the_same_line():
    cohort = on_a_line()
    whole = expectation(cohort, WHOLE, 0.5)
    half = expectation(cohort, ZoneRule(kind=FIDELITY, width=0.5), 0.5)
    quarter = expectation(cohort, ZoneRule(kind=FIDELITY, width=0.25), 0.5)
    for shape in SHAPES:
        assert median(whole, shape) - median(half, shape) > 0.03
        assert median(half, shape) > median(quarter, shape)


def test_choosing_by_the_outcome_shows_less_of_the_same_line_too():
    cohort = on_a_line(score_noise=0.02)
    whole = expectation(cohort, WHOLE, 0.5)
    band = expectation(cohort, ZoneRule(kind=BAND, width=0.03), 0.5)
    assert median(whole) - median(band) > 0.1


def test_without_noise_a_perfect_order_is_expected_and_nothing_below_it():
    found = expectation(on_a_line(metric_noise=1e-9, score_noise=1e-9), WHOLE, 0.99)
    for one in found.shapes:
        assert one.median == pytest.approx(1.0)
        assert one.pvalue == pytest.approx(1 / 1001)


def test_pvalue_is_the_share_of_simulated_cohorts_that_show_no_more():
    cohort = on_a_line()
    typical = median(expectation(cohort, WHOLE, 0.0, shapes=("linear",)))
    at = {
        observed: expectation(cohort, WHOLE, observed, shapes=("linear",)).pvalue
        for observed in (-0.5, typical, 1.0)
    }
    assert at[-0.5] == pytest.approx(1 / 1001)
    assert at[typical] == pytest.approx(0.5, abs=0.03)
    assert at[1.0] == 1.0


def test_pvalue_of_an_expectation_is_that_of_the_shape_that_predicts_least():
    cohort = on_a_line()
    found = expectation(cohort, ZoneRule(kind=FIDELITY, width=0.25), 0.4)
    assert len({one.pvalue for one in found.shapes}) > 1
    assert found.pvalue == max(one.pvalue for one in found.shapes)
    as_json = found.as_json()
    medians = [one.median for one in found.shapes]
    assert (as_json["low"], as_json["high"]) == (min(medians), max(medians))


@pytest.mark.parametrize("kind", [FULL, BAND, FIDELITY])
def test_each_simulated_cohort_is_the_line_plus_one_joint_draw_with_its_own_zone(kind):
    cohort = on_a_line(score_noise=0.015)
    width = {BAND: 0.04, FIDELITY: 0.5}.get(kind, 0.0)
    found = expectation(cohort, ZoneRule(kind=kind, width=width), 0.3, shapes=("linear",))
    losses, scores = drawn(cohort)
    # The measured scores lie on the line, so the fit is the scores themselves.
    scores = scores(-0.5 * LOSSES)
    simulated = []
    for one in range(losses.shape[1]):
        x, y = losses[:, one], scores[:, one]
        inside = {
            FULL: np.ones(N, dtype=bool),
            BAND: np.abs(y) <= 0.04,
            FIDELITY: x <= np.sort(x)[9],
        }[kind]
        simulated.append(-spearmanr(x[inside], y[inside]).statistic)
    assert median(found) == pytest.approx(np.median(simulated))
    assert found.shapes[0].interval == pytest.approx(np.quantile(simulated, (0.025, 0.975)))
    assert found.pvalue == pytest.approx((np.sum(np.array(simulated) <= 0.3) + 1) / 1001)


def test_an_outcome_zone_of_another_score_is_drawn_by_the_composite_of_the_same_draw():
    losses = axis(LOSSES, is_loss=True, noise=0.02, seed=3, name="mean KLD")
    volume = axis(0.4 * LOSSES, is_loss=True, noise=0.01, seed=5)
    composite = axis(-0.5 * LOSSES, noise=0.015, seed=4)
    cohort = whole_cohort(losses, volume, composite, outcomes(-0.5 * LOSSES), names(N))
    found = expectation(cohort, ZoneRule(kind=BAND, width=0.04), 0.3, shapes=("linear",))
    x = LOSSES[:, None] + losses.noise.deviations
    y = 0.4 * LOSSES[:, None] + volume.noise.deviations
    differences = -0.5 * LOSSES[:, None] + composite.noise.deviations
    simulated = [
        spearmanr(x[inside, k], y[inside, k]).statistic
        for k, inside in enumerate(np.abs(differences.T) <= 0.04)
    ]
    assert median(found) == pytest.approx(np.median(simulated))


def test_a_volume_that_grows_with_the_loss_is_expected_to_align():
    assert median(expectation(on_a_line(0.5, is_loss=True), WHOLE, 0.5)) > 0.8


def test_a_relation_the_wrong_way_round_is_flat_for_isotonic_and_negative_for_a_line():
    found = expectation(on_a_line(+0.5), WHOLE, 0.0)
    assert abs(median(found, "isotonic")) < 0.05
    assert median(found, "linear") < -0.8


def test_a_loss_of_zero_has_no_logarithm_and_that_is_said():
    losses = axis(LOSSES - LOSSES[0], is_loss=True, noise=0.02, name="mean KLD")
    scores = axis(-LOSSES, noise=0.01)
    cohort = whole_cohort(losses, scores, scores, outcomes(-LOSSES), names(N))
    found = expectation(cohort, WHOLE, 0.5)
    assert [one.shape for one in found.shapes] == ["isotonic", "linear"]
    assert any("no logarithmic shape" in text for text in found.cautions)


def test_equivalence_takes_the_observed_standard_errors():
    cohort = on_a_line(found=outcomes(-0.5 * LOSSES, 0.01))
    wider = on_a_line(found=outcomes(-0.5 * LOSSES, 0.02))
    rule = ZoneRule(kind=EQUIVALENCE, width=0.08)
    assert median(expectation(cohort, rule, 0.5)) > median(expectation(wider, rule, 0.5))


def test_a_score_whose_noise_is_not_known_is_not_simulated():
    found = expectation(on_a_line(score_noise=None, found=outcomes([0.0] * N)), WHOLE, 0.0)
    assert found.shapes == ()
    assert found.pvalue is None
    assert found.cautions == ("0 candidates with a known noise: no shape is fitted",)


def test_fewer_than_five_candidates_are_not_simulated():
    losses, scores = axis(LOSSES[:4], is_loss=True, noise=0.01), axis(-LOSSES[:4], noise=0.01)
    cohort = whole_cohort(losses, scores, scores, Outcomes(by_model={}), names(4))
    assert "4 candidates" in expectation(cohort, WHOLE, 0.0).cautions[0]


def test_a_zone_that_is_nearly_always_empty_has_no_expectation():
    found = expectation(on_a_line(), ZoneRule(kind=THRESHOLD, width=-0.1), 0.0)
    assert found.shapes == ()
    assert all("too few simulated cohorts" in text for text in found.cautions)


def test_only_candidates_with_metric_score_and_noise_are_simulated():
    losses = axis({"c00": 0.1, "c01": 0.2, "c03": 0.3}, is_loss=True)
    scores = axis({"c00": 0.1, "c01": 0.2, "c02": 0.3}, noise=0.01)
    composite = axis({"c00": 0.1, "c02": 0.2}, noise=0.01)
    cohort = whole_cohort(losses, scores, composite, Outcomes(by_model={}), names(4))
    assert cohort.candidates == ("c00",)
    alone = whole_cohort(losses, scores, scores, Outcomes(by_model={}), names(4))
    assert alone.candidates == ("c00", "c01")
