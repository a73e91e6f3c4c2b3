# A null where a number is expected fails these tests by itself.
# mypy: disable-error-code="operator,index,arg-type,union-attr,no-untyped-def"

from __future__ import annotations

import copy
import json

import numpy as np
import pytest

from silentzone.analysis.contenders import Contender, DecisionRule
from silentzone.analysis.plan import (
    observed_design_effect,
    plan_for_volume,
    plan_of_study,
    predicted_items,
)
from silentzone.analysis.scores import CompositeDifference
from silentzone.analysis.stored import StoredAnalysis
from silentzone.analysis.volume_relation import relation_of
from silentzone.errors import InputError, TableError
from silentzone.stats.clusters import ClusterPartition
from silentzone.stats.macro import macro_mean_estimate, satterthwaite_df
from silentzone.stats.paired import decompose
from silentzone.stats.planning import items_for_score_test
from silentzone.stats.results import Estimate

RULE = DecisionRule(margin=0.01, guard_margin=0.03, alpha=0.025, memory_budget_bytes=None)


def part(harm: int, gain: int, n: int, *, size: int = 1):
    """Scores of n items, the same in each of a cluster's ``size`` items."""
    reference = np.repeat([1.0] * harm + [0.0] * gain + [1.0] * (n - harm - gain), size)
    candidate = np.repeat([0.0] * harm + [1.0] * gain + [1.0] * (n - harm - gain), size)
    clusters = ClusterPartition.of(np.repeat(np.arange(n), size), unit="item cluster")
    return decompose(reference, candidate, clusters)


def contender(name: str, *parts):
    guards = {f"b{k}": own for k, own in enumerate(parts)}
    composite = None
    if parts:
        composite = CompositeDifference(
            net=macro_mean_estimate([own.net for own in parts]),
            degrees_of_freedom=satterthwaite_df([own.net for own in parts]),
            volume=macro_mean_estimate([own.volume for own in parts]),
            direction=parts[0].direction,
            n_items=sum(own.n_items for own in parts),
        )
    return Contender(
        name=name, file_bytes=100, memory_bytes=None, composite=composite, guards=guards
    )


def measured():
    """Six candidates whose volume is exactly twice their KLD."""
    return (
        [contender(f"m{k}", part(k, k, 1000)) for k in (5, 10, 20, 40, 60, 80)],
        {f"m{k}": k / 1000 for k in (5, 10, 20, 40, 60, 80)},
    )


def given(volume: float) -> Estimate:
    return Estimate(
        value=volume, standard_error=None, interval=None, method="as given", n_observations=0,
        n_clusters=None,
    )  # fmt: skip


def test_a_candidate_without_a_benchmark_gets_the_items_for_the_volume_its_kld_predicts():
    contenders, klds = measured()
    rows = predicted_items(
        [*contenders, contender("new")], {**klds, "new": 0.025}, RULE, corpus="w"
    )
    (row,) = rows
    assert (row["model"], row["kld_mean"]) == ("new", 0.025)
    assert row["volume"]["value"] == pytest.approx(0.05)
    assert row["items_needed"] == pytest.approx(items_for_score_test(0.01, 0.05), rel=1e-3)
    low, high = row["items_interval"]
    assert low <= row["items_needed"] <= high
    assert "to the power 1.00 over 6 candidates" in row["why"]
    assert "mean KLD on w" in row["why"]


def test_the_items_of_a_predicted_candidate_grow_with_the_interval_of_its_volume():
    contenders, klds = measured()
    noisy = {
        name: kld * factor
        for (name, kld), factor in zip(klds.items(), (1.5, 0.7, 1.4, 0.6, 1.3, 0.8), strict=True)
    }
    (row,) = predicted_items(
        [*contenders, contender("new")], {**noisy, "new": 0.02}, RULE, corpus="w"
    )
    low, high = row["volume"]["interval"]
    assert low < row["volume"]["value"] < high
    assert row["items_interval"][0] == pytest.approx(items_for_score_test(0.01, low), rel=0.01)
    assert row["items_interval"][1] == pytest.approx(items_for_score_test(0.01, high), rel=0.01)


def test_before_any_benchmark_there_is_no_relation_and_the_reason_stands():
    rows = predicted_items(
        [contender("a"), contender("b")], {"a": 0.1, "b": None}, RULE, corpus="w"
    )
    assert [row["items_needed"] for row in rows] == [None, None]
    assert "0 candidates have both values above zero, fewer than 5" in rows[0]["why"]


def test_without_kld_or_far_from_the_line_nothing_is_predicted():
    contenders, klds = measured()
    new = [*contenders, contender("none"), contender("far")]
    none, far = predicted_items(new, {**klds, "none": None, "far": 5.0}, RULE, corpus="w")
    assert none["volume"]["value"] is None
    assert "mean KLD is not known" in none["why"]
    assert far["items_needed"] is None
    assert "above 1" in far["why"]


def test_many_benchmarks_need_the_items_of_every_guard():
    _, klds = measured()
    wide = [contender("m5", *[part(5, 5, 1000)] * 12), contender("new")]
    relation = relation_of(klds, {name: 2 * kld for name, kld in klds.items()}, corpus="w")
    (row,) = predicted_items(wide, {"new": 0.025}, RULE, relation=relation)
    assert row["items_needed"] == 12 * items_for_score_test(0.03, 0.05)


def test_clusters_that_answer_alike_are_seen_in_the_design_effect():
    alike = [contender("x", part(30, 20, 300, size=4))]
    assert observed_design_effect(alike) == pytest.approx(4.0, rel=0.02)
    assert observed_design_effect([contender("x", part(30, 20, 300))]) == 1.0
    assert observed_design_effect([contender("x")]) == 1.0


def test_a_plan_names_the_decisions_items_the_textbooks_and_both_sides():
    plan = plan_for_volume(given(0.05), RULE, n_items=2000)
    assert (plan["items_needed"], plan["items_textbook"]) == (4022, 3925)
    assert plan["items_equivalence"] == items_for_score_test(0.01, 0.05, power=0.9)
    assert plan["items_interval"] is None
    assert plan["at_items"]["margin"] == pytest.approx(0.0143, abs=1e-4)
    assert plan["at_items"]["margin"] < plan["at_items"]["equivalence_margin"]
    doubled = plan_for_volume(given(0.05), RULE, design_effect=2.0)
    assert doubled["items_needed"] == pytest.approx(2 * 4022, abs=2)
    assert doubled["items_textbook"] == 2 * 3925


def test_a_study_is_planned_candidate_by_candidate():
    shown = contender("shown", part(20, 20, 9000))
    noisy = contender("noisy", part(30, 30, 500))
    broken = contender("broken", part(300, 5, 1000))
    blind = contender(
        "blind", decompose(np.ones(5), np.ones(5), ClusterPartition.of(np.zeros(5), unit="c"))
    )
    rows = {
        row["model"]: row
        for row in plan_of_study([shown, noisy, broken, blind, contender("new")], None, {}, RULE)
    }
    assert [rows[name]["state"] for name in rows] == [
        "shown", "open", "shown worse", "unknown", "not measured",
    ]  # fmt: skip
    assert rows["shown"]["items_if_equal"] < 9000
    assert rows["noisy"]["items_if_equal"] == pytest.approx(
        items_for_score_test(0.01, 0.12), rel=0.03
    )
    assert rows["noisy"]["items_as_seen"] == pytest.approx(
        rows["noisy"]["items_if_equal"], rel=0.01
    )
    assert rows["broken"]["items_if_equal"] is None
    assert "worse by more than the margin" in rows["broken"]["why"]
    assert rows["new"]["items_now"] == 0
    assert json.dumps(list(rows.values()), allow_nan=False)


@pytest.fixture(scope="module")
def analysis(ordinary_study):
    from silentzone.analysis.study import analyze_study

    return analyze_study(ordinary_study, rng_seed=1)


def test_a_stored_analysis_gives_the_decision_it_was_made_from(analysis):
    from silentzone.analysis.decision import decide

    stored = StoredAnalysis(json.loads(json.dumps(analysis)))
    again = decide(stored.contenders(), stored.rule())
    for key in ("margin", "guard_margin", "alpha", "pick", "fits"):
        assert again[key] == analysis["decision"][key]
    bounds = [step["lower_bound"] for step in analysis["decision"]["steps"]]
    assert [step["lower_bound"] for step in again["steps"]] == pytest.approx(bounds)


def test_a_stored_analysis_gives_its_relation_of_kld_and_volume(analysis):
    stored = StoredAnalysis(analysis)
    corpus, klds = stored.klds()
    assert corpus == "text"
    assert len(klds) == 8
    assert stored.relation().law.n_points == 8
    assert stored.relation("text", "alpha").benchmark == "alpha"
    with pytest.raises(InputError, match="no corpus `x`; it has text"):
        stored.relation("x")
    with pytest.raises(InputError, match="no benchmark `x`; it has alpha"):
        stored.relation(benchmark="x")


@pytest.mark.parametrize("section", ["decision", "candidates", "decomposition", "fidelity"])
def test_a_damaged_analysis_is_named(analysis, section):
    damaged = copy.copy(analysis)
    damaged[section] = [7] if isinstance(analysis[section], list) else None
    stored = StoredAnalysis(damaged)
    with pytest.raises(TableError, match="cannot be read"):
        stored.rule(), stored.contenders(), stored.relation()


def test_too_few_candidates_give_no_relation_to_plan_by(analysis):
    few = {**analysis, "fidelity": analysis["fidelity"][:3]}
    relation = StoredAnalysis(few).relation()
    with pytest.raises(InputError, match="3 candidates have both values above zero") as caught:
        relation.require()
    assert "--volume" in caught.value.hint
    with pytest.raises(InputError, match="no KLD"):
        StoredAnalysis({**analysis, "fidelity": []}).klds()


def test_an_analysis_of_a_table_is_planned_from_its_errors(analysis):
    table = json.loads(json.dumps(analysis))
    for row in table["decomposition"]:
        row |= {"items": None, "harm": None, "gain": None}
        row["volume"] |= {"value": None, "interval": None}
        row["net"]["n_clusters"] = None
    rows = plan_of_study(StoredAnalysis(table).contenders(), None, {}, RULE)
    assert {row["state"] for row in rows} <= {"shown", "open", "shown worse"}
    assert rows[0]["items_now"] == 300
    assert rows[0]["items_if_equal"] > 300
