# A null where a number is expected fails these tests by itself.
# mypy: disable-error-code="operator,index,arg-type,no-untyped-def"

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.unit.analysis.cohorts import axis, metric, names

from silentzone.analysis.seeds import seeded
from silentzone.analysis.variants import variant_family
from silentzone.analysis.zones import Zone, ZoneRule
from silentzone.stats.correlation import spearman
from silentzone.stats.permutation import maxt

N = 12
RNG = np.random.default_rng(5)
LOSS = np.sort(RNG.gamma(1.0, 0.1, N))
NOISE = RNG.normal(size=(6, N))
QUALITY = axis(-LOSS, name="composite")
ELSEWHERE = axis(RNG.normal(size=N), name="composite")


def zone(members=None, kind="full", cautions=()):
    return Zone(
        rule=ZoneRule(kind=kind, width=0.02), definition="", members=members, cautions=cautions
    )


def family(metrics, score=QUALITY, *, where=None, alpha=0.05, name="composite", seed=3):
    return variant_family(metrics, name, score, where or zone(names(N)), seed, alpha)


def noisy(count=4):
    keys = ("kld_mean", "kld_p99", "js_mean", "top1_agreement", "delta_p_rms", "tv_mean")
    return [
        metric(NOISE[k], key=keys[k], is_loss=keys[k] != "top1_agreement") for k in range(count)
    ]


def test_a_row_is_the_variants_own_correlation_and_says_what_it_is():
    (row,) = family([metric(LOSS + 0.05 * NOISE[0], key="kld_p99", corpus="wiki")]).rows
    peer = spearman(LOSS + 0.05 * NOISE[0], -LOSS)
    assert (row["spearman"], row["aligned"]) == (peer.value, -peer.value)
    assert (row["pvalue"], row["pvalue_method"]) == (peer.pvalue, peer.pvalue_method)
    assert row["interval"] == list(peer.interval)
    assert (row["metric"], row["corpus"], row["context_length"]) == ("kld_p99", "wiki", 512)
    assert (row["words"], row["family"]) == ("99th percentile of KLD", "aggregation")


def test_pvalues_are_adjusted_over_all_variants_by_shared_permutations():
    own = noisy()
    rows = family(own).rows

    def standard(values):
        ranks = np.argsort(np.argsort(values)) - (N - 1) / 2
        return ranks / np.sqrt(ranks @ ranks)

    expected = maxt(
        np.stack([standard(list(one.axis.values.values())) for one in own]),
        standard(-LOSS),
        n_resamples=9999,
        rng=seeded(3, "maxt", "composite", "full"),
    )
    assert [row["pvalue_maxt"] for row in rows] == pytest.approx(expected.adjusted)


def test_a_variant_that_truly_ranks_escapes_and_is_named_with_its_numbers():
    own = [*noisy(3), metric(LOSS + 0.01 * NOISE[5], key="kld_median", corpus="wiki")]
    found = family(own)
    assert found.summary["escape"] == [{"metric": "kld_median", "corpus": "wiki"}]
    assert found.summary["n_variants"] == 4
    assert found.summary["n_resamples"] == 9999
    assert found.summary["sentence"].startswith(
        "1 of 4 measurement variants ranks composite over the whole cohort (n = 12) also when all "
        "are counted: most clearly median KLD on wiki, aligned rho +0.9"
    )
    assert found.summary["sentence"].endswith("p = 0.0001 adjusted for all of them.")


def test_several_that_escape_are_counted_in_the_plural_strongest_first():
    own = [metric(LOSS + 0.03 * NOISE[0], key="kld_p99"), metric(LOSS), *noisy(2)]
    summary = family(own).summary
    assert [one["metric"] for one in summary["escape"]] == ["kld_mean", "kld_p99"]
    assert "2 of 4 measurement variants rank composite" in summary["sentence"]
    assert "most clearly mean KLD on text, aligned rho +1.00" in summary["sentence"]


def test_where_none_escapes_the_best_is_named_with_its_adjusted_pvalue():
    found = family(noisy(), ELSEWHERE)
    best = max(found.rows, key=lambda row: row["aligned"])
    assert found.summary["escape"] == []
    assert found.summary["sentence"] == (
        "None of 4 measurement variants ranks composite over the whole cohort (n = 12) once all "
        f"are counted: the best, {best['words']} on text, has aligned rho {best['aligned']:+.2f} "
        f"with p = {best['pvalue_maxt']:.2g} adjusted for all of them."
    )


def test_a_strong_relation_the_wrong_way_round_does_not_escape():
    found = family([metric(-LOSS)])
    assert found.rows[0]["pvalue_maxt"] < 0.001
    assert found.rows[0]["aligned"] == -1.0
    assert found.summary["escape"] == []
    assert "None of 1 measurement variant ranks" in found.summary["sentence"]


def test_a_variant_of_agreement_escapes_by_its_aligned_rho():
    assert family([metric(-LOSS, key="top1_agreement", is_loss=False)]).summary["escape"]


def test_alpha_decides_what_escapes():
    own = [metric(LOSS + 0.12 * NOISE[2])]
    adjusted = family(own).rows[0]["pvalue_maxt"]
    assert not family(own, alpha=adjusted).summary["escape"]
    assert family(own, alpha=1.01 * adjusted).summary["escape"]


def test_a_variant_without_a_value_for_a_member_is_shown_and_not_adjusted():
    partial = metric(dict(zip(names(9), LOSS[:9], strict=True)))
    found = family([partial, *noisy(2)])
    row = found.rows[0]
    assert (row["n"], row["aligned"], row["pvalue_maxt"]) == (9, 1.0, None)
    assert "3 of 12 members have no value" in row["cautions"][-1]
    assert found.summary["n_variants"] == 2


def test_a_variant_whose_values_are_all_equal_has_no_rho_and_does_not_count():
    found = family([metric(np.full(N, 0.1 + 0.2)), *noisy(2)])
    assert found.rows[0]["spearman"] is None
    assert found.rows[0]["pvalue_maxt"] is None
    assert found.summary["n_variants"] == 2


def test_values_equal_but_for_rounding_count_as_equal():
    nearly = np.tile([0.1 + 0.2, 0.3], N // 2)
    found = family([metric(nearly), *noisy(2)])
    assert found.rows[0]["spearman"] is None
    assert found.summary["n_variants"] == 2
    flat = family(noisy(2), axis(nearly, name="composite"))
    assert flat.summary["n_variants"] == 0


def test_three_candidates_are_too_few_to_compare_variants():
    found = family(noisy(), where=zone(names(3)))
    assert found.summary["sentence"] == (
        "Variants were not compared on composite in the full zone: n = 3."
    )
    assert all(row["pvalue_maxt"] is None for row in found.rows)
    assert family(noisy(), where=zone(names(4))).summary["n_variants"] == 4


def test_a_zone_that_was_not_formed_says_why():
    where = zone(None, "equivalence", ("a margin of 1 points is not resolvable",))
    found = family(noisy(), where=where)
    assert found.summary["n"] == 0
    assert found.summary["sentence"] == (
        "Variants were not compared on composite in the equivalence zone: a margin of 1 points is "
        "not resolvable."
    )


def test_a_score_nobody_has_gives_the_reason_for_all():
    nothing = replace(axis({}), why_empty="no benchmark enters the composite")
    sentence = family(noisy(), nothing).summary["sentence"]
    assert sentence.endswith("in the full zone: no benchmark enters the composite.")


def test_only_members_with_the_score_count():
    score = axis(dict(zip(names(N)[:10], -LOSS[:10], strict=True)))
    found = family(noisy(2), score)
    assert found.summary["n"] == found.rows[0]["n"] == 10


def test_the_same_seed_gives_the_same_pvalues_and_each_zone_has_its_own():
    first, again = (family(noisy()).rows for _ in range(2))
    other = family(noisy(), where=zone(names(N), "band")).rows
    assert first == again
    assert [row["pvalue_maxt"] for row in first] != [row["pvalue_maxt"] for row in other]
