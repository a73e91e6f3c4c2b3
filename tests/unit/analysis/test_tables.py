# A null where a number is expected fails these tests by itself.
# mypy: disable-error-code="operator,index,arg-type,no-untyped-def,union-attr"

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import spearmanr
from tests.unit.analysis.tables import (
    analyzed,
    find,
    ladder,
    relation,
    row,
    table,
    verdict,
)

from silentzone.analysis.answers import Settings
from silentzone.analysis.table_axes import score_error
from silentzone.errors import InputError
from silentzone.records.cohort_table import TableModel
from silentzone.records.config import AuditEntry, DecisionEntry
from silentzone.stats.correlation import t_approximation_pvalue
from silentzone.stats.proportions import wilson_interval

ZONES = ("full", "equivalence", "band", "fidelity")
WIDE = Settings(decision=DecisionEntry(margin=0.08, guard_margin=0.1), audit=AuditEntry(band=0.1))


@pytest.fixture(scope="module")
def ordinary():
    return analyzed(ladder(), settings=WIDE)


@pytest.fixture(scope="module")
def referenceless():
    return analyzed(ladder(with_reference=False))


def values(cohort):
    models = [one for one in cohort.models if not one.is_reference]
    return ([one.fidelity["kld_mean"] for one in models], [one.scores["mmlu"] for one in models])


def test_a_table_gives_the_same_sections_as_a_study_in_strict_json(ordinary, whole):
    assert set(ordinary) == set(whole)
    assert ordinary["source"] == {"kind": "table", "files": ["t.csv"]}
    json.dumps(ordinary, allow_nan=False)


def test_the_reference_is_no_point_and_scores_rank_as_they_stand(ordinary):
    kld, score = values(ladder())
    found = relation(ordinary)
    assert found["n"] == 12
    assert found["spearman"] == pytest.approx(spearmanr(kld, score).statistic)
    assert ordinary["reference"]["name"] == "F16"
    assert "F16" not in found["members"]


def test_a_ladder_that_holds_is_informative_and_never_silent(ordinary):
    assert verdict(ordinary) == "informative"
    assert "silent" not in {one["verdict"] for one in ordinary["verdicts"]}


def test_published_coefficients_come_out_of_a_table_with_their_published_pvalues():
    # n = 16: the order of the scores is searched for the one whose rho is nearest.
    for wanted, pvalue in ((-0.24, 0.37), (0.55, 0.03)):
        kld = np.arange(1.0, 17.0) / 100.0
        rng = np.random.default_rng(3)
        orders = (rng.permutation(16) for _ in range(4000))
        order = min(orders, key=lambda own: abs(spearmanr(kld, own).statistic - wanted))
        cohort = table(*(row(f"m{k:02d}", kld[k], 0.5 + order[k] / 100.0) for k in range(16)))
        found = relation(analyzed(cohort))
        assert round(found["spearman"], 2) == wanted
        assert round(found["pvalue"], 2) == pvalue
        assert found["pvalue_method"] == "t approximation"
        assert found["pvalue"] == pytest.approx(t_approximation_pvalue(found["spearman"], 16))
        assert found["pvalue_permutation"] == pytest.approx(pvalue, abs=0.02)


def test_without_a_reference_the_whole_cohort_and_the_fidelity_zone_are_answered(referenceless):
    kld, score = values(ladder(with_reference=False))
    assert relation(referenceless)["spearman"] == pytest.approx(spearmanr(kld, score).statistic)
    assert relation(referenceless, "fidelity")["n"] == 6
    assert relation(referenceless, "fidelity")["expected"]["low"] is not None


def test_without_a_reference_what_needs_one_is_null_with_that_reason(referenceless):
    reason = "no model is marked as the reference (`--reference` names one)"
    for zone in ("equivalence", "band"):
        found = relation(referenceless, zone)
        assert (found["spearman"], found["n"], found["cautions"][0]) == (None, 0, reason)
        assert verdict(referenceless, zone) == "cannot tell"
    assert referenceless["reference"] is None
    assert referenceless["decomposition"] == []
    assert reason in referenceless["decision"]["sentence"]
    composites = {one["name"]: one["why_empty"] for one in referenceless["composites"]}
    assert composites == {
        "composite": None,
        "composite_normalised": reason,
        "composite_rank": None,
    }


def test_a_reference_that_is_named_is_the_one_even_against_the_tables_mark():
    unmarked = table(*(replace(one, is_reference=False) for one in ladder().models))
    named = analyzed(unmarked, reference="F16", settings=WIDE)
    assert relation(named, "band") == relation(analyzed(ladder(), settings=WIDE), "band")
    other = analyzed(ladder(), reference="c00")
    assert other["reference"]["name"] == "c00"
    assert "F16" in relation(other)["members"]


def test_a_reference_that_is_not_there_is_refused_with_the_names_that_are():
    with pytest.raises(InputError, match="`BF16` is not among the models") as caught:
        analyzed(ladder(), reference="BF16")
    assert str(caught.value.hint).startswith("did you mean `F16`? there are: F16, c00, c01")


def test_scores_without_a_number_of_items_are_never_called_silent():
    rng = np.random.default_rng(4)
    models = [row(f"m{k:02d}", 0.01 * (k + 1), 0.6 + 0.1 * rng.random()) for k in range(30)]
    reference = row("F16", 0.0, 0.65, is_reference=True)
    unknown = analyzed(table(reference, *models))
    assert "silent" not in {one["verdict"] for one in unknown["verdicts"]}
    assert relation(unknown)["attainable"] is None
    assert any("no metric is called silent on them" in text for text in unknown["cautions"])
    counted = analyzed(
        table(*(replace(one, n_items={"mmlu": 20_000}) for one in (reference, *models)))
    )
    assert verdict(counted) == "silent"


def test_one_model_without_a_number_of_items_leaves_the_noise_unknown():
    models = list(ladder().models)
    models[4] = replace(models[4], n_items={})
    found = analyzed(table(*models))
    assert relation(found)["attainable"] is None
    assert any("neither `n_items.` nor `score_se.` is complete" in one for one in found["cautions"])


def test_noise_is_the_stated_error_or_else_that_of_a_proportion():
    assert score_error(row("a", 0.1, 0.6, n_items={"mmlu": 400}), "mmlu") == pytest.approx(
        math.sqrt(0.24 / 400)
    )
    stated = row("a", 0.1, 0.6, n_items={"mmlu": 400}, score_errors={"mmlu": 0.01})
    assert score_error(stated, "mmlu") == 0.01
    assert score_error(row("a", 0.1, 0.6), "mmlu") is None


def test_a_score_of_all_or_nothing_keeps_an_error():
    for share in (0.0, 1.0):
        low, high = wilson_interval(int(100 * share), 100)
        found = score_error(row("a", 0.1, share, n_items={"mmlu": 100}), "mmlu")
        assert found == pytest.approx((high - low) / (2 * 1.959964), rel=1e-6)


def test_reliability_is_the_share_of_the_variance_between_models_that_is_not_error(ordinary):
    _, score = values(ladder())
    errors = [math.sqrt(one * (1 - one) / 2000) for one in score]
    reliability = 1 - np.mean(np.square(errors)) / np.var(score, ddof=1)
    assert relation(ordinary)["attainable"] == pytest.approx(math.sqrt(reliability))


def test_differences_to_the_reference_are_unpaired_and_say_so(ordinary):
    net = find(ordinary["decomposition"], model="c03", benchmark="mmlu")["net"]
    own = ladder().models[4].scores["mmlu"]
    error = math.sqrt(own * (1 - own) / 2000 + 0.7 * 0.3 / 2000)
    assert net["value"] == pytest.approx(own - 0.7)
    assert net["standard_error"] == pytest.approx(error)
    assert net["cautions"][0].startswith("unpaired")
    volume = find(ordinary["decomposition"], model="c03", benchmark="mmlu")["volume"]
    assert volume["value"] is None
    assert "what changed is not known" in volume["cautions"][0]


def test_zones_around_the_reference_use_those_differences(ordinary):
    differences = {
        one["model"]: one["net"]["value"]
        for one in ordinary["decomposition"]
        if one["benchmark"] == "composite"
    }
    inside = {name for name, value in differences.items() if abs(value) <= 0.1}
    assert set(relation(ordinary, "band")["members"]) == inside
    assert 3 < len(inside) < 12


def test_columns_of_unknown_metrics_are_losses_with_a_caution():
    models = [
        replace(one, fidelity={"ppl": 5 + 10 * kld, "weird_score": -kld})
        for one in ladder().models
        for kld in [one.fidelity["kld_mean"]]
    ]
    found = analyzed(table(*models))
    by_metric = {
        one["metric"]: one
        for one in found["relations"]
        if (one["score"], one["zone"]) == ("composite", "full")
    }
    assert by_metric["ppl"]["aligned"] > 0.9
    assert by_metric["weird_score"]["aligned"] < -0.9
    assert any("taken as losses" in one and "ppl, weird_score" in one for one in found["cautions"])
    assert {one["family"] for one in found["variants"]} == {"as the table names it"}


def test_a_metric_we_know_keeps_its_direction_and_one_that_only_describes_is_left_out():
    models = [
        replace(one, fidelity={"top1_agreement": 1 - kld, "ppl_reference": 5.0})
        for one in ladder().models
        for kld in [one.fidelity["kld_mean"]]
    ]
    found = analyzed(table(*models))
    assert {one["metric"] for one in found["relations"]} == {"top1_agreement"}
    assert relation(found)["aligned"] > 0.9
    assert not any("taken as losses" in text for text in found["cautions"])


def test_columns_of_several_corpora_are_variants_of_one_metric():
    rng = np.random.default_rng(2)
    models = [
        replace(one, fidelity={f"kld_mean@{text}": kld * rng.uniform(0.9, 1.1) for text in "abc"})
        for one in ladder().models
        for kld in [one.fidelity["kld_mean"]]
    ]
    found = analyzed(table(*models))
    assert [one["name"] for one in found["corpora"]] == ["a", "b", "c"]
    assert found["headline"] == {"metric": "kld_mean", "corpus": "a"}
    summary = find(found["variant_summaries"], score="composite", zone="full")
    assert (summary["n_variants"], len(summary["escape"])) == (3, 3)
    assert {one["corpus"] for one in found["sensitivity"]} == {"a", "b", "c"}


def test_rows_with_the_same_numbers_are_kept_and_their_effect_is_shown():
    cohort = ladder()
    twin = replace(cohort.models[1], name="twin")
    both = [replace(one, fidelity={**one.fidelity, "ppl_ratio": 1.0 + one.fidelity["kld_mean"]})
            for one in (*cohort.models, twin)]  # fmt: skip
    found = analyzed(table(*both))
    (copies,) = found["copies"]
    assert sorted(copies["models"]) == ["c00", "twin"]
    effect = find(copies["effect"], zone="full")
    assert (effect["n"], effect["n_without"]) == (13, 12)
    assert relation(found)["n"] == 13


def test_a_reference_at_chance_keeps_a_benchmark_out_of_the_composite():
    # 0.70 on 2,000 items reaches down to 0.68.
    found = analyzed(replace(ladder(), chance={"mmlu": 0.69}))
    (one,) = found["benchmarks"]
    assert one["enters_composite"] is False
    assert "not shown to be above chance" in one["why_not"]
    reason = "no benchmark enters the composite (mmlu: the reference is not shown to be above"
    assert relation(found)["cautions"][0].startswith(reason)
    assert all(own["why_empty"].startswith(reason) for own in found["composites"])
    assert reason in found["decision"]["sentence"]
    assert relation(found, score="mmlu")["aligned"] > 0.9


def test_the_composite_is_the_mean_over_benchmarks_of_models_that_have_all():
    models = [
        TableModel(
            name=f"m{k}",
            is_reference=k == 0,
            fidelity={"kld_mean": 0.01 * k},
            scores={"a": 0.8 - 0.01 * k, **({"b": 0.6 - 0.03 * k} if k != 3 else {})},
            n_items={"a": 500, "b": 300},
        )
        for k in range(6)
    ]
    found = analyzed(replace(table(*models), chance={"a": 0.5, "b": 0.25}))
    composite = find(found["scores"], model="m2", benchmark="composite")["score"]
    assert composite["value"] == pytest.approx((0.78 + 0.54) / 2)
    errors = (math.sqrt(0.78 * 0.22 / 500), math.sqrt(0.54 * 0.46 / 300))
    assert composite["standard_error"] == pytest.approx(math.hypot(*errors) / 2)
    kept = [0.01 * k for k in (1, 2, 4, 5)]
    macro = [0.7 - 2.0 * kld for kld in kept]
    noise = [
        ((0.8 - kld) * (0.2 + kld) / 500 + (0.6 - 3 * kld) * (0.4 + 3 * kld) / 300) / 4
        for kld in kept
    ]
    reliability = 1 - np.mean(noise) / np.var(macro, ddof=1)
    assert relation(found)["attainable"] == pytest.approx(math.sqrt(reliability))
    assert "m3" not in relation(found)["members"]
    assert "m3" in relation(found, score="a")["members"]
    undecided = {one["model"]: one["why"] for one in found["decision"]["undecided"]}
    assert "not every benchmark" in undecided["m3"]


def test_candidates_stand_largest_first_where_sizes_are_known_and_as_written_where_not():
    cohort = ladder(4)
    turned = table(*reversed(cohort.models))
    assert [one["name"] for one in analyzed(turned)["candidates"]] == ["c00", "c01", "c02", "c03"]
    sizeless = table(*(replace(one, file_bytes=None) for one in turned.models))
    assert [one["name"] for one in analyzed(sizeless)["candidates"]] == ["c03", "c02", "c01", "c00"]


def test_the_same_table_and_seed_give_the_same_answers(ordinary):
    again, other = (analyzed(ladder(), settings=WIDE, seed=seed) for seed in (1, 2))
    assert json.dumps(again, sort_keys=True) == json.dumps(ordinary, sort_keys=True)
    assert relation(other)["measurement"] != relation(ordinary)["measurement"]


def test_where_sizes_are_known_the_order_of_rows_does_not_matter(ordinary):
    shuffled = list(ladder().models)
    np.random.default_rng(1).shuffle(shuffled)
    again = analyzed(table(*shuffled), settings=WIDE)
    for section in ("relations", "verdicts", "variants", "sensitivity", "decision"):
        assert again[section] == ordinary[section]


def test_a_table_without_scores_has_fidelity_and_no_relation():
    cohort = table(*(replace(one, scores={}, n_items={}) for one in ladder().models))
    found = analyzed(cohort)
    assert found["relations"] == found["verdicts"] == found["scores"] == []
    assert len(found["fidelity"]) == 12


def test_a_table_without_metrics_has_scores_and_a_decision_and_no_relation():
    cohort = table(*(replace(one, fidelity={}) for one in ladder().models))
    found = analyzed(cohort)
    assert found["relations"] == found["variants"] == found["sensitivity"] == []
    assert found["headline"] is None
    assert found["decision"]["undecided"]


@pytest.mark.parametrize("name", ["composite", "composite_rank", "a:b"])
def test_a_benchmark_may_not_take_a_name_that_answers_use(name):
    models = [replace(one, scores={name: 0.5}) for one in ladder().models]
    with pytest.raises(InputError, match="must not be called `composite`"):
        analyzed(table(*models))
