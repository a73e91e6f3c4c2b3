"""What a terminal shows: answers first, then short tables."""

# ruff: noqa: RUF001 -- typographic signs are what a reader sees

from __future__ import annotations

from tests.unit.report import hostile, synthetic, synthetic_tables

from silentzone.report.terminal import MOST_NOTES, summarize


def tables(summary):
    """The tables a summary has, in their order."""
    return [table for table in (summary.relations, summary.candidates) if table is not None]


def lines(summary):
    """How many lines the caller prints, blank ones included."""
    printed = 1 + len(summary.sentences) + len(summary.findings) + len(summary.notes)
    return printed + sum(2 + len(table.rows) for table in tables(summary)) + 1


def test_one_row_per_model_and_the_answers_of_the_page(analysis):
    summary = summarize(analysis)
    assert len(summary.candidates.rows) == 1 + len(analysis["candidates"])
    for table in tables(summary):
        assert all(len(cells) == len(table.headers) for cells in table.rows)
    assert any("Cannot tell" in sentence for sentence in summary.sentences)
    assert any(cells[0] == "Q4_K_M (pick)" for cells in summary.candidates.rows)


def test_a_study_of_sixteen_fits_on_sixty_lines():
    analysis = synthetic.analysis(candidates=16)
    analysis["cautions"] = [f"caution {i}" for i in range(40)]
    assert lines(summarize(analysis)) <= 60


def test_the_headline_relation_is_shown_by_zone_with_its_verdict(analysis):
    found = summarize(analysis).relations
    assert found is not None
    assert found.headers[0] == "Mean KLD on “wikipedia” and composite"
    assert found.rows[1] == (
        "equivalence zone", "8", "−0.13", "−0.82 to +0.56", "−0.61 to −0.28", "0.74",
        "cannot tell",
    )  # fmt: skip
    assert found.rows[0][4] == "–"


def test_findings_follow_one_line_a_topic(analysis):
    found = summarize(analysis).findings
    assert len(found) == 6
    assert found[1].startswith("How much changed, and which way: In the equivalence zone")


def test_notes_are_said_once_and_the_rest_is_counted(analysis):
    analysis["cautions"] = ["twice", "twice", *(f"caution {i}" for i in range(MOST_NOTES))]
    notes = summarize(analysis).notes
    assert notes.count("twice") == 1
    assert len(notes) == MOST_NOTES + 1
    assert notes[-1] == "3 more are in the report"


def test_failures_come_before_cautions(analysis):
    assert summarize(analysis).notes[0].startswith("Q2_K: all: the worker was killed")


def test_columns_that_nothing_fills_are_left_out():
    summary = summarize(synthetic_tables.of_items())
    assert summary.candidates.headers == ("model", "composite", "status")
    assert summary.relations is None


def test_a_table_shows_bits_where_it_has_no_sizes_and_names_its_file():
    summary = summarize(synthetic_tables.of_table())
    assert summary.title.endswith("(table: cohort.csv)")
    assert summary.candidates.rows[1][1] == "8.50 bits"


def test_no_name_moves_the_cursor_or_becomes_markup():
    summary = summarize(hostile.analysis())
    every = [summary.title, *summary.sentences, *summary.findings, *summary.notes]
    for table in tables(summary):
        every += [cell for cells in (table.headers, *table.rows) for cell in cells]
    assert not [text for text in every if "\x1b" in text or "\u202e" in text]
    assert "\\[red]" in " ".join(every)
