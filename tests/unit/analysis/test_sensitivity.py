# A null where a number is expected fails these tests by itself.
# mypy: disable-error-code="operator,index,arg-type,no-untyped-def"

from __future__ import annotations

import pytest
from tests.unit.analysis.cohorts import evidence, names

from silentzone.analysis.audit import AuditRule, audit
from silentzone.analysis.expected import expectation, whole_cohort
from silentzone.analysis.sensitivity import UNITS, sensitivity, widths
from silentzone.analysis.zones import ZoneRule
from silentzone.records.config import AuditEntry

WHOLE = evidence(16)


def rows(rule=None):
    rule = rule or AuditRule(margin=0.02, alpha=0.025)
    composite = WHOLE.scores["composite"]
    return sensitivity(
        WHOLE.metrics[0],
        "composite",
        (composite, composite),
        WHOLE.outcomes,
        WHOLE.candidates,
        rule.zones(),
    )


@pytest.fixture(scope="module")
def ordinary():
    return rows()


def of(found, definition):
    return [row for row in found if row["definition"] == definition]


def test_widths_rise_within_each_definition(ordinary):
    for definition in ("equivalence", "band", "band_errors", "fidelity"):
        own = [row["width"] for row in of(ordinary, definition)]
        assert len(own) >= 4
        assert own == sorted(set(own))
    assert of(ordinary, "fidelity_threshold") == []


def test_each_definition_has_its_unit_and_points_are_hundredths(ordinary):
    assert {(row["definition"], row["unit"]) for row in ordinary} == {
        (kind, unit) for kind, unit in UNITS.items() if kind != "fidelity_threshold"
    }
    assert 2.0 in [row["width"] for row in of(ordinary, "band")]
    assert 0.5 in [row["width"] for row in of(ordinary, "fidelity")]


def test_the_defaults_are_marked_once_for_each_definition_that_has_one(ordinary):
    marked = [(row["definition"], row["width"]) for row in ordinary if row["is_default"]]
    assert marked == [("equivalence", 2.0), ("band", 2.0), ("fidelity", 0.5)]


def test_a_default_beside_the_usual_widths_is_added_in_its_place():
    entry = AuditEntry(band=0.017, fidelity_threshold=0.08)
    found = rows(AuditRule(margin=0.0175, alpha=0.05, entry=entry))
    marked = [(row["definition"], row["width"]) for row in found if row["is_default"]]
    assert marked == [("equivalence", 1.75), ("band", 1.7), ("fidelity_threshold", 0.08)]
    assert [row["width"] for row in of(found, "band")] == [0.5, 1.0, 1.5, 1.7, 2.0, 3.0, 5.0, 10.0]
    assert of(found, "fidelity_threshold")[0]["unit"] == "nats"


def test_a_band_in_standard_errors_is_the_default_where_it_was_asked():
    entry = AuditEntry(band_standard_errors=2.5)
    found = rows(AuditRule(margin=0.02, alpha=0.025, entry=entry))
    marked = [row["definition"] for row in found if row["is_default"]]
    assert marked == ["equivalence", "band_errors", "fidelity"]
    assert not any(row["is_default"] for row in of(found, "band"))


def test_every_width_of_equivalence_is_tested_at_the_studys_alpha():
    own = [
        rule
        for rule in widths(AuditRule(margin=0.02, alpha=0.1).zones())
        if rule.kind == "equivalence"
    ]
    assert {rule.alpha for rule in own} == {0.1}


def test_wider_zones_hold_no_fewer_candidates_up_to_the_whole_cohort(ordinary):
    for definition in ("band", "band_errors", "fidelity"):
        counts = [row["n"] for row in of(ordinary, definition)]
        assert counts == sorted(counts)
    assert of(ordinary, "fidelity")[-1]["n"] == 16


def test_a_margin_that_cannot_be_resolved_leaves_a_null_with_its_reason(ordinary):
    first = of(ordinary, "equivalence")[0]
    assert (first["n"], first["spearman"], first["expected"]) == (0, None, None)
    assert "not resolvable" in first["cautions"][0]


def test_a_row_is_the_relation_of_its_zone_with_the_range_over_shapes(ordinary):
    rule = AuditRule(margin=0.02, alpha=0.025)
    relation = next(
        one
        for one in audit(WHOLE, rule).relations
        if (one.metric, one.score, one.zone.name) == ("kld_mean", "composite", "fidelity")
    )
    row = next(own for own in of(ordinary, "fidelity") if own["is_default"])
    assert row["n"] == len(relation.members)
    assert (row["spearman"], row["aligned"]) == (relation.correlation.value, relation.aligned)
    assert row["attainable"] == relation.attainable
    composite = WHOLE.scores["composite"]
    cohort = whole_cohort(WHOLE.metrics[0].axis, composite, composite, WHOLE.outcomes, names(16))
    found = expectation(cohort, ZoneRule(kind="fidelity", width=0.5), relation.aligned)
    medians = [one.median for one in found.shapes]
    assert len(medians) == 3
    assert row["expected"] == [min(medians), max(medians)]
