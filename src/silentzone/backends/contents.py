"""Contents of model files, which are read whole to be known again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from silentzone.errors import ModelFileError

if TYPE_CHECKING:
    from collections.abc import Callable
    from hashlib import _Hash
    from pathlib import Path

_CHUNK_BYTES: Final = 8 * 2**20


def hash_file(digest: _Hash, path: Path, on_bytes: Callable[[int], None] | None) -> None:
    """Add the bytes of a file to a hash; ``on_bytes`` is told how many were read.

    Raises
    ------
    ModelFileError
        If the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
                if on_bytes is not None:
                    on_bytes(len(chunk))
    except OSError as error:
        raise ModelFileError(f"`{path}` cannot be read: {error}") from error
