"""Cohort tables are read whole, or refused with every problem named."""

from __future__ import annotations

import pytest

from silentzone.errors import InputError
from silentzone.importers.cohort_table import read_cohort_table

HEADER = "name,is_reference,bits_per_weight,fidelity.kld_mean,score.mmlu"
ROWS = ("F16,true,16,0,0.70", "Q8_0,false,8.5,0.001,0.69", "Q4_0,,4.5,0.05,0.66")


@pytest.fixture
def read(tmp_path):
    def from_content(content):
        path = tmp_path / "cohort.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return read_cohort_table(path)

    return from_content


def _table(header: str = HEADER, *rows: str) -> str:
    return "\n".join([header, *(rows or ROWS)]) + "\n"


def _one(column: str, *cells: str) -> str:
    """A table of one column beside names and scores, one cell per row."""
    rows = [f"m{number},0.5,{cell}" for number, cell in enumerate(cells)]
    return "\n".join([f"name,score.x,{column}", *rows])


def test_a_table_is_read_as_it_is_written(read):
    table = read(_table())
    assert table.source == "cohort.csv"
    assert [model.name for model in table.models] == ["F16", "Q8_0", "Q4_0"]
    assert table.reference is table.models[0]
    assert table.models[1].bits_per_weight == 8.5
    assert table.models[2].fidelity == {"kld_mean": 0.05}
    assert table.models[2].scores == {"mmlu": 0.66}
    assert table.metrics == ("kld_mean",)
    assert table.benchmarks == ("mmlu",)
    assert table.notes == ()


def test_every_column_of_the_layout_is_read(read):
    header = (
        "name,size_gb,fidelity.kld_mean@wikitext,fidelity_se.kld_mean@wikitext,score.a b,"
        "n_items.a b,score_se.a b,chance.a b"
    )
    model = read(_table(header, "Q4,4.5,0.01,0.001,0.7,500.0,0.02,0.25")).models[0]
    assert model.file_bytes == 4_500_000_000
    assert model.fidelity == {"kld_mean@wikitext": 0.01}
    assert model.fidelity_errors == {"kld_mean@wikitext": 0.001}
    assert model.n_items == {"a b": 500}
    assert model.score_errors == {"a b": 0.02}


def test_chance_belongs_to_the_benchmark(read):
    table = read(_table("name,score.a,chance.a", "x,0.5,0.25", "y,0.6,", "z,0.7,0.250"))
    assert table.chance == {"a": 0.25}


@pytest.mark.parametrize("cell", ["", " ", "NA", "nan", "NaN", "-", "null", "None", "n/a"])
def test_what_stands_for_nothing_is_missing_and_never_zero(read, cell):
    model = read(_table(HEADER, f"Q4,,{cell},{cell},{cell}", "Q5,,5,0.1,0.5")).models[0]
    assert model.bits_per_weight is None
    assert model.fidelity == {}
    assert model.scores == {}


@pytest.mark.parametrize(
    ("cell", "is_reference"),
    [("true", True), ("YES", True), ("1", True), ("no", False), ("0", False), ("", False)],
)
def test_the_reference_is_marked_in_the_usual_words(read, cell, is_reference):
    assert read(_table(HEADER, f"F16,{cell},16,0,0.7")).models[0].is_reference is is_reference


def test_a_name_keeps_its_control_characters(read):
    assert read(_table(HEADER, " \x1b[31mQ4\u202e\t ,,4,0.1,0.5")).models[0].name == (
        "\x1b[31mQ4\u202e\t"
    )


@pytest.mark.parametrize(
    "content",
    [
        "\ufeff" + _table(),
        _table().replace("\n", "\r\n"),
        _table().replace("\n", "\r"),
        _table().replace("\n", "\n\n"),
        "\n\n" + _table(),
        _table().replace("F16", '"F16"').replace("name", '"name"'),
        _table().replace(",", "\t"),
        _table().rstrip("\n"),
    ],
    ids=["bom", "crlf", "cr", "blank lines", "blank head", "quoted", "tabs", "no last newline"],
)
def test_the_dress_of_a_file_changes_nothing(read, content):
    expected = read(_table())
    table = read(content)
    assert (table.models, table.notes) == (expected.models, expected.notes)


def test_semicolons_are_understood_and_said(read):
    table = read(_table().replace(",", ";"))
    assert len(table.models) == 3
    assert table.notes == ("the columns are separated by semicolons",)


def test_quoted_cells_may_hold_delimiters_quotes_and_lines(read):
    table = read(_table(HEADER, '"a, ""b""\nc",,4,0.1,0.5'))
    assert table.models[0].name == 'a, "b"\nc'


def test_a_line_number_counts_the_lines_inside_quotes(read):
    with pytest.raises(InputError, match=r"`cohort.csv` line 4, column `score.mmlu`: 'x'"):
        read(_table(HEADER, '"a\nb",,4,0.1,0.5', "c,,4,0.1,x"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        ("\ufeff \n", "is empty"),
        (HEADER + "\n", "has a header and no rows"),
        ("model,score.x\na,0.5\n", r"has no column `name`; rename `model`"),
        ("x,score.x\na,0.5\n", r"has no column `name`, found: `x`, `score.x`"),
        ("name,kld\na,0.5\n", r"no column like `fidelity.kld_mean` and none like `score.mmlu`"),
        (_table("name,score.", "a,1"), r"column `score\.`: names nothing"),
        (_table("name,score.x,fidelity.kld@", "a,1,1"), "must read metric@corpus"),
        (_table("name,score.x,score.x", "a,1,1"), r"columns 2 and 3 are both `score.x`"),
        (_table("name,score.x,score. x", "a,1,1"), r"columns 2 and 3 differ in blanks only"),
        (_table("name,score." + "x" * 2000, "a,1"), "a heading must have at most 1000"),
        (_table(HEADER, "a,,4,0.1"), r"line 2: has 4 cells, the header has 5"),
        (_table(HEADER, "a,,4,0.1,0.5,"), r"line 2: has 6 cells, the header has 5"),
        (_table(HEADER, '"a,,4,0.1,0.5', "b,,4,0.1,0.5"), "line 2: a double quote is opened"),
        (_table(HEADER, '"a"b,,4,0.1,0.5'), r"line 2: this is no CSV"),
        (_table(HEADER, "a" * 200_000 + ",,4,0.1,0.5"), "line 2: a cell has more than 131,072"),
        (_table(HEADER, "a" * 2000 + ",,4,0.1,0.5"), "column `name`: a name must have at most"),
        (_table(HEADER, ",,4,0.1,0.5"), r"line 2, column `name`: every row needs a name"),
        (_table(HEADER, *ROWS, "Q8_0,,4,0.1,0.5"), "line 5, column `name`: 'Q8_0' was used on l"),
        (_table(HEADER, *ROWS, "b,yes,4,0.1,0.5"), "one reference; 'F16' on line 2 is one alr"),
        (_table(HEADER, "b,maybe,4,0.1,0.5"), "'maybe' is neither true nor false"),
        (_table().encode("utf-16"), "is UTF-16 text"),
        (_table().encode("utf-16-le"), "is binary data"),
        (b"PK\x03\x04" + b"x" * 50, "a zip file or a spreadsheet"),
        (b"PAR1" + b"x" * 50, "a Parquet file"),
        ('{"name": "a", "score.x": 1}', "is JSON"),
        (_table(HEADER, "a\xe9,,4,0.1,0.5").encode("latin-1"), "line 2 is not UTF-8 text"),
        (b"name,score.x\n" + b"a" * 4_100_000, r"line 2 has more than 4,000,000 characters"),
    ],
)
def test_a_file_that_is_no_table_is_refused_in_words(read, content, message):
    with pytest.raises(InputError, match=message):
        read(content)


@pytest.mark.parametrize(
    ("column", "cell", "message"),
    [
        ("bits_per_weight", "four", r"'four' is not a number; write a number, or leave"),
        ("bits_per_weight", "4,5", r"'4,5' is not a number; write a point"),
        ("bits_per_weight", "1_0", r"'1_0' is not a number"),
        ("bits_per_weight", "0", "bits per weight lie above 0"),
        ("bits_per_weight", "inf", "inf is impossible"),
        ("file_bytes", "16,068,891,520", "no separator of thousands"),
        ("file_bytes", "1.5", "whole number of bytes"),
        ("file_bytes", "-1", "whole number of bytes above 0"),
        ("size_gb", "0", "units of 1e9 bytes"),
        ("n_items.x", "-5", "-5 is impossible: the number of items is a whole number"),
        ("n_items.x", "10.5", "whole number"),
        ("n_items.x", "0", "a score of 0 items is impossible"),
        ("score_se.x", "-0.1", "the standard error of a proportion lies between 0 and 0.5"),
        ("score_se.x", "1.2", "divide by 100 if it is in percent"),
        ("chance.x", "25", "the score of guessing is a proportion"),
        ("fidelity.kld_mean", "-0.001", "a KLD is never negative"),
        ("fidelity.kld_p99@c4", "-inf", "a KLD is never negative"),
        ("fidelity.reverse_kld_mean", "-1", "a KLD is never negative"),
        ("fidelity.top1_agreement", "98.5", "lies between 0 and 1; divide by 100"),
        ("fidelity.top1_agreement", "92 %", "write percent as a proportion"),
        ("fidelity.tv_mean", "-0.1", "`tv_mean` lies between 0 and 1"),
        ("fidelity.js_mean", "-0.1", "`js_mean` is 0 or more"),
        ("fidelity.ppl_ratio", "0", "a perplexity, or a ratio of two, lies above 0"),
        ("fidelity.delta_p_mean@x", "-1.5", "`delta_p_mean` lies between -1 and 1"),
    ],
)
def test_an_impossible_cell_is_named_with_line_and_column(read, column, cell, message):
    quoted = f'"{cell}"'
    with pytest.raises(InputError, match=message) as caught:
        read(_one(column, quoted))
    assert str(caught.value).startswith(f"`cohort.csv` line 2, column `{column}`: ")


def test_a_negative_standard_error_of_a_metric_is_impossible(read):
    with pytest.raises(InputError, match="a standard error cannot be negative"):
        read(_table("name,fidelity.x,fidelity_se.x", "a,1,-1"))


def test_a_metric_nobody_knows_may_hold_any_number(read):
    assert read(_one("fidelity.mine", "-7.5")).models[0].fidelity == {"mine": -7.5}


def test_guessing_scores_the_same_for_every_model(read):
    with pytest.raises(InputError, match=r"line 3, column `chance.x`: 0.5 contradicts 0.25"):
        read(_one("chance.x", "0.25", "0.5"))


def test_percent_is_named_once_and_never_converted(read):
    with pytest.raises(
        InputError, match=r"column `score.mmlu`: .*percent; divide them by 100"
    ) as e:
        read(_table(HEADER, "a,,4,0.1,61.5", "b,,4,0.1,100", "c,,4,0.1,", "d,,4,0.1,1.5"))
    assert "\n" not in str(e.value)


@pytest.mark.parametrize("cell", ["1.01", "-0.2", "inf"])
def test_single_scores_outside_their_range_are_named_line_by_line(read, cell):
    with pytest.raises(InputError, match=r"line 3, column `score.mmlu`: .* is no proportion"):
        read(_table(HEADER, "a,,4,0.1,0.5", f"b,,4,0.1,{cell}"))


def test_two_sizes_must_agree(read):
    header = "name,score.x,size_gb,file_bytes"
    assert read(_table(header, "a,1,4.53,4500000000")).models[0].file_bytes == 4_500_000_000
    with pytest.raises(InputError, match=r"column `size_gb`: 4.5 GB .* disagrees with 4831838208"):
        read(_table(header, "a,1,4.5,4831838208"))


def test_an_impossible_size_is_one_problem_and_no_division_by_it(read):
    with pytest.raises(InputError, match=r"^`cohort\.csv` line 2, column `file_bytes`: 0 is imp"):
        read(_table("name,score.x,size_gb,file_bytes", "a,1,4.5,0"))


def test_all_problems_come_at_once_the_first_ten_in_words(read):
    rows = [f"m{number},maybe,x,-1,5" for number in range(20)]
    with pytest.raises(InputError) as caught:
        read(_table(HEADER, *rows, "short"))
    lines = str(caught.value).splitlines()
    # 20 rows with three bad cells each, one short row, one column of percent.
    assert lines[0] == "`cohort.csv` cannot be used, 62 things are wrong:"
    assert len([line for line in lines if line.startswith("- `cohort.csv` line ")]) == 10
    assert lines[-1] == "and 52 more"


def test_a_file_that_cannot_be_opened_is_named_without_its_folder(tmp_path):
    with pytest.raises(InputError, match=r"^`gone\.csv` cannot be read: No such file"):
        read_cohort_table(tmp_path / "gone.csv")
    with pytest.raises(InputError, match="Is a directory"):
        read_cohort_table(tmp_path)


def test_a_message_spells_out_what_a_cell_would_do_to_a_terminal(read):
    with pytest.raises(InputError) as caught:
        read(_table(HEADER, "a,,\x1b[2J,0.1,0.5"))
    assert "\x1b" not in str(caught.value)
    assert r"'\x1b[2J'" in str(caught.value)


def test_infinite_values_count_as_missing_and_are_named(read):
    table = read(_table(HEADER, "a,yes,4,0,0.5", "b,,4,inf,0.5", "c,,4,1e999,0.5"))
    assert [model.fidelity for model in table.models] == [{"kld_mean": 0.0}, {}, {}]
    (note,) = table.notes
    assert "line 3, column `fidelity.kld_mean`; line 4, column `fidelity.kld_mean`" in note


def test_a_standard_error_of_zero_is_unknown(read):
    table = read(_table("name,is_reference,score.x,score_se.x", "a,1,1,0", "b,,0.5,0.1"))
    assert table.models[0].score_errors == {}
    assert any("a standard error of 0 counts as unknown (1 cells)" in n for n in table.notes)


def test_other_columns_are_named_with_what_they_may_have_meant(read):
    header = "name,is_reference,score.x,publisher,fidelty.kld,score_se.y,"
    table = read(_table(header, "a,yes,0.5,me,1,0.1,"))
    assert table.models[0].score_errors == {}
    assert table.notes[0] == (
        "columns that are not used: `publisher`, `fidelty.kld` (did you mean `fidelity.kld`?), "
        "`score_se.y` (there is no `score.y`), one without a heading"
    )


@pytest.mark.parametrize(
    ("header", "row", "words"),
    [
        ("name,is_reference,score.x", "a,1,0.5", "there is no fidelity value"),
        ("name,is_reference,fidelity.x", "a,1,0.5", "there is no score"),
        ("name,is_reference,fidelity.x,score.x", "a,1,0.5,NA", "there is no score"),
        ("name,is_reference,fidelity.x,score.x", "a,1,0.5,NA", "without any value: `score.x`"),
    ],
)
def test_half_a_table_is_accepted_and_says_what_it_cannot_answer(read, header, row, words):
    assert any(words in note for note in read(_table(header, row)).notes)


def test_rows_with_the_same_content_are_kept_and_named(read):
    header = "name,is_reference,fidelity.x,fidelity.y,score.z"
    table = read(_table(header, "r,1,0,0,1", "a,,1,2,0.5", "b,,1.0,2,.5", "c,,1,2,0.4"))
    assert len(table.models) == 4
    assert table.notes == ("the rows 'a', 'b' hold the same numbers; all are kept",)
