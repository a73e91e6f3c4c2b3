"""The audit's tables, and the findings at the head of the page."""

from __future__ import annotations

import pytest

from silentzone.report import tables
from silentzone.report.cohort import index
from silentzone.report.findings import findings


def column(table, header):
    place = table.headers.index(header)
    return [cells[place] for cells in table.rows]


def test_each_finding_is_the_sentence_of_its_section(analysis):
    found = {finding.figure: finding.sentence for finding in findings(index(analysis))}
    assert list(found) == ["best", "volume", "variants", "prompts", "router", "shift"]
    assert found["shift"] == analysis["signed_shift_summary"]["sentence"]
    assert found["router"] == analysis["router"][0]["sentence"]
    assert found["best"].endswith("so it is a second yardstick.")


def test_findings_speak_of_the_zone_and_of_the_full_cohort_where_there_is_none(analysis):
    analysis["volume_direction"] = [
        row for row in analysis["volume_direction"] if row["zone"] == "full"
    ]
    found = {finding.figure: finding.sentence for finding in findings(index(analysis))}
    assert found["volume"].startswith("In the full zone")


def test_many_benchmarks_are_counted_not_recited(analysis):
    sentence = next(f for f in findings(index(analysis)) if f.figure == "prompts").sentence
    assert sentence.endswith(" In the figure: 2 more.")


def test_variants_are_summed_up_per_score_and_zone(analysis):
    table = tables.variant_summaries(index(analysis))
    assert [cell.text for cell in column(table, "zone")] == [
        "full cohort", "equivalence zone", "band zone", "fidelity zone",
    ]  # fmt: skip
    assert [cell.text for cell in column(table, "variants")] == ["92"] * 4


def test_prompts_are_listed_per_candidate_with_what_kld_adds(analysis):
    table = tables.prompts(index(analysis))
    assert len(table.rows) == 12
    over_all, single = table.rows[0], table.rows[1]
    assert (over_all[1].text, over_all[1].is_strong) == ("all candidates", True)
    assert column(table, "gain of adding KLD")[0].text == "+0.004"
    assert column(table, "p")[0].detail == "Wald, clustered by item"
    assert table.notes[single[1].notes[0] - 1] == "few failures"
    assert table.notes[column(table, "p")[1].notes[0] - 1] == "judged over all candidates only"


def test_copies_show_rho_with_and_without(analysis):
    table = tables.copies(index(analysis))
    assert [cell.text for cell in table.rows[0][-2:]] == ["−0.86", "−0.84"]  # noqa: RUF001
    assert table.rows[0][-1].detail == "n = 15"
    assert table.rows[0][0].detail == "the same content (SHA-256)"


def test_every_composite_has_its_definition_and_what_it_leaves_out(analysis):
    table = tables.composites(analysis)
    assert [cell.text for cell in column(table, "composite")] == [
        "composite", "reference-normalised composite", "rank composite",
    ]  # fmt: skip
    assert column(table, "left out")[1].text.startswith("hellaswag: the reference is not shown")
    assert column(table, "composite")[2].detail == "ranks need two benchmarks"


def test_pairs_and_the_best_set_are_listed(analysis):
    pairs = tables.pairs(index(analysis))
    assert len(pairs.rows) == 120
    outcomes = {cell.text for cell in column(pairs, "outcome")}
    assert outcomes == {"told apart", "not told apart", "not compared"}
    best = tables.best_set(index(analysis))
    assert best.caption.endswith("joint item bootstrap, 10\u202f000 resamples.")
    assert len(best.rows) == 16


def test_what_kld_alone_predicts_is_said_to_be_predicted(analysis):
    table = tables.predicted(index(analysis))
    assert table.rows[0][3].text == "2\u202f300"
    assert "volume predicted from KLD" in table.rows[0][4].text


def test_budgets_and_the_source_are_among_the_settings(analysis):
    found = {cells[0].text: cells[1].text for cells in tables.engine(index(analysis)).rows}
    assert found["made from"] == "study (study.toml)"
    assert found["tested by"] == "fixed sequence"
    assert found["budget, bits per weight"] == "6.0"


def test_excess_volume_and_changed_answers_stand_beside_the_parts(analysis):
    table = tables.decomposition(index(analysis))
    assert "volume between repeats" not in table.headers
    of_composite = [cells for cells in table.rows if cells[1].text == "composite"]
    place = table.headers.index("excess volume over churn")
    assert {cells[place].text for cells in of_composite} == {"–"}  # noqa: RUF001
    assert all(cells[place].notes for cells in of_composite)


@pytest.mark.parametrize("section", ["composites", "copies", "prompts", "variant_summaries"])
def test_an_empty_section_is_an_empty_table(analysis, section):
    analysis[section] = []
    made = {
        "composites": lambda: tables.composites(analysis),
        "copies": lambda: tables.copies(index(analysis)),
        "prompts": lambda: tables.prompts(index(analysis)),
        "variant_summaries": lambda: tables.variant_summaries(index(analysis)),
    }[section]()
    assert made.rows == ()
