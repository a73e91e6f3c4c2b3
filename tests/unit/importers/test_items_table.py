"""Items tables of three formats give the same records, or every problem by name."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from silentzone.errors import InputError
from silentzone.importers import delimited, items_source
from silentzone.importers.items_table import read_items_table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

HEADER = "model,benchmark,item_id,score"
FULL: dict[str, list[Any]] = {
    "model": ["F16", "F16", "Q4", "Q4", "Q4"],
    "benchmark": ["arc", "arc", "arc", "arc", "piqa"],
    "item_id": ["1", "2", "2", "1", "1"],
    "score": [1.0, 0.0, None, 0.5, 1.0],
    "cluster": ["d1", None, None, "d1", None],
    "repeat": [0, 0, 0, 3, 0],
    "status": ["ok", "ok", "timeout", "ok", None],
    "confidence": [0.9, 0.5, None, 1e-3, 1.0],
    "prediction": ["A", "B", None, 'a, "b"', "C"],
    "is_reference": [True, True, False, False, False],
    "margin": [1.5, -0.5, None, 0.0, 2.0],
    "divergence": [0.0, 0.0, 0.01, 0.2, None],
}


@pytest.fixture
def read(tmp_path):
    def from_content(content, name="items.csv"):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return read_items_table(path)

    return from_content


def _csv(*rows: str, header: str = HEADER) -> str:
    return "\n".join([header, *rows]) + "\n"


def _written(tmp_path: Path, kind: str, columns: Mapping[str, list[Any]]) -> Path:
    path = tmp_path / f"items.{kind}"
    names = list(columns)
    rows = [dict(zip(names, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]
    if kind == "parquet":
        pq.write_table(pa.table(columns), path)
    elif kind == "categories.parquet":
        table = pa.table(columns)
        for place, name in enumerate(names):
            if pa.types.is_string(table.schema.field(name).type):
                table = table.set_column(place, name, table[name].dictionary_encode())
        pq.write_table(table, path)
    elif kind == "jsonl":
        path.write_text("\n\n".join(map(json.dumps, rows)))
    else:
        cells = [[_quoted(row[name]) for name in names] for row in rows]
        path.write_text("\n".join(",".join(line) for line in [names, *cells]))
    return path


def _quoted(value: object) -> str:
    return "" if value is None else '"' + str(value).replace('"', '""') + '"'


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet", "categories.parquet"])
def test_every_format_gives_the_same_answers(tmp_path, kind):
    table = read_items_table(_written(tmp_path, kind, FULL))
    assert table.source == f"items.{kind}"
    assert table.reference == "F16"
    assert table.models == ("F16", "Q4")
    assert table.benchmarks == ("arc", "piqa")
    reference, candidate, other = table.rows
    assert (other.model, other.benchmark, other.item_ids) == ("Q4", "piqa", ("1",))
    assert reference.item_ids == ("1", "2")
    np.testing.assert_array_equal(reference.scores, [1.0, 0.0])
    assert candidate.item_ids == ("2", "1")
    np.testing.assert_array_equal(candidate.scores, [np.nan, 0.5])
    assert candidate.statuses == ("timeout", "ok")
    assert other.statuses == ("ok",)
    assert candidate.clusters == (None, "d1")
    assert candidate.repeats.dtype == np.int32
    assert candidate.repeats.tolist() == [0, 3]
    assert candidate.predictions == (None, 'a, "b"')
    assert candidate.confidence is not None
    np.testing.assert_array_equal(candidate.confidence, [np.nan, 1e-3])
    assert candidate.margin is not None
    np.testing.assert_array_equal(candidate.margin, [np.nan, 0.0])
    assert other.divergence is not None
    np.testing.assert_array_equal(other.divergence, [np.nan])
    assert table.notes == (
        "answers by benchmark: 'arc': 2 models, 2 items each; 'piqa': 1 models, 1 items each",
    )


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_columns_that_are_not_there_are_null_or_have_their_default(tmp_path, kind):
    four = {name: FULL[name] for name in ("model", "benchmark", "item_id", "score")}
    rows = read_items_table(_written(tmp_path, kind, four)).rows[0]
    assert rows.confidence is None
    assert rows.margin is None
    assert rows.divergence is None
    assert rows.predictions is None
    assert rows.clusters == (None, None)
    assert rows.repeats.tolist() == [0, 0]
    assert rows.statuses == ("ok", "ok")


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_ids_may_be_whole_numbers_and_scores_yes_or_no(tmp_path, kind):
    columns: dict[str, list[Any]] = {
        "model": ["a", "a"],
        "benchmark": ["x", "x"],
        "item_id": [7, 12],
        "score": [True, False],
    }
    (rows,) = read_items_table(_written(tmp_path, kind, columns)).rows
    assert rows.item_ids == ("7", "12")
    np.testing.assert_array_equal(rows.scores, [1.0, 0.0])


def test_the_content_decides_about_the_format_not_the_name(read, tmp_path):
    line = '{"model": "a", "benchmark": "x", "item_id": "1", "score": 1}\n'
    assert len(read(line, "items.csv").rows) == 1
    assert len(read(_csv("a,x,1,1"), "items.csv.gz").rows) == 1
    assert len(read(_csv("a,x,1,1").replace(",", "\t"), "items.jsonl").rows) == 1


def test_a_missing_score_gets_a_status_and_is_counted(read):
    table = read(_csv("a,x,1,,", "a,x,2,NA,ok", "a,x,3,0,OK", header=HEADER + ",status"))
    assert table.rows[0].statuses == ("score missing", "score missing", "ok")
    assert any(note.startswith("2 rows have no score and no status") for note in table.notes)


def test_a_score_beside_a_failure_is_not_used(read):
    table = read(_csv("a,x,1,0,timeout", "a,x,2,1,ok", header=HEADER + ",status"))
    np.testing.assert_array_equal(table.rows[0].scores, [np.nan, 1.0])
    assert any("1 rows have a score beside a status" in note for note in table.notes)
    assert any("'timeout'" in note for note in table.notes)


def test_models_may_have_other_items_and_the_counts_are_said(read):
    table = read(_csv("a,x,1,1", "a,x,2,1", "a,x,3,0", "b,x,2,0", "b,x,9,0"))
    assert table.notes[-1] == (
        "answers by benchmark: 'x': 2 models, 2 to 3 items, 1 of them put to all"
    )


def test_repeats_of_an_item_are_no_new_items(read):
    rows = [f"{model},x,1,1,{repeat}" for model in "ab" for repeat in range(3)]
    table = read(_csv(*rows, header=HEADER + ",repeat"))
    assert table.notes[-1].endswith("'x': 2 models, 1 items each")


def test_other_columns_are_named(read):
    table = read(_csv("a,x,1,1,7,", header=HEADER + ",question,"))
    assert table.notes[0] == "columns that are not used: `question`, one without a heading"


def test_a_table_without_marks_has_no_reference(read):
    assert read(_csv("a,x,1,1")).reference is None


def test_infinite_margins_count_as_missing(read):
    table = read(_csv("a,x,1,1,inf,", "a,x,2,1,1,1e999", header=HEADER + ",margin,divergence"))
    assert table.rows[0].margin is not None
    np.testing.assert_array_equal(table.rows[0].margin, [np.nan, 1.0])
    assert any("1 infinite values of `margin`" in note for note in table.notes)
    assert any("the first on line 3" in note for note in table.notes)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("model,item_id,score\na,1,1\n", r"lacks `benchmark`; found: `model`, `item_id`, `score`"),
        (HEADER + "\n", "has columns and no rows"),
        (_csv("a,x,1,1", "a,x,1,0"), r"line 3: model 'a', benchmark 'x', item '1', repeat 0 is on "
         r"line 2 already"),
        (_csv("a,x,1"), "line 2: has 3 cells, the header has 4"),
        (_csv(",x,1,1"), "line 2, column `model`: is empty"),
        (_csv("a, ,1,1"), "line 2, column `benchmark`: is empty"),
        (_csv("a,x,,1"), "line 2, column `item_id`: is empty"),
        (_csv("a,x,1,good"), "line 2, column `score`: 'good' is not a number"),
        (_csv("a,x,1,1.5", "a,x,2,.5"), "line 2, column `score`: '1.5' is no proportion"),
        (_csv("a,x,1,-1"), "line 2, column `score`: '-1' is no proportion"),
        (_csv("a,x,1,inf"), "line 2, column `score`: 'inf' is no proportion"),
        (_csv("a,x,1,100", "a,x,2,0", "b,y,1,1"), "benchmark 'x' run from 0 to 100; divide them"),
        (_csv("a,x,1,1,1.5", header=HEADER + ",repeat"), "'1.5' is no whole number from 0 upward"),
        (_csv("a,x,1,1,-1", header=HEADER + ",repeat"), "'-1' is no whole number"),
        (_csv("a,x,1,1,inf", header=HEADER + ",repeat"), "'inf' is no whole number"),
        (_csv("a,x,1,1,3e9", header=HEADER + ",repeat"), "'3e9' is no whole number"),
        (_csv("a,x,1,1,1.1", header=HEADER + ",confidence"), "'1.1' is no probability"),
        (_csv("a,x,1,1,-1", header=HEADER + ",divergence"), "'-1' is impossible: a KLD is never"),
        (_csv("a,x,1,1,maybe", header=HEADER + ",is_reference"), "'maybe' is neither true nor"),
        (_csv("a,x,1,1,1", "b,x,1,1,1", header=HEADER + ",is_reference"), "one reference; marked "
         "are 'a', 'b'"),
        (_csv("a,x,1,1,1", "a,x,2,1,", header=HEADER + ",is_reference"), "some rows of 'a' are"),
        (_csv("a,x,1,1,c", "b,x,1,1,d", header=HEADER + ",cluster"), "line 3, column `cluster`: "
         "'d': further up the same item"),
        (_csv("a" * 1500 + ",x,1,1"), "line 2, column `model`: must have at most 1,000 characters"),
        (_csv('a,x,1,1,"1', "b,x,1,1,2", header=HEADER + ",prediction"), "a double quote is opene"),
        (_csv("a,x,1,1,0", header=HEADER + ",score"), "columns 4 and 5 are both `score`"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_place(read, content, message):
    with pytest.raises(InputError, match=message) as caught:
        read(content)
    assert str(caught.value).startswith("`items.csv`")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"model": "a"', "line 1: this is not JSON"),
        ("[1, 2]", "line 1: this is JSON, but no object"),
        ('{"score": 1, "score": 2}', "a field occurs twice"),
        ('{"score": [1]}', r"`score` must be a text, a number or null; it is '\[1\]'"),
        ('{"model": "\\ud800"}', "`model` holds half a surrogate pair"),
        ('{"score": ' + "9" * 5000 + "}", "line 1: this is not JSON"),
        ("[" * 100_000, "line 1: this is not JSON"),
        ('{"model": "a", "item_id": 1, "score": 1}', "lacks `benchmark`"),
        (
            '{"model": "a", "benchmark": "x", "item_id": "1", "score": 1}\n\n'
            '{"model": "a", "benchmark": "x", "item_id": "2", "score": "x"}\n',
            "line 3, column `score`: 'x' is not a number",
        ),
        (
            '{"model": "a", "benchmark": "x", "item_id": "1", "score": 1}\n'
            '{"model": "a", "benchmark": "x", "score": 1}\n',
            "line 2, column `item_id`: is empty",
        ),
        ("{}\n{}\n", "lacks `model`, `benchmark`, `item_id`, `score`"),
    ],
)
def test_json_lines_are_refused_with_the_line(read, content, message):
    with pytest.raises(InputError, match=message):
        read(content, "items.jsonl")


def test_every_bad_json_line_is_counted(read):
    with pytest.raises(InputError, match="15 things are wrong") as caught:
        read("{\n" * 15, "items.jsonl")
    assert str(caught.value).endswith("and 5 more")


@pytest.mark.parametrize(
    ("name", "column", "message"),
    [
        ("score", pa.array([[1.0]]), "column `score`: must hold numbers, it holds list<"),
        ("item_id", pa.array([1.5]), "column `item_id`: must hold texts or whole numbers, it h"),
        ("confidence", pa.array([2.0]), "row 1, column `confidence`: '2.0' is no probability"),
        ("score", pa.array([7.5]), "divide them by 100"),
        ("model", pa.array([None], pa.string()), "row 1, column `model`: is empty"),
        ("model", pa.nulls(1), "row 1, column `model`: is empty"),
    ],
)
def test_parquet_columns_of_the_wrong_type_are_refused(tmp_path, name, column, message):
    columns = {"model": ["a"], "benchmark": ["x"], "item_id": ["1"], "score": [1.0]}
    path = tmp_path / "items.parquet"
    pq.write_table(pa.table({**columns, name: column}), path)
    with pytest.raises(InputError, match=message):
        read_items_table(path)


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["0.5"]),
        pa.array(["0.5"], pa.large_string()),
        pa.array(["0.5"]).dictionary_encode(),
        pa.array([0.5]).dictionary_encode(),
        pa.array([0.5], pa.float32()),
        pa.array([0.5]).cast(pa.decimal128(5, 2)),
    ],
    ids=lambda column: str(column.type),
)
def test_parquet_numbers_may_be_stored_in_any_way(tmp_path, column):
    columns = {"model": ["a"], "benchmark": ["x"], "item_id": ["1"], "score": column}
    path = tmp_path / "items.parquet"
    pq.write_table(pa.table(columns), path)
    assert read_items_table(path).rows[0].scores.tolist() == [0.5]


def test_two_parquet_columns_of_one_name_are_refused(tmp_path):
    path = tmp_path / "items.parquet"
    cells = [pa.array(["a"]), pa.array(["x"]), pa.array(["1"]), pa.array([1.0]), pa.array([0.0])]
    names = ["model", "benchmark", "item_id", "score", "score"]
    pq.write_table(pa.Table.from_arrays(cells, names=names), path)
    with pytest.raises(InputError, match="has two columns `score`"):
        read_items_table(path)


def test_a_damaged_parquet_file_is_refused(tmp_path):
    path = _written(tmp_path, "parquet", FULL)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match=r"`items\.parquet` cannot be read, it may be damaged"):
        read_items_table(path)


def test_a_parquet_file_that_claims_too_much_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(items_source, "MOST_ROWS", 3)
    with pytest.raises(InputError, match="claims more than 3 rows"):
        read_items_table(_written(tmp_path, "parquet", FULL))


def test_the_order_of_a_stored_dictionary_does_not_matter(tmp_path):
    models = pa.DictionaryArray.from_arrays([1, 0], ["unused first", "second"])
    columns = {
        "model": models,
        "benchmark": ["x", "x"],
        "item_id": ["1", "1"],
        "score": [1.0, 0.0],
    }
    path = tmp_path / "items.parquet"
    pq.write_table(pa.table(columns), path)
    assert read_items_table(path).models == ("second", "unused first")


def test_many_duplicates_are_named_in_file_order_and_counted(read):
    rows = [f"m{number % 7},x,{number},1" for number in range(40)]
    with pytest.raises(InputError, match="40 things are wrong") as caught:
        read(_csv(*rows, *rows))
    lines = str(caught.value).splitlines()
    assert "line 42: model 'm0', benchmark 'x', item '0', repeat 0 is on line 2" in lines[1]
    assert "line 51: model 'm2', benchmark 'x', item '9', repeat 0 is on line 11" in lines[10]


def test_two_readings_of_a_csv_must_agree(read, monkeypatch):
    real = delimited.read_rows

    def one_less(*arguments):
        rows = real(*arguments)
        next(rows)
        return rows

    monkeypatch.setattr(items_source, "read_rows", one_less)
    with pytest.raises(InputError, match="reads as 1 rows and as 2"):
        read(_csv("a,x,1,1", "a,x,2,1"))


def test_blank_lines_above_the_header_shift_nothing(read):
    assert read("\n\r\n" + _csv("a,x,1,1", "", "a,x,2,0")).rows[0].item_ids == ("1", "2")


def test_a_row_longer_than_what_is_read_at_once_is_no_traceback(read, monkeypatch):
    monkeypatch.setattr(items_source, "_BLOCK_BYTES", 64)
    with pytest.raises(InputError, match="cannot be read, it may be damaged"):
        read(_csv("a,x," + "1" * 500 + ",1"))
