"""What is believed of a table that is read."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from silentzone.errors import TableError
from silentzone.records.parts import PartKey
from silentzone.records.tables import ALL, CHURN, ITEMS, TableSchema
from silentzone.store import tables
from silentzone.store.arrow_schema import arrow_schema

KEY = PartKey.of("churn", seed=1, model="a")


@pytest.fixture
def stored(folder, churn):
    """A finished table and its file."""
    path = folder.write_table(CHURN, "g", "m", churn, KEY, {"engine": "fake"})
    return folder, path


def rewrite(path, change_metadata=None, change_table=None):
    """The same file with something else in it."""
    table = pq.read_table(path)
    metadata = dict(table.schema.metadata.items())
    if change_table is not None:
        table = change_table(table)
    metadata.update(change_metadata or {})
    pq.write_table(table.replace_schema_metadata(metadata), path)


def test_values_and_nulls_come_back(stored):
    folder, _ = stored
    table = folder.read_table(CHURN, "g", "m")
    assert (table.n_rows, table.key, dict(table.extra)) == (3, KEY, {"engine": "fake"})
    values, valid = table.floats("score_again")
    assert valid.tolist() == [True, True, False]
    assert values[:2].tolist() == [1.0, 1.0]
    assert np.isnan(values[2])
    assert table.strings("status") == ["ok", "ok", "no_answer"]
    assert table.strings("prediction") == ["0", "1", None]


def test_items_come_back_with_their_lists_and_counts(folder):
    n = 2
    texts = ["item_id", "status", "prompt_sha256"]
    columns: dict[str, object] = {c.name: [None] * n for c in ITEMS.columns}
    columns |= {name: ["a", "b"] for name in texts}
    columns |= {
        "repeat": [0, 1],
        "prompt_tokens": [5, None],
        "choice_log_likelihoods": [[-1.5, -np.inf], None],
    }
    folder.write_table(ITEMS, "g", "m", columns, PartKey.of("items"))
    table = folder.read_table(ITEMS, "g", "m")
    assert table.float_lists("choice_log_likelihoods") == [[-1.5, -np.inf], None]
    values, valid = table.integers("prompt_tokens")
    assert (values.dtype, values.tolist(), valid.tolist()) == (np.int64, [5, -1], [True, False])
    assert table.floats("repeat")[0].tolist() == [0.0, 1.0]


def test_a_table_without_rows_comes_back(folder):
    folder.write_table(CHURN, "g", "m", {c.name: [] for c in CHURN.columns}, KEY)
    table = folder.read_table(CHURN, "g", "m")
    assert table.n_rows == 0
    assert table.floats("score")[0].shape == (0,)
    assert table.strings("status") == []


def test_the_same_rows_give_the_same_bytes(tmp_path, churn):
    from silentzone.store.folder import StudyFolder

    first, second = (
        StudyFolder(tmp_path / name).create().write_table(CHURN, "g", "m", churn, KEY)
        for name in ("one", "two")
    )
    assert first.read_bytes() == second.read_bytes()


def test_any_reader_of_parquet_finds_the_protocol(stored):
    metadata = pq.read_schema(stored[1]).metadata
    assert metadata[b"silentzone.schema"] == b"churn"
    assert metadata[b"silentzone.schema_version"] == b"1"
    assert metadata[b"silentzone.part_kind"] == b"churn"
    assert json.loads(metadata[b"silentzone.protocol"]) == {"model": "a", "seed": "1"}
    assert metadata[b"silentzone.part_key"] == KEY.sha256.encode()


@pytest.mark.parametrize("schema", ALL.values(), ids=ALL)
def test_every_schema_has_its_arrow_form(schema):
    made = arrow_schema(schema)
    assert made.names == [column.name for column in schema.columns]
    assert [field.nullable for field in made] == [c.is_nullable for c in schema.columns]


def test_missing_and_unknown_columns_are_named_on_writing(folder, churn):
    del churn["status"]
    with pytest.raises(TableError, match=r"missing: \['status'\], unknown: \['colour'\]"):
        folder.write_table(CHURN, "g", "m", churn | {"colour": []}, KEY)


def test_a_column_is_not_read_as_another_kind(stored):
    table = stored[0].read_table(CHURN, "g", "m")
    with pytest.raises(TableError, match="`status` of table `churn` must be"):
        table.floats("status")
    with pytest.raises(TableError, match="missing"):
        table.strings("colour")
    with pytest.raises(TableError, match="must be bool"):
        table.booleans("score")


def test_a_missing_part_says_what_to_do(folder):
    with pytest.raises(TableError, match="is not there") as caught:
        folder.read_table(CHURN, "g", "m")
    assert caught.value.hint is not None


def test_every_cut_of_a_file_is_refused(stored):
    folder, path = stored
    whole = path.read_bytes()
    for length in range(0, len(whole), 97):
        path.write_bytes(whole[:length])
        with pytest.raises(TableError, match=r"m\.parquet` is not usable"):
            folder.read_table(CHURN, "g", "m")
        with pytest.raises(TableError, match="not usable"):
            folder.has_part(CHURN, "g", "m", KEY)


def test_no_flipped_byte_changes_a_value_unnoticed(stored):
    folder, path = stored
    whole = path.read_bytes()
    before = {c.name: folder.read_table(CHURN, "g", "m").strings(c.name) for c in CHURN.columns[:3]}
    scores = folder.read_table(CHURN, "g", "m").floats("score")
    for place in range(4, len(whole), 41):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        try:
            table = folder.read_table(CHURN, "g", "m")
        except TableError:
            continue
        assert {name: table.strings(name) for name in before} == before
        np.testing.assert_array_equal(table.floats("score"), scores)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({b"silentzone.schema": b"tokens"}, "must be a `churn` table"),
        ({b"silentzone.schema": b"\xff"}, "not text"),
        ({b"silentzone.schema_version": b"2"}, "version 2 of table `churn`.*reads version 1"),
        ({b"silentzone.protocol": b"{}"}, "does not belong to its protocol"),
        ({b"silentzone.protocol": b"["}, "not JSON"),
        ({b"silentzone.protocol": b'{"a": 1}'}, "object of texts"),
        ({b"silentzone.part_key": b"0"}, "does not belong"),
        ({b"silentzone.model": b'"other"'}, 'written for model "other"'),
        ({b"silentzone.group": b'"other"'}, "written for group"),
        ({b"silentzone.extra": b"[1]"}, "object of texts"),
    ],
)
def test_metadata_that_contradict_the_place_are_refused(stored, change, message):
    folder, path = stored
    rewrite(path, change)
    with pytest.raises(TableError, match=message):
        folder.read_table(CHURN, "g", "m")


def replaced(name, array):
    def change(table):
        place = table.schema.get_field_index(name)
        return table.set_column(place, name, array)

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table.drop_columns(["status"]), "one column `status`, it has 0"),
        (lambda table: table.append_column("score", table["score"]), "`score`, it has 2"),
        (replaced("score", pa.array(["1", "0", "0"])), "`score` must be double, it is string"),
        (replaced("score", pa.array([1.0, np.nan, 0.0])), "`score` must not hold NaN"),
        (replaced("item_id", pa.array(["a", None, "c"])), "`item_id` must not hold nulls"),
    ],
)
def test_contents_the_writer_would_have_refused_are_refused(stored, change, message):
    folder, path = stored
    rewrite(path, change_table=change)
    with pytest.raises(TableError, match=message):
        folder.read_table(CHURN, "g", "m")


@pytest.mark.parametrize(
    ("rows", "message"), [([[1.0, np.nan]], "must not hold NaN"), ([[1.0, None]], "not hold nulls")]
)
def test_lists_the_writer_would_have_refused_are_refused(folder, rows, message):
    schema = TableSchema("churn", 1, (ITEMS.columns[9],))
    path = folder.write_table(schema, "g", "m", {"choice_log_likelihoods": [[1.0]]}, KEY)
    rewrite(
        path,
        change_table=replaced("choice_log_likelihoods", pa.array(rows, pa.list_(pa.float64()))),
    )
    with pytest.raises(TableError, match=message):
        folder.read_table(schema, "g", "m")


def test_a_file_that_claims_too_many_rows_is_not_read(stored, monkeypatch):
    monkeypatch.setattr(tables, "MAXIMUM_ROWS", 2)
    with pytest.raises(TableError, match="claims 3 rows"):
        stored[0].read_table(CHURN, "g", "m")
