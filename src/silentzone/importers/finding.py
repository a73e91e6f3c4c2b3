"""Which of the files a user points at are of which format."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from silentzone.errors import InputError, TableError
from silentzone.importers.reading import Bundle
from silentzone.importers.registry import FORMATS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from silentzone.importers.reading import Format

MOST_FILES: Final = 100_000
"""More files below one folder than any collection of results has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What was recognised among files."""

    bundles: tuple[tuple[Format, Bundle], ...]
    unknown: tuple[Path, ...]
    """Files that no format takes for its own."""


def find_bundles(wanted: Format | None, paths: Sequence[Path]) -> Found:
    """Tell what is to be read among files and folders.

    Parameters
    ----------
    wanted : Format or None
        What the user says the files are; null asks every format in turn.
    paths : sequence of Path
        Files, and folders that are searched to the bottom.

    Raises
    ------
    InputError
        If nothing is recognised, or a folder holds more files than any collection of results.
    TableError
        If a folder cannot be read.
    """
    files, others = _files(paths)
    named = [path for path in paths if not path.is_dir()]
    bundles: list[tuple[Format, Bundle]] = []
    left = files
    for one in FORMATS.values() if wanted is None else (wanted,):
        found = one.find(left)
        taken = {path for bundle in found for path in (bundle.main, *bundle.companions)}
        if wanted is not None:
            # What was named one by one is read, so that the reader can say what is wrong with it.
            found += [Bundle(main=path) for path in named if path not in taken]
            taken |= set(named)
        bundles += [(one, bundle) for bundle in found]
        left = [path for path in left if path not in taken]
    if not bundles:
        raise _nothing(wanted, files, paths)
    return Found(bundles=tuple(bundles), unknown=(*left, *others))


def _files(paths: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """Files below paths, and what lies there and is no file: pipes, devices, broken links."""
    files: dict[Path, None] = {}
    others: list[Path] = []
    for path in paths:
        if path.is_file():
            files[path] = None
        elif not path.is_dir():
            raise InputError(
                f"`{path}` is neither a file nor a folder.",
                hint="what a pipe gives must be saved to a file first, since files are read twice",
            )
        for count, one in enumerate(_below(path) if path.is_dir() else (), start=1):
            if count > MOST_FILES:
                raise InputError(
                    f"`{path}` holds more than {MOST_FILES:,} files.",
                    hint="name the folder of the results alone",
                )
            if one.is_file():
                files[one] = None
            else:
                others.append(one)
    return list(files), others


def _below(top: Path) -> Iterator[Path]:
    """Everything below a folder but hidden names; links to folders are followed once."""
    seen = {os.path.realpath(top)}
    for folder, folders, names in os.walk(top, onerror=_unreadable, followlinks=True):
        kept = []
        for name in sorted(folders):
            real = os.path.realpath(Path(folder, name))
            if not name.startswith(".") and real not in seen:
                seen.add(real)
                kept.append(name)
        folders[:] = kept
        for name in sorted(names):
            if not name.startswith("."):
                yield Path(folder, name)


def _unreadable(error: OSError) -> None:
    raise TableError(f"`{error.filename}` cannot be read: {error.strerror}.") from error


def _nothing(wanted: Format | None, files: Sequence[Path], paths: Sequence[Path]) -> InputError:
    where = ", ".join(f"`{path}`" for path in paths[:3])
    if not files:
        return InputError(f"{where} holds no file.")
    if wanted is None:
        return InputError(
            f"none of the {len(files):,} files in {where} is of a format known here.",
            hint="`silentzone import --list` names the formats and their files",
        )
    return InputError(
        f"none of the {len(files):,} files in {where} is a result of the format `{wanted.name}` "
        f"({wanted.title}).",
        hint="`silentzone import --detect` says what they are",
    )
