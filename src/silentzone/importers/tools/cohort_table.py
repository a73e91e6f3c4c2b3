"""Our own cohort table: one row per model, its fidelity as stated; scores need their items."""

from __future__ import annotations

from typing import TYPE_CHECKING

from silentzone.errors import InputError
from silentzone.importers import cohort_table
from silentzone.importers.kinds import detect_kind
from silentzone.importers.reading import Bundle, Format, ImportOptions, find_each, source_of
from silentzone.records.imported import FidelityRow, Imported, ModelFacts, Stated

if TYPE_CHECKING:
    from pathlib import Path

    from silentzone.records.cohort_table import CohortTable, TableModel
    from silentzone.records.imported import SourceFile

_NAME = "cohort-table"


def _is_own(path: Path, _head: bytes) -> bool:
    try:
        return detect_kind(path) == "table"
    except InputError:
        return False


def _read(bundle: Bundle, options: ImportOptions) -> Imported:
    table = cohort_table.read_cohort_table(bundle.main)
    source = source_of(bundle.main, _NAME)
    notes = tuple(note for note in table.notes if note != cohort_table.NO_SCORE)
    if table.benchmarks:
        notes = (
            *notes,
            f"`{table.source}` also states scores ({', '.join(table.benchmarks)}); they have no "
            "items, so `silentzone analyze` reads them from the table itself, not from here",
        )
    return Imported(
        fidelity=tuple(
            row for model in table.models for row in _rows(table, model, options, source)
        ),
        models=tuple(
            ModelFacts(
                name=model.name,
                file_bytes=model.file_bytes,
                bits_per_weight=model.bits_per_weight,
                is_reference=model.is_reference,
            )
            for model in table.models
        ),
        notes=notes,
        chance=table.chance,
    )


def _rows(
    table: CohortTable, model: TableModel, options: ImportOptions, source: SourceFile
) -> list[FidelityRow]:
    """Give one row per corpus the model has a number on."""
    by_corpus: dict[str, dict[str, Stated]] = {}
    for column, value in model.fidelity.items():
        metric, _, corpus = column.partition("@")
        by_corpus.setdefault(corpus or options.corpus or "not named", {})[metric] = Stated(
            value=value, standard_error=model.fidelity_errors.get(column)
        )
    reference = None if table.reference is None else table.reference.name
    return [
        FidelityRow(
            model=model.name,
            corpus=corpus,
            metrics=metrics,
            protocol={"tool": f"table {table.source}", "reference": options.reference or reference},
            sources=(source,),
        )
        for corpus, metrics in by_corpus.items()
    ]


FORMAT = Format(
    name=_NAME,
    title="cohort table: name, fidelity.<metric>, bits_per_weight, ... (CSV, TSV)",
    find=find_each(_is_own),
    read=_read,
    options=("corpus", "reference"),
)
