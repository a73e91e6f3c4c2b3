"""One run at a time in one folder."""

from __future__ import annotations

import errno
import fcntl
import subprocess
import sys

import pytest

from silentzone.errors import StorageError
from silentzone.store.lock import exclusive_lock

HOLD = """
import sys
from pathlib import Path
from silentzone.store.lock import exclusive_lock
with exclusive_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_another_process_in_the_folder_is_named_and_its_death_frees_it(tmp_path):
    lock = tmp_path / ".lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        expected = pytest.raises(StorageError, match=f"process {holder.pid}")
        with expected as caught, exclusive_lock(lock):
            pass
        assert caught.value.hint is not None
        holder.kill()
        holder.wait()
    with exclusive_lock(lock):
        pass


def test_the_lock_is_free_again_after_an_error(tmp_path):
    with pytest.raises(RuntimeError, match="inside"), exclusive_lock(tmp_path / ".lock"):
        raise RuntimeError("inside")
    with exclusive_lock(tmp_path / ".lock"):
        pass


def test_a_holder_that_left_no_number_is_unknown(tmp_path):
    lock = tmp_path / ".lock"
    with exclusive_lock(lock):
        lock.write_bytes(b"; rm -rf")
        with pytest.raises(StorageError, match="unknown process"), exclusive_lock(lock):
            pass


def test_a_link_in_the_place_of_the_lock_is_refused(tmp_path):
    (tmp_path / "target").write_bytes(b"precious")
    (tmp_path / ".lock").symlink_to(tmp_path / "target")
    with pytest.raises(StorageError, match="lock"), exclusive_lock(tmp_path / ".lock"):
        pass
    assert (tmp_path / "target").read_bytes() == b"precious"


def test_a_file_system_without_locks_is_a_storage_error(tmp_path, monkeypatch):
    def refuse(descriptor, operation):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    expected = pytest.raises(StorageError, match="No locks available")
    with expected, exclusive_lock(tmp_path / ".lock"):
        pass
