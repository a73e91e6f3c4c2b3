"""JSON files of the study folder."""

from __future__ import annotations

import numpy as np
import pytest

from silentzone.errors import TableError
from silentzone.store import json_files
from silentzone.store.json_files import read_json, write_json


def test_any_text_and_number_comes_back(tmp_path):
    value = {"é\ud800\x00": [1, 2.5, None, True, "日本"], "deep": {"x": -0.1}}
    write_json(tmp_path / "a.json", value)
    assert read_json(tmp_path / "a.json") == value


def test_numpy_numbers_are_written_as_numbers(tmp_path):
    write_json(tmp_path / "a.json", {"a": np.int64(3), "b": np.float32(0.5), "c": np.bool_(1)})
    assert read_json(tmp_path / "a.json") == {"a": 3, "b": 0.5, "c": True}


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ({"models": [{"kld": float("nan")}]}, r"a\.json\.models\[0\]\.kld"),
        ({"x": np.float32("inf")}, r"a\.json\.x"),
        ({"x": (1, {2})}, r"a\.json\.x\[1\]"),
        ({"x": {(1, 2): 3}}, r"a\.json\.x\[\(1, 2\)\]"),
    ],
)
def test_what_json_cannot_hold_is_refused_with_its_place(tmp_path, value, where):
    with pytest.raises(TableError, match=where):
        write_json(tmp_path / "a.json", value)
    assert list(tmp_path.iterdir()) == []


def test_a_value_that_holds_itself_is_refused(tmp_path):
    value: list[object] = []
    value.append(value)
    with pytest.raises(TableError, match="to be stored"):
        write_json(tmp_path / "a.json", value)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff\xfe", b'{"a": NaN}', b"[-Infinity]", b"[" * 100_000],
    ids=["empty", "cut", "not text", "NaN", "infinity", "deep"],
)
def test_what_is_not_json_is_refused(tmp_path, content):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(TableError, match="must be JSON"):
        read_json(tmp_path / "a.json")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(TableError, match=r"a\.json.*No such file"):
        read_json(tmp_path / "a.json")


def test_a_file_over_the_limit_is_not_parsed(tmp_path, monkeypatch):
    monkeypatch.setattr(json_files, "MAXIMUM_BYTES", 4)
    (tmp_path / "a.json").write_text("[1,2]", encoding="ascii")
    with pytest.raises(TableError, match="at most 4 bytes"):
        read_json(tmp_path / "a.json")
