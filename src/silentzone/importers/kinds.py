"""What a path given to ``silentzone analyze`` is: a study, a cohort table or an items table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from silentzone.errors import TableError
from silentzone.importers.delimited import read_header
from silentzone.importers.items_source import (
    PARQUET_MARK,
    is_json_lines,
    parquet_columns,
    parse_object,
)
from silentzone.importers.layouts import ITEMS_LAYOUT, TABLE_LAYOUT, TABLE_PREFIXES
from silentzone.importers.problems import heading_shown, listed
from silentzone.importers.text_files import first_bytes, read_lines
from silentzone.store.folder import MANIFEST
from silentzone.store.import_folder import IMPORT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

Kind = Literal["study", "table", "items"]


def detect_kind(path: Path) -> Kind:
    """Tell what a folder or file is, from its content, never from its name.

    Parameters
    ----------
    path : Path
        A study folder, a cohort table or an items table.

    Returns
    -------
    str
        ``study``, ``table`` or ``items``. Only the header is read; the reader of that kind
        still refuses what is wrong further down.

    Raises
    ------
    TableError
        If it is none of the three, or cannot be read; names the columns found.
    """
    if path.is_dir():
        if (path / MANIFEST).is_file():
            return "study"
        raise TableError(
            f"`{path.name}` is a folder without `{MANIFEST}` and without `{IMPORT}`, so it is no "
            "study and holds no imported results",
            hint="give a folder that `silentzone run` or `silentzone import` has written, or a "
            "table file",
        )
    columns = _columns(path)
    if "item_id" in columns and "score" in columns:
        return "items"
    if any(name.partition(".")[0] in TABLE_PREFIXES and "." in name for name in columns):
        return "table"
    raise TableError(
        f"`{path.name}` is neither a cohort table nor an items table; its columns are: "
        f"{listed(map(heading_shown, columns))}",
        hint=f"{TABLE_LAYOUT}; {ITEMS_LAYOUT}",
    )


def _columns(path: Path) -> Sequence[str]:
    head = first_bytes(path)
    if head.startswith(PARQUET_MARK):
        return parquet_columns(path)
    if not is_json_lines(head):
        return read_header(path).columns
    number, line = next((n, line) for n, line in enumerate(read_lines(path), 1) if line.strip())
    try:
        return tuple(parse_object(line))
    except ValueError as error:
        raise TableError(f"`{path.name}` line {number}: {error}", hint=ITEMS_LAYOUT) from error
