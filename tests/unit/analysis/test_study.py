from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from tests.unit.analysis.studies import FOUR

from silentzone.analysis.study import analyze_study
from silentzone.errors import InputError, ProtocolMismatchError, TableError
from silentzone.records.config import AuditEntry, DecisionEntry

SCHEMA = Path(__file__).parents[3] / "docs" / "analysis-json.md"
ZONES = ("full", "equivalence", "band", "fidelity")
JUDGED = ("kld_mean", "kld_median", "kld_p99", "top1_agreement", "ln_ppl_ratio", "js_mean")
PARTS = ("volume", "direction", "net")
BENCHMARKS = ("alpha", "beta")
SCORES = {
    "composite",
    "composite_normalised",
    "composite_rank",
    *BENCHMARKS,
    *(f"{part}:{name}" for part in PARTS for name in ("composite", *BENCHMARKS)),
}


def find(rows, **wanted):
    return next(row for row in rows if all(row[name] == value for name, value in wanted.items()))


def test_the_object_is_strict_json_of_the_documented_schema(whole):
    json.dumps(whole, allow_nan=False)
    page = SCHEMA.read_text()
    assert whole["schema_version"] == 2
    assert [key for key in whole if f'"{key}":' not in page] == []


@pytest.mark.parametrize(
    "section",
    ["composites", "scores", "decomposition", "relations", "verdicts", "variants",
     "variant_summaries", "sensitivity", "volume_direction"],
)  # fmt: skip
def test_every_row_has_the_documented_keys(whole, section):
    text = SCHEMA.read_text().split(f'\n "{section}":', 1)[1].split('\n "', 1)[0]
    named = set(re.findall(r'"(\w+)"', text))
    assert whole[section]
    assert all(set(row) <= named for row in whole[section])


def test_every_metric_that_ranks_meets_every_score_in_every_zone_once(whole):
    rows = [(one["metric"], one["score"], one["zone"]) for one in whole["relations"]]
    assert len(rows) == len(set(rows)) == 23 * len(SCORES) * len(ZONES)
    assert {score for _, score, _ in rows} == SCORES
    assert {zone for *_, zone in rows} == set(ZONES)
    assert not {"ppl_reference", "ppl_candidate"} & {metric for metric, *_ in rows}


def test_six_metrics_are_judged_and_the_first_on_single_benchmarks_too(whole):
    judged = {(one["metric"], one["score"]) for one in whole["verdicts"]}
    scores = ("composite", *(f"{part}:composite" for part in PARTS))
    single = {("kld_mean", name) for name in BENCHMARKS}
    assert judged == {(metric, score) for metric in JUDGED for score in scores} | single
    expected = {(r["metric"], r["score"]) for r in whole["relations"] if r["expected"] is not None}
    assert expected == judged


def test_the_headline_is_mean_kld_on_the_first_corpus(whole):
    assert whole["headline"] == {"metric": "kld_mean", "corpus": "text"}


def test_the_same_folder_and_seed_give_the_same_object_and_another_seed_other_draws(study, plan):
    folder = study(plan(names=FOUR))
    first, again, other = (analyze_study(folder, rng_seed=seed) for seed in (3, 3, 4))
    assert json.dumps(first, sort_keys=True) == json.dumps(again, sort_keys=True)
    assert first["relations"] != other["relations"]
    assert first["fidelity"] == other["fidelity"]


def test_candidates_stand_largest_first(whole):
    assert [one["name"] for one in whole["candidates"]] == [f"Q{8 * k}" for k in range(8, 0, -1)]
    assert whole["candidates"][0]["provenance"] == {"general.quantized_by": "nobody"}


def test_a_fidelity_axis_that_truly_follows_volume_is_found_to_do_so(whole):
    relation = find(whole["relations"], metric="kld_mean", score="volume:composite", zone="full")
    assert relation["aligned"] > 0.8
    assert relation["spearman"] == relation["aligned"]


def test_aligned_turns_a_loss_around_and_keeps_a_gain(whole):
    loss = find(whole["relations"], metric="kld_mean", score="composite", zone="full")
    gain = find(whole["relations"], metric="top1_agreement", score="composite", zone="full")
    assert loss["aligned"] == -loss["spearman"]
    assert gain["aligned"] == gain["spearman"]


def test_what_was_simulated_is_a_range_over_shapes_and_what_was_not_says_why(whole):
    expected = [r["expected"] for r in whole["relations"] if r["expected"] is not None]
    assert any(one["n_simulations"] == 1000 for one in expected)
    for one in expected:
        medians = [shape["median"] for shape in one["shapes"]]
        assert one["low"] == min(medians, default=None)
        assert one["high"] == max(medians, default=None)
        assert (one["pvalue"] is None) == (not medians)
    simulated = find(whole["relations"], metric="kld_mean", score="composite", zone="full")
    assert [shape["shape"] for shape in simulated["expected"]["shapes"]] == ["isotonic"]


def test_holm_stands_on_single_benchmarks_alone_and_is_never_below_the_plain_pvalue(whole):
    for one in whole["relations"]:
        if one["score"] in BENCHMARKS and one["pvalue"] is not None:
            assert one["pvalue_holm"] >= one["pvalue"]
        else:
            assert one["pvalue_holm"] is None


def test_zones_and_margins_can_be_asked_otherwise_than_the_study_has_them(study, plan):
    from silentzone.analysis.answers import Settings

    settings = Settings(
        decision=DecisionEntry(margin=0.3, guard_margin=0.5),
        audit=AuditEntry(band=0.5, fidelity_share=0.75),
    )
    folder = study(plan(names=FOUR))
    result = analyze_study(folder, rng_seed=1, settings=settings)
    of_zone = {
        zone: find(result["relations"], metric="kld_mean", score="composite", zone=zone)
        for zone in ZONES
    }
    assert of_zone["band"]["n"] == 4
    assert of_zone["fidelity"]["n"] == 3
    assert "within 30 points" in of_zone["equivalence"]["definition"]
    assert result["decision"]["margin"] == 0.3
    assert result["audit_settings"]["band"] == 0.5


def test_a_position_that_is_not_ok_is_left_out_and_counted(analyzed):
    result = analyzed(bad_positions={"Q64": 7})
    row = find(result["fidelity"], model="Q64")
    assert row["metrics"]["kld_mean"]["n_observations"] == 12 * 20 - 7
    counted = find(result["exclusions"], what="positions of Q64 on text")
    assert (counted["count"], counted["why"]) == (7, "non_finite")


def test_an_item_without_a_score_is_not_counted_as_wrong(analyzed):
    result = analyzed(bad_items={"Q64": 10})
    row = find(result["scores"], model="Q64", benchmark="alpha")
    assert row["items"] == 140
    assert row["excluded"] == {"too_long": 10}


def test_items_the_reference_lacks_are_left_out_for_the_candidates(analyzed):
    result = analyzed(bad_items={"F16": 4})
    row = find(result["scores"], model="Q64", benchmark="beta")
    assert row["items"] == 146
    assert row["excluded"] == {"no reference score": 4}


def test_a_model_without_a_part_is_partial_and_stays_out_of_its_relations(analyzed):
    result = analyzed(without_tokens=("Q64",))
    model = result["candidates"][0]
    assert model["status"] == "partial"
    assert "corpus text" in model["cautions"][0]
    assert find(result["fidelity"], model="Q64")["status"] == "not measured"
    relation = find(result["relations"], metric="kld_mean", score="composite", zone="full")
    assert relation["n"] == 3
    assert "1 of 4 members have no value and are left out" in relation["cautions"]
    assert relation["minimum_detectable"] is None
    assert find(result["exclusions"], what="candidates on corpus text")["count"] == 1


def test_a_candidate_without_a_benchmark_has_no_composite(analyzed):
    result = analyzed(without_items=(("beta", "Q8"),))
    row = find(result["scores"], model="Q8", benchmark="composite")
    assert row["score"]["value"] is None
    assert row["score"]["cautions"]


def test_parts_under_different_protocols_are_refused(study, plan):
    folder = study(plan(names=FOUR, protocol_of={"Q8": "all"}))
    with pytest.raises(ProtocolMismatchError, match=r"`first_scored`.*'half'.*'all' for `Q8`"):
        analyze_study(folder, rng_seed=1)


def test_an_item_asked_in_other_words_is_refused_by_name(study, plan):
    folder = study(plan(names=FOUR, prompt_of={"Q8": "other"}))
    with pytest.raises(ProtocolMismatchError, match="item `alpha-0` of `alpha`"):
        analyze_study(folder, rng_seed=1)


def test_a_benchmark_at_chance_does_not_enter_the_composite(analyzed):
    result = analyzed(chance=0.7)
    assert not any(one["enters_composite"] for one in result["benchmarks"])
    assert "not shown to be above chance" in result["benchmarks"][0]["why_not"]
    assert "no benchmark enters" in result["cautions"][0]
    assert result["decision"]["pick"] is None
    reason = "no benchmark enters the composite (alpha: the reference is not shown to be above"
    assert result["decision"]["sentence"].startswith(f"No decision was possible: {reason}")
    for zone in ("full", "equivalence", "band", "fidelity"):
        relation = find(result["relations"], metric="kld_mean", score="composite", zone=zone)
        assert relation["cautions"][0].startswith(reason)
        found = find(result["verdicts"], metric="kld_mean", score="composite", zone=zone)
        assert found["sentence"].startswith("No verdict was possible on mean KLD")
        assert reason in found["sentence"]


def test_a_benchmark_may_not_take_the_name_of_the_composite(analyzed):
    with pytest.raises(InputError, match="must not be called `composite`"):
        analyzed(benchmarks=("composite",))


def test_a_study_without_benchmarks_still_has_fidelity(analyzed):
    result = analyzed(benchmarks=())
    assert find(result["fidelity"], model="Q64")["metrics"]["kld_mean"]["value"] > 0
    assert result["relations"] == result["scores"] == []
    assert result["decision"]["sentence"] == (
        "No decision was possible: the study has no benchmark."
    )


def test_a_floor_that_is_exactly_zero_is_said_and_never_used(analyzed):
    result = analyzed(floor_of={"Q64": 0.0, "Q56": 0.3})
    still, moved = (find(result["fidelity"], model=name)["floor"] for name in ("Q64", "Q56"))
    assert still["used"] is None
    assert still["uneven_batch"] is None
    assert "this perturbation changed nothing" in still["statement"]
    assert moved["used"] == moved["uneven_batch"]["value"] > 0


def test_a_difference_below_a_floor_is_not_distinguishable(analyzed):
    floors = {"Q64": 9.0, "Q56": 0.01, "Q8": 0.01}
    result = analyzed(floor_of=floors)
    pairs = result["distinguishable"]
    noisy = find(pairs, first="Q64", second="Q8")
    assert noisy["is_distinguishable"] is False
    assert "not above the larger floor" in noisy["why"]
    assert find(pairs, first="Q56", second="Q8")["is_distinguishable"] is True
    unknown = find(pairs, first="Q56", second="Q16")
    assert unknown["is_distinguishable"] is None
    assert "not known" in unknown["why"]


def test_a_margin_that_cannot_be_resolved_leaves_the_equivalence_zone_empty(analyzed):
    result = analyzed(decision=DecisionEntry(margin=0.005))
    relation = find(result["relations"], score="composite", zone="equivalence")
    assert relation["spearman"] is None
    assert relation["n"] == 0
    assert "not resolvable" in relation["cautions"][0]


def test_the_fidelity_zone_holds_the_half_with_least_loss(whole):
    relation = find(whole["relations"], metric="kld_mean", score="composite", zone="fidelity")
    kld = {row["model"]: row["metrics"]["kld_mean"]["value"] for row in whole["fidelity"]}
    assert set(relation["members"]) == set(sorted(kld, key=lambda name: kld[name])[:4])


def test_two_identical_candidates_tie_and_change_nothing(analyzed):
    result = analyzed(identical=("Q64", "Q56"))
    row = find(result["decomposition"], model="Q64", benchmark="alpha")
    assert (row["harm"], row["gain"], row["volume"]["value"]) == (0, 0, 0.0)
    assert row["direction"]["value"] is None
    metrics = find(result["fidelity"], model="Q64")["metrics"]
    assert metrics["kld_mean"]["standard_error"] is None
    assert metrics["kld_geomean"]["value"] is None


def test_clusters_of_items_are_used_where_they_are_named(analyzed):
    result = analyzed(clusters=True)
    row = find(result["decomposition"], model="Q8", benchmark="alpha")
    assert row["net"]["n_clusters"] == 30
    assert "item cluster" in row["net"]["method"]


def test_the_churn_floor_is_the_share_of_answers_that_changed(whole):
    row = find(whole["scores"], model="Q64", benchmark="alpha")
    assert row["churn_floor"]["value"] == pytest.approx(1 / 3)
    assert find(whole["scores"], model="Q8", benchmark="alpha")["churn_floor"] is None


@pytest.mark.parametrize(
    ("path", "named"),
    [
        (("engine",), "engine"),
        (("config", "decision"), "config.decision"),
        (("reference", "file_bytes"), "reference.file_bytes"),
        (("corpora", 0, "plan"), "corpora.plan"),
    ],
)
def test_a_damaged_manifest_is_refused_by_the_entry_it_lacks(study, plan, path, named):
    folder = study(plan(names=FOUR))
    manifest = folder.manifest()
    place = manifest
    for step in path[:-1]:
        place = place[step]
    del place[path[-1]]
    folder.write_manifest(manifest)
    with pytest.raises(TableError, match=f"`{named}` is missing"):
        analyze_study(folder, rng_seed=1)


def test_a_model_that_could_not_be_opened_is_shown_as_failed_and_does_not_stop_the_rest(
    study, plan
):
    missing = (("alpha", "Q64"), ("beta", "Q64"))
    folder = study(plan(names=FOUR, without_tokens=("Q64",), without_items=missing))
    manifest = folder.manifest()
    manifest["candidates"][0] |= {
        "status": "failed",
        "failure": "the file is damaged",
        "bits_per_weight": None,
    }
    manifest["failures"] = [{"model": "Q64", "part": "load", "cause": "the file is damaged"}]
    folder.write_manifest(manifest)
    result = analyze_study(folder, rng_seed=1)
    assert result["candidates"][0]["status"] == "failed"
    assert result["failures"] == manifest["failures"]
    assert result["decision"]["pick"] == "Q8"
    assert result["decision"]["undecided"][0]["model"] == "Q64"


def test_tables_of_a_file_that_was_replaced_under_its_name_are_not_used(analyzed):
    result = analyzed(sha256_of={"Q64": "another"})
    assert find(result["fidelity"], model="Q64")["status"] == "not measured"
    assert not [row for row in result["decomposition"] if row["model"] == "Q64"]
    why = find(result["exclusions"], what="tokens of Q64 on text")["why"]
    assert why == "measured on another file of this name"


def test_copies_of_one_file_are_named(analyzed):
    result = analyzed(sha256_of={"Q8": "Q16"})
    assert "Q16, Q8 have the same content" in result["cautions"][0]


def test_a_composite_counts_no_items_as_harm_or_gain(whole):
    row = find(whole["decomposition"], model="Q8", benchmark="composite")
    assert row["harm"] is row["gain"] is None
    assert find(whole["decomposition"], model="Q8", benchmark="alpha")["harm"] > 0


def test_where_no_answer_changed_when_asked_again_there_is_no_churn_floor(analyzed):
    result = analyzed(churn_again=(1.0, 0.0, 1.0, None))
    floor = find(result["scores"], model="Q64", benchmark="alpha")["churn_floor"]
    assert floor["value"] is None
    assert floor["cautions"] == ["nothing changed in 3 items asked again"]


def test_a_churn_floor_says_how_many_items_it_rests_on(whole):
    row = find(whole["scores"], model="Q64", benchmark="alpha")
    assert "from 3 items asked again" in row["churn_floor"]["cautions"]


def test_the_first_corpus_stands_in_for_the_floors_of_the_others_where_that_was_asked(analyzed):
    floors = {"Q64": 0.01, "Q8": 0.01}
    result = analyzed(corpora=("text", "news"), floor_of=floors, floor_corpora="first")
    floor = find(result["fidelity"], model="Q8", corpus="news")["floor"]
    assert floor["used"] == find(result["fidelity"], model="Q8", corpus="text")["floor"]["used"]
    assert "on text)" in floor["statement"]
    row = find(result["distinguishable"], corpus="news", first="Q64", second="Q8")
    assert row["is_distinguishable"] is True
    assert "on text)" in row["why"]


def test_a_corpus_whose_own_floor_failed_borrows_none(analyzed):
    floors = {"Q64": 0.01, "Q8": 0.01}
    result = analyzed(corpora=("text", "news"), floor_of=floors, floor_corpora="all")
    row = find(result["distinguishable"], corpus="news", first="Q64", second="Q8")
    assert row["is_distinguishable"] is None


def test_few_documents_are_said_to_leave_windows_as_what_is_independent(analyzed):
    result = analyzed(documents=3)
    said = "few documents known (text: 3), windows treated as independent"
    assert said in result["cautions"]


def test_a_benchmark_without_the_reference_is_named(analyzed):
    result = analyzed(without_items=(("beta", "F16"),))
    assert "beta was not run with the reference" in result["cautions"][0]


def test_a_comparison_over_too_few_of_the_items_is_named(analyzed):
    result = analyzed(bad_items={"Q64": 10, "Q56": 7})
    said = next(text for text in result["cautions"] if "are paired" in text)
    assert "Q64 on alpha (140 of 150)" in said
    assert "Q56" not in said


def test_candidates_short_of_a_benchmark_say_which(analyzed):
    missing = tuple(("beta", name) for name in ("Q64", "Q8"))
    result = analyzed(without_items=missing)
    undecided = {row["model"]: row["why"] for row in result["decision"]["undecided"]}
    assert undecided["Q8"] == "it has no composite: not measured on beta"
