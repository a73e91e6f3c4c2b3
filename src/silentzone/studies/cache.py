"""The folder that outlives one study: fetched assets and the models made from them."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

from silentzone.store.atomic import make_folder, storage_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_POLL_SECONDS = 0.2
_STAGING = ".staging-"


def cache_root(cache: Path | None = None) -> Path:
    """Folder of the cache: the argument, SILENTZONE_CACHE, or silentzone in the user's cache."""
    if cache is not None:
        return cache.expanduser().absolute()
    chosen = os.environ.get("SILENTZONE_CACHE")
    if chosen:
        return Path(chosen).expanduser().absolute()
    base = os.environ.get("XDG_CACHE_HOME")
    # The XDG rules say that a relative value is to be ignored.
    home = Path(base) if base and Path(base).is_absolute() else Path.home() / ".cache"
    return home / "silentzone"


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def waiting_lock(path: Path, on_wait: Callable[[], None]) -> Iterator[None]:
    """Hold a lock file while the body runs, waiting for whoever holds it; freed if we die.

    Parameters
    ----------
    path : Path
        The lock file; its folder is made. It stays behind, empty.
    on_wait : callable
        Called once if somebody else holds the lock.

    Raises
    ------
    StorageError
        If the file cannot be made or the file system has no locks.
    """
    make_folder(path.parent)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise storage_error(error, path) from error
    try:
        told = False
        while not _try_lock(descriptor, path):
            if not told:
                on_wait()
                told = True
            time.sleep(_POLL_SECONDS)
        yield
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int, path: Path) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError as error:
        raise storage_error(error, path) from error
    return True


@contextlib.contextmanager
def staging_folder(parent: Path, key: str) -> Iterator[Path]:
    """Make a folder to build something in; gone afterwards, and leftovers of killed runs with it.

    The caller holds the lock of ``key``, so whatever lies there under that key is abandoned.
    """
    make_folder(parent)
    prefix = f"{_STAGING}{key}."
    for left in parent.glob(f"{prefix}*"):
        shutil.rmtree(left, ignore_errors=True)
    folder = parent / f"{prefix}{os.getpid()}-{time.monotonic_ns()}"
    make_folder(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def folder_bytes(folder: Path) -> int:
    """Bytes of all files below a folder; files that vanish meanwhile are not counted."""
    total = 0
    # os.walk passes over a folder that is gone by the time it is reached; Path.rglob does not.
    for place, _, names in os.walk(folder):
        for path in (Path(place, name) for name in names):
            with contextlib.suppress(OSError):
                if path.is_file() and not path.is_symlink():
                    total += path.stat().st_size
    return total


def free_bytes(path: Path) -> int | None:
    """Free bytes where a path lies or will lie; null if the system does not say."""
    for place in (path, *path.parents):
        with contextlib.suppress(OSError):
            return shutil.disk_usage(place).free
    return None
