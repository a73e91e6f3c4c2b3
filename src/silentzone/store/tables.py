"""Parquet files of one table: what is written into them and what is believed when they are read."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq

from silentzone.errors import ShapeError, TableError
from silentzone.records.parts import PartKey
from silentzone.store.arrow_schema import arrow_schema
from silentzone.store.columns import arrow_column
from silentzone.store.compact import CompactColumn

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import BinaryIO

    from numpy.typing import NDArray

    from silentzone.records.tables import TableSchema

MAXIMUM_ROWS = 200_000_000
"""More rows than any study has; a file that claims more is not read."""

_PREFIX = "silentzone."
_HINT = "move the file away and run the study again; only this part is measured again"


@dataclass(frozen=True, slots=True, eq=False)
class StoredTable:
    """One table as it was read, every column checked against its schema."""

    key: PartKey
    n_rows: int
    schema: TableSchema
    extra: Mapping[str, str]
    """Remarks of whoever wrote it; nothing is decided by them."""
    _table: Any = field(repr=False)

    @property
    def arrow(self) -> pa.Table:
        """The table as Arrow has it, in the order of the schema's columns."""
        return self._table

    def floats(self, name: str) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Values of a numeric or boolean column and which of them are there.

        Returns
        -------
        tuple of (ndarray of shape (n,), float64), (ndarray of shape (n,), bool)
            NaN where there is no value; infinity is a value.
        """
        array, valid = self._numbers(name, ("float64", "int32", "bool"))
        return np.where(valid, array, np.nan).astype(np.float64), valid

    def integers(self, name: str) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Values of an integer or boolean column (-1 where there is none) and which are there."""
        array, valid = self._numbers(name, ("int32", "bool"))
        return np.where(valid, array, -1).astype(np.int64), valid

    def booleans(self, name: str) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Values of a boolean column (False where there is none) and which are there."""
        array, valid = self._numbers(name, ("bool",))
        return (array & valid).astype(np.bool_), valid

    def strings(self, name: str) -> list[str | None]:
        """Values of a text column, None where there is none."""
        return list(self._column(name, ("string", "dictionary")).to_pylist())

    def texts(self, name: str) -> CompactColumn[str | None]:
        """Values of a text column as they are stored, None where there is none."""
        return CompactColumn(self._column(name, ("string",)))

    def matches(self, name: str, text: str) -> NDArray[np.bool_]:
        """Rows whose text is exactly this; a null is not."""
        column = self._column(name, ("string", "dictionary"))
        if column.type != pa.string():
            column = column.cast(pa.string())
        equal = pa.compute.fill_null(pa.compute.equal(column, text), fill_value=False)
        return np.asarray(equal.to_numpy(zero_copy_only=False), dtype=np.bool_)

    def counts(self, name: str) -> dict[str, int]:
        """How often each text occurs; nulls are not counted."""
        column = self._column(name, ("string", "dictionary"))
        found = pa.compute.value_counts(column.cast(pa.string()).drop_null())
        return {str(one["values"]): int(one["counts"]) for one in found.to_pylist()}

    def float_lists(self, name: str) -> list[list[float] | None]:
        """Values of a column of lists, None where there is none."""
        return list(self._column(name, ("list<float64>",)).to_pylist())

    def integer_lists(self, name: str) -> list[list[int] | None]:
        """Values of a column of lists, None where there is none."""
        return list(self._column(name, ("list<int32>",)).to_pylist())

    def _column(self, name: str, kinds: tuple[str, ...]) -> pa.ChunkedArray:
        """Arrow column, refused if it is not of one of the kinds."""
        kind = next((c.kind for c in self.schema.columns if c.name == name), None)
        if kind not in kinds:
            have = "missing" if kind is None else kind
            raise TableError(
                f"`{name}` of table `{self.schema.name}` must be {' or '.join(kinds)}, not {have}."
            )
        return self._table.column(name)

    def _numbers(self, name: str, kinds: tuple[str, ...]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Values with zeros under the nulls, and the mask of what is there."""
        column = self._column(name, kinds).combine_chunks()
        valid = np.asarray(column.is_valid().to_numpy(zero_copy_only=False), dtype=np.bool_)
        filled = column.fill_null(pa.scalar(0, pa.int32()).cast(column.type))
        return filled.to_numpy(zero_copy_only=False), valid


def build_table(
    schema: TableSchema,
    columns: Mapping[str, object],
    key: PartKey,
    names: tuple[str, str],
    extra: Mapping[str, str],
) -> pa.Table:
    """Arrow table with its metadata, from columns checked against the schema.

    Raises
    ------
    TableError
        If columns are missing or unknown, or a value cannot be stored as the schema says.
    ShapeError
        If the columns differ in length.
    """
    wanted = [column.name for column in schema.columns]
    missing = [name for name in wanted if name not in columns]
    unknown = [name for name in columns if name not in wanted]
    if missing or unknown:
        raise TableError(
            f"table `{schema.name}` must have exactly the columns of its schema; "
            f"missing: {missing or 'none'}, unknown: {unknown or 'none'}."
        )
    arrays = [arrow_column(column, columns[column.name]) for column in schema.columns]
    lengths = {
        column.name: len(array) for column, array in zip(schema.columns, arrays, strict=True)
    }
    if len(set(lengths.values())) > 1:
        raise ShapeError(f"columns of table `{schema.name}` must be equally long: {lengths}.")
    metadata = {
        "schema": schema.name,
        "schema_version": str(schema.version),
        "part_kind": key.kind,
        "protocol": json.dumps(dict(key.protocol)),
        "part_key": key.sha256,
        "group": json.dumps(names[0]),
        "model": json.dumps(names[1]),
        "extra": json.dumps(dict(extra)),
    }
    described = arrow_schema(schema).with_metadata(
        {_PREFIX + name: value for name, value in metadata.items()}
    )
    return pa.Table.from_arrays(arrays, schema=described)


def write_parquet(table: pa.Table, schema: TableSchema, file: BinaryIO) -> None:
    """Write a table; the same rows and key give the same bytes."""
    texts = [c.name for c in schema.columns if c.kind in {"string", "dictionary"}]
    floats = [c.name for c in schema.columns if c.kind == "float64"]
    pq.write_table(
        table,
        pa.PythonFile(file, mode="w"),
        compression="zstd",
        use_dictionary=texts or False,
        # The exponents of neighbouring values are alike, their last digits are not: split into
        # planes of bytes, the first compress well.
        use_byte_stream_split=floats or False,
        write_page_checksum=True,
    )


def read_part_key(path: Path, schema: TableSchema) -> PartKey:
    """Key of a stored part, from its footer alone.

    Raises
    ------
    TableError
        If the file is damaged, of another table, or of a schema version not known here.
    """
    with _opened(path) as file:
        return _checked_metadata(path, file, schema)[0]


def read_table(path: Path, schema: TableSchema, names: tuple[str, str]) -> StoredTable:
    """Read a stored table, checked against its schema.

    Raises
    ------
    TableError
        If the file is not there, damaged, of another table, schema version, group or model, lacks
        columns, or holds NaN or nulls where there must be none.
    """
    with _opened(path) as file:
        key, metadata = _checked_metadata(path, file, schema)
        _check_names(path, metadata, names)
        expected = arrow_schema(schema)
        _check_types(path, file.schema_arrow, expected)
        if file.metadata.num_rows > MAXIMUM_ROWS:
            raise _damaged(path, f"it claims {file.metadata.num_rows} rows")
        try:
            table = file.read(columns=expected.names).select(expected.names)
            table.validate(full=True)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise _damaged(path, _first_line(error)) from error
    _check_values(path, table, schema)
    extra = _json_dict(path, metadata.get("extra", "{}"))
    return StoredTable(key, table.num_rows, schema, extra, table)


def _opened(path: Path) -> pq.ParquetFile:
    """Open a Parquet file; every page is checked against its checksum when read."""
    try:
        return pq.ParquetFile(path, page_checksum_verification=True)
    except FileNotFoundError as error:
        raise TableError(
            f"`{path}` is not there.",
            hint="run the study again with the same command; it measures what is missing",
        ) from error
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _damaged(path, _first_line(error)) from error


def _checked_metadata(
    path: Path, file: pq.ParquetFile, schema: TableSchema
) -> tuple[PartKey, dict[str, str]]:
    """Part key and our metadata, once the file has said it is the table that is wanted."""
    try:
        metadata = {
            name.decode().removeprefix(_PREFIX): value.decode()
            for name, value in (file.metadata.metadata or {}).items()
            if name.startswith(_PREFIX.encode())
        }
    except UnicodeDecodeError as error:
        raise _damaged(path, "its metadata are not text") from error
    if metadata.get("schema") != schema.name:
        raise _damaged(path, f"it must be a `{schema.name}` table of a study")
    if metadata.get("schema_version") != str(schema.version):
        raise TableError(
            f"`{path}` has version {metadata.get('schema_version', 'unknown')!s:.20} of table "
            f"`{schema.name}`; this silentzone reads version {schema.version}.",
            hint="use the silentzone that wrote it, or measure into a new folder",
        )
    protocol = _json_dict(path, metadata.get("protocol", "null"))
    key = PartKey(kind=metadata.get("part_kind", ""), protocol=tuple(sorted(protocol.items())))
    if key.sha256 != metadata.get("part_key"):
        raise _damaged(path, "its key does not belong to its protocol")
    return key, metadata


def _json_dict(path: Path, text: str) -> dict[str, str]:
    """JSON object of texts."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _damaged(path, "its metadata are not JSON") from error
    is_plain = isinstance(value, dict) and all(isinstance(item, str) for item in value.values())
    if not is_plain:
        raise _damaged(path, "its metadata are not a JSON object of texts")
    return dict(value)


def _check_names(path: Path, metadata: Mapping[str, str], names: tuple[str, str]) -> None:
    """Refuse a file that was renamed into the place of another."""
    for what, name in zip(("group", "model"), names, strict=True):
        if metadata.get(what) != json.dumps(name):
            raise _damaged(path, f"it was written for {what} {metadata.get(what, '?'):.80}")


def _check_types(path: Path, found: pa.Schema, expected: pa.Schema) -> None:
    """Refuse missing, doubled and mistyped columns."""
    for wanted in expected:
        places = found.get_all_field_indices(wanted.name)
        if len(places) != 1:
            raise _damaged(path, f"it must have one column `{wanted.name}`, it has {len(places)}")
        if found.field(places[0]).type != wanted.type:
            have = found.field(places[0]).type
            raise _damaged(path, f"column `{wanted.name}` must be {wanted.type}, it is {have}")


def _check_values(path: Path, table: pa.Table, schema: TableSchema) -> None:
    """Refuse what the writer would have refused."""
    for column in schema.columns:
        values = table.column(column.name)
        if values.null_count and not column.is_nullable:
            raise _damaged(path, f"column `{column.name}` must not hold nulls")
        is_list = column.kind.startswith("list<")
        if is_list:
            inner = values.type.value_type
            values = pa.chunked_array([chunk.flatten() for chunk in values.chunks], inner)
        if (
            column.kind in {"float64", "list<float64>"}
            and pa.compute.any(pa.compute.is_nan(values)).as_py()
        ):
            raise _damaged(path, f"column `{column.name}` must not hold NaN")
        if is_list and values.null_count:
            raise _damaged(path, f"a list of column `{column.name}` must not hold nulls")


def _first_line(error: BaseException) -> str:
    """Give what the library said, shortened."""
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def _damaged(path: Path, what: str) -> TableError:
    """Error of a file that cannot be what it stands for."""
    return TableError(f"`{path}` is not usable: {what.rstrip('.')}.", hint=_HINT)
