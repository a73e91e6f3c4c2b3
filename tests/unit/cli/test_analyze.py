"""Analyze, from the command line to the answers, on tables and on a small study."""

from __future__ import annotations

import json

import pytest
from tests.unit.analysis.studies import FOUR, Plan, write_study

HEADER = "name,is_reference,size_gb,fidelity.kld_mean,score.mmlu,n_items.mmlu"
ROWS = (
    "F16,true,16,0,0.700,14000",
    "Q8_0,,8.5,0.001,0.699,14000",
    "Q6_K,,6.6,0.004,0.697,14000",
    "Q5_K_M,,5.7,0.01,0.692,14000",
    "Q4_K_M,,4.8,0.03,0.684,14000",
    "Q3_K_M,,3.9,0.08,0.655,14000",
    "Q2_K,,3.1,0.25,0.570,14000",
)
ITEMS = [
    {"model": model, "benchmark": "mmlu", "item_id": f"i{k}", "score": score, **mark}
    for model, wrong, mark in (
        ("F16", (3,), {"is_reference": True}),
        ("Q8_0", (3, 5), {}),
        ("Q4_K_M", (1, 2, 5, 7), {}),
    )
    for k in range(40)
    for score in [0 if k % 10 in wrong else 1]
]


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "cohort.csv"
    path.write_text("\n".join([HEADER, *ROWS]) + "\n")
    return path


@pytest.fixture
def items(tmp_path):
    path = tmp_path / "answers.jsonl"
    path.write_text("\n".join(map(json.dumps, ITEMS)) + "\n")
    return path


@pytest.fixture
def study(tmp_path):
    folder = write_study(tmp_path / "study", Plan(names=FOUR, items=60)).root
    (folder / "study.toml").write_text('[study]\nname = "s"\nseed = 1\n')
    return folder


def found(shown):
    """The answers; NaN and infinity are no JSON."""

    def refuse(constant):
        raise AssertionError(constant)

    assert shown.code == 0, shown.stderr
    return json.loads(shown.stdout, parse_constant=refuse)


def zone(analysis, name):
    return next(
        one
        for one in analysis["relations"]
        if (one["metric"], one["score"], one["zone"]) == ("kld_mean", "composite", name)
    )


def test_a_table_gives_the_verdict_in_words_before_any_number_table(invoke, table):
    shown = invoke("analyze", table)
    assert shown.code == 0, shown.stderr
    sentence = shown.stdout.index("a smaller mean KLD went with a higher score")
    assert sentence < shown.stdout.index("\nQ8_0")
    assert "cohort.csv" in shown.stdout
    assert "Traceback" not in shown.stderr


def test_json_of_a_table_is_the_whole_analysis(invoke, table):
    analysis = found(invoke("analyze", table, "--json"))
    assert analysis["schema_version"] == 2
    assert analysis["source"] == {"kind": "table", "files": ["cohort.csv"]}
    assert zone(analysis, "full")["aligned"] == 1.0
    assert analysis["study"]["seed"] == 1
    assert analysis["study"]["command"].startswith("silentzone")


def test_items_and_a_table_are_read_together_in_either_order(invoke, table, items):
    first = found(invoke("analyze", table, items, "--json"))
    second = found(invoke("analyze", items, table, "--json"))
    assert first["source"]["kind"] == "table and items"
    assert {one["model"] for one in first["decomposition"]} == {"Q8_0", "Q4_K_M"}
    assert {**first, "study": None} == {**second, "study": None}


def test_items_alone_are_decomposed(invoke, items):
    analysis = found(invoke("analyze", items, "--json"))
    rows = {one["model"]: one for one in analysis["decomposition"] if one["benchmark"] == "mmlu"}
    assert (rows["Q8_0"]["harm"], rows["Q8_0"]["gain"]) == (4, 0)
    assert (rows["Q4_K_M"]["harm"], rows["Q4_K_M"]["gain"]) == (16, 4)


def test_two_tables_of_one_kind_are_refused(invoke, table, tmp_path):
    other = tmp_path / "other.csv"
    other.write_text(table.read_text())
    shown = invoke("analyze", table, other)
    assert shown.code == 1
    assert (
        "`cohort.csv` and `other.csv` are both cohort tables; one of each is read" in shown.stderr
    )


def test_a_study_beside_a_table_is_refused(invoke, study, table):
    for paths in ((study, table), (table, study)):
        shown = invoke("analyze", *paths)
        assert shown.code == 1
        assert "a study folder is analysed by itself" in shown.stderr


def test_a_file_that_is_no_table_is_refused_by_its_columns(invoke, tmp_path):
    path = tmp_path / "notes.csv"
    path.write_text("a,b\n1,2\n")
    shown = invoke("analyze", path)
    assert shown.code == 1
    assert "neither a cohort table nor an items table" in shown.stderr


def test_answers_to_a_table_are_stored_where_asked_and_a_page_can_be_made_of_them(
    invoke, table, tmp_path
):
    out = tmp_path / "answers"
    shown = invoke("analyze", table, "--out", out, "--json")
    assert json.loads((out / "analysis.json").read_text()) == found(shown)
    assert str(out / "analysis.json") in shown.stderr
    # The same folder takes the next answers.
    assert invoke("analyze", table, "--out", out, "--band", 0.01).code == 0


def test_answers_to_a_table_never_replace_those_of_a_study(invoke, table, study):
    shown = invoke("analyze", table, "--out", study)
    assert shown.code == 1
    assert "is a study folder; answers to tables would replace its own" in shown.stderr
    assert not (study / "analysis.json").exists()


@pytest.mark.parametrize("options", [("--out", "elsewhere"), ("--reference", "Q64")])
def test_options_for_tables_are_refused_for_a_study(invoke, study, options):
    shown = invoke("analyze", study, *options)
    assert shown.code == 2
    assert f"{options[0]} is for tables" in shown.stderr


def test_options_change_the_zones_of_a_table(invoke, table):
    plain = found(invoke("analyze", table, "--json"))
    other = found(
        invoke("analyze", table, "--json", "--band", 0.05, "--fidelity-share", 0.8, "--margin", 0.1)
    )
    counts = {
        name: (zone(plain, name)["n"], zone(other, name)["n"]) for name in ("band", "fidelity")
    }
    assert counts == {"band": (4, 5), "fidelity": (3, 5)}
    assert zone(plain, "equivalence")["spearman"] is None
    assert zone(other, "equivalence")["n"] == 5
    assert other["audit_settings"]["band"] == 0.05
    assert other["decision"]["margin"] == 0.1
    assert zone(plain, "full")["spearman"] == zone(other, "full")["spearman"]


def test_a_band_in_standard_errors_and_a_largest_loss_take_the_place_of_the_usual_zones(
    invoke, table
):
    analysis = found(
        invoke(
            "analyze", table, "--json", "--band-standard-errors", 2, "--fidelity-threshold", 0.02
        )
    )
    assert "2 standard errors" in zone(analysis, "band")["definition"]
    assert zone(analysis, "fidelity")["members"] == ["Q8_0", "Q6_K", "Q5_K_M"]


def test_another_reference_can_be_named_for_a_table(invoke, table):
    analysis = found(invoke("analyze", table, "--json", "--reference", "Q8_0"))
    assert analysis["reference"]["name"] == "Q8_0"
    shown = invoke("analyze", table, "--reference", "BF16")
    assert shown.code == 1
    assert "`BF16` is not among the models" in shown.stderr


def test_the_seed_is_recorded_and_decides_the_draws(invoke, table):
    first, again, other = (
        found(invoke("analyze", table, "--json", "--seed", seed)) for seed in (5, 5, 6)
    )
    assert first == again
    assert first["study"]["seed"] == 5
    assert zone(first, "fidelity")["expected"] != zone(other, "fidelity")["expected"]


def test_a_margin_above_the_guard_margin_takes_it_along_and_one_below_is_refused(invoke, table):
    analysis = found(invoke("analyze", table, "--json", "--margin", 0.05))
    assert analysis["decision"]["guard_margin"] == 0.05
    shown = invoke("analyze", table, "--margin", 0.05, "--guard-margin", 0.02)
    assert shown.code == 1
    assert "must not be below the margin" in shown.stderr


@pytest.mark.parametrize(
    "options", [("--band", "0"), ("--margin", "2"), ("--alpha", "0.7"), ("--fidelity-share", "1")]
)
def test_impossible_widths_are_wrong_usage(invoke, table, options):
    assert invoke("analyze", table, *options).code == 2


def test_a_study_is_answered_from_its_tables_and_other_options_ask_another_question(invoke, study):
    manifest = json.loads((study / "manifest.json").read_text())
    (study / "manifest.json").write_text(json.dumps({**manifest, "analyzed_inputs": {"a": "b"}}))
    plain = found(invoke("analyze", study, "--json"))
    assert plain == json.loads((study / "analysis.json").read_text())
    assert json.loads((study / "manifest.json").read_text())["analyzed_inputs"] == {"a": "b"}
    other = found(invoke("analyze", study, "--json", "--fidelity-share", 0.75))
    assert (zone(plain, "fidelity")["n"], zone(other, "fidelity")["n"]) == (2, 3)
    stored = json.loads((study / "manifest.json").read_text())
    assert stored["analyzed_inputs"] is None
    assert stored["config"] == manifest["config"]
