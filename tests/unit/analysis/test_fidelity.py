# A null where a number is expected fails these tests by itself.
# mypy: disable-error-code="operator,index,arg-type"

from __future__ import annotations

import math

import numpy as np
import pytest

from silentzone.analysis.fidelity import (
    FAMILIES,
    METRICS,
    RANKED,
    fidelity_of_columns,
    measured_words,
    metric_words,
)
from silentzone.stats.clusters import ClusterPartition

KEYS = [
    "kld_mean",
    "kld_median",
    "kld_geomean",
    "kld_trimmed",
    "kld_rms",
    "kld_max",
    "kld_p90",
    "kld_p95",
    "kld_p99",
    "kld_p999",
    "kld_share_above",
    "kld_entropy_weighted",
    "reverse_kld_mean",
    "js_mean",
    "tv_mean",
    "ppl_reference",
    "ppl_candidate",
    "ppl_ratio",
    "ppl_delta",
    "ln_ppl_ratio",
    "abs_ln_ppl_ratio",
    "delta_p_mean",
    "delta_p_rms",
    "top1_agreement",
    "top5_containment",
]

RNG = np.random.default_rng(6)
KLD = RNG.gamma(1.0, 0.03, 4000)
NLL = RNG.gamma(2.0, 1.0, 4000)
ENTROPY = RNG.gamma(1.5, 1.0, 4000)
COLUMNS = {
    "kl_divergence": KLD,
    "reverse_kl_divergence": 2 * KLD,
    "js_divergence": KLD / 4,
    "total_variation": np.sqrt(KLD / 2),
    "reference_nll": NLL,
    "candidate_nll": NLL - 0.1,
    "delta_p": -KLD,
    "reference_entropy": ENTROPY,
    "top1_match": KLD < 0.02,
    "top5_match": KLD < 0.05,
}
WINDOWS = ClusterPartition.of(np.repeat(np.arange(40), 100), unit="window")


def test_every_key_is_there_and_only_those():
    assert tuple(METRICS) == tuple(KEYS)
    assert tuple(fidelity_of_columns(COLUMNS, WINDOWS)) == tuple(KEYS)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("kld_mean", KLD.mean()),
        ("kld_median", np.median(KLD)),
        ("kld_geomean", np.exp(np.log(KLD).mean())),
        ("kld_trimmed", np.sort(KLD)[: int(0.99 * 3999) + 1].mean()),
        ("kld_rms", np.sqrt((KLD**2).mean())),
        ("kld_max", KLD.max()),
        ("kld_p90", np.quantile(KLD, 0.9)),
        ("kld_p95", np.quantile(KLD, 0.95)),
        ("kld_p99", np.quantile(KLD, 0.99)),
        ("kld_p999", np.quantile(KLD, 0.999)),
        ("kld_share_above", (KLD > 0.1).mean()),
        ("kld_entropy_weighted", (ENTROPY * KLD).sum() / ENTROPY.sum()),
        ("reverse_kld_mean", 2 * KLD.mean()),
        ("js_mean", KLD.mean() / 4),
        ("tv_mean", np.sqrt(KLD / 2).mean()),
        ("ppl_reference", math.exp(NLL.mean())),
        ("ppl_candidate", math.exp(NLL.mean() - 0.1)),
        ("ppl_ratio", math.exp(-0.1)),
        ("ppl_delta", math.exp(NLL.mean()) * (math.exp(-0.1) - 1)),
        ("ln_ppl_ratio", -0.1),
        ("abs_ln_ppl_ratio", 0.1),
        ("delta_p_mean", -KLD.mean()),
        ("delta_p_rms", np.sqrt((KLD**2).mean())),
        ("top1_agreement", (KLD < 0.02).mean()),
        ("top5_containment", (KLD < 0.05).mean()),
    ],
)
def test_each_metric_is_what_its_key_says(key, value):
    estimate = fidelity_of_columns(COLUMNS, WINDOWS)[key]
    assert estimate.value == pytest.approx(value)
    assert estimate.n_observations == 4000


def test_a_metric_without_its_column_is_null_and_names_it():
    columns = {name: values for name, values in COLUMNS.items() if name != "delta_p"}
    estimate = fidelity_of_columns(columns, WINDOWS)["delta_p_rms"]
    assert estimate.value is None
    assert "`delta_p`" in estimate.cautions[0]


def test_an_infinite_divergence_spares_the_quantiles():
    columns = {**COLUMNS, "kl_divergence": np.append(KLD[:-1], np.inf)}
    result = fidelity_of_columns(columns, WINDOWS)
    assert result["kld_mean"].value is None
    assert result["kld_max"].value is None
    assert result["kld_median"].value == pytest.approx(np.median(KLD), rel=0.01)
    assert result["kld_trimmed"].value == pytest.approx(np.sort(KLD)[:3960].mean(), rel=0.01)
    assert result["kld_share_above"].value == pytest.approx((KLD > 0.1).mean(), abs=1e-3)
    assert result["kld_entropy_weighted"].value is None


def test_the_method_says_what_was_taken_as_independent():
    assert "by window" in fidelity_of_columns(COLUMNS, WINDOWS)["kld_mean"].method


def test_an_infinite_nll_leaves_the_paired_perplexities_null():
    columns = {**COLUMNS, "candidate_nll": np.append(NLL[:-1], np.inf)}
    result = fidelity_of_columns(columns, WINDOWS)
    assert result["ppl_ratio"].value is None
    assert result["ppl_candidate"].value is None
    assert result["ppl_reference"].value is not None


def test_twenty_three_metrics_rank_and_perplexity_alone_does_not():
    assert len(RANKED) == 23
    assert set(METRICS) - set(RANKED) == {"ppl_reference", "ppl_candidate"}


def test_what_grows_with_agreement_is_no_loss():
    gains = {key for key in RANKED if not METRICS[key].is_loss}
    assert gains == {"delta_p_mean", "top1_agreement", "top5_containment"}


def test_every_family_of_variants_has_a_metric_that_ranks():
    assert {METRICS[key].family for key in RANKED} == set(FAMILIES)


def test_a_perplexity_that_fell_is_as_far_from_the_reference_as_one_that_rose():
    signs = {}
    for key, sign in (("rose", 1.0), ("fell", -1.0)):
        columns = {**COLUMNS, "candidate_nll": NLL + sign * 0.1 + 0.01 * RNG.normal(size=4000)}
        result = fidelity_of_columns(columns, WINDOWS)
        signs[key] = result["ln_ppl_ratio"].value
        assert result["abs_ln_ppl_ratio"].value == abs(result["ln_ppl_ratio"].value)
        assert result["abs_ln_ppl_ratio"].interval[0] > 0.0
    assert signs["rose"] > 0.0 > signs["fell"]


def test_a_metric_that_is_not_ours_keeps_its_own_name_and_an_unnamed_corpus_is_not_said():
    assert metric_words("top_10_overlap") == "top 10 overlap"
    assert measured_words("kld_mean", "wiki") == "mean KLD on wiki"
    assert measured_words("kld_mean", "table") == "mean KLD"
