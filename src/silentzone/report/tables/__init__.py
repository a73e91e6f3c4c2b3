"""The tables of the page: cohort -> view models."""

from __future__ import annotations

from silentzone.report.tables.correlations import (
    aligned_cell,
    copies,
    relations,
    variant_summaries,
    verdicts,
)
from silentzone.report.tables.lanes import lanes
from silentzone.report.tables.materials import (
    benchmarks,
    composites,
    corpora,
    engine,
    limits,
    models,
)
from silentzone.report.tables.measured import (
    Column,
    candidates,
    decomposed,
    decomposition,
    distinguishable,
    fidelity,
    model_table,
    net,
)
from silentzone.report.tables.prompts import prompt_bins, prompts, router, signed_shift
from silentzone.report.tables.steps import best_set, decision, pairs, predicted

__all__ = [
    "Column",
    "aligned_cell",
    "benchmarks",
    "best_set",
    "candidates",
    "composites",
    "copies",
    "corpora",
    "decision",
    "decomposed",
    "decomposition",
    "distinguishable",
    "engine",
    "fidelity",
    "lanes",
    "limits",
    "model_table",
    "models",
    "net",
    "pairs",
    "predicted",
    "prompt_bins",
    "prompts",
    "relations",
    "router",
    "signed_shift",
    "variant_summaries",
    "verdicts",
]
