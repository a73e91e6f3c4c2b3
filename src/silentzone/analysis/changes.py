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
from silentzone.stats.multiplicity import holm
from silentzone.stats.paired import Decomposition

if TYPE_CHECKING:
    from collections.abc import Mapping

    from silentzone.analysis.benchmarks import Benchmarks
    from silentzone.analysis.churn import ChurnRows
    from silentzone.analysis.items import BenchmarkScores

NO_TEST = {"net_pvalue": None, "net_pvalue_method": None, "net_pvalue_holm": None}
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

    Holm's adjustment runs over all candidates and benchmarks together, without the composites.

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
    return with_adjusted(rows)


def with_adjusted(rows: list[JsonObject]) -> list[JsonObject]:
    """Add to every row the p-value of its net adjusted for all that have one."""
    tested = [place for place, row in enumerate(rows) if row["net_pvalue"] is not None]
    adjusted = dict(zip(tested, holm([rows[k]["net_pvalue"] for k in tested]), strict=True))
    return [{**row, "net_pvalue_holm": adjusted.get(place)} for place, row in enumerate(rows)]


def decomposition_row(
    model: str, benchmark: str, part: Decomposition | CompositeDifference
) -> JsonObject:
    """Row of one candidate; a composite is a mean over benchmarks and counts no items."""
    items = part if isinstance(part, Decomposition) else None
    test = None if items is None else items.test
    return {
        "model": model,
        "benchmark": benchmark,
        "items": part.n_items,
        "harm": None if items is None else items.harm,
        "gain": None if items is None else items.gain,
        "volume": estimate_as_json(part.volume),
        "direction": estimate_as_json(part.direction),
        "net": estimate_as_json(part.net),
        "net_pvalue": None if test is None else test.pvalue,
        "net_pvalue_method": None if test is None else test.method,
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
