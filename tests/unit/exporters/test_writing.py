"""Where exports come to lie: whole or not at all, and never over something unasked."""

from __future__ import annotations

from pathlib import Path

import pytest

from silentzone.errors import InputError, StorageError
from silentzone.exporters.study import Study
from silentzone.exporters.writing import (
    Exported,
    ExportOptions,
    PathFormat,
    write_path,
    write_text,
)

_OPTIONS = ExportOptions()
_STUDY = Study(Path("nowhere"))


def _file(content):
    def write(_study, _options, path):
        path.write_bytes(content)
        return ("one note",)

    return PathFormat(name="x", title="x", write=write, is_folder=False)


def _folder(**files):
    def write(_study, _options, path):
        (path / "inner").mkdir(parents=True)
        for name, content in files.items():
            (path / "inner" / name).write_text(content)
        return ()

    return PathFormat(name="x", title="x", write=write, is_folder=True)


def test_a_text_replaces_nothing_unasked(tmp_path):
    target = tmp_path / "new" / "table.md"
    write_text(Exported(chunks=["o", "ne"]), target, force=False)
    with pytest.raises(InputError, match="is there already") as caught:
        write_text(Exported(chunks=["two"]), target, force=False)
    assert "--force" in str(caught.value.hint)
    assert target.read_text() == "one"
    write_text(Exported(chunks=["two"]), target, force=True)
    assert target.read_text() == "two"


def test_half_a_surrogate_pair_is_spelled_out(tmp_path):
    write_text(Exported(chunks=["a\ud800b"]), tmp_path / "x", force=False)
    assert (tmp_path / "x").read_text() == "a\\ud800b"


def test_a_text_that_fails_half_way_leaves_nothing(tmp_path):
    def chunks():
        yield "half"
        raise InputError("no more")

    with pytest.raises(InputError, match="no more"):
        write_text(Exported(chunks=chunks()), tmp_path / "x", force=False)
    assert list(tmp_path.iterdir()) == []


def test_a_link_to_nowhere_is_something_that_lies_there(tmp_path):
    target = tmp_path / "link"
    target.symlink_to(tmp_path / "nowhere")
    with pytest.raises(InputError, match="is there already"):
        write_text(Exported(chunks=["o", "ne"]), target, force=False)


def test_a_file_appears_whole(tmp_path):
    target = tmp_path / "base.bin"
    assert write_path(_file(b"1"), _STUDY, _OPTIONS, target, force=False) == ("one note",)
    with pytest.raises(InputError, match="is there already"):
        write_path(_file(b"2"), _STUDY, _OPTIONS, target, force=False)
    assert target.read_bytes() == b"1"
    write_path(_file(b"2"), _STUDY, _OPTIONS, target, force=True)
    assert target.read_bytes() == b"2"
    assert [path.name for path in tmp_path.iterdir()] == ["base.bin"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), ValueError("bug")])
@pytest.mark.parametrize("is_folder", [False, True])
def test_what_fails_leaves_nothing_behind(tmp_path, error, is_folder):
    def write(_study, _options, path):
        if is_folder:
            path.mkdir()
            path /= "half"
        path.write_bytes(b"half")
        raise error

    form = PathFormat(name="x", title="x", write=write, is_folder=is_folder)
    expected = StorageError if isinstance(error, OSError) else ValueError
    with pytest.raises(expected):
        write_path(form, _STUDY, _OPTIONS, tmp_path / "out", force=False)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_fills_an_empty_one_and_no_other(tmp_path):
    target = tmp_path / "out"
    target.mkdir()
    write_path(_folder(a="1", b="1"), _STUDY, _OPTIONS, target, force=False)
    (target / "mine").write_text("kept")
    with pytest.raises(InputError, match="is there already"):
        write_path(_folder(a="2"), _STUDY, _OPTIONS, target, force=False)
    write_path(_folder(a="2"), _STUDY, _OPTIONS, target, force=True)
    found = {path.name: path.read_text() for path in target.rglob("*") if path.is_file()}
    assert found == {"a": "2", "b": "1", "mine": "kept"}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_file_is_no_folder_and_a_folder_no_file(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is a file, and this format is a folder"):
        write_path(_folder(), _STUDY, _OPTIONS, tmp_path / "file", force=True)
    with pytest.raises(InputError, match="is a folder, and this format is one file"):
        write_text(Exported(chunks=[]), tmp_path, force=True)
