"""Cohort tables and items tables as the importers give them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from silentzone.analysis.answers import Settings
from silentzone.analysis.tables import Numbers, analyze_tables
from silentzone.records.cohort_table import CohortTable, ItemRows, ItemsTable, TableModel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def row(name: str, kld: float | None, score: float | None, **changes: Any) -> TableModel:
    """One model with one metric and one benchmark."""
    own: dict[str, Any] = {
        "name": name,
        "fidelity": {} if kld is None else {"kld_mean": kld},
        "scores": {} if score is None else {"mmlu": score},
    }
    return TableModel(**{**own, **changes})


def table(*models: TableModel, chance: Mapping[str, float] | None = None) -> CohortTable:
    """Table whose columns are those its models have."""
    return CohortTable(
        source="t.csv",
        models=models,
        metrics=tuple(dict.fromkeys(key for one in models for key in one.fidelity)),
        benchmarks=tuple(dict.fromkeys(key for one in models for key in one.scores)),
        chance=chance or {},
        notes=(),
    )


def ladder(
    n: int = 12, *, n_items: int | None = 2000, seed: int = 1, with_reference: bool = True
) -> CohortTable:
    """Cohort whose score falls with its KLD, largest file first."""
    rng = np.random.default_rng(seed)
    kld = np.sort(rng.gamma(1.0, 0.1, n)) + 0.001
    score = 0.70 - 0.8 * kld + rng.normal(0.0, 0.004, n)
    counts = {} if n_items is None else {"mmlu": n_items}
    reference = [row("F16", 0.0, 0.70, is_reference=True, n_items=counts, file_bytes=10_000)]
    models = [
        row(f"c{k:02d}", kld[k], score[k], n_items=counts, file_bytes=9_000 - 100 * k)
        for k in range(n)
    ]
    return table(*(reference if with_reference else []), *models)


def item_rows(model: str, scores: Sequence[float], benchmark: str = "mmlu") -> ItemRows:
    """One model's answers to the items i0, i1, ...; NaN is an answer that failed."""
    values = np.array(scores, dtype=np.float64)
    n = len(values)
    return ItemRows(
        model=model,
        benchmark=benchmark,
        item_ids=tuple(f"i{k}" for k in range(n)),
        scores=values,
        statuses=tuple("failed" if missing else "ok" for missing in np.isnan(values)),
        clusters=(None,) * n,
        repeats=np.zeros(n, dtype=np.int32),
    )


def items(*rows: ItemRows, reference: str | None = "F16") -> ItemsTable:
    """Items table with a marked reference."""
    return ItemsTable(source="i.jsonl", rows=rows, reference=reference, notes=())


def analyzed(
    cohort: CohortTable | None = None,
    own: ItemsTable | None = None,
    *,
    reference: str | None = None,
    seed: int = 1,
    settings: Settings | None = None,
) -> dict[str, Any]:
    """Every answer the tables allow."""
    return analyze_tables(
        Numbers(table=cohort, items=own, reference=reference),
        rng_seed=seed,
        settings=settings or Settings(),
        command="silentzone analyze t.csv",
    )


def find(rows: Sequence[dict[str, Any]], **wanted: Any) -> dict[str, Any]:
    """First row with these values."""
    return next(one for one in rows if all(one[key] == value for key, value in wanted.items()))


def relation(
    result: dict[str, Any], zone: str = "full", score: str = "composite"
) -> dict[str, Any]:
    """Relation of the headline metric."""
    headline = result["headline"]
    return find(result["relations"], **headline, score=score, zone=zone)


def verdict(found: dict[str, Any], zone: str = "full", score: str = "composite") -> str:
    """Verdict on the headline metric."""
    return str(find(found["verdicts"], **found["headline"], score=score, zone=zone)["verdict"])
