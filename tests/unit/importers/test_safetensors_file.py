"""One array of a safetensors file: every claim of the header is held against the file."""

from __future__ import annotations

import json

import numpy as np
import pytest

from silentzone.errors import TableError
from silentzone.importers.safetensors_file import read_floats


def _write(path, entry, data=b"\0" * 8, *, name="kl", length=None):
    header = json.dumps({"__metadata__": {"a": "b"}, name: entry}).encode()
    size = len(header) if length is None else length
    path.write_bytes(size.to_bytes(8, "little") + header + data)
    return path


_ENTRY = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


@pytest.mark.parametrize(("kind", "dtype"), [("F16", "<f2"), ("F32", "<f4"), ("F64", "<f8")])
def test_values_come_back_in_their_type(tmp_path, kind, dtype):
    values = np.array([[0.5, -1.25], [np.inf, 3.0]], dtype)
    data = b"skip" + values.tobytes()
    entry = {"dtype": kind, "shape": [2, 2], "data_offsets": [4, len(data)]}
    found, found_kind = read_floats(_write(tmp_path / "x", entry, data), "kl")
    assert found.tolist() == [0.5, -1.25, np.inf, 3.0]
    assert found.dtype == np.float64
    assert found_kind == kind


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dtype": "BF16"}, "must be of type F16, F32 or F64, it is 'BF16'"),
        ({"dtype": None}, "must be of type"),
        ({"dtype": ["F32"]}, "must be of type"),
        ({"shape": [-2]}, "no list of whole numbers"),
        ({"shape": [True, 2]}, "no list of whole numbers"),
        ({"shape": [2.0]}, "no list of whole numbers"),
        ({"shape": 2}, "no list of whole numbers"),
        ({"shape": [1] * 100}, "no list of whole numbers"),
        ({"shape": [2**62, 2**62]}, "claims"),
        ({"data_offsets": [0]}, "no list of whole numbers"),
        ({"data_offsets": [8, 0]}, "does not lie within"),
        ({"data_offsets": [4, 12]}, "does not lie within"),
        ({"data_offsets": [0, 4]}, "does not lie within"),
        ({"shape": [3]}, "does not lie within"),
    ],
)
def test_an_impossible_entry_is_refused(tmp_path, change, message):
    path = _write(tmp_path / "x.safetensors", _ENTRY | change)
    with pytest.raises(TableError, match=r"x\.safetensors") as caught:
        read_floats(path, "kl")
    assert message in caught.value.message


@pytest.mark.parametrize("length", [0, 1, 2**63, 10**6])
def test_an_impossible_header_is_refused(tmp_path, length):
    with pytest.raises(TableError, match="header"):
        read_floats(_write(tmp_path / "x", _ENTRY, length=length), "kl")


def test_another_array_is_named(tmp_path):
    with pytest.raises(TableError, match=r"no array `kl`; it has: '__metadata__', 'other'"):
        read_floats(_write(tmp_path / "x", _ENTRY, name="other"), "kl")


@pytest.mark.parametrize("content", [b"", b"\x02", b"\x02" + b"\0" * 7 + b"[]", b"\xff" * 64])
def test_what_is_no_such_file_is_refused(tmp_path, content):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(TableError, match="no usable safetensors file"):
        read_floats(tmp_path / "x", "kl")


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(TableError, match="cannot be read"):
        read_floats(tmp_path / "x", "kl")
