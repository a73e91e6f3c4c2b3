"""Pages of analyses made from a cohort table or an items table."""

from __future__ import annotations

import pytest
from tests.unit.report import synthetic_tables

from silentzone.report import build_html
from silentzone.report.cohort import index
from silentzone.report.head import answers, facts
from silentzone.report.page import build_page
from silentzone.report.terminal import summarize


@pytest.fixture(scope="module")
def without_reference():
    return synthetic_tables.of_table(has_reference=False)


@pytest.mark.parametrize(
    "analysis",
    [
        synthetic_tables.of_table(),
        synthetic_tables.of_table(has_reference=False),
        synthetic_tables.of_items(),
    ],
    ids=["table", "table without reference", "items"],
)
def test_a_page_and_a_text_can_be_made_of_every_source(analysis):
    assert build_html(analysis).rstrip().endswith("</html>")
    assert summarize(analysis).sentences


def test_without_a_reference_no_model_is_called_one(without_reference):
    cohort = index(without_reference)
    assert cohort.reference is None
    assert len(cohort.candidates) == len(cohort.models) == 17


def test_without_a_reference_the_head_says_what_cannot_be_answered_and_why(without_reference):
    which, speaks = answers(index(without_reference))
    assert which.answer == "No decision"
    assert "No model is marked as the reference" in which.sentence
    assert speaks.answer == "Cannot tell"
    assert speaks.sentence.endswith("because no model is marked as the reference.")
    details = {fact.name: fact.detail for fact in facts(index(without_reference))}
    assert "no reference among them" not in str(details["Candidates"])  # failures come first


def test_without_a_reference_the_scores_have_no_level_to_be_held_to(without_reference):
    figure = next(f for f in build_page(without_reference).figures if f.identity == "size")
    assert "No model is marked as the reference" in figure.caption
    assert "reference" not in {entry.text for entry in figure.key}


def test_without_a_reference_the_full_cohort_is_still_shown(without_reference):
    page = build_page(without_reference)
    figure = next(f for f in page.figures if f.identity == "fidelity")
    assert [panel.title for panel in figure.panels] == ["Full cohort"]
    assert "No zone near the reference could be formed" in figure.caption


def test_bits_per_weight_stand_in_for_sizes_nobody_gave(without_reference):
    figure = next(f for f in build_page(without_reference).figures if f.identity == "size")
    encoding = figure.panels[0].spec["layer"][0]["encoding"]
    assert encoding["x"]["title"] == "bits per weight (log scale)"


def test_a_table_without_floors_says_so_and_has_no_column_of_dashes():
    page = build_page(synthetic_tables.of_table())
    floors = next(f for f in page.figures if f.identity == "floors")
    assert floors.title == "How far has each candidate moved?"
    assert "No noise floor was measured" in floors.caption
    assert "own noise floor" not in page.results[0].headers
    assert "size" not in page.results[0].headers


def test_tables_without_a_row_are_left_out():
    page = build_page(synthetic_tables.of_table())
    assert "decomposition" not in {table.identity for table in page.results}
    assert "corpora" not in {table.identity for table in page.materials}


def test_a_metric_without_a_corpus_stands_for_the_only_one():
    cohort = index(synthetic_tables.of_table())
    assert cohort.corpus is None
    assert cohort.zone == "equivalence"
    assert cohort.metric("Q8_0", None).value is not None


def test_items_alone_answer_what_changed_and_say_that_no_metric_can_be_judged():
    page = build_page(synthetic_tables.of_items())
    identities = [figure.identity for figure in page.figures]
    assert identities == ["best", "heat", "harm", "router", "shift"]
    assert page.answers[1].sentence.endswith("because there is no fidelity metric.")


def test_another_metric_heads_the_page_where_there_is_no_mean_kld():
    found = {**synthetic_tables.of_table(), "headline": None}
    for section in ("relations", "verdicts", "variants", "sensitivity"):
        found[section] = [row for row in found[section] if row["metric"] != "kld_mean"]
    for row in found["fidelity"]:
        row["metrics"].pop("kld_mean", None)
    cohort = index(found)
    assert cohort.headline == "kld_p99"
    assert "99th percentile of KLD" in answers(cohort)[1].question
    headers = build_page(found).results[0].headers
    assert "99th percentile of KLD, nats" in headers


@pytest.mark.parametrize("empty", [None, {}, []])
def test_empty_objects_are_taken_for_nothing_recorded(empty):
    found = synthetic_tables.of_table()
    found.update(engine=empty, decision=empty, signed_shift_summary=empty)
    assert answers(index(found))[0].sentence == "No decision was recorded."


def test_scores_without_items_draw_no_volume_and_list_no_decomposition():
    found = synthetic_tables.of_table()
    found["decomposition"] = [
        {"model": "Q8_0", "benchmark": "composite", "net": {"value": -0.01}, "volume": None}
    ]
    page = build_page(found)
    assert "volume" not in {figure.identity for figure in page.figures}
    assert {table.identity for table in page.results} >= {"net"}
    assert "decomposition" not in {table.identity for table in page.results}


def test_keys_name_only_what_is_drawn():
    found = synthetic_tables.of_table()
    for row in found["scores"]:
        row["score"]["interval"] = None
    for row in found["sensitivity"]:
        row.update(expected=None, attainable=None)
    keys = {
        figure.identity: {entry.text for entry in figure.key}
        for figure in build_page(found).figures
    }
    assert keys["size"] == {
        "candidate",
        "reference",
        "reference ± margin",
        "no smaller file scores as well",
    }
    assert keys["widths"] == {
        "\u03c1 in a zone of this width, n beside it",
        "the width the verdict is given for",
        "its interval",
    }


def test_what_a_table_does_not_know_is_not_called_none():
    found = synthetic_tables.of_table()
    found["study"].update(created_at=None, name="cohort.csv")
    page = build_page(found)
    assert page.subtitle == "silentzone 0.1.0, from table: cohort.csv"
    assert page.title == "cohort.csv"
    assert "Benchmark items" not in {fact.name for fact in page.facts}
