# A null where a number is expected fails these tests by itself.
# mypy: disable-error-code="operator,index,arg-type,no-untyped-def"

from __future__ import annotations

import pytest

from silentzone.analysis.relations import Relation
from silentzone.analysis.verdicts import verdict
from silentzone.stats.correlation import null_correlation, rho_interval
from silentzone.stats.results import Correlation


def relation(rho, n=30, attainable=0.9, sign=1):
    if rho is None:
        correlation = null_correlation(n, "all values of one side are equal")
    else:
        correlation = Correlation(
            value=rho,
            pvalue=0.5,
            pvalue_method="t approximation",
            interval=rho_interval(rho, n)[0],
            interval_method="",
            n_observations=n,
        )
    return Relation(
        metric="kld_mean",
        corpus="text",
        score="composite",
        zone="band",
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
