"""Answers to a benchmark as they are recorded, with single things otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from silentzone.analysis.items import AnswerRows, BenchmarkScores, align_answers

if TYPE_CHECKING:
    from collections.abc import Sequence


def answers(
    scores: Sequence[float | None],
    *,
    items: Sequence[str] | None = None,
    statuses: Sequence[str] = (),
    prompts: Sequence[str] | None = None,
    clusters: Sequence[str | None] | None = None,
    repeats: Sequence[int] | None = None,
    predictions: Sequence[str | None] | None = None,
    confidence: Sequence[float] | None = None,
) -> AnswerRows:
    """One model's rows; a null score is one that is missing."""
    n = len(scores)
    if not statuses and None in scores:
        statuses = ["failed" if score is None else "ok" for score in scores]
    return AnswerRows(
        item_ids=items or [f"i{k}" for k in range(n)],
        is_ok=np.array([score is not None for score in scores]),
        statuses=statuses,
        scores=np.array([np.nan if score is None else score for score in scores]),
        prompts=prompts,
        clusters=clusters,
        repeats=np.array(repeats or [0] * n, dtype=np.int64),
        predictions=predictions,
        confidence=None if confidence is None else np.array(confidence),
        margin=None,
        divergence=None,
    )


def benchmark(
    reference: AnswerRows | Sequence[float | None],
    *,
    name: str = "mmlu",
    unfinished: str = "leave out",
    **candidates: AnswerRows | Sequence[float | None],
) -> BenchmarkScores:
    """Scores of a benchmark, the reference called F16."""
    rows = {
        model: one if isinstance(one, AnswerRows) else answers(one)
        for model, one in {"F16": reference, **candidates}.items()
    }
    return align_answers(name, "F16", rows, unfinished)
