"""Files and folders that appear whole or not at all, and what to say when the disk refuses."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
from typing import TYPE_CHECKING, BinaryIO

from silentzone.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PARTIAL_SUFFIX = ".partial"

_OUT_OF_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NOT_ALLOWED = {errno.EACCES, errno.EPERM, errno.EROFS}


def storage_error(error: OSError, path: Path) -> StorageError:
    """Describe a failed write: which file, why, and how much room is left."""
    reason = error.strerror or str(error)
    if error.errno in _OUT_OF_SPACE:
        hint = "make room, then run the same command again"
    elif error.errno in _NOT_ALLOWED:
        hint = "make the folder writable or choose another one"
    else:
        hint = "check the disk, then run the same command again"
    free = _free_bytes(path)
    room = "" if free is None else f" ({free} bytes free there)"
    return StorageError(f"`{path}` cannot be written: {reason}{room}.", hint=hint)


def _free_bytes(path: Path) -> int | None:
    """Free bytes of the file system that holds a path, whether or not the path exists."""
    for place in (path, *path.parents):
        try:
            return shutil.disk_usage(place).free
        except OSError:
            continue
    return None


def partial_path(path: Path) -> Path:
    """Name beside ``path`` under which it is written until it is whole."""
    return path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}{PARTIAL_SUFFIX}")


def is_partial(name: str) -> bool:
    """Whether a file name is one of :func:`partial_path`."""
    return name.startswith(".") and name.endswith(PARTIAL_SUFFIX)


def make_folder(path: Path) -> None:
    """Make a folder and its parents; StorageError if that fails."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise storage_error(error, path) from error


def sync_folder(path: Path) -> None:
    """Make the names inside a folder survive a power cut, where the file system can."""
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def sync_file(file: BinaryIO) -> None:
    """Push a file's content to the disk; a full disk is noticed here at the latest."""
    file.flush()
    os.fsync(file.fileno())


def move(source: Path, target: Path) -> None:
    """Rename a file or folder into a folder that may not exist yet."""
    make_folder(target.parent)
    try:
        source.rename(target)
    except OSError as error:
        raise storage_error(error, target) from error
    sync_folder(target.parent)
    sync_folder(source.parent)


@contextlib.contextmanager
def partial_file(path: Path) -> Iterator[tuple[BinaryIO, Path]]:
    """Write a file beside its final name; removed again if the body fails.

    Parameters
    ----------
    path : Path
        Final name. Its folder is made.

    Yields
    ------
    tuple of (binary file, Path)
        What to write to, and where it lies. After the body it is on the disk and closed; giving
        it its final name is left to the caller, who may have something to move out of the way.

    Raises
    ------
    StorageError
        If the system refuses any part of it.
    """
    make_folder(path.parent)
    partial = partial_path(path)
    try:
        with partial.open("xb") as file:
            yield file, partial
            sync_file(file)
    except OSError as error:
        _discard(partial)
        if isinstance(error, StorageError):
            raise
        raise storage_error(error, path) from error
    except BaseException:
        _discard(partial)
        raise


def _discard(partial: Path) -> None:
    """Remove a file that will not be finished; what refuses that has refused the writing too."""
    with contextlib.suppress(OSError):
        partial.unlink(missing_ok=True)


def replace_file(path: Path, content: bytes) -> None:
    """Give a file new content in one step; a reader sees the old or the new, never a mixture."""
    with partial_file(path) as (file, partial):
        file.write(content)
    try:
        partial.replace(path)
    except OSError as error:
        _discard(partial)
        raise storage_error(error, path) from error
    sync_folder(path.parent)
