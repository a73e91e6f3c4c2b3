# A null where a number is expected fails these tests by itself.
# mypy: disable-error-code="operator,index,arg-type,no-untyped-def"

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t
from tests.unit.analysis.cohorts import axis, names, outcomes

from silentzone.analysis.zones import (
    BAND,
    BAND_ERRORS,
    EQUIVALENCE,
    FIDELITY,
    FULL,
    RESTRICTS_RANGE,
    SELECTS_ON_OUTCOME,
    THRESHOLD,
    Outcome,
    Outcomes,
    ZoneRule,
    form_zone,
    members_in,
    reaches,
)
from silentzone.stats.equivalence import equivalence_test
from silentzone.stats.planning import resolvable_margin
from silentzone.stats.results import Estimate

KLD = axis([0.01, 0.02, 0.03, 0.04, 0.05, 0.06], is_loss=True, name="mean KLD")
SIX = outcomes([-0.03, -0.02, 0.0, 0.015, 0.02, 0.0200001])


def form(kind, width=0.0, *, metric=KLD, found=SIX, alpha=0.025, order=None):
    rule = ZoneRule(kind=kind, width=width, alpha=alpha)
    return form_zone(rule, metric, found, order or names(6))


def picked(zone):
    return None if zone.members is None else [int(name[1:]) for name in zone.members]


def test_the_whole_cohort_holds_those_without_metric_or_composite_too():
    zone = form(FULL, metric=axis({}), found=Outcomes(by_model={}, why_none="no benchmark"))
    assert zone.members == names(6)
    assert zone.cautions == ()


def test_a_band_reaches_to_its_edge_on_either_side():
    assert picked(form(BAND, 0.02)) == [1, 2, 3, 4]
    assert picked(form(BAND, 0.015)) == [2, 3]


def test_a_difference_that_reached_the_edge_by_rounding_is_inside():
    found = outcomes({"c00": 0.3 - 0.1 - 0.18, "c01": 0.1 + 0.2 - 0.28})
    assert found.by_model["c01"].difference > 0.02 - 1e-15
    assert form(BAND, 0.02, found=found).members == ("c00", "c01")


def test_a_band_in_standard_errors_has_each_candidates_own():
    by_model = {
        "c00": Outcome(difference=-0.03, standard_error=0.02, degrees_of_freedom=99.0),
        "c01": Outcome(difference=-0.03, standard_error=0.01, degrees_of_freedom=99.0),
        "c02": Outcome(difference=0.0, standard_error=None, degrees_of_freedom=99.0),
        "c03": Outcome(difference=0.02, standard_error=0.01, degrees_of_freedom=99.0),
    }
    zone = form(BAND_ERRORS, 2.0, found=Outcomes(by_model=by_model))
    assert picked(zone) == [0, 3]
    assert zone.name == "band"
    assert "within 2 standard errors" in zone.definition


@pytest.mark.parametrize("margin", [0.02, 0.03])
@pytest.mark.parametrize("alpha", [0.025, 0.05])
def test_equivalence_holds_exactly_those_that_both_one_sided_tests_show(margin, alpha):
    rng = np.random.default_rng(6)
    by_model = {
        name: Outcome(
            difference=float(rng.normal(0.0, 0.02)),
            standard_error=float(rng.uniform(0.002, 0.008)),
            degrees_of_freedom=float(rng.integers(5, 200)),
        )
        for name in names(60)
    }
    shown = []
    for name, one in by_model.items():
        difference = Estimate(
            value=one.difference,
            standard_error=one.standard_error,
            interval=None,
            method="",
            n_observations=1,
            n_clusters=None,
        )
        result = equivalence_test(
            difference, margin, alpha=alpha, degrees_of_freedom=one.degrees_of_freedom
        )
        if result.is_equivalent:
            shown.append(name)
    zone = form(
        EQUIVALENCE, margin, alpha=alpha, found=Outcomes(by_model=by_model), order=names(60)
    )
    assert 5 < len(shown) < 55
    assert list(zone.members) == shown


def test_a_difference_on_the_very_edge_of_equivalence_is_not_shown():
    # Both tests have p = alpha there, and p must be below it.
    error = 0.005
    edge = 0.03 - float(t.isf(0.025, 500)) * error
    found = outcomes({"c00": edge, "c01": edge - 1e-9, "c02": -edge}, error, 500.0)
    assert picked(form(EQUIVALENCE, 0.03, found=found)) == [1]


def test_equivalence_below_the_resolvable_margin_is_refused_and_names_that_margin():
    smallest = resolvable_margin(0.004, alpha=0.025)
    refused = form(EQUIVALENCE, smallest - 1e-6)
    assert refused.members is None
    assert f"needs {100 * smallest:.1f} points or more" in refused.cautions[0]
    assert form(EQUIVALENCE, smallest).members is not None


def test_half_the_cohort_decides_which_margin_can_be_resolved():
    errors = [0.001, 0.002, 0.003, 0.05, 0.06]
    found = Outcomes(
        by_model={
            name: Outcome(difference=0.0, standard_error=error, degrees_of_freedom=500.0)
            for name, error in zip(names(5), errors, strict=True)
        }
    )
    zone = form(EQUIVALENCE, resolvable_margin(0.003, alpha=0.025) + 1e-6, found=found)
    assert picked(zone) == [0, 1, 2]


def test_the_fidelity_zone_is_the_half_with_the_least_loss_rounded_up():
    assert picked(form(FIDELITY, 0.5)) == [0, 1, 2]
    five = axis([0.05, 0.04, 0.03, 0.02, 0.01], is_loss=True)
    assert picked(form(FIDELITY, 0.5, metric=five, order=names(5))) == [2, 3, 4]


def test_a_metric_of_agreement_puts_the_highest_nearest():
    agreement = axis([0.9, 0.95, 0.99, 0.8, 0.7, 0.6], is_loss=False)
    assert picked(form(FIDELITY, 0.5, metric=agreement)) == [0, 1, 2]


def test_candidates_tied_with_the_last_one_taken_are_taken_as_well():
    tied = axis([0.01, 0.02, 0.03, 0.03, 0.03, 0.06], is_loss=True)
    assert picked(form(FIDELITY, 0.5, metric=tied)) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(("share", "n"), [(0.01, 1), (1 / 6, 1), (0.17, 2), (2 / 3, 4), (1.0, 6)])
def test_a_share_takes_at_least_one_and_never_more_than_asked_by_rounding(share, n):
    assert len(form(FIDELITY, share).members) == n


def test_a_share_counts_only_candidates_that_have_the_metric():
    some = axis({"c00": 0.01, "c02": 0.03, "c03": 0.02, "c05": 0.04}, is_loss=True)
    assert picked(form(FIDELITY, 0.5, metric=some)) == [0, 3]


def test_a_threshold_takes_losses_up_to_it_whatever_their_number():
    zone = form(THRESHOLD, 0.03)
    assert picked(zone) == [0, 1, 2]
    assert picked(form(THRESHOLD, 0.0001)) == []
    assert zone.name == "fidelity"
    assert "a loss of at most 0.03" in zone.definition


def test_a_largest_loss_says_nothing_of_a_metric_that_grows_with_agreement():
    agreement = axis([0.9, 0.95, 0.99, 0.8, 0.7, 0.6], is_loss=False)
    zone = form(THRESHOLD, 0.03, metric=agreement)
    assert zone.members is None
    assert "is no loss" in zone.cautions[0]


def test_a_candidate_without_a_composite_is_in_no_zone_that_looks_at_it():
    found = outcomes({"c00": 0.0, "c05": 0.0})
    assert picked(form(BAND, 0.02, found=found)) == [0, 5]
    assert picked(form(EQUIVALENCE, 0.05, found=found)) == [0, 5]


def test_members_stand_in_the_order_of_the_candidates():
    order = ("c04", "c01", "c03", "c00", "c05", "c02")
    assert form(BAND, 0.02, order=order).members == ("c04", "c01", "c03", "c02")


@pytest.mark.parametrize("kind", [EQUIVALENCE, BAND, BAND_ERRORS])
def test_without_a_composite_such_a_zone_says_why(kind):
    zone = form(kind, 0.02, found=Outcomes(by_model={}, why_none="no benchmark enters"))
    assert zone.members is None
    assert zone.cautions == ("no benchmark enters",)


@pytest.mark.parametrize(
    ("kind", "is_formed"), [(EQUIVALENCE, False), (BAND_ERRORS, False), (BAND, True)]
)
def test_without_standard_errors_only_the_band_in_points_is_formed(kind, is_formed):
    zone = form(kind, 2.0, found=outcomes([0.0, 0.01], None))
    assert (zone.members is not None) == is_formed
    if not is_formed:
        assert zone.cautions == ("no composite difference has a standard error",)


@pytest.mark.parametrize(
    ("kind", "caution"),
    [
        (EQUIVALENCE, SELECTS_ON_OUTCOME),
        (BAND, SELECTS_ON_OUTCOME),
        (BAND_ERRORS, SELECTS_ON_OUTCOME),
        (FIDELITY, RESTRICTS_RANGE),
        (THRESHOLD, RESTRICTS_RANGE),
    ],
)
def test_every_choice_says_what_it_does_to_a_correlation(kind, caution):
    width = {FIDELITY: 0.5, THRESHOLD: 0.03, BAND_ERRORS: 5.0}.get(kind, 0.05)
    assert caution in form(kind, width).cautions


def test_equivalence_selects_on_volume_as_well():
    assert "it selects on volume as well" in form(EQUIVALENCE, 0.05).cautions


@pytest.mark.parametrize(
    ("kind", "width"),
    [
        (FULL, 0.0),
        (BAND, 0.02),
        (BAND_ERRORS, 3.0),
        (EQUIVALENCE, 0.03),
        (FIDELITY, 0.5),
        (THRESHOLD, 0.03),
    ],
)
def test_many_cohorts_at_once_have_the_members_each_has_alone(kind, width):
    rng = np.random.default_rng(1)
    losses = np.array(list(KLD.values.values()))[:, None] + rng.normal(0, 0.02, (6, 30))
    differences = rng.normal(0.0, 0.02, (6, 30))
    rule = ZoneRule(kind=kind, width=width)
    inside = members_in(rule, losses, differences, reaches(rule, SIX, names(6)))
    for column in range(30):
        own = axis(losses[:, column], is_loss=True)
        zone = form_zone(rule, own, outcomes(differences[:, column]), names(6))
        assert [names(6)[k] for k in np.flatnonzero(inside[:, column])] == list(zone.members)
