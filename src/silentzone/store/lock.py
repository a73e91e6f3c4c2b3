"""One run at a time in one study folder, or several that have agreed to share it."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from typing import TYPE_CHECKING

from silentzone.errors import StorageError
from silentzone.store.atomic import storage_error

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_HELD = {errno.EWOULDBLOCK, errno.EACCES}
_NO_LOCKS = {errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}
_SHARED = "shared"


@contextlib.contextmanager
def exclusive_lock(path: Path) -> Iterator[None]:
    """Hold a lock file for as long as the body runs; the system frees it if the process dies.

    Raises
    ------
    StorageError
        If another process holds it (its id is named), or the file system has no locks.
    """
    with _opened(path) as descriptor:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _sign(descriptor, str(os.getpid()))
        except OSError as error:
            raise _refused(error, path, descriptor) from error
        yield


@contextlib.contextmanager
def shared_lock(path: Path) -> Iterator[None]:
    """Keep those out who want the folder for themselves, together with others who share it.

    A file system without locks is accepted: those who share divide the work by claims.

    Raises
    ------
    StorageError
        If a process holds the folder for itself (its id is named).
    """
    with _opened(path) as descriptor:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            _sign(descriptor, _SHARED)
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise _refused(error, path, descriptor) from error
        yield


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    """Descriptor of the lock file, for as long as the body runs."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise storage_error(error, path) from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _sign(descriptor: int, holder: str) -> None:
    """Write down who holds the lock."""
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{holder}\n".encode(), 0)


def _refused(error: OSError, path: Path, descriptor: int) -> StorageError:
    """Error of a lock that was not given."""
    if error.errno not in _HELD:
        return storage_error(error, path)
    return StorageError(
        f"`{path.parent}` is in use by {_holder(descriptor)}.",
        hint="wait for it to end, stop it, or give this run another folder",
    )


def _holder(descriptor: int) -> str:
    """Who holds the lock, in words."""
    content = os.pread(descriptor, 32, 0).strip().decode("ascii", "replace")
    if content == _SHARED:
        return "runs that share it (run --join)"
    known = f"process {content}" if content.isdigit() else "of an unknown process"
    return f"another run, {known}"
