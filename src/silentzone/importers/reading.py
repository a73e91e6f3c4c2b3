"""What a reader of another tool's files offers: how its files are found, and how they are read."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from silentzone.importers.text_files import unreadable
from silentzone.records.imported import SourceFile

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from silentzone.records.imported import Imported

_HEAD_BYTES = 65_536
_BLOCK_BYTES = 4 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """What the user says beside the files; null takes what the files say."""

    model: str | None = None
    benchmark: str | None = None
    corpus: str | None = None
    reference: str | None = None
    """Model that is the reference, and that fidelity rows are held against."""
    filter: str | None = None
    """Which of several filters or scorers of one answer counts."""
    metric: str | None = None
    """Which of several metrics of one item is its score."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """Files that belong together: one that holds results, and those that explain it."""

    main: Path
    companions: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One format of other people's results."""

    name: str
    """As typed after ``silentzone import``."""
    title: str
    """One line: tool, file names, what is in them."""
    find: Callable[[Sequence[Path]], list[Bundle]]
    """Bundles of this format among files. Looks at names and first bytes only, refuses nothing,
    raises nothing; a file that is not of this format is in no bundle."""
    read: Callable[[Bundle, ImportOptions], Imported]
    """Read a bundle, whole or not at all; TableError for everything wrong with it."""
    options: tuple[str, ...] = field(default=("model",))
    """Fields of :class:`ImportOptions` that ``read`` looks at."""


def find_each(is_own: Callable[[Path, bytes], bool]) -> Callable[[Sequence[Path]], list[Bundle]]:
    """Make the ``find`` of a format whose files stand alone.

    Parameters
    ----------
    is_own : callable
        Told a path and the first 64 KiB of the file.
    """

    def find(files: Sequence[Path]) -> list[Bundle]:
        return [Bundle(main=path) for path in files if is_own(path, head_of(path))]

    return find


def head_of(path: Path) -> bytes:
    """First 64 KiB of a file; empty where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(_HEAD_BYTES)
    except (OSError, ValueError):
        return b""


def source_of(path: Path, format_name: str) -> SourceFile:
    """Identity of a file that was read.

    Raises
    ------
    TableError
        If it cannot be read.
    """
    digest, size = hashlib.sha256(), 0
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                digest.update(block)
                size += len(block)
    except OSError as error:
        raise unreadable(path, error) from error
    return SourceFile(
        name=path.name, sha256=digest.hexdigest(), size_bytes=size, format=format_name
    )
