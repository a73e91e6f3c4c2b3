"""Arrow types of the tables described in ``records.tables``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from silentzone.records.tables import TableSchema

ARROW_TYPES = {
    "int32": pa.int32(),
    "float64": pa.float64(),
    "bool": pa.bool_(),
    "string": pa.string(),
    "dictionary": pa.dictionary(pa.int32(), pa.string()),
    "list<float64>": pa.list_(pa.float64()),
    "list<int32>": pa.list_(pa.int32()),
}
"""One type per column kind; a column of another kind is our own mistake and a KeyError."""


def arrow_schema(schema: TableSchema) -> pa.Schema:
    """Arrow schema of a table: one field per column, in order, with its nullability."""
    return pa.schema(
        [
            pa.field(column.name, ARROW_TYPES[column.kind], nullable=column.is_nullable)
            for column in schema.columns
        ]
    )
