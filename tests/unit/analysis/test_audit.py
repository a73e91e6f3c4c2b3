# A null where a number is expected fails these tests by itself.
# mypy: disable-error-code="operator,index,arg-type,no-untyped-def,union-attr"

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from tests.unit.analysis.cohorts import axis, evidence, metric, names

from silentzone.analysis.audit import JUDGED_SCORES, AuditRule, audit, headline
from silentzone.analysis.axes import Noise
from silentzone.analysis.zones import ZoneRule
from silentzone.records.config import AuditEntry
from silentzone.stats.correlation import rho_interval

RULE = AuditRule(margin=0.02, alpha=0.025)


@pytest.fixture(scope="module")
def directed():
    """Quality falls with the loss."""
    return audit(evidence(), RULE)


@pytest.fixture(scope="module")
def undirected():
    """Only the volume follows the loss."""
    return audit(evidence(directed=False), RULE)


def one(found, score="composite", zone="full", key="kld_mean"):
    return next(
        own
        for own in found.relations
        if (own.metric, own.score, own.zone.name) == (key, score, zone)
    )


def word(found, score="composite", zone="full", key="kld_mean"):
    return next(
        own["verdict"]
        for own in found.sections["verdicts"]
        if (own["metric"], own["score"], own["zone"]) == (key, score, zone)
    )


def test_a_directed_cohort_is_informative_in_the_whole_cohort_and_where_enough_are_near(directed):
    for zone in ("full", "band", "fidelity"):
        assert {word(directed, score, zone) for score in JUDGED_SCORES} == {"informative"}


def test_an_undirected_cohort_is_silent_on_quality_and_informative_on_volume(undirected):
    for zone in ("full", "band", "fidelity"):
        for score in ("composite", "direction:composite", "net:composite", "a", "b"):
            assert word(undirected, score, zone) == "silent"
        assert word(undirected, "volume:composite", zone) == "informative"


def test_a_zone_of_three_candidates_cannot_tell(directed, undirected):
    for found in (directed, undirected):
        assert len(one(found, zone="equivalence").members) == 3
        assert word(found, zone="equivalence") == "cannot tell"


def test_the_whole_cohort_is_held_against_a_perfect_order_alone(directed):
    for score in JUDGED_SCORES:
        assert [own.shape for own in one(directed, score).expected.shapes] == ["order"]


def test_a_zone_is_held_against_every_shape_unless_the_whole_cohort_is_silent_too(
    directed, undirected
):
    def shapes(found, score):
        return [own.shape for own in one(found, score, "fidelity").expected.shapes]

    assert shapes(directed, "composite") == ["isotonic", "linear", "logarithmic"]
    assert shapes(undirected, "composite") == ["order"]
    assert shapes(undirected, "volume:composite") == ["isotonic", "linear", "logarithmic"]


def test_nothing_is_called_silent_where_the_noise_of_the_scores_is_not_known():
    found = audit(evidence(directed=False, score_noise=None), RULE)
    assert {own["verdict"] for own in found.sections["verdicts"]} <= {"informative", "cannot tell"}
    assert one(found).attainable is None


def test_a_metric_taken_as_exact_can_still_be_silent():
    found = audit(evidence(directed=False, metric_noise=None), RULE)
    assert word(found) == "silent"
    assert any("taken as none" in text for text in one(found).expected.cautions)


def test_the_relation_of_a_refused_zone_has_an_empty_expectation_and_cannot_tell():
    found = audit(evidence(), replace(RULE, margin=0.001))
    own = one(found, zone="equivalence")
    assert own.expected.shapes == ()
    assert own.noise is own.disattenuated is None
    assert word(found, zone="equivalence") == "cannot tell"


def test_single_benchmarks_are_judged_for_the_headline_metric_alone(directed):
    judged = {(own.metric, own.score) for own in directed.judged}
    assert ("kld_mean", "a") in judged
    assert ("js_mean", "a") not in judged
    assert ("js_mean", "composite") in judged


def test_only_the_headline_metric_is_disattenuated_and_by_what_was_attainable(directed):
    own = one(directed, "direction:composite")
    clean = own.disattenuated
    assert clean.value == pytest.approx(own.correlation.value / own.attainable)
    assert clean.interval[0] < clean.value
    assert one(directed, "direction:composite", key="js_mean").disattenuated is None


def with_stated_errors(whole, size):
    """The cohort whose composite has no data to halve, only standard errors."""
    composite = whole.scores["composite"]
    noise = Noise(
        models=names(24),
        deviations=composite.noise.deviations,
        halves=None,
        errors=dict.fromkeys(names(24), size),
    )
    return replace(whole, scores={**whole.scores, "composite": replace(composite, noise=noise)})


def test_stated_errors_disattenuate_the_interval_as_they_do_the_value():
    whole = evidence()
    sure, unsure = (
        one(audit(with_stated_errors(whole, size), RULE)).disattenuated for size in (1e-6, 0.012)
    )
    assert unsure.value < sure.value < -0.9
    assert unsure.interval[0] < sure.interval[0]
    assert unsure.interval[0] < unsure.value


def test_zones_are_those_of_the_settings():
    entry = AuditEntry(band=0.03, fidelity_share=0.25)
    assert AuditRule(margin=0.02, alpha=0.05, entry=entry).zones() == (
        ZoneRule(kind="full"),
        ZoneRule(kind="equivalence", width=0.02, alpha=0.05),
        ZoneRule(kind="band", width=0.03),
        ZoneRule(kind="fidelity", width=0.25),
    )
    other = AuditEntry(band_standard_errors=2.0, fidelity_threshold=0.1)
    kinds = [own.kind for own in AuditRule(margin=0.02, alpha=0.05, entry=other).zones()]
    assert kinds == ["full", "equivalence", "band_errors", "fidelity_threshold"]


def test_the_headline_is_mean_kld_wherever_it_stands_or_else_the_first_metric():
    kld, js = metric([0.1]), metric([0.1], key="js_mean")
    assert headline([js, kld]) is kld
    assert headline([js]) is js
    assert headline([]) is None


def test_metrics_nobody_knows_are_judged_where_no_known_one_is_there():
    found = audit(evidence(8, metrics=("bits", "other")), RULE)
    assert {own.metric for own in found.judged} == {"bits", "other"}


def test_a_cohort_without_metrics_has_empty_sections():
    found = audit(replace(evidence(), metrics=()), RULE).as_json()
    assert all(rows == [] for rows in found.values())


def test_everything_is_strict_json_and_the_same_again(directed):
    assert json.dumps(audit(evidence(), RULE).as_json(), allow_nan=False) == json.dumps(
        directed.as_json(), allow_nan=False
    )


def test_every_relation_has_the_interval_of_its_n_and_a_permutation_pvalue(directed):
    for own in directed.relations:
        rho, n = own.correlation.value, len(own.members)
        if rho is not None:
            assert own.correlation.interval == rho_interval(rho, n)[0]
            assert 0.0 < own.pvalue_permutation <= 1.0


def test_the_noise_of_a_judged_relation_moves_with_that_of_its_axes():
    small, large = (one(audit(evidence(score_noise=own), RULE), "a") for own in (0.002, 0.01))
    assert small.noise.standard_error < large.noise.standard_error
    assert large.noise.interval[0] < large.correlation.value < large.noise.interval[1]


def test_a_candidate_without_any_value_is_left_out_everywhere_and_counted():
    whole = evidence()
    found = audit(replace(whole, candidates=(*names(24), "new")), RULE)
    own = one(found)
    assert own.correlation.value == one(audit(whole, RULE)).correlation.value
    assert "1 of 25 members have no value and are left out" in own.cautions


def test_scores_that_all_agree_cannot_tell_and_say_so():
    whole = evidence(10)
    flat = axis(np.full(10, 0.0), noise=0.004, seed=11, name="composite")
    found = audit(replace(whole, scores={**whole.scores, "composite": flat}), RULE)
    assert word(found) == "cannot tell"
    assert "all values of one side are equal" in one(found).cautions
    assert isinstance(flat.noise, Noise)
