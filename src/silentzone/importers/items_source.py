"""Items tables as they lie in a file: the known columns as Arrow columns, and where each row is."""

from __future__ import annotations

import json
import re
from collections import deque
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from silentzone.errors import TableError
from silentzone.importers.delimited import read_header, read_rows
from silentzone.importers.layouts import ITEMS_COLUMNS
from silentzone.importers.problems import Problems, shown
from silentzone.importers.text_files import first_bytes, read_lines, unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

PARQUET_MARK: Final = b"PAR1"
MOST_ROWS: Final = 50_000_000
"""More answers than any cohort has; a file that claims more is not read."""

_BLOCK_BYTES: Final = 4 * 2**20
_ROWS_AT_ONCE: Final = 50_000
_HALF_PAIR = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RawItems:
    """The columns of a file that are known, unchecked."""

    table: pa.Table
    """Text columns from CSV and JSONL, columns of any type from Parquet."""
    others: tuple[str, ...]
    """Headings nobody reads."""
    places: Callable[[Sequence[int]], list[str]]
    """Where rows (ascending) stand in the file, such as ``line 7``."""
    notes: tuple[str, ...] = ()


def read_raw_items(path: Path) -> RawItems:
    """Read the known columns of an items table of any of the three formats.

    Raises
    ------
    TableError
        If the file cannot be read as the format it looks like.
    """
    head = first_bytes(path)
    if head.startswith(PARQUET_MARK):
        return _read_parquet(path)
    if is_json_lines(head):
        return _read_json_lines(path)
    return _read_delimited(path)


def is_json_lines(head: bytes) -> bool:
    """Whether the first bytes of a file begin a JSON value."""
    return head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith((b"{", b"["))


def parquet_columns(path: Path) -> tuple[str, ...]:
    """Columns of a Parquet file.

    Raises
    ------
    TableError
        If it is damaged.
    """
    with _opened(path) as file:
        return tuple(file.schema_arrow.names)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ValueError("a field occurs twice")
    return fields


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_once)


def parse_object(line: str) -> dict[str, Any]:
    """Object on one line of a JSONL file.

    Raises
    ------
    ValueError
        If the line is no JSON object, or repeats a field; the message is one for a person.
    """
    try:
        fields = _DECODER.decode(line)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"this is not JSON: {error}") from error
    if not isinstance(fields, dict):
        raise ValueError("this is JSON, but no object; write one object per line")  # noqa: TRY004
    return fields


def _read_delimited(path: Path) -> RawItems:
    header = read_header(path)
    problems = Problems(path.name)
    # Arrow reads fast, but takes what follows an unclosed quote for one long cell: the strict
    # reader goes first, checks every row and leaves the values to Arrow.
    n_rows = sum(1 for _ in read_rows(path, header, problems))
    problems.raise_if_any()
    names = [str(place) for place in range(len(header.columns))]
    known = {name: str(place) for place, name in enumerate(header.columns) if name in ITEMS_COLUMNS}
    try:
        with path.open("rb") as file:  # by its name Arrow would unpack what is not packed
            table = pa.csv.read_csv(
                file,
                read_options=pa.csv.ReadOptions(column_names=names, block_size=_BLOCK_BYTES),
                parse_options=pa.csv.ParseOptions(
                    delimiter=header.delimiter, newlines_in_values=True
                ),
                convert_options=pa.csv.ConvertOptions(
                    include_columns=list(known.values()),
                    column_types=dict.fromkeys(known.values(), pa.string()),
                ),
            )
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _damaged(path, error) from error
    if table.num_rows != n_rows + 1:
        raise TableError(
            f"`{path.name}` reads as {n_rows} rows and as {table.num_rows - 1}",
            hint="write it again with one kind of line end, while nothing else writes it",
        )

    def places(rows: Sequence[int]) -> list[str]:
        lines = (line for line, _ in read_rows(path, header, problems))
        return [f"line {line}" for line in _picked(lines, rows)]

    return RawItems(
        table=table.slice(1).rename_columns(list(known)),
        others=tuple(name for name in header.columns if name not in known),
        places=places,
        notes=header.notes,
    )


def _picked(values: Any, rows: Sequence[int]) -> list[Any]:  # noqa: ANN401 - any iterator
    """Values at the places of an iterator, which are ascending."""
    found: list[Any] = []
    before = -1
    for row in rows:
        found += deque(islice(values, row - before), maxlen=1)
        before = row
    return found


def _read_json_lines(path: Path) -> RawItems:
    problems = Problems(path.name)
    found: dict[str, None] = {}
    lines: list[int] = []
    batches: list[pa.RecordBatch] = []
    rows: list[dict[str, str | None]] = []
    for number, line in enumerate(read_lines(path), start=1):
        if not line.strip():
            continue
        try:
            rows.append({name: _text(name, value) for name, value in parse_object(line).items()})
        except ValueError as error:
            problems.add(str(error), place=f"line {number}")
            continue
        lines.append(number)
        found.update(dict.fromkeys(rows[-1]))
        if len(rows) == _ROWS_AT_ONCE:
            batches.append(_batch(rows))
            rows = []
    problems.raise_if_any()
    return RawItems(
        table=pa.Table.from_batches([*batches, _batch(rows)]).select(
            [name for name in ITEMS_COLUMNS if name in found]
        ),
        others=tuple(name for name in found if name not in ITEMS_COLUMNS),
        places=lambda rows: [f"line {lines[row]}" for row in rows],
    )


def _batch(rows: Sequence[dict[str, str | None]]) -> pa.RecordBatch:
    return pa.record_batch(
        {name: pa.array([row.get(name) for row in rows], pa.string()) for name in ITEMS_COLUMNS}
    )


def _text(name: str, value: object) -> str | None:
    """Give a JSON value as the text a CSV cell would hold; null for what nobody reads."""
    if value is None or name not in ITEMS_COLUMNS:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if not isinstance(value, str):
        raise ValueError(  # noqa: TRY004 - one kind for the caller
            f"`{name}` must be a text, a number or null; it is {shown(json.dumps(value))}"
        )
    if not value.isascii() and _HALF_PAIR.search(value):
        raise ValueError(f"`{name}` holds half a surrogate pair")
    return value


def _read_parquet(path: Path) -> RawItems:
    with _opened(path) as file:
        names = file.schema_arrow.names
        known = [name for name in ITEMS_COLUMNS if name in names]
        doubled = [name for name in known if names.count(name) > 1]
        if doubled:
            raise TableError(f"`{path.name}` has two columns `{doubled[0]}`; rename or remove one")
        if file.metadata.num_rows > MOST_ROWS:
            raise TableError(f"`{path.name}` claims more than {MOST_ROWS:,} rows")
        try:
            table = file.read(columns=known).select(known)
            table.validate(full=True)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise _damaged(path, error) from error
    return RawItems(
        table=table,
        others=tuple(name for name in names if name not in known),
        places=lambda rows: [f"row {row + 1}" for row in rows],
    )


def _opened(path: Path) -> pq.ParquetFile:
    try:
        file = pq.ParquetFile(path, page_checksum_verification=True)
        file.schema_arrow.names  # noqa: B018 - names that are no UTF-8 are found out here
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _damaged(path, error) from error
    return file


def _damaged(path: Path, error: Exception) -> TableError:
    if isinstance(error, OSError) and error.errno:
        return unreadable(path, error)
    reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
    return TableError(f"`{path.name}` cannot be read, it may be damaged: {reason}")
