"""One run at a time in one study folder."""

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


@contextlib.contextmanager
def exclusive_lock(path: Path) -> Iterator[None]:
    """Hold a lock file for as long as the body runs; the system frees it if the process dies.

    Raises
    ------
    StorageError
        If another process holds it (its id is named), or the file system has no locks.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise storage_error(error, path) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        except OSError as error:
            if error.errno in _HELD:
                raise StorageError(
                    f"`{path.parent}` is in use by another run, {_holder(descriptor)}.",
                    hint="wait for it to end, stop it, or give this run another folder",
                ) from error
            raise storage_error(error, path) from error
        yield
    finally:
        os.close(descriptor)


def _holder(descriptor: int) -> str:
    """Process that holds the lock, in words."""
    content = os.pread(descriptor, 32, 0).strip()
    return f"process {int(content)}" if content.isdigit() else "of an unknown process"
