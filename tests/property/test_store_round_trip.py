"""What goes into a table or a trace comes out of it, bit for bit."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from silentzone.errors import TableError
from silentzone.records.parts import PartKey
from silentzone.records.tables import Column, TableSchema
from silentzone.store.folder import StudyFolder
from silentzone.store.json_files import read_json, write_json
from silentzone.store.names import slug

SCHEMA = TableSchema(
    "mixed",
    1,
    (
        Column("int32", "int32", True, ""),
        Column("float64", "float64", True, ""),
        Column("bool", "bool", True, ""),
        Column("string", "string", True, ""),
        Column("dictionary", "dictionary", True, ""),
        Column("list", "list<float64>", True, ""),
    ),
)

# Everything Parquet can hold as text: all of Unicode but lone surrogates.
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
FLOAT = st.floats(allow_nan=False, allow_infinity=True, width=64)
ROW = st.tuples(
    st.none() | st.integers(-(2**31), 2**31 - 1),
    st.none() | FLOAT,
    st.none() | st.booleans(),
    st.none() | TEXT,
    st.none() | TEXT,
    st.none() | st.lists(FLOAT, max_size=5),
)


def bits(values):
    """Representation in which -0.0 and 0.0 differ and infinities are kept."""
    return np.asarray(values, dtype=np.float64).view(np.uint64).tolist()


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(ROW, max_size=30), group=st.text(), model=st.text(), data=st.data())
def test_a_table_comes_back_as_it_was_stored(rows, group, model, data):
    columns = {
        column.name: [row[place] for row in rows] for place, column in enumerate(SCHEMA.columns)
    }
    protocol = data.draw(st.dictionaries(st.text(min_size=1), st.text(), max_size=3))
    key = PartKey(kind="mixed", protocol=tuple(sorted(protocol.items())))
    with tempfile.TemporaryDirectory() as place:
        folder = StudyFolder(Path(place))
        folder.write_table(SCHEMA, group, model, columns, key)
        assert folder.has_part(SCHEMA, group, model, key)
        table = folder.read_table(SCHEMA, group, model)
    assert table.key == key
    assert table.n_rows == len(rows)
    for name, (values, valid) in {
        "int32": table.integers("int32"),
        "float64": table.floats("float64"),
        "bool": table.booleans("bool"),
    }.items():
        stored = columns[name]
        assert valid.tolist() == [value is not None for value in stored]
        kept = [value for value in stored if value is not None]
        assert bits(values[valid]) == bits(kept)
    assert np.isnan(table.floats("float64")[0]).tolist() == [v is None for v in columns["float64"]]
    assert table.floats("float64")[0].dtype == np.float64
    assert table.integers("int32")[0].dtype == np.int64
    assert table.booleans("bool")[0].dtype == np.bool_
    assert table.strings("string") == columns["string"]
    assert table.strings("dictionary") == columns["dictionary"]
    for found, stored in zip(table.float_lists("list"), columns["list"], strict=True):
        assert (found is None) == (stored is None)
        assert bits(found or []) == bits(stored or [])


@settings(max_examples=50, deadline=None)
@given(values=st.lists(FLOAT, min_size=1, max_size=10), data=st.data())
def test_a_nan_is_refused_wherever_it_stands(values, data):
    place = data.draw(st.integers(0, len(values)))
    values.insert(place, float("nan"))
    schema = TableSchema("mixed", 1, (Column("float64", "float64", True, ""),))
    with tempfile.TemporaryDirectory() as folder:
        study = StudyFolder(Path(folder))
        with pytest.raises(TableError, match=f"must not be NaN, row {place} is"):
            study.write_table(schema, "g", "m", {"float64": values}, PartKey.of("mixed"))
        masked = np.ma.MaskedArray(values, np.arange(len(values)) == place)
        study.write_table(schema, "g", "m", {"float64": masked}, PartKey.of("mixed"))
        valid = study.read_table(schema, "g", "m").floats("float64")[1]
    assert valid.tolist() == [row != place for row in range(len(values))]


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None)
@given(value=JSON)
def test_any_json_value_comes_back(value):
    with tempfile.TemporaryDirectory() as place:
        write_json(Path(place) / "a.json", value)
        assert read_json(Path(place) / "a.json") == value


@given(name=st.text(), other=st.text())
def test_a_slug_is_a_safe_file_name_of_one_name_alone(name, other):
    made = slug(name)
    assert 1 <= len(made) <= 60
    assert set(made) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")
    assert made[0] not in ".-"
    assert (made == slug(other)) == (name == other)
    assert slug(made) == made or made != name


@settings(max_examples=25, deadline=None)
@given(data=st.data(), windows=st.integers(1, 4), positions=st.integers(1, 5))
def test_a_trace_comes_back_byte_for_byte(data, windows, positions):
    row_bytes = data.draw(st.integers(1, 40))
    count = windows * positions
    raw = data.draw(st.binary(min_size=count * row_bytes, max_size=count * row_bytes))
    rows = np.frombuffer(raw, np.uint8).reshape(windows, positions, row_bytes)
    nll = np.array(data.draw(st.lists(FLOAT, min_size=count, max_size=count)))
    tokens = np.arange(windows * 3, dtype=np.int32).reshape(windows, 3)
    header = {
        "form": "logits", "windows": windows, "positions": positions, "vocabulary": 3, "width": 1,
        "row_encoding": "f32", "head": {},
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as place:
        folder = StudyFolder(Path(place))
        with folder.trace_writer("c", PartKey.of("trace"), header, row_bytes) as writer:
            for window in rows:
                writer.append_rows(window)
            writer.finish({"tokens": tokens, "nll": nll})
        trace = folder.trace("c")
        assert trace is not None
        assert trace.rows.tobytes() == raw
        assert bits(trace.arrays["nll"]) == bits(nll)
        np.testing.assert_array_equal(trace.tokens, tokens)
