# ruff: noqa: RUF001 -- typographic signs are what a reader sees

from __future__ import annotations

import dataclasses
import json

import pytest
from tests.unit.report import synthetic_tables

from silentzone.report.cohort import index
from silentzone.report.head import answers
from silentzone.report.page import build_page


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
    assert first.answer == "Some, of unknown size"
    assert first.tone == "open"
    for step in analysis["decision"]["steps"]:
        step["passes"] = False
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


def test_volume_and_direction_are_read_as_the_analysis_reads_them(analysis):
    near = next(row for row in analysis["volume_direction"] if row["zone"] == "equivalence")
    near["sentence"] = "Volume yes, direction unknown."
    figure = next(f for f in build_page(analysis).figures if f.identity == "volume")
    assert figure.said == ("Volume yes, direction unknown.",)


def test_volume_direction_and_net_stand_beside_each_other_for_both_zones(whole_page):
    figure = next(f for f in whole_page.figures if f.identity == "volume")
    assert [panel.title for panel in figure.panels] == [
        f"{part}, {zone}"
        for part in ("Volume", "Direction", "Net")
        for zone in ("full cohort", "equivalence zone")
    ]
    assert figure.panels[3].detail.endswith("n = 8, attainable up to 0.41")


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
    assert reasons == ("Other readings, informative: fidelity zone on “wikipedia”.",)


def test_readings_that_disagree_are_counted_where_they_are_many(analysis):
    other = {**analysis["verdicts"][1], "verdict": "silent"}
    analysis["verdicts"] += [{**other, "zone": f"zone {i}"} for i in range(7)]
    (line,) = answers(index(analysis))[1].reasons
    assert line.endswith(" and 3 more.")


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
    assert found.headers[-1] == "wrong to another wrong"  # a count
    estimates = [cell for cells in found.rows for cell in cells[5:-1]]
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


def test_the_relations_of_the_page_are_those_of_the_headline_metrics(whole_page):
    found = table(whole_page, "relations")
    kinds = {(cells[0].text, cells[1].text, cells[2].text) for cells in found.rows}
    assert ("mean KLD", "wikipedia", "direction, composite") in kinds
    assert ("mean KLD", "news", "composite") in kinds
    assert ("mean KLD", "news", "piqa") not in kinds


def test_a_relation_shows_what_to_expect_its_error_and_the_adjusted_p(whole_page):
    found = table(whole_page, "relations")
    at = {header: place for place, header in enumerate(found.headers)}
    cells = next(c for c in found.rows if (c[2].text, c[3].text) == ("piqa", "equivalence zone"))
    assert cells[at["expected, aligned"]].text == "+0.28 to +0.61"
    assert cells[at["expected, aligned"]].detail == "p of so little 0.021"
    assert cells[at["Holm p"]].text == "0.001"
    assert cells[at["measurement error of ρ"]].text == "± 0.09"
    assert cells[at["disattenuated ρ"]].detail == "[−1.20, +0.90]"


def test_the_full_cohort_says_why_it_has_no_range_to_expect(whole_page):
    found = table(whole_page, "relations")
    place = found.headers.index("expected, aligned")
    cells = next(c for c in found.rows if c[3].text == "full cohort")
    assert found.notes[cells[place].notes[0] - 1].startswith("the full cohort is where")


def test_expected_ranges_in_titles_are_turned_to_the_scale_of_rho(whole_page):
    figure = next(f for f in whole_page.figures if f.identity == "fidelity")
    assert "ρ = −0.13" in figure.panels[1].detail
    assert "expected −0.61 to −0.28" in figure.panels[1].detail


def test_panel_titles_carry_rho_interval_n_and_what_was_attainable(whole_analysis, whole_page):
    figure = next(f for f in whole_page.figures if f.identity == "fidelity")
    relation = next(
        r
        for r in whole_analysis["relations"]
        if (r["metric"], r["corpus"], r["score"], r["zone"])
        == ("kld_mean", "wikipedia", "composite", "full")
    )
    assert figure.panels[0].title == "Full cohort"
    assert figure.panels[0].detail.startswith("ρ = −0.86 [−1.00, ")
    assert figure.panels[0].detail.endswith(f"n = {relation['n']}, attainable up to 0.97")


def test_ticks_are_explained_only_where_items_were_asked_again(analysis):
    def harm():
        return next(f for f in build_page(analysis).figures if f.identity == "harm")

    assert "churn floor" in harm().key[-1].text
    for row in (*analysis["scores"], *analysis["decomposition"]):
        row.update(churn_floor=None, churn=None)
    assert len(harm().key) == 2
    assert "No item was asked again" in harm().caption


def test_long_names_that_read_alike_keep_their_zones_apart(analysis):
    inside, outside = analysis["candidates"][0]["name"], analysis["candidates"][-2]["name"]
    long = {inside: f"{'x' * 60}-a-{'y' * 60}", outside: f"{'x' * 60}-b-{'y' * 60}"}
    text = json.dumps(analysis)
    for old, new in long.items():
        text = text.replace(f'"{old}"', f'"{new}"')
    figure = next(f for f in build_page(json.loads(text)).figures if f.identity == "fidelity")
    rows = [
        row for layer in figure.panels[0].spec["layer"]
        for row in layer.get("data", {}).get("values", []) if row["label"].startswith("xx")
    ]  # fmt: skip
    assert {row["kind"] for row in rows} == {"in the zone", "outside the zone"}


def test_what_cannot_be_drawn_is_counted(whole_page):
    figure = next(f for f in whole_page.figures if f.identity == "fidelity")
    assert figure.omitted == (
        "Not drawn because a value is missing or KLD is zero: full cohort 1.",
    )


def test_a_study_without_benchmarks_still_makes_a_page(analysis):
    page = build_page(synthetic_tables.without_benchmarks(analysis))
    assert [figure.identity for figure in page.figures] == ["floors", "spread"]
    assert "There is no benchmark" in page.answers[0].sentence
    assert page.findings == ()


def test_a_study_where_everything_failed_still_makes_a_page(analysis):
    without = synthetic_tables.without_benchmarks(analysis)
    without.update(fidelity=[], distinguishable=[], kld_spread=[])
    assert build_page(analysis).figures == ()


def test_the_page_cannot_be_changed_after_it_is_made(whole_page):
    with pytest.raises(dataclasses.FrozenInstanceError):
        whole_page.title = "other"
