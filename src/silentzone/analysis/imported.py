"""Imported results as the tables that the audit reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from silentzone.analysis.flips import Asked, BenchmarkDetails, Told, changed_answers
from silentzone.analysis.item_rows import scores_of_items
from silentzone.analysis.tables import Numbers
from silentzone.records.cohort_table import CohortTable, ItemRows, ItemsTable, TableModel
from silentzone.records.imported import IMPORTED_ITEMS, protocol_groups, shown_corpus
from silentzone.store.import_document import grouped_notes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from silentzone.store.import_document import FidelityEntry, ImportDocument, ItemsEntry
    from silentzone.store.import_folder import ImportFolder
    from silentzone.store.tables import StoredTable


def numbers_of_imports(folder: ImportFolder, reference: str | None) -> Numbers:
    """Read an import folder as a cohort table and an items table.

    Fidelity rows of one corpus that were not measured in the same way become columns of their own,
    so that no ranking mixes them.

    Parameters
    ----------
    folder : ImportFolder
    reference : str, optional
        As the user names it; null takes the one marked on import.

    Raises
    ------
    TableError
        If a table is missing or damaged.
    """
    document = folder.document()
    reference = reference or document.reference
    has_table = document.fidelity or document.models
    return Numbers(
        table=_cohort_table(folder, document, reference) if has_table else None,
        items=_items_table(folder, document) if document.items else None,
        reference=reference,
        are_imported=True,
    )


def imported_flips(
    folder: ImportFolder, numbers: Numbers, unfinished: str
) -> dict[str, Any] | None:
    """Every changed answer, as the object of ``flips.json``; null without items of a reference.

    Other tools' files are read without the words of their questions, so a question is its
    name, its gold answer and what the models chose.
    """
    reference = numbers.reference
    if numbers.items is None or reference is None or reference not in numbers.items.models:
        return None
    entries = folder.document().items
    details = []
    for benchmark, scores in scores_of_items(numbers.items, reference, unfinished).items():
        if scores is None:
            continue
        tables = {
            one.model: folder.read(IMPORTED_ITEMS, one.table, (one.benchmark, one.model))
            for one in entries
            if one.benchmark == benchmark
        }
        details.append(
            BenchmarkDetails(
                scores=scores,
                reference=reference,
                asked=_asked(tables[reference]),
                told={model: _told(table) for model, table in tables.items()},
            )
        )
    return changed_answers(details, reference)


def _asked(table: StoredTable) -> dict[str, Asked]:
    columns = (table.strings(name) for name in ("item_id", "target", "cluster_id"))
    return {
        item or "": Asked(gold=gold, cluster=cluster)
        for item, gold, cluster in zip(*columns, strict=True)
    }


def _told(table: StoredTable) -> dict[str, Told]:
    columns = (table.strings("item_id"), table.float_lists("choice_log_likelihoods"))
    return {item or "": Told(log_likelihoods=values) for item, values in zip(*columns, strict=True)}


def _cohort_table(
    folder: ImportFolder, document: ImportDocument, reference: str | None
) -> CohortTable:
    columns, notes = _columns(document.fidelity)
    metrics = dict.fromkeys(column for cells in columns.values() for column in cells)
    return CohortTable(
        source=folder.root.name,
        models=tuple(
            TableModel(
                name=one.name,
                is_reference=one.is_reference,
                file_bytes=one.file_bytes,
                bits_per_weight=one.bits_per_weight,
                fidelity={name: cell[0] for name, cell in columns.get(one.name, {}).items()},
                fidelity_errors={
                    name: cell[1]
                    for name, cell in columns.get(one.name, {}).items()
                    if cell[1] is not None
                },
            )
            for one in document.models
        ),
        metrics=tuple(metrics),
        benchmarks=(),
        chance=_chance(folder, document),
        notes=(*grouped_notes(document.notes), *notes, *_other_references(document, reference)),
    )


def _other_references(document: ImportDocument, reference: str | None) -> list[str]:
    """Name what was measured against another model than answers are held against."""
    if reference is None:
        return []
    others: dict[str, list[str]] = {}
    for one in document.fidelity:
        stated = one.protocol.get("reference")
        if stated not in {None, reference}:
            others.setdefault(stated or "", []).append(one.corpus)
    return [
        f"fidelity on {', '.join(dict.fromkeys(corpora))} was measured against `{other}`, not "
        f"against the reference `{reference}`: if they are one model, import one of them under "
        f"the other's name (--rename); if not, it says nothing of `{reference}`"
        for other, corpora in others.items()
    ]


def _columns(
    rows: Sequence[FidelityEntry],
) -> tuple[dict[str, dict[str, tuple[float, float | None]]], list[str]]:
    """Value and standard error by model and column, and what is to be said about them."""
    columns: dict[str, dict[str, tuple[float, float | None]]] = {}
    notes: list[str] = []
    for corpus in dict.fromkeys(one.corpus for one in rows):
        own = [one for one in rows if one.corpus == corpus]
        groups, labels = protocol_groups([one.protocol for one in own])
        if len(labels) > 1:
            notes.append(
                f"fidelity on {corpus} was measured in {len(labels)} ways, which never share a "
                f"ranking: {'; '.join(labels)}"
            )
        for row, group in zip(own, groups, strict=True):
            place = shown_corpus(corpus, labels[group])
            cells = columns.setdefault(row.model, {})
            for metric, stated in row.metrics.items():
                if stated.value is not None:
                    cells[f"{metric}@{place}"] = stated.value, stated.standard_error
        notes += _missing(corpus, own)
    return columns, notes


def _chance(folder: ImportFolder, document: ImportDocument) -> dict[str, float]:
    """Score of guessing by benchmark: as a file states it, or by the choices of every row."""
    found = dict(document.chance)
    for entry in document.items:
        if entry.benchmark in found:
            continue
        table = folder.read(IMPORTED_ITEMS, entry.table, (entry.benchmark, entry.model))
        choices = table.float_lists("choice_log_likelihoods")
        if choices and all(choices):
            found[entry.benchmark] = float(np.mean([1 / len(one or ()) for one in choices]))
    return found


def _missing(corpus: str, rows: Sequence[FidelityEntry]) -> list[str]:
    """Name the values that are not there, by reason."""
    reasons: dict[str, list[str]] = {}
    for row in rows:
        for metric, stated in row.metrics.items():
            if stated.value is None:
                reasons.setdefault(stated.status, []).append(f"{metric} of {row.model}")
    return [
        f"missing on {corpus} ({reason}): {', '.join(names[:5])}"
        + (f" and {len(names) - 5} more" if len(names) > 5 else "")
        for reason, names in reasons.items()
    ]


def _items_table(folder: ImportFolder, document: ImportDocument) -> ItemsTable:
    order = dict.fromkeys(one.benchmark for one in document.items)
    entries = [one for name in order for one in document.items if one.benchmark == name]
    return ItemsTable(
        source=folder.root.name,
        rows=tuple(_rows(folder, one) for one in entries),
        reference=document.reference,
        notes=tuple(override_sentence(one, said) for one in entries for said in one.overrides),
    )


def override_sentence(entry: ItemsEntry, override: Mapping[str, str]) -> str:
    """Say of a model's answers what was accepted: ``field``, ``against``, ``held`` and ``new``."""
    if override["field"] == "ids":
        return (
            f"that `{entry.model}` and `{override['against']}` were asked the same items of "
            f"`{entry.benchmark}` rests on the items' names alone, which was accepted on import"
        )
    return (
        f"`{entry.model}` and `{override['against']}` differ in {override['field']} on "
        f"`{entry.benchmark}` ({override['new']}; {override['held']}), which was accepted on import"
    )


def _rows(folder: ImportFolder, entry: ItemsEntry) -> ItemRows:
    table = folder.read(IMPORTED_ITEMS, entry.table, (entry.benchmark, entry.model))
    return ItemRows(
        model=entry.model,
        benchmark=entry.benchmark,
        item_ids=tuple(item or "" for item in table.strings("item_id")),
        scores=table.floats("score")[0],
        statuses=tuple(status or "" for status in table.strings("status")),
        clusters=tuple(table.strings("cluster_id")),
        repeats=table.integers("repeat")[0].astype(np.int32),
        confidence=_optional(table, "confidence"),
        margin=_optional(table, "margin"),
        predictions=tuple(table.strings("prediction")),
    )


def _optional(table: StoredTable, name: str) -> NDArray[np.float64] | None:
    values, is_there = table.floats(name)
    return values if is_there.any() else None
