"""JSON of other tools: what is read, what is refused, and in which words."""

from __future__ import annotations

import json

import pytest

from silentzone.errors import TableError
from silentzone.importers import json_documents
from silentzone.importers.json_documents import (
    canonical_sha256,
    field_of,
    number_of,
    parse_json,
    plain_text,
    read_document,
    read_objects,
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1, "a": 2}', "'a' occurs twice"),
        ("[" * 100_000, "nested too deep"),
        ('{"a": ', "not JSON"),
        (b"\xff\xfe", "not JSON"),
        ("", "not JSON"),
    ],
)
def test_hostile_text_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        parse_json(text)


def test_a_number_of_a_million_digits_stays_text():
    assert parse_json("[" + "9" * 1_000_000 + "]") == ["9" * 1_000_000]


@pytest.mark.parametrize("text", ["NaN", "Infinity", "1e999", "true", '"1"', "null", "9" * 399])
def test_no_finite_number_is_said_so(text):
    with pytest.raises(ValueError, match="`score` must be a finite number"):
        number_of(parse_json(text), "score")


def test_a_field_of_the_wrong_kind_is_said_so():
    with pytest.raises(ValueError, match="`n` must be a whole number; it is 'True'"):
        field_of({"n": True}, "n", int)
    with pytest.raises(ValueError, match="`n` is missing"):
        field_of({}, "n", int)


def test_the_hash_does_not_depend_on_order_or_spaces():
    assert canonical_sha256(json.loads('{"a": "é", "b": [1]}')) == canonical_sha256(
        json.loads('{"b":[1],"a":"\\u00e9"}')
    )


def test_half_a_pair_becomes_storable():
    assert plain_text("a\ud83d") == "a�"
    assert plain_text({"a": None}) == '{"a":null}'
    assert plain_text(None) is None


@pytest.mark.parametrize("n_block", [1, 2, 3, 7, 2**20])
def test_objects_come_one_by_one_however_the_file_is_cut_into_blocks(
    tmp_path, monkeypatch, n_block
):
    monkeypatch.setattr(json_documents, "_BLOCK", n_block)
    rows = [{"a": 'x"],[{é'}, {}, {"b": [1, {"c": 2}]}]
    path = tmp_path / "rows.json"
    path.write_text(f"\ufeff {json.dumps(rows, indent=2)} \n", encoding="utf-8")

    assert list(read_objects(path)) == rows


def test_an_empty_list_has_no_objects(tmp_path):
    path = tmp_path / "rows.json"
    path.write_text("[ ]")

    assert list(read_objects(path)) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1}', "is no list of objects"),
        ("[{},]", "ends within its list"),
        ("[{} {}]", "ends within its list"),
        ("[{}", "ends within its list"),
        ('[{"a": 1', "item 0: this is not JSON"),
        ('[{}, {"a": 1, "a": 1}]', "item 1: this is not JSON: the field 'a' occurs twice"),
        ("[1]", "ends within its list"),
        ("[{}] {}", "goes on after its list"),
        ('[{"a": ' + "[" * 100_000, "item 0: this is not JSON: it is nested too deep"),
        ("", "is empty"),
    ],
)
def test_what_is_no_list_of_objects_is_refused(tmp_path, text, message):
    path = tmp_path / "rows.json"
    path.write_text(text)

    with pytest.raises(TableError, match=message):
        list(read_objects(path))


def test_an_object_without_end_is_refused_before_it_fills_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(json_documents, "_BLOCK", 10)
    monkeypatch.setattr(json_documents, "_LONGEST_ELEMENT", 1000)
    path = tmp_path / "rows.json"
    path.write_text('[{"a": "' + "x" * 100_000 + '"}]')

    with pytest.raises(TableError, match="item 0"):
        list(read_objects(path))


def test_a_document_over_the_bound_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(json_documents, "MAXIMUM_BYTES", 10)
    path = tmp_path / "rows.json"
    path.write_text('{"a": 12345678}')

    with pytest.raises(TableError, match="over 0 MiB"):
        read_document(path)
