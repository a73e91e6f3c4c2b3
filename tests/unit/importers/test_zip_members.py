"""Members of a zip file, packed in three ways, damaged and made to burst."""

from __future__ import annotations

import io
import zipfile

import pyarrow as pa
import pytest

from silentzone.errors import TableError
from silentzone.importers import zip_members
from silentzone.importers.zip_members import read_directory, read_member

TEXT = b"one member of a zip file " * 40


def _zip(method: int = zipfile.ZIP_DEFLATED, **members: bytes) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", method) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return sink.getvalue()


def _as_zstd(content: bytes, text: bytes = TEXT) -> bytes:
    """Put a zstd frame in the place of the one stored member of a zip file."""
    frame = pa.Codec("zstd").compress(text, asbytes=True)
    padded = frame + b"\0" * (len(text) - len(frame))
    changed = bytearray(content.replace(text, padded))
    start = changed.index(b"PK\x01\x02")
    changed[start + 10 : start + 12] = (93).to_bytes(2, "little")
    changed[start + 20 : start + 24] = len(frame).to_bytes(4, "little")
    return bytes(changed)


def _content(tmp_path, content, name="a"):
    path = tmp_path / "log.eval"
    path.write_bytes(content)
    with path.open("rb") as file:
        return read_member(path, file, read_directory(path, file)[name])


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_reads_what_python_packs(tmp_path, method):
    assert _content(tmp_path, _zip(method, a=TEXT, b=b"")) == TEXT
    assert _content(tmp_path, _zip(method, a=TEXT, b=b""), "b") == b""


def test_reads_zstd_which_python_does_not(tmp_path):
    assert _content(tmp_path, _as_zstd(_zip(zipfile.ZIP_STORED, a=TEXT))) == TEXT


def test_takes_the_later_of_two_members_with_one_name(tmp_path):
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as file:
        file.writestr("a", b"old")
        with pytest.warns(UserWarning, match="Duplicate"):
            file.writestr("a", b"new")

    assert _content(tmp_path, sink.getvalue()) == b"new"


def test_reads_directories_of_large_files(tmp_path):
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as file, file.open("a", "w", force_zip64=True) as member:
        member.write(TEXT)

    assert _content(tmp_path, sink.getvalue()) == TEXT


def test_finds_the_directory_of_65536_members(tmp_path):
    content = _zip(zipfile.ZIP_STORED, **{f"m{number}": b"" for number in range(65_536)})

    assert _content(tmp_path, content, "m65535") == b""


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, 93])
def test_any_cut_is_refused(tmp_path, method):
    content = _zip(0, a=TEXT) if method == 93 else _zip(method, a=TEXT)
    content = _as_zstd(content) if method == 93 else content
    for n_bytes in range(0, len(content), 7):
        with pytest.raises(TableError, match="damaged zip file"):
            _content(tmp_path, content[:n_bytes])


@pytest.mark.parametrize("zstd", [False, True])
def test_content_longer_than_stated_is_refused_without_unpacking_it(tmp_path, zstd):
    bomb = b"\0" * 10_000_000
    content = bytearray(_as_zstd(_zip(0, a=bomb), bomb) if zstd else _zip(a=bomb))
    start = content.index(b"PK\x01\x02")
    content[start + 24 : start + 28] = (100).to_bytes(4, "little")

    with pytest.raises(TableError, match="another length or checksum"):
        _content(tmp_path, bytes(content))


def test_a_member_that_claims_too_much_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(zip_members, "MOST_MEMBER_BYTES", 2**20)

    with pytest.raises(TableError, match="member 'a' is over 1 MiB"):
        _content(tmp_path, _zip(a=b"\0" * (2**20 + 1)))


def test_a_changed_byte_of_the_content_is_refused(tmp_path):
    content = _zip(zipfile.ZIP_STORED, a=TEXT)

    with pytest.raises(TableError, match="checksum"):
        _content(tmp_path, content.replace(TEXT, b"O" + TEXT[1:]))


def test_a_member_renamed_in_the_directory_alone_is_refused(tmp_path):
    content = bytearray(_zip(a=TEXT))
    content[content.index(b"PK\x01\x02") + 46] = ord("b")

    with pytest.raises(TableError, match="not where the directory says"):
        _content(tmp_path, bytes(content), "b")


def test_a_directory_with_fewer_entries_than_it_claims_is_refused(tmp_path):
    content = bytearray(_zip(a=TEXT, b=TEXT))
    content[-12] += 1  # the count of all entries

    with pytest.raises(TableError, match="2 entries and claims 3"):
        _content(tmp_path, bytes(content))


@pytest.mark.parametrize(
    ("place", "value", "message"), [(8, 1, "encrypted"), (10, 12, "method 12")]
)
def test_what_cannot_be_unpacked_is_named(tmp_path, place, value, message):
    content = bytearray(_zip(a=TEXT))
    start = content.index(b"PK\x01\x02")
    content[start + place] = value

    with pytest.raises(TableError, match=message):
        _content(tmp_path, bytes(content))
