"""Rows of a details file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from silentzone.errors import TableError
from silentzone.importers.items_source import MOST_ROWS, PARQUET_MARK
from silentzone.importers.text_files import first_bytes, unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_COLUMNS: Final = ("doc", "model_response", "metric")
_ROWS_AT_ONCE: Final = 512


def read_details(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Rows of a details file, and their numbers from 1.

    Parameters
    ----------
    path : Path
        Parquet with the columns ``doc``, ``model_response`` and ``metric``, which versions before
        0.13 put between double underscores.

    Raises
    ------
    TableError
        If it is no such file, or damaged.
    """
    if not first_bytes(path).startswith(PARQUET_MARK):
        raise TableError(
            f"`{path.name}` is no Parquet file",
            hint="give lighteval's details_*.parquet, written with --save-details",
        )
    try:
        file = pq.ParquetFile(path, page_checksum_verification=True)
        names = file.schema_arrow.names
        n_rows = file.metadata.num_rows
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _damaged(path, error) from error
    with file:
        columns = _columns(path, names)
        if n_rows > MOST_ROWS:
            raise TableError(f"`{path.name}` claims more than {MOST_ROWS:,} rows")
        number = 0
        try:
            for batch in file.iter_batches(_ROWS_AT_ONCE, columns=columns):
                batch.validate(full=True)
                for row in batch.to_pylist():
                    number += 1
                    yield number, {name.strip("_"): value for name, value in row.items()}
        except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
            raise _damaged(path, error) from error
    if number != n_rows or not number:
        raise TableError(f"`{path.name}` has {number:,} rows of the {n_rows:,} it says it has")


def _columns(path: Path, names: list[str]) -> list[str]:
    for wanted in (list(_COLUMNS), [f"__{name}__" for name in _COLUMNS]):
        if all(names.count(name) == 1 for name in wanted):
            return wanted
    raise TableError(
        f"`{path.name}` lacks the columns {', '.join(f'`{name}`' for name in _COLUMNS)} of "
        "lighteval's details",
        hint="versions before 0.10 wrote others, which are not read",
    )


def _damaged(path: Path, error: Exception) -> TableError:
    if isinstance(error, OSError) and error.errno:
        return unreadable(path, error)
    reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
    return TableError(f"`{path.name}` cannot be read, it may be damaged: {reason}")
