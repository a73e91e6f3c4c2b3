"""The tables of the page: cohort -> view models."""

from __future__ import annotations

from silentzone.report.tables.correlations import relations, verdicts
from silentzone.report.tables.materials import benchmarks, corpora, engine, limits, models
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
from silentzone.report.tables.steps import decision

__all__ = [
    "Column",
    "benchmarks",
    "candidates",
    "corpora",
    "decision",
    "decomposed",
    "decomposition",
    "distinguishable",
    "engine",
    "fidelity",
    "limits",
    "model_table",
    "models",
    "net",
    "relations",
    "verdicts",
]
