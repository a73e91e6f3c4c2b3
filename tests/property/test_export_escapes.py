"""Escapes of exported files: nothing is lost on the way back, whatever a name is."""

from __future__ import annotations

import csv
import io
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from silentzone.exporters.card_yaml import yaml_lines
from silentzone.exporters.csv_text import csv_text
from silentzone.records.escaping import from_spreadsheet_text, spreadsheet_text, visible

_TEXT = st.text(max_size=30) | st.text(alphabet="'=+-@\t\r\n \uff1d1.e", max_size=8)


@given(_TEXT)
def test_a_guarded_text_comes_back(text):
    assert from_spreadsheet_text(spreadsheet_text(text)) == text


@given(_TEXT)
def test_a_guarded_text_begins_no_formula(text):
    guarded = spreadsheet_text(text)
    if guarded[:1] in set("=@\t\r\n\uff1d\uff0b\uff0d\uff20"):
        pytest.fail(repr(guarded))
    if guarded[:1] in {"+", "-"}:
        assert math.isfinite(float(guarded)) or "e" in guarded.lower()


@given(st.lists(st.lists(_TEXT, min_size=2, max_size=4), min_size=1, max_size=3))
def test_guarded_cells_keep_their_places_in_csv(rows):
    text = csv_text([spreadsheet_text(cell) for cell in row] for row in rows)
    read = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    assert [[from_spreadsheet_text(cell) for cell in row] for row in read] == rows


@given(
    st.text(max_size=40),
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-(2**40), 2**40),
    st.booleans(),
)
def test_yaml_reads_what_was_written(text, number, whole, flag):
    yaml = pytest.importorskip("yaml")
    written = {"a": [{"text": text, "number": number, "none": None}], "b": {"n": whole, "f": flag}}
    read = yaml.safe_load("\n".join(yaml_lines(written)))
    entry = read["a"][0]
    assert entry["text"] == visible(text)
    assert (type(entry["number"]), entry["number"]) == (float, number)
    assert "none" not in entry
    assert read["b"] == {"n": whole, "f": flag}
