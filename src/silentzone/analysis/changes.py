"""Rows of ``decomposition``: what each candidate's answers changed, and what of it is noise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from silentzone.analysis.as_json import JsonObject, estimate_as_json
from silentzone.analysis.churn import (
    answers_changed,
    churn_floor,
    excess_volume,
    split_repeat,
    wrong_to_wrong,
)
from silentzone.analysis.scores import COMPOSITE, CompositeDifference
from silentzone.stats.paired import Decomposition

if TYPE_CHECKING:
    from collections.abc import Mapping

    from silentzone.analysis.benchmarks import Benchmarks
    from silentzone.analysis.churn import ChurnRows
    from silentzone.analysis.items import BenchmarkScores

NO_CHURN = {
    "churn": None,
    "excess_volume": None,
    "split_repeat": None,
    "wrong_to_wrong": None,
    "answers_changed": None,
}


def decomposition_rows(
    benchmarks: Benchmarks, churn: Mapping[tuple[str, str], ChurnRows]
) -> list[JsonObject]:
    """Every candidate on every benchmark, then the composites.

    Parameters
    ----------
    benchmarks : Benchmarks
    churn : mapping of (benchmark, model) to ChurnRows
        Items asked again.
    """
    rows = []
    for scores in benchmarks.scores:
        name = scores.benchmark
        for model, part in benchmarks.parts[name].items():
            noise = _noise(scores, benchmarks.reference, model, churn.get((name, model)))
            rows.append({**decomposition_row(model, name, part), **noise})
    rows += [
        {**decomposition_row(model, COMPOSITE, part), **NO_CHURN}
        for model, part in benchmarks.composites.items()
    ]
    return rows


def decomposition_row(
    model: str, benchmark: str, part: Decomposition | CompositeDifference
) -> JsonObject:
    """Row of one candidate; a composite is a mean over benchmarks and counts no items."""
    counts = (part.harm, part.gain) if isinstance(part, Decomposition) else (None, None)
    return {
        "model": model,
        "benchmark": benchmark,
        "items": part.n_items,
        "harm": counts[0],
        "gain": counts[1],
        "volume": estimate_as_json(part.volume),
        "direction": estimate_as_json(part.direction),
        "net": estimate_as_json(part.net),
    }


def _noise(
    scores: BenchmarkScores, reference: str, model: str, again: ChurnRows | None
) -> JsonObject:
    repeated = split_repeat(scores, model)
    changed = answers_changed(scores, reference, model)
    return {
        "churn": None if again is None else estimate_as_json(churn_floor(again)),
        "excess_volume": None
        if again is None
        else estimate_as_json(excess_volume(scores, model, again)),
        "split_repeat": None if repeated is None else estimate_as_json(repeated),
        "wrong_to_wrong": wrong_to_wrong(scores, reference, model),
        "answers_changed": None if changed is None else estimate_as_json(changed),
    }
