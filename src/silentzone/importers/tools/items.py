"""Our own items table: one row per model, item and attempt, in CSV, JSON Lines or Parquet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from silentzone.errors import InputError, TableError
from silentzone.importers.items_table import read_items_table
from silentzone.importers.kinds import detect_kind
from silentzone.importers.reading import Bundle, Format, ImportOptions, find_each, source_of
from silentzone.records.imported import Imported, ItemAnswers, ModelFacts

if TYPE_CHECKING:
    from pathlib import Path

    from silentzone.records.cohort_table import ItemRows
    from silentzone.records.imported import SourceFile

_NAME = "items"


def _is_own(path: Path, _head: bytes) -> bool:
    try:
        return detect_kind(path) == "items"
    except InputError:
        return False


def _read(bundle: Bundle, options: ImportOptions) -> Imported:
    table = read_items_table(bundle.main, counts_answers=False)
    for given, found, what in (
        (options.model, table.models, "models"),
        (options.benchmark, table.benchmarks, "benchmarks"),
    ):
        if given is not None and len(found) > 1:
            raise TableError(
                f"`{bundle.main.name}` has rows of {len(found)} {what}, so one name for all of "
                f"them (`{given}`) cannot be right",
                hint="leave the option out; the table names them itself",
            )
    source = source_of(bundle.main, _NAME)
    rename = None if options.model is None else options.model
    return Imported(
        items=tuple(_answers(rows, options, source) for rows in table.rows),
        models=tuple(
            ModelFacts(name=rename or name, is_reference=name == table.reference)
            for name in table.models
        ),
        notes=table.notes,
    )


def _answers(rows: ItemRows, options: ImportOptions, source: SourceFile) -> ItemAnswers:
    return ItemAnswers(
        model=options.model or rows.model,
        benchmark=options.benchmark or rows.benchmark,
        item_ids=rows.item_ids,
        scores=rows.scores,
        statuses=rows.statuses,
        repeats=rows.repeats,
        clusters=rows.clusters,
        predictions=rows.predictions,
        margin=rows.margin,
        confidence=rows.confidence,
        sources=(source,),
    )


FORMAT = Format(
    name=_NAME,
    title="items table: model, benchmark, item_id, score (CSV, JSON Lines, Parquet)",
    find=find_each(_is_own),
    read=_read,
    options=("model", "benchmark"),
)
