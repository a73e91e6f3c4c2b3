"""Every table of a study in long format, one Parquet and one CSV file per kind.

The stored tables get two columns in front, the corpus or benchmark and the model, and are written
part after part, so the largest part is all that is held. Answers of ``analysis.json`` that are
numbers follow as tables of their own.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from silentzone.errors import InputError
from silentzone.exporters.answer_tables import KINDS, answer_rows
from silentzone.exporters.parts import SCHEMAS, group_kind, stored_parts
from silentzone.exporters.writing import ExportOptions, PathFormat
from silentzone.records.escaping import FORMULA
from silentzone.store.names import ANALYSIS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from silentzone.exporters.parts import Part
    from silentzone.exporters.study import Study

_NUMBER: Final = r"^[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?$"


def _write(study: Study, _options: ExportOptions, folder: Path) -> tuple[str, ...]:
    folder.mkdir()
    notes: list[str] = []
    written = [
        *_write_stored(study, folder, notes),
        *(_write_answers(study, folder) if _has_answers(study) else ()),
    ]
    if not written:
        raise InputError(
            f"`{study.folder.root}` holds no table and no answers.",
            hint="give the folder of a study, or of imported results",
        )
    if not _has_answers(study):
        notes.append(f"there is no {ANALYSIS}, so no table of answers: run silentzone analyze")
    return (*notes, f"tables: {', '.join(written)}")


def _has_answers(study: Study) -> bool:
    return (study.folder.root / ANALYSIS).is_file()


def _write_stored(study: Study, folder: Path, notes: list[str]) -> Iterator[str]:
    """Write the tables of every kind that is there; gives their names."""
    if not (study.folder.has_manifest() or (study.folder.root / "import.json").is_file()):
        return
    stored = stored_parts(study.folder)
    notes += stored.notes
    for schema in SCHEMAS:
        parts = list(stored.of(schema))
        if parts:
            _write_kind(folder / schema.name, (_long(part) for part in parts))
            yield schema.name


def _write_answers(study: Study, folder: Path) -> Iterator[str]:
    for name, kind in KINDS.items():
        rows = list(answer_rows(study, name))
        if rows:
            fields = [(column, ARROW[one]()) for column, one in kind.columns.items()]
            _write_kind(folder / name, [pa.Table.from_pylist(rows, pa.schema(fields))])
            yield name


ARROW: Final = {"text": pa.string, "number": pa.float64, "count": pa.int64}
"""Type of a column of answers by its kind."""


def _write_kind(stem: Path, tables: Iterable[pa.Table]) -> None:
    """Write tables of one schema below each other, as Parquet and as CSV."""
    parquet: pq.ParquetWriter | None = None
    text: pyarrow.csv.CSVWriter | None = None
    try:
        for table in tables:
            plain = _for_spreadsheets(table)
            if parquet is None or text is None:
                parquet = pq.ParquetWriter(
                    stem.with_suffix(".parquet"), table.schema, compression="zstd"
                )
                text = pyarrow.csv.CSVWriter(stem.with_suffix(".csv"), plain.schema)
            parquet.write_table(table)
            text.write_table(plain)
    finally:
        for writer in (parquet, text):
            if writer is not None:
                writer.close()


def _long(part: Part) -> pa.Table:
    """Give a part with its corpus or benchmark and its model in front, without its own keys."""
    table = part.read().arrow.replace_schema_metadata(None)
    for name, value in (("model", part.model), (group_kind(part.schema), part.group)):
        column = pa.array([value] * table.num_rows, pa.string())
        table = table.add_column(0, pa.field(name, pa.string(), nullable=False), column)
    return table


def _for_spreadsheets(table: pa.Table) -> pa.Table:
    """Give a table with plain columns: lists as JSON, and no text that begins like a formula."""
    columns = {}
    for field in table.schema:
        column = table.column(field.name)
        kind = field.type
        if pa.types.is_list(kind):
            texts = [None if one is None else json.dumps(one) for one in column.to_pylist()]
            column = pa.chunked_array([pa.array(texts, pa.string())])
        elif pa.types.is_dictionary(kind) or pa.types.is_string(kind):
            column = _guarded(column.cast(pa.string()))
        columns[field.name] = column
    return pa.table(columns)


def _guarded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Put a quote before what a spreadsheet would run; numbers stay as they are."""
    begins = pc.match_substring_regex(column, f"^{FORMULA.pattern}")
    is_plain = pc.or_(pc.invert(begins), pc.match_substring_regex(column, _NUMBER))
    return pc.if_else(is_plain, column, pc.binary_join_element_wise("'", column, ""))


FORMAT = PathFormat(
    name="tables",
    title="folder of every table in long format, Parquet and CSV",
    write=_write,
    is_folder=True,
)
