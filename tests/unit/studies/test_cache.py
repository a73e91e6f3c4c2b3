"""The cache folder: where it lies, who may build in it, what a killed run leaves."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from silentzone.errors import StorageError
from silentzone.studies.cache import cache_root, folder_bytes, staging_folder, waiting_lock

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("SILENTZONE_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_the_cache_lies_in_the_users_cache_folder(home: Path) -> None:
    assert cache_root() == home / ".cache" / "silentzone"


def test_the_systems_cache_variable_is_honoured(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "elsewhere"))
    assert cache_root() == home / "elsewhere" / "silentzone"


def test_a_relative_system_variable_is_ignored(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache_root() == home / ".cache" / "silentzone"


def test_our_own_variable_comes_first(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "elsewhere"))
    monkeypatch.setenv("SILENTZONE_CACHE", "~/mine")
    assert cache_root() == home / "mine"


def test_an_argument_comes_before_every_variable(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SILENTZONE_CACHE", "~/mine")
    assert cache_root(home / "given") == home / "given"


def test_a_staging_folder_is_gone_afterwards_whatever_happens(tmp_path: Path) -> None:
    def build() -> None:
        with staging_folder(tmp_path, "model") as folder:
            (folder / "half").write_bytes(b"half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        build()
    assert list(tmp_path.iterdir()) == []


def test_leftovers_of_a_killed_run_go_and_other_keys_stay(tmp_path: Path) -> None:
    for name in (".staging-model.1-1", ".staging-other.1-1"):
        (tmp_path / name).mkdir()
    with staging_folder(tmp_path, "model"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == [".staging-other.1-1"]


def test_a_second_holder_waits_and_is_told_once(tmp_path: Path) -> None:
    told: list[str] = []
    order: list[str] = []
    waits = threading.Event()

    def second() -> None:
        def on_wait() -> None:
            told.append("waiting")
            waits.set()

        with waiting_lock(tmp_path / "lock", on_wait):
            order.append("second")

    thread = threading.Thread(target=second)
    with waiting_lock(tmp_path / "lock", lambda: told.append("first")):
        thread.start()
        assert waits.wait(10)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]
    assert told == ["waiting"]


def test_a_lock_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to(tmp_path / "target")
    with (
        pytest.raises(StorageError, match="cannot be written"),
        waiting_lock(tmp_path / "lock", lambda: None),
    ):
        pytest.fail("held a lock through a link")
    assert not (tmp_path / "target").exists()


def test_linked_files_are_not_counted(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"123")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "c").write_bytes(b"45")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    assert folder_bytes(tmp_path) == 5
