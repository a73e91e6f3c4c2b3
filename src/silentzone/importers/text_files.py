"""Text files that somebody else wrote: their lines, and why a file is no text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from silentzone.errors import TableError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LONGEST_LINE: Final = 4_000_000
"""Characters; a longer line is no row of a table, and reading on could fill the memory."""

_HEAD_BYTES: Final = 65_536
_MARKS = (
    (b"PK\x03\x04", "a zip file or a spreadsheet", "open it and save the sheet as CSV (UTF-8)"),
    (b"\x1f\x8b", "compressed with gzip", "unpack it first"),
    (b"PAR1", "a Parquet file", "of Parquet, items tables and details of lighteval are read"),
    (
        b"_logits_",
        "a base file of llama-perplexity, which holds no result",
        "`silentzone compare --base FILE CANDIDATE... --into DIR` scores candidates against it",
    ),
    (b"GGUF", "a model file", "`silentzone compare` and `silentzone run` take models"),
    (b"\xff\xfe", "UTF-16 text", "save it as UTF-8"),
    (b"\xfe\xff", "UTF-16 text", "save it as UTF-8"),
    (b"\0", "binary data", "give a text file in UTF-8"),
)


def read_lines(path: Path) -> Iterator[str]:
    """Lines of a UTF-8 file with their line ends; a byte order mark is left out.

    Raises
    ------
    TableError
        If the file cannot be read, is no UTF-8 text, or has a line of millions of characters.
    """
    refuse_other_formats(path)
    number = 0
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            while line := file.readline(LONGEST_LINE):
                number += 1
                if len(line) == LONGEST_LINE:
                    raise TableError(
                        f"`{path.name}` line {number} has more than {LONGEST_LINE:,} characters; "
                        "a table has one row per line"
                    )
                yield line
    except UnicodeDecodeError as error:
        raise TableError(
            f"`{path.name}` line {_first_undecodable(path)} is not UTF-8 text",
            hint="save the file again with the encoding UTF-8",
        ) from error
    except OSError as error:
        raise unreadable(path, error) from error


def read_log_lines(path: Path) -> Iterator[str]:
    """Lines of what a program printed, in whatever encoding it was redirected.

    Numbers and commands are ASCII: a sign that cannot be decoded is replaced, not refused.
    UTF-16 is what PowerShell writes.

    Raises
    ------
    TableError
        If the file cannot be read, is binary, or has a line of millions of characters.
    """
    head = first_bytes(path)
    is_wide = head.startswith((b"\xff\xfe", b"\xfe\xff"))
    if not is_wide:
        refuse_other_formats(path)
    try:
        with path.open(
            encoding="utf-16" if is_wide else "utf-8-sig", errors="replace", newline=""
        ) as file:
            number = 0
            while line := file.readline(LONGEST_LINE):
                number += 1
                if len(line) == LONGEST_LINE:
                    raise TableError(
                        f"`{path.name}` line {number} has more than {LONGEST_LINE:,} characters; "
                        "a log has short lines"
                    )
                yield line
    except (OSError, UnicodeError) as error:
        raise unreadable(path, error) from error


def refuse_other_formats(path: Path) -> None:
    """Refuse a file whose first bytes show that it is no UTF-8 text.

    Raises
    ------
    TableError
        If it is not, if it cannot be read, or if nothing is in it.
    """
    head = first_bytes(path)
    for mark, what, advice in _MARKS:
        # A NUL anywhere tells binary data; the other marks stand at the start only.
        if head.startswith(mark) or (mark == b"\0" and mark in head):
            raise TableError(f"`{path.name}` is {what}, not a text file", hint=advice)
    if not head.removeprefix(b"\xef\xbb\xbf").strip():
        raise TableError(
            f"`{path.name}` is empty",
            hint="what was to write it may have stopped; write it again or leave it out",
        )


def first_bytes(path: Path) -> bytes:
    """Read the start of a file.

    Raises
    ------
    TableError
        If it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(_HEAD_BYTES)
    except (OSError, ValueError) as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: Exception) -> TableError:
    """Make the error of a file that the system does not give."""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return TableError(f"`{path.name}` cannot be read: {reason}")


def _first_undecodable(path: Path) -> int:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode()
            except UnicodeDecodeError:
                return number
    return 1
