from __future__ import annotations

import pytest
from tests.unit.analysis.studies import FOUR
from tests.unit.analysis.tables import find

from silentzone.analysis.study import analyze_study
from silentzone.errors import InputError, ProtocolMismatchError, TableError


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


def test_what_a_candidate_changes_by_itself_stands_beside_its_volume(whole):
    row = find(whole["decomposition"], model="Q64", benchmark="alpha")
    assert row["churn"]["value"] == pytest.approx(1 / 3)
    excess = row["volume"]["value"] - row["churn"]["value"]
    assert row["excess_volume"]["value"] == pytest.approx(excess)
    assert row["answers_changed"]["value"] == 0.0
    assert row["wrong_to_wrong"] == 0
    assert row["split_repeat"] is None
    other = find(whole["decomposition"], model="Q8", benchmark="alpha")
    assert other["churn"] is other["excess_volume"] is None


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


def test_nets_of_single_benchmarks_are_tested_and_adjusted_together(whole):
    rows = whole["decomposition"]
    single = [row for row in rows if row["benchmark"] != "composite"]
    assert all(row["net_pvalue"] <= row["net_pvalue_holm"] <= 1.0 for row in single)
    assert {row["net_pvalue_method"] for row in single} <= {
        "exact McNemar (binomial)",
        "t with G-1 df",
    }
    smallest = min(single, key=lambda row: row["net_pvalue"])
    assert smallest["net_pvalue_holm"] == min(1.0, len(single) * smallest["net_pvalue"])
    assert all(row["net_pvalue_holm"] is None for row in rows if row["benchmark"] == "composite")
