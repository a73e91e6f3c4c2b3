"""Files that appear whole, and what is said when the disk refuses."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

import pytest

from silentzone.errors import StorageError
from silentzone.store import atomic


def test_a_failed_write_leaves_the_old_content_and_no_leftover(tmp_path):
    path = tmp_path / "a.json"
    atomic.replace_file(path, b"old")

    def fail_half_way():
        with atomic.partial_file(path) as (file, _):
            file.write(b"new")
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        fail_half_way()
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.json"]


def test_the_file_has_no_final_name_before_it_is_given_one(tmp_path):
    path = tmp_path / "deep" / "a.bin"
    with atomic.partial_file(path) as (file, partial):
        file.write(b"x")
    assert not path.exists()
    assert partial.read_bytes() == b"x"
    assert atomic.is_partial(partial.name)


def test_a_file_system_that_refuses_even_the_removal_is_a_storage_error(tmp_path, monkeypatch):
    # A read-only one says so to the removal of a file that was never made, too.
    def refuse(self, *arguments, **options):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "open", refuse)
    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(StorageError, match="Read-only file system"):
        atomic.replace_file(tmp_path / "a.json", b"x")


@pytest.mark.parametrize(
    ("number", "reason", "hint"),
    [
        (errno.ENOSPC, "No space left on device", "make room"),
        (errno.EACCES, "Permission denied", "make the folder writable"),
        (errno.EIO, "Input/output error", "check the disk"),
    ],
)
def test_a_refused_write_names_file_reason_and_room(tmp_path, number, reason, hint):
    path = tmp_path / "not" / "there.parquet"
    error = atomic.storage_error(OSError(number, reason), path)
    assert str(path) in error.message
    assert reason in error.message
    assert "bytes free there" in error.message
    assert error.hint is not None
    assert error.hint.startswith(hint)


def test_a_folder_in_the_place_of_a_file_is_a_storage_error(tmp_path):
    (tmp_path / "a.json").mkdir()
    with pytest.raises(StorageError, match=r"a\.json"):
        atomic.replace_file(tmp_path / "a.json", b"x")
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.json"]


def test_a_file_in_the_place_of_a_folder_is_a_storage_error(tmp_path):
    (tmp_path / "tables").write_bytes(b"")
    with pytest.raises(StorageError, match="tables"):
        atomic.make_folder(tmp_path / "tables" / "tokens")
    with pytest.raises(StorageError, match="tables"):
        atomic.move(tmp_path / "nothing", tmp_path / "tables" / "tokens")


def test_a_move_from_nowhere_is_a_storage_error(tmp_path):
    with pytest.raises(StorageError, match="No such file"):
        atomic.move(tmp_path / "nothing", tmp_path / "there")


def test_free_room_is_left_out_where_it_cannot_be_had(monkeypatch):
    def refuse(path: Path) -> None:
        raise OSError(errno.EIO, "no")

    monkeypatch.setattr(shutil, "disk_usage", refuse)
    assert "free" not in atomic.storage_error(OSError(errno.EIO, "bad"), Path("x")).message
