"""Scores of a cohort table as the answers show them: estimates, composites, decision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from silentzone.analysis.as_json import JsonObject, estimate_as_json
from silentzone.analysis.benchmarks import DEFINITIONS
from silentzone.analysis.changes import NO_CHURN, NO_TEST
from silentzone.analysis.contenders import Contender
from silentzone.analysis.score_axes import NORMALISED, RANK
from silentzone.analysis.scores import COMPOSITE, CompositeDifference, Entry
from silentzone.analysis.table_axes import TableScores, score_error
from silentzone.analysis.zones import Outcome, Outcomes
from silentzone.stats.estimates import null_estimate
from silentzone.stats.paired import Decomposition
from silentzone.stats.results import Estimate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from silentzone.records.cohort_table import CohortTable, TableModel

NO_REFERENCE = "no model is marked as the reference (`--reference` names one)"
NO_ITEMS = "a table holds scores, not items: what changed is not known"
UNPAIRED = "unpaired: the standard error does not know which items the two models share"
_MANY = 1e6
"""Degrees of freedom of a standard error that is stated without any."""
_Z = 1.959963984540054


@dataclass(frozen=True, slots=True, kw_only=True)
class TableBenchmarks:
    """Which benchmarks of a table enter the composite, and the differences to its reference."""

    table: CohortTable
    candidates: tuple[TableModel, ...]
    entries: Mapping[str, Entry]
    scores: TableScores

    @property
    def entering(self) -> list[str]:
        """Benchmarks of the composite."""
        return [name for name, entry in self.entries.items() if entry.enters]

    @property
    def why_no_composite(self) -> str | None:
        """Why no candidate can be held against the reference; null where one can."""
        if self.table.reference is None:
            return NO_REFERENCE
        return why_none_enters(self.entries)

    def outcomes(self) -> Outcomes:
        """Composite differences as zones need them."""
        errors = self.scores.errors.get(COMPOSITE, {})
        return Outcomes(
            by_model={
                name: Outcome(
                    difference=value, standard_error=errors.get(name), degrees_of_freedom=_MANY
                )
                for name, value in self.scores.differences.get(COMPOSITE, {}).items()
            },
            why_none=self.why_no_composite,
        )


def table_entries(table: CohortTable) -> dict[str, Entry]:
    """Whether each benchmark enters the composite: the reference must be above a known chance."""
    return {name: _entry(table, name) for name in table.benchmarks}


def why_none_enters(entries: Mapping[str, Entry]) -> str | None:
    """Say why no benchmark enters the composite; null where one does."""
    if any(entry.enters for entry in entries.values()):
        return None
    reasons = "; ".join(f"{name}: {entry.why_not}" for name, entry in entries.items())
    return f"no benchmark enters the composite ({reasons or 'there is none'})"


def why_composites_are_empty(
    table: CohortTable, entries: Mapping[str, Entry]
) -> dict[str, str | None]:
    """Say by composite why no candidate can have it; null where one can."""
    nothing = why_none_enters(entries)
    entering = [name for name, entry in entries.items() if entry.enters]
    normalised = nothing or _why_not_normalised(table, entering)
    return {COMPOSITE: nothing, NORMALISED: normalised, RANK: nothing}


def _why_not_normalised(table: CohortTable, entering: Sequence[str]) -> str | None:
    if table.reference is None:
        return NO_REFERENCE
    unknown = [name for name in entering if name not in table.chance]
    if unknown:
        return "the table states no `chance.` column for " + ", ".join(unknown)
    return None


def score_rows_of_table(benchmarks: TableBenchmarks) -> list[JsonObject]:
    """Rows of ``scores``: every model on every benchmark, then the composites."""
    rows = []
    models = [*_references(benchmarks.table), *benchmarks.candidates]
    for name in benchmarks.table.benchmarks:
        for model in models:
            if name in model.scores:
                items = model.n_items.get(name)
                estimate = _estimate(model.scores[name], score_error(model, name), items)
                rows.append(_score_row(model.name, name, estimate))
    entering = benchmarks.entering
    for model in models:
        if entering and all(name in model.scores for name in entering):
            value = sum(model.scores[name] for name in entering) / len(entering)
            errors = [score_error(model, name) for name in entering]
            known = [error for error in errors if error is not None]
            error = None
            if len(known) == len(errors):
                error = sum(one * one for one in known) ** 0.5 / len(entering)
            total = sum(model.n_items.get(name, 0) for name in entering)
            rows.append(_score_row(model.name, COMPOSITE, _estimate(value, error, total or None)))
    return rows


def decomposition_rows_of_table(benchmarks: TableBenchmarks) -> list[JsonObject]:
    """Rows of ``decomposition``: the net alone is known."""
    nothing = estimate_as_json(null_estimate("not known", NO_ITEMS))
    return [
        {
            "model": model,
            "benchmark": benchmark,
            "items": None,
            "harm": None,
            "gain": None,
            "volume": nothing,
            "direction": nothing,
            "net": estimate_as_json(_net(benchmarks, benchmark, model)),
            **NO_TEST,
            **NO_CHURN,
        }
        for benchmark, differences in benchmarks.scores.differences.items()
        for model in differences
    ]


def composite_rows_of_table(
    benchmarks: TableBenchmarks, why_empty: Mapping[str, str | None]
) -> list[JsonObject]:
    """Rows of ``composites``."""
    left_out = [
        {"benchmark": name, "why": entry.why_not}
        for name, entry in benchmarks.entries.items()
        if not entry.enters
    ]
    return [
        {
            "name": name,
            "definition": definition,
            "benchmarks": benchmarks.entering,
            "left_out": left_out,
            "why_empty": why_empty[name],
        }
        for name, definition in DEFINITIONS.items()
    ]


def table_contenders(benchmarks: TableBenchmarks) -> list[Contender]:
    """Candidates of a table as the decision sees them."""
    return [_contender(benchmarks, model) for model in benchmarks.candidates]


def _contender(benchmarks: TableBenchmarks, model: TableModel) -> Contender:
    name, composite = model.name, None
    if name in benchmarks.scores.differences.get(COMPOSITE, {}):
        nothing = null_estimate("not known", NO_ITEMS)
        composite = CompositeDifference(
            net=_net(benchmarks, COMPOSITE, name),
            degrees_of_freedom=_MANY,
            volume=nothing,
            direction=nothing,
            n_items=sum(model.n_items.get(one, 0) for one in benchmarks.entering),
        )
    return Contender(
        name=name,
        file_bytes=model.file_bytes,
        memory_bytes=None,
        bits_per_weight=model.bits_per_weight,
        composite=composite,
        guards={
            one: _guard(benchmarks, model, one)
            for one in benchmarks.entering
            if name in benchmarks.scores.differences.get(one, {})
        },
        why_no_composite=None if composite else "not every benchmark that enters has a score",
    )


def _guard(benchmarks: TableBenchmarks, model: TableModel, benchmark: str) -> Decomposition:
    nothing = null_estimate("not known", NO_ITEMS)
    return Decomposition(
        n_items=model.n_items.get(benchmark, 0),
        harm=0,
        gain=0,
        volume=nothing,
        direction=nothing,
        net=_net(benchmarks, benchmark, model.name),
    )


def _net(benchmarks: TableBenchmarks, benchmark: str, model: str) -> Estimate:
    value = benchmarks.scores.differences[benchmark][model]
    error = benchmarks.scores.errors.get(benchmark, {}).get(model)
    own = next(one for one in benchmarks.candidates if one.name == model)
    names = benchmarks.entering if benchmark == COMPOSITE else [benchmark]
    items = sum(own.n_items.get(name, 0) for name in names)
    cautions = (UNPAIRED,) if error else ("the table states no standard error",)
    return Estimate(
        value=value,
        standard_error=error,
        interval=None if not error else (value - _Z * error, value + _Z * error),
        method="difference of two scores of a table",
        n_observations=items,
        n_clusters=None,
        cautions=cautions,
    )


def _estimate(value: float, error: float | None, items: int | None) -> Estimate:
    low, high = (None, None) if error is None else (value - _Z * error, value + _Z * error)
    return Estimate(
        value=value,
        standard_error=error,
        interval=None if low is None or high is None else (max(0.0, low), min(1.0, high)),
        method="as the table states it",
        n_observations=items or 0,
        n_clusters=None,
        cautions=() if error else ("the table states no standard error and no number of items",),
    )


def _score_row(model: str, benchmark: str, score: Estimate) -> JsonObject:
    return {
        "model": model,
        "benchmark": benchmark,
        "score": estimate_as_json(score),
        "items": score.n_observations or None,
        "excluded": {},
        "churn_floor": None,
    }


def _entry(table: CohortTable, benchmark: str) -> Entry:
    reference, chance = table.reference, table.chance.get(benchmark)
    if reference is None:
        return Entry(enters=True, why_not=None)
    if benchmark not in reference.scores:
        return Entry(enters=False, why_not="the reference has no score")
    if chance is None:
        return Entry(enters=True, why_not=None)
    score, error = reference.scores[benchmark], score_error(reference, benchmark)
    low = score - _Z * (error or 0.0)
    if low > chance:
        return Entry(enters=True, why_not=None)
    return Entry(
        enters=False,
        why_not=(
            f"the reference is not shown to be above chance: {score:.3f}, lower bound {low:.3f}, "
            f"chance {chance:.3f}"
        ),
    )


def _references(table: CohortTable) -> list[TableModel]:
    return [] if table.reference is None else [table.reference]
