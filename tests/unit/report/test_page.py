# ruff: noqa: RUF001 -- typographic signs are what a reader sees

from __future__ import annotations

import dataclasses

import pytest

from silentzone.report import tables
from silentzone.report.cohort import index
from silentzone.report.head import answers
from silentzone.report.page import build_page
from silentzone.report.terminal import summarize


def table(page, identity):
    every = (*page.decision, *page.results, *page.materials, *page.identities, *page.limits)
    return next(found for found in every if found.identity == identity)


def row(found, first):
    return next(cells for cells in found.rows if cells[0].text == first)


def test_the_pick_and_its_sentence_come_from_the_decision(analysis):
    first = answers(index(analysis))[0]
    assert first.answer == "Q4_K_M"
    assert first.sentence == analysis["decision"]["sentence"]
    assert first.tone == "good"


def test_without_a_pick_no_quant_is_called_safe(analysis):
    analysis["decision"]["pick"] = None
    first = answers(index(analysis))[0]
    assert first.answer == "None shown safe"
    assert first.tone == "open"


@pytest.mark.parametrize(
    ("verdict", "answer"),
    [
        ("informative", "Informative"),
        ("silent", "Silent"),
        ("cannot tell", "Cannot tell"),
        ("odd", "Cannot tell"),
    ],
)
def test_the_answer_is_the_word_of_the_verdict_with_rho_and_interval(analysis, verdict, answer):
    for found in analysis["verdicts"]:
        if found["zone"] == "equivalence":
            found["verdict"] = verdict
    second = answers(index(analysis))[1]
    assert second.answer == answer
    assert second.detail is not None
    assert second.detail.startswith("ρ = −0.13 [−0.82, ")
    assert second.detail.endswith("n = 8")


def test_a_study_that_could_not_decide_says_no_decision(analysis):
    analysis["decision"].update(pick=None, sentence="No decision was possible: no benchmark.")
    assert answers(index(analysis))[0].answer == "No decision"


def test_a_bound_is_never_printed_as_the_margin_it_missed(analysis):
    analysis["decision"]["steps"][0].update(lower_bound=-0.01501)
    steps = build_page(analysis).decision[0]
    assert steps.rows[0][2].text == "−1.501 pp"
    assert "margin 1.5 points on the composite, 3 points on every benchmark" in steps.caption


def test_direction_is_read_only_where_it_could_have_shown_something(analysis):
    def caption():
        return next(f for f in build_page(analysis).figures if f.identity == "volume").caption

    assert "without saying whether they hurt" in caption()
    for relation in analysis["relations"]:
        relation["attainable"] = 0.5
    assert "without saying whether they hurt" not in caption()


def test_no_figure_takes_a_point_inside_the_band_for_a_claim(whole_page):
    caption = next(f for f in whole_page.figures if f.identity == "size").caption
    assert "not yet shown to be within the margin" in caption


def test_an_exact_size_carries_no_note_on_an_interval(whole_page):
    sizes = next(f for f in whole_page.figures if f.identity == "size").table
    assert all(cells[1].notes == () for cells in sizes.rows)


def test_a_composite_row_says_why_it_counts_no_items(whole_page):
    found = table(whole_page, "decomposition")
    cells = next(c for c in found.rows if c[1].text == "composite")
    assert found.notes[cells[3].notes[0] - 1] == "a mean over benchmarks counts no items"


def test_the_full_cohort_never_answers_for_the_zone(analysis):
    analysis["verdicts"] = [row for row in analysis["verdicts"] if row["zone"] == "full"]
    second = answers(index(analysis))[1]
    assert second.answer == "Cannot tell"
    assert "no verdict" in second.sentence


def test_readings_that_disagree_are_named(analysis):
    other = {**analysis["verdicts"][1], "zone": "fidelity", "verdict": "informative"}
    analysis["verdicts"].append(other)
    reasons = answers(index(analysis))[1].reasons
    assert "Another reading (fidelity zone, wikipedia): informative." in reasons


def test_a_failed_model_shows_dashes_with_its_failure(whole_page):
    found = table(whole_page, "candidates")
    cells = row(found, "Q2_K")
    assert cells[3].text == "–"
    assert "out of memory" in found.notes[cells[3].notes[0] - 1]


def test_every_dash_in_a_number_column_of_the_main_table_has_a_reason(whole_page):
    found = table(whole_page, "candidates")
    dashes = [cell for cells in found.rows for cell in cells if cell.text == "–"]
    assert dashes
    assert all(cell.notes for cell in dashes)


def test_every_estimate_shown_has_its_interval_or_a_note(whole_page):
    found = table(whole_page, "decomposition")
    estimates = [cell for cells in found.rows for cell in cells[5:]]
    assert all(cell.detail or cell.notes for cell in estimates)


def test_a_direction_without_changed_items_is_a_dash_not_zero(whole_page):
    found = table(whole_page, "decomposition")
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


def test_pairs_are_counted_with_the_unknown_ones_apart(whole_analysis, whole_page):
    found = table(whole_page, "distinguishable")
    news = row(found, "news")
    rows = [r for r in whole_analysis["distinguishable"] if r["corpus"] == "news"]
    unknown = sum(r["is_distinguishable"] is None for r in rows)
    assert unknown > 0
    assert [cell.text for cell in news[1:]] == [
        str(len(rows)),
        str(sum(r["is_distinguishable"] is True for r in rows)),
        str(sum(r["is_distinguishable"] is False for r in rows)),
        str(unknown),
    ]


def test_relations_left_out_of_the_page_are_counted(whole_analysis, whole_page):
    found = table(whole_page, "relations")
    left = len(whole_analysis["relations"]) - len(found.rows)
    assert left > 0
    assert f" {left} more are in analysis.json" in found.caption


def test_a_column_that_nothing_fills_yet_says_so(analysis):
    for relation in analysis["relations"]:
        relation["expected"] = None
    assert "expected ρ (not simulated yet)" in tables.relations(index(analysis)).headers


def test_panel_titles_carry_rho_interval_n_and_what_was_attainable(whole_analysis, whole_page):
    figure = next(f for f in whole_page.figures if f.identity == "fidelity")
    relation = next(
        r
        for r in whole_analysis["relations"]
        if (r["metric"], r["corpus"], r["score"], r["zone"])
        == ("kld_mean", "wikipedia", "composite", "full")
    )
    assert figure.panels[0].title.startswith("Full cohort: ρ = −0.86 [−1.00, ")
    assert figure.panels[0].title.endswith(f"n = {relation['n']}, attainable |ρ| = 0.97")


def test_what_cannot_be_drawn_is_counted(whole_page):
    figure = next(f for f in whole_page.figures if f.identity == "fidelity")
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


def test_the_page_cannot_be_changed_after_it_is_made(whole_page):
    with pytest.raises(dataclasses.FrozenInstanceError):
        whole_page.title = "other"


def test_the_terminal_shows_one_row_per_model_and_the_same_answers(analysis):
    summary = summarize(analysis)
    assert len(summary.rows) == 1 + len(analysis["candidates"])
    assert all(len(cells) == len(summary.headers) for cells in summary.rows)
    assert any("Cannot tell" in sentence for sentence in summary.sentences)
    assert any(cells[0] == "Q4_K_M (pick)" for cells in summary.rows)
