"""Models, corpora, benchmarks and fidelity of a table, in the form of ``analysis.json``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from silentzone.analysis.as_json import JsonObject, estimate_as_json
from silentzone.analysis.table_axes import split_metric
from silentzone.stats.results import Estimate
from silentzone.store.names import slug

if TYPE_CHECKING:
    from collections.abc import Sequence

    from silentzone.analysis.benchmarks import Benchmarks
    from silentzone.analysis.table_scores import TableBenchmarks
    from silentzone.records.cohort_table import CohortTable, ItemsTable, TableModel

_Z = 1.959963984540054
_NO_FLOOR = {
    "uneven_batch": None,
    "token_by_token": None,
    "used": None,
    "statement": "A table holds no measured floor.",
}


def model_row(model: TableModel) -> JsonObject:
    """Give a model of a table as ``analysis.json`` holds one."""
    return {
        "name": model.name,
        "slug": slug(model.name),
        "file_bytes": model.file_bytes,
        "bits_per_weight": model.bits_per_weight,
        "weight_format": None,
        "is_quantized": None,
        "note": None,
        "status": "complete",
        "failure": None,
        "lane": None,
        "engine": None,
        "cache_k": None,
        "cache_v": None,
        "memory_bytes": None,
        "cautions": [],
        "provenance": {},
    }


def corpus_row(name: str) -> JsonObject:
    """Give a corpus a table names."""
    nothing = dict.fromkeys(
        ("context_length", "first_scored", "windows", "positions", "documents", "text_sha256")
    )
    return {"name": name, "description": "as the table names it", **nothing}


def benchmark_row(benchmarks: TableBenchmarks, name: str) -> JsonObject:
    """Give a benchmark of a cohort table."""
    table, entry = benchmarks.table, benchmarks.entries[name]
    counts = [model.n_items[name] for model in table.models if name in model.n_items]
    return {
        "name": name,
        "description": "",
        "source": table.source,
        "licence": "not stated",
        "headline": "as the table states it",
        "items": max(counts, default=None),
        "chance": table.chance.get(name),
        "enters_composite": entry.enters,
        "why_not": entry.why_not,
    }


def items_benchmark_row(benchmarks: Benchmarks, items: ItemsTable, name: str) -> JsonObject:
    """Give a benchmark of an items table."""
    entry = benchmarks.entries[name]
    found = next((one for one in benchmarks.scores if one.benchmark == name), None)
    return {
        "name": name,
        "description": "",
        "source": items.source,
        "licence": "not stated",
        "headline": "as the items table scores it",
        "items": None if found is None else len(found.item_ids),
        "chance": benchmarks.chances.get(name),
        "enters_composite": entry.enters,
        "why_not": entry.why_not,
    }


def fidelity_rows(table: CohortTable, candidates: Sequence[TableModel]) -> list[JsonObject]:
    """Rows of ``fidelity``: every candidate on every corpus the table names."""
    corpora: dict[str, list[str]] = {}
    for column in table.metrics:
        corpora.setdefault(split_metric(column)[1], []).append(column)
    return [
        {
            "model": model.name,
            "corpus": corpus,
            "status": "complete" if any(c in model.fidelity for c in columns) else "not measured",
            "metrics": {
                split_metric(column)[0]: estimate_as_json(_stated(model, column))
                for column in columns
                if column in model.fidelity
            },
            "floor": dict(_NO_FLOOR),
        }
        for corpus, columns in corpora.items()
        for model in candidates
    ]


def _stated(model: TableModel, column: str) -> Estimate:
    value, error = model.fidelity[column], model.fidelity_errors.get(column)
    return Estimate(
        value=value,
        standard_error=error or None,
        interval=(value - _Z * error, value + _Z * error) if error else None,
        method="as the table states it",
        n_observations=0,
        n_clusters=None,
        cautions=() if error else ("the table states no standard error",),
    )
