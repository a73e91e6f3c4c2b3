# A null where a number is expected fails these tests by itself.
# mypy: disable-error-code="operator,index,arg-type,no-untyped-def"

from __future__ import annotations

import pytest

from silentzone.analysis.relations import Relation
from silentzone.analysis.verdicts import verdict
from silentzone.stats.correlation import null_correlation, rho_interval
from silentzone.stats.results import Correlation


def relation(rho, n=30, attainable=0.9, sign=1, *, pvalue=0.5, zone="band"):
    if rho is None:
        correlation = null_correlation(n, "all values of one side are equal")
    else:
        correlation = Correlation(
            value=rho,
            pvalue=pvalue,
            pvalue_method="exact permutation",
            interval=rho_interval(rho, n)[0],
            interval_method="",
            n_observations=n,
        )
    return Relation(
        metric="kld_mean",
        corpus="text",
        score="composite",
        zone=zone,
        definition="near",
        members=tuple(map(str, range(n))),
        correlation=correlation,
        kendall=None,
        sign=sign,
        attainable=attainable,
        cautions=(),
    )


@pytest.mark.parametrize(
    ("rho", "n", "attainable", "expected_pvalue", "word"),
    [
        (0.6, 30, 0.9, None, "informative"),
        (0.6, 30, None, None, "informative"),
        (0.31, 10, 0.9, None, "cannot tell"),
        (0.6, 5, 0.9, None, "cannot tell"),
        (0.0, 30, 0.9, None, "cannot tell"),
        (0.0, 30, 0.9, 0.01, "silent"),
        (0.0, 30, 0.9, 0.05, "cannot tell"),
        (0.0, 30, 0.59, 0.01, "cannot tell"),
        (0.0, 30, None, 0.01, "cannot tell"),
        (-0.9, 30, 0.9, None, "cannot tell"),
        (None, 30, 0.9, 0.01, "cannot tell"),
    ],
)
def test_the_written_rule_decides(rho, n, attainable, expected_pvalue, word):
    result = verdict(relation(rho, n, attainable), expected_pvalue=expected_pvalue)
    assert result["verdict"] == word
    assert result["reasons"]
    assert "near the reference's" in result["sentence"]


def test_a_loss_metric_is_judged_on_the_aligned_scale():
    assert verdict(relation(-0.7, sign=-1))["verdict"] == "informative"
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
    result = verdict(relation(1.0, n, pvalue=pvalue))
    assert result["verdict"] == word
    assert said in result["reasons"][0]


def test_too_few_candidates_are_said_in_plain_words_and_the_rule_stays_in_the_reasons():
    result = verdict(relation(0.77, 4, None, sign=-1, zone="fidelity"))
    assert result["sentence"] == (
        "Among the 4 candidates nearest to the reference by mean KLD, a smaller mean KLD on text "
        "went with a lower score (rho +0.77, no interval, 4 candidates), but 4 candidates cannot "
        "show a relation."
    )
    assert "the attainable |rho| is not known" in result["reasons"]


def test_a_relation_that_could_not_be_formed_says_no_verdict_was_possible():
    assert verdict(relation(None))["sentence"].startswith("No verdict was possible on mean KLD")
