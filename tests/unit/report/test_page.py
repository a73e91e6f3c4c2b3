# ruff: noqa: RUF001 -- typographic signs are what a reader sees

from __future__ import annotations

import dataclasses

import pytest

from silentzone.report.page import build_page
from silentzone.report.terminal import summarize


def table(page, identity):
    every = (*page.decision, *page.results, *page.materials, *page.identities, *page.limits)
    return next(found for found in every if found.identity == identity)


def row(found, first):
    return next(cells for cells in found.rows if cells[0].text == first)


def test_the_pick_and_its_sentence_come_from_the_decision(analysis):
    first = build_page(analysis).answers[0]
    assert first.answer == "Q4_K_M"
    assert first.sentence == analysis["decision"]["sentence"]
    assert first.tone == "good"


def test_without_a_pick_no_quant_is_called_safe(analysis):
    analysis["decision"]["pick"] = None
    first = build_page(analysis).answers[0]
    assert first.answer == "None shown safe"
    assert first.tone == "open"


@pytest.mark.parametrize(
    ("verdict", "answer"),
    [
        ("informative", "Yes"),
        ("silent", "No"),
        ("cannot tell", "Cannot tell"),
        ("odd", "Cannot tell"),
    ],
)
def test_the_verdict_becomes_a_plain_answer(analysis, verdict, answer):
    for found in analysis["verdicts"]:
        if found["zone"] == "equivalence":
            found["verdict"] = verdict
    assert build_page(analysis).answers[1].answer == answer


def test_the_full_cohort_never_answers_for_the_zone(analysis):
    analysis["verdicts"] = [row for row in analysis["verdicts"] if row["zone"] == "full"]
    second = build_page(analysis).answers[1]
    assert second.answer == "Cannot tell"
    assert "no verdict" in second.sentence


def test_readings_that_disagree_are_named(analysis):
    other = {**analysis["verdicts"][1], "zone": "fidelity", "verdict": "informative"}
    analysis["verdicts"].append(other)
    reasons = build_page(analysis).answers[1].reasons
    assert "Another reading (fidelity zone, wikipedia): informative." in reasons


def test_a_failed_model_shows_dashes_with_its_failure(analysis):
    found = table(build_page(analysis), "candidates")
    cells = row(found, "Q2_K")
    assert cells[3].text == "–"
    assert "out of memory" in found.notes[cells[3].notes[0] - 1]


def test_every_dash_in_a_number_column_of_the_main_table_has_a_reason(analysis):
    found = table(build_page(analysis), "candidates")
    dashes = [cell for cells in found.rows for cell in cells if cell.text == "–"]
    assert dashes
    assert all(cell.notes for cell in dashes)


def test_every_estimate_shown_has_its_interval_or_a_note(analysis):
    found = table(build_page(analysis), "decomposition")
    estimates = [cell for cells in found.rows for cell in cells[5:]]
    assert all(cell.detail or cell.notes for cell in estimates)


def test_a_direction_without_changed_items_is_a_dash_not_zero(analysis):
    found = table(build_page(analysis), "decomposition")
    cells = next(c for c in found.rows if (c[0].text, c[1].text) == ("Q8_0", "piqa"))
    assert cells[7].text == "–"
    assert "no item changed" in found.notes[cells[7].notes[0] - 1]


def test_the_numbers_shown_are_those_of_the_analysis(analysis):
    first = next(
        r for r in analysis["scores"] if (r["model"], r["benchmark"]) == ("Q4_K_M", "piqa")
    )
    first["score"].update(value=0.123456, interval=[0.1, 0.15])
    cells = row(table(build_page(analysis), "candidates"), "Q4_K_M")
    assert ("12.3 %", "[10.0, 15.0]") in [(cell.text, cell.detail) for cell in cells]


def test_pairs_are_counted_with_the_unknown_ones_apart(analysis):
    found = table(build_page(analysis), "distinguishable")
    news = row(found, "news")
    rows = [r for r in analysis["distinguishable"] if r["corpus"] == "news"]
    unknown = sum(r["is_distinguishable"] is None for r in rows)
    assert unknown > 0
    assert [cell.text for cell in news[1:]] == [
        str(len(rows)),
        str(sum(r["is_distinguishable"] is True for r in rows)),
        str(sum(r["is_distinguishable"] is False for r in rows)),
        str(unknown),
    ]


def test_relations_left_out_of_the_page_are_counted(analysis):
    found = table(build_page(analysis), "relations")
    left = len(analysis["relations"]) - len(found.rows)
    assert left > 0
    assert f" {left} more are in analysis.json" in found.caption


def test_panel_titles_carry_rho_interval_and_n(analysis):
    figure = next(f for f in build_page(analysis).figures if f.identity == "fidelity")
    relation = next(
        r
        for r in analysis["relations"]
        if (r["metric"], r["corpus"], r["score"], r["zone"])
        == ("kld_mean", "wikipedia", "composite", "full")
    )
    assert figure.panels[0].title.startswith("Full cohort: ρ = −0.86 [−1.00, ")
    assert figure.panels[0].title.endswith(f"n = {relation['n']}")


def test_what_cannot_be_drawn_is_counted(analysis):
    figure = next(f for f in build_page(analysis).figures if f.identity == "fidelity")
    assert figure.omitted == (
        "Not drawn because a value is missing or KLD is zero: full cohort 1.",
    )


def test_a_study_without_benchmarks_still_makes_a_page(analysis):
    for section in ("benchmarks", "scores", "relations", "decomposition", "verdicts"):
        analysis[section] = []
    analysis["decision"].update(pick=None, steps=[], undecided=[], sentence=None)
    page = build_page(analysis)
    assert [figure.identity for figure in page.figures] == ["floors"]
    assert page.answers[0].sentence == "The study recorded no decision."


def test_a_study_where_everything_failed_still_makes_a_page(analysis):
    for section in (
        "fidelity",
        "scores",
        "relations",
        "decomposition",
        "verdicts",
        "distinguishable",
    ):
        analysis[section] = []
    assert build_page(analysis).figures == ()


def test_the_page_cannot_be_changed_after_it_is_made(analysis):
    page = build_page(analysis)
    with pytest.raises(dataclasses.FrozenInstanceError):
        page.title = "other"  # type: ignore[misc]


def test_the_terminal_shows_one_row_per_model_and_the_same_answers(analysis):
    summary = summarize(analysis)
    assert len(summary.rows) == 1 + len(analysis["candidates"])
    assert all(len(cells) == len(summary.headers) for cells in summary.rows)
    assert any("Cannot tell" in sentence for sentence in summary.sentences)
    assert any(cells[0] == "Q4_K_M (pick)" for cells in summary.rows)
