"""Answers of an items table as the benchmarks of a study have them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from silentzone.analysis.items import OK, AnswerRows, align_answers

if TYPE_CHECKING:
    from silentzone.analysis.items import BenchmarkScores
    from silentzone.records.cohort_table import ItemRows, ItemsTable


def scores_of_items(
    items: ItemsTable, reference: str, unfinished: str
) -> dict[str, BenchmarkScores | None]:
    """Every benchmark of an items table; null where the reference has no rows of it.

    Models that were not asked the same items are compared on those they share with the reference,
    and the others are counted. ``unfinished`` is the audit's rule for answers that were cut off.
    """
    found: dict[str, BenchmarkScores | None] = {}
    for benchmark in items.benchmarks:
        rows = {one.model: one for one in items.rows if one.benchmark == benchmark}
        if reference not in rows:
            found[benchmark] = None
            continue
        ordered = {reference: rows[reference], **rows}
        answers = {name: _answers(one) for name, one in ordered.items()}
        found[benchmark] = align_answers(benchmark, reference, answers, unfinished)
    return found


def _answers(rows: ItemRows) -> AnswerRows:
    is_ok = np.isfinite(rows.scores) & np.array([status == OK for status in rows.statuses])
    return AnswerRows(
        item_ids=rows.item_ids,
        is_ok=is_ok,
        statuses=rows.statuses,
        scores=rows.scores,
        prompts=None,
        clusters=rows.clusters,
        repeats=rows.repeats.astype(np.int64),
        predictions=rows.predictions,
        confidence=rows.confidence,
        margin=rows.margin,
        divergence=rows.divergence,
    )
