# A null where a number is expected fails these tests by itself.
# mypy: disable-error-code="operator,index,arg-type,no-untyped-def"

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr
from tests.unit.analysis.cohorts import evidence, names

from silentzone.analysis.audit import AuditRule, audit
from silentzone.analysis.remarks import same_files

RULE = AuditRule(margin=0.02, alpha=0.025)


@pytest.fixture(scope="module")
def groups():
    whole = evidence(14, copies=(("c02", "c05"), ("c03", "c07", "c09")))
    return whole, audit(whole, RULE).sections["copies"]


def effect(section, zone="full"):
    return next(one for one in section["effect"] if one["zone"] == zone)


def test_every_group_is_named_and_what_they_share(groups):
    assert [one["models"] for one in groups[1]] == [["c02", "c05"], ["c03", "c07", "c09"]]
    assert {one["what"] for one in groups[1]} == {"the same file content"}


def test_the_effect_is_rho_with_all_and_with_the_first_of_each_group(groups):
    whole, sections = groups
    loss, score = whole.metrics[0].axis.values, whole.scores["composite"].values
    kept = [name for name in names(14) if name not in {"c05", "c07", "c09"}]
    found = effect(sections[0])
    assert (found["n"], found["n_without"]) == (14, 11)
    for chosen, value in ((names(14), found["spearman"]), (kept, found["spearman_without"])):
        pair = np.array([[loss[name], score[name]] for name in chosen]).T
        assert value == pytest.approx(spearmanr(*pair).statistic)


def test_there_is_one_effect_for_each_zone_of_the_headline_metric_and_the_composite(groups):
    for section in groups[1]:
        zones = [one["zone"] for one in section["effect"]]
        assert zones == ["full", "equivalence", "band", "fidelity"]
        assert {one["metric"] for one in section["effect"]} == {"kld_mean"}
        assert {one["score"] for one in section["effect"]} == {"composite"}


def test_members_of_a_zone_stay_when_their_copies_go(groups):
    found = effect(groups[1][0], "fidelity")
    assert found["n"] == 7
    assert found["n_without"] == 6  # of the dropped only c05 was in the half with least loss


def test_without_copies_there_is_no_section():
    assert audit(evidence(8), RULE).sections["copies"] == []


def test_files_are_the_same_by_content_not_by_name():
    models = [{"name": name, "sha256": sha} for name, sha in zip("abcd", "1213", strict=True)]
    assert same_files(models) == (("a", "c"),)
