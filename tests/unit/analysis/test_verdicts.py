# A null where a number is expected fails these tests by itself.
# mypy: disable-error-code="operator,index,arg-type,no-untyped-def"

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.analysis.relation_records import expecting, relation

from silentzone.analysis.expected import NOTHING_EXPECTED
from silentzone.analysis.relations import NoiseOfRho
from silentzone.analysis.verdicts import verdict, verdict_word
from silentzone.records.config import AuditEntry

RULE = AuditEntry()


@pytest.mark.parametrize(
    ("rho", "n", "attainable", "expected_pvalue", "word"),
    [
        (0.6, 30, 0.9, None, "informative"),
        (0.6, 30, None, None, "informative"),
        (0.6, 30, 0.9, 0.001, "informative"),
        (0.31, 10, 0.9, None, "cannot tell"),
        (0.6, 5, 0.9, None, "cannot tell"),
        (0.0, 30, 0.9, None, "cannot tell"),
        (0.0, 30, 0.9, 0.01, "silent"),
        (0.29, 60, 0.9, 0.01, "silent"),
        (0.0, 30, 0.9, 0.05, "cannot tell"),
        (0.0, 30, 0.9, 0.049, "silent"),
        (0.0, 30, 0.6, 0.01, "silent"),
        (0.0, 30, 0.59, 0.01, "cannot tell"),
        (0.0, 30, None, 0.01, "cannot tell"),
        (0.0, 8, 0.9, 0.01, "cannot tell"),
        (0.0, 9, 0.9, 0.01, "silent"),
        (0.2, 16, 0.9, 0.01, "silent"),
        (0.29, 14, 0.9, 0.01, "cannot tell"),
        (0.0, 7, 0.9, 0.01, "cannot tell"),
        (-0.9, 30, 0.9, None, "cannot tell"),
        (None, 30, 0.9, 0.01, "cannot tell"),
    ],
)
def test_the_written_rule_decides(rho, n, attainable, expected_pvalue, word):
    own = relation(rho, n, attainable, expected=expecting(expected_pvalue))
    result = verdict(own, RULE)
    assert result["verdict"] == verdict_word(own, RULE) == word
    assert result["reasons"]
    assert "near the reference's" in result["sentence"]


@pytest.mark.parametrize(
    ("pvalues", "word"),
    [((0.001, 0.01, 0.04), "silent"), ((0.001, 0.001, 0.2), "cannot tell")],
)
def test_silent_needs_every_shape_to_predict_more(pvalues, word):
    assert verdict_word(relation(0.0, expected=expecting(*pvalues)), RULE) == word


@pytest.mark.parametrize(
    ("changes", "rho", "attainable", "expected_pvalue", "word"),
    [
        ({"informative_from": 0.65}, 0.6, 0.9, None, "cannot tell"),
        ({"informative_from": 0.2}, 0.25, 0.9, 0.001, "cannot tell"),
        ({"attainable_from": 0.95}, 0.0, 0.9, 0.001, "cannot tell"),
        ({"attainable_from": 0.5}, 0.0, 0.55, 0.001, "silent"),
        ({"alpha": 0.005}, 0.0, 0.9, 0.01, "cannot tell"),
    ],
)
def test_the_numbers_of_the_rule_are_settings(changes, rho, attainable, expected_pvalue, word):
    own = relation(rho, 30, attainable, expected=expecting(expected_pvalue))
    assert verdict_word(own, AuditEntry(**changes)) == word


def test_a_loss_metric_is_judged_on_the_aligned_scale():
    assert verdict_word(relation(-0.7, sign=-1), RULE) == "informative"
    assert relation(-0.7, sign=-1).aligned_interval[0] > 0


@pytest.mark.parametrize(
    ("n", "pvalue", "word", "said"),
    [
        (8, 5e-5, "informative", "p = 5e-05 (exact permutation)"),
        (5, 0.017, "informative", "p = 0.017"),
        (4, 0.083, "cannot tell", "p = 0.083"),
        (4, 0.04, "cannot tell", "5 are asked for"),
        (9, 0.2, "cannot tell", "p = 0.2"),
    ],
)
def test_a_perfect_order_is_judged_by_its_exact_p(n, pvalue, word, said):
    result = verdict(relation(1.0, n, pvalue=pvalue), RULE)
    assert result["verdict"] == word
    assert said in result["reasons"][0]


@pytest.mark.parametrize(
    ("rho", "n", "attainable", "expected", "said"),
    [
        (0.4, 10, 0.9, NOTHING_EXPECTED, "its interval reaches down to -0.33"),
        (0.0, 30, None, expecting(0.01), "no attainable |rho| is known"),
        (0.0, 30, 0.5, expecting(0.01), "noise alone limits |rho| to about 0.50, below 0.6"),
        (0.0, 30, 0.9, expecting(0.3), "rho is not below what some shape"),
        (0.0, 30, 0.9, NOTHING_EXPECTED, "no expected relation"),
        (0.0, 30, 0.9, expecting(cautions=("the noise is not known",)), "; the noise is not known"),
        (0.0, 5, 0.9, expecting(0.01), "n = 5, fewer than 8"),
    ],
)
def test_cannot_tell_names_what_is_missing(rho, n, attainable, expected, said):
    result = verdict(relation(rho, n, attainable, expected=expected), RULE)
    assert result["verdict"] == "cannot tell"
    assert said in "; ".join(result["reasons"])


def test_every_reason_against_silent_is_given_the_first_in_the_sentence():
    result = verdict(relation(0.1, 5, 0.4, expected=expecting(0.5)), RULE)
    assert len(result["reasons"]) == 3
    assert result["sentence"].endswith("but 5 candidates cannot show a relation.")


def test_silent_says_what_was_attainable_and_what_was_predicted():
    near = verdict(relation(0.05, expected=expecting(0.01, 0.02)), RULE)
    assert near["reasons"] == [
        "aligned rho +0.05 is below 0.3, 0.90 was attainable, and every shape of the whole "
        "cohort's relation predicts more (p = 0.02)"
    ]
    assert near["sentence"].endswith("although these data could have shown a relation.")


def test_over_the_whole_cohort_no_range_is_restricted_so_a_perfect_order_is_the_yardstick():
    for pvalue in (0.01, 0.3):
        result = verdict(relation(0.05, kind="full", expected=expecting(pvalue)), RULE)
        assert "a perfect order" in "; ".join(result["reasons"])
        assert "whole cohort's" not in "; ".join(result["reasons"])
        assert result["sentence"].startswith("Among all candidates")


def test_too_few_candidates_are_said_in_plain_words_and_the_rule_stays_in_the_reasons():
    result = verdict(relation(0.77, 4, None, sign=-1, kind="fidelity"), RULE)
    assert result["sentence"] == (
        "Among the 4 candidates nearest to the reference by mean KLD, a smaller mean KLD on text "
        "went with a lower score (rho +0.77, no interval, 4 candidates), but 4 candidates cannot "
        "show a relation."
    )
    assert any(text.startswith("no attainable |rho| is known") for text in result["reasons"])


@pytest.mark.parametrize(
    ("score", "sign", "rho", "said"),
    [
        ("composite", -1, -0.7, "a smaller mean KLD on text went with a higher score ("),
        ("composite", -1, 0.7, "a smaller mean KLD on text went with a lower score ("),
        ("mmlu", -1, -0.7, "went with a higher score on mmlu ("),
        ("volume:composite", 1, 0.7, "went with fewer changed answers ("),
        ("direction:mmlu", -1, 0.7, "went with more losses among the changes on mmlu ("),
        ("net:composite", -1, -0.7, "went with a smaller loss ("),
        ("composite", -1, 0.001, "did not follow the composite score ("),
    ],
)
def test_the_sentence_says_what_went_with_what(score, sign, rho, said):
    assert said in verdict(relation(rho, sign=sign, score=score), RULE)["sentence"]


def test_a_metric_of_agreement_is_said_to_be_higher():
    sentence = verdict(relation(0.7, metric="top1_agreement"), RULE)["sentence"]
    assert "a higher top-1 agreement on text went with a higher score" in sentence


def test_a_relation_that_could_not_be_formed_says_no_verdict_was_possible():
    result = verdict(relation(None), RULE)
    assert result["sentence"].startswith("No verdict was possible on mean KLD")
    assert result["sentence"].endswith("the 30 candidates do not differ in one of the two.")


def test_a_rho_that_other_items_may_not_show_is_left_open():
    own = replace(relation(0.6, 30), noise=noise((-0.1, 0.9)))
    found = verdict(own, RULE)
    assert found["verdict"] == "cannot tell"
    assert "on other windows and items it may be as low as -0.10" in found["reasons"][0]
    assert verdict(replace(own, noise=noise((0.1, 0.9))), RULE)["verdict"] == "informative"


def test_noise_that_a_table_states_only_bounds_and_opens_nothing():
    own = replace(relation(0.6, 30), noise=noise((-0.1, 0.9), is_measured=False))
    assert verdict(own, RULE)["verdict"] == "informative"


def noise(interval, *, is_measured=True):
    return NoiseOfRho(
        standard_error=0.2, interval=interval, method="drawn again", is_measured=is_measured
    )
