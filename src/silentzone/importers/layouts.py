"""The columns of the two table formats; `docs/tables.md` explains each of them."""

from __future__ import annotations

from typing import Final

TABLE_COLUMNS: Final = ("name", "is_reference", "bits_per_weight", "file_bytes", "size_gb")
METRIC_PREFIXES: Final = ("fidelity", "fidelity_se")
BENCHMARK_PREFIXES: Final = ("score", "score_se", "n_items", "chance")
TABLE_PREFIXES: Final = METRIC_PREFIXES + BENCHMARK_PREFIXES
"""Written before a dot and the name of a metric or a benchmark."""

ITEMS_REQUIRED: Final = ("model", "benchmark", "item_id", "score")
ITEMS_NUMBERS: Final = ("confidence", "margin", "divergence")
ITEMS_OPTIONAL: Final = (
    "cluster",
    "repeat",
    "status",
    "prediction",
    "is_reference",
    *ITEMS_NUMBERS,
)
ITEMS_COLUMNS: Final = ITEMS_REQUIRED + ITEMS_OPTIONAL

TABLE_LAYOUT: Final = (
    "a cohort table (CSV) has `name` and columns like `fidelity.kld_mean` and `score.mmlu`"
)
ITEMS_LAYOUT: Final = (
    "an items table (CSV, JSONL, Parquet) has `model`, `benchmark`, `item_id` and `score`"
)


def is_table_column(heading: str) -> bool:
    """Whether a heading belongs to the layout of a cohort table."""
    prefix, dot, rest = heading.partition(".")
    return heading in TABLE_COLUMNS or (prefix in TABLE_PREFIXES and bool(dot and rest))


def is_known_column(heading: str) -> bool:
    """Whether a heading belongs to one of the two layouts."""
    return heading in ITEMS_COLUMNS or is_table_column(heading)
