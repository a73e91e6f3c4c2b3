"""What a writer of another tool's files offers, and how its files come to lie where they should."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from silentzone.errors import InputError
from silentzone.store import atomic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from silentzone.exporters.study import Study


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOptions:
    """What the user says beside format and folder; null takes all, or what the format says."""

    model: str | None = None
    corpus: str | None = None
    benchmark: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """A text, and what whoever exports it should know."""

    chunks: Iterable[str]
    """The text in pieces, so that a long one is never held whole; read once."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TextFormat:
    """A format that is one text; it may go to stdout."""

    name: str
    """As typed after ``silentzone export``."""
    title: str
    """One line: what is in it, and who reads it."""
    render: Callable[[Study, ExportOptions], Exported]
    options: tuple[str, ...] = ("corpus",)
    """Fields of :class:`ExportOptions` that are looked at; the others are refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PathFormat:
    """A format that is a binary file or a folder of files; it needs a place."""

    name: str
    title: str
    write: Callable[[Study, ExportOptions, Path], tuple[str, ...]]
    """Told a path at which nothing lies: make the file or the folder there, give the notes. It is
    renamed to its final name when all of it is written, and removed where writing fails."""
    is_folder: bool
    options: tuple[str, ...] = ()


def write_text(exported: Exported, target: Path, *, force: bool) -> None:
    """Put a text into a file that appears whole or not at all.

    Raises
    ------
    InputError
        If something lies there and `force` is not set.
    StorageError
        If the system refuses it.
    """
    refuse_taken(target, force=force)
    with atomic.partial_file(target) as (file, partial):
        for chunk in exported.chunks:
            # Half a surrogate pair can stand in a name from JSON, and in no UTF-8 file.
            file.write(chunk.encode("utf-8", "backslashreplace"))
    atomic.move(partial, target)


def write_path(
    form: PathFormat, study: Study, options: ExportOptions, target: Path, *, force: bool
) -> tuple[str, ...]:
    """Write a file or folder beside its final name, then give it that name.

    With `force` a file takes the place of a file, and the files of a folder the places of those
    of the same names; other files of that folder stay.

    Returns
    -------
    tuple of str
        What whoever exports it should know.

    Raises
    ------
    InputError
        If something lies there and `force` is not set, or the study lacks what the format needs.
    StorageError
        If the system refuses it.
    """
    refuse_taken(target, force=force, is_folder=form.is_folder)
    atomic.make_folder(target.parent)
    partial = atomic.partial_path(target)
    try:
        notes = form.write(study, options, partial)
        _place(partial, target)
    except OSError as error:
        raise atomic.storage_error(error, target) from error
    finally:
        if partial.is_dir():
            shutil.rmtree(partial, ignore_errors=True)
        else:
            partial.unlink(missing_ok=True)
    return notes


def refuse_taken(target: Path, *, force: bool, is_folder: bool = False) -> None:
    """Refuse a target that holds something, or that is of the other kind.

    Raises
    ------
    InputError
        If so.
    """
    if not os.path.lexists(target):
        return
    if target.is_dir() != is_folder:
        kind = "a folder" if target.is_dir() else "a file"
        wanted = "a folder of files" if is_folder else "one file"
        raise InputError(
            f"`{target}` is {kind}, and this format is {wanted}.",
            hint="give --out another name",
        )
    is_empty = is_folder and not any(target.iterdir())
    if not force and not is_empty:
        raise InputError(
            f"`{target}` is there already, and nothing is overwritten unasked.",
            hint="give --out another name, or --force to replace what it holds",
        )


def _place(partial: Path, target: Path) -> None:
    """Give what was written its final name; a folder is filled into one that is there."""
    if not partial.is_dir():
        partial.replace(target)
    elif not target.exists():
        partial.rename(target)
    else:
        for path in sorted(partial.rglob("*")):
            if path.is_file():
                place = target / path.relative_to(partial)
                atomic.make_folder(place.parent)
                path.replace(place)
    atomic.sync_folder(target.parent)
