"""The audit of somebody else's numbers: a cohort table, an items table, or both."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from silentzone import __version__
from silentzone.analysis.answers import (
    NO_ITEM_SECTIONS,
    Settings,
    audit_sections,
    decision_section,
    item_sections,
    score_sections,
    table_decision_section,
)
from silentzone.analysis.audit import Evidence, no_listener
from silentzone.analysis.benchmarks import judge_benchmarks, score_evidence
from silentzone.analysis.fidelity import METRICS
from silentzone.analysis.item_rows import scores_of_items
from silentzone.analysis.remarks import Remarks, count_exclusions, warn_of_unpaired
from silentzone.analysis.scores import require_benchmark_name
from silentzone.analysis.table_axes import table_metrics, table_scores
from silentzone.analysis.table_rows import (
    benchmark_row,
    corpus_row,
    fidelity_rows,
    items_benchmark_row,
    model_row,
)
from silentzone.analysis.table_scores import (
    TableBenchmarks,
    composite_rows_of_table,
    decomposition_rows_of_table,
    score_rows_of_table,
    table_entries,
    why_composites_are_empty,
)
from silentzone.errors import InputError
from silentzone.records.cohort_table import TableModel, same_content
from silentzone.records.near_names import near_names
from silentzone.store.answers import SCHEMA_VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from silentzone.analysis.as_json import JsonObject
    from silentzone.analysis.axes import RankedMetric
    from silentzone.records.cohort_table import CohortTable, ItemsTable


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Numbers:
    """What was given: a cohort table, an items table, or both about the same models."""

    table: CohortTable | None
    items: ItemsTable | None
    reference: str | None
    """As the user names it; null takes what the files mark."""
    are_imported: bool = False
    """Whether they come from a folder of imported results, where nobody fills in columns."""


def analyze_tables(
    numbers: Numbers,
    *,
    rng_seed: int,
    settings: Settings,
    command: str,
    on_share: Callable[[float], None] = no_listener,
) -> JsonObject:
    """Every answer that tables allow, as the object of ``analysis.json``.

    Parameters
    ----------
    numbers : Numbers
        At least one of the two tables.
    rng_seed : int
    settings : Settings
    command : str
        What the user typed.
    on_share : callable, optional
        Told how much of the work is done, as a share of 1.

    Raises
    ------
    InputError
        If the reference is not among the models, items come without one, or a benchmark carries a
        name this analysis needs for itself.
    """
    reference = _reference(numbers)
    if reference is not None:
        table = numbers.table and _marked(numbers.table, reference)
        numbers = replace(numbers, table=table, reference=reference)
    candidates = _candidates(numbers, reference)
    remarks = Remarks()
    metrics: tuple[RankedMetric, ...] = ()
    if numbers.table is not None:
        remarks.cautions += numbers.table.notes
        metrics = table_metrics(numbers.table, candidates, rng_seed)
        _warn_of_metrics(metrics, numbers, remarks)
    if numbers.items is not None:
        remarks.cautions += numbers.items.notes
    _warn_of_absent(numbers, reference, remarks)
    sections = (
        _table_sections(numbers, candidates, metrics, (settings, rng_seed, on_share), remarks)
        if numbers.items is None
        else _item_sections(numbers, candidates, metrics, (settings, rng_seed, on_share), remarks)
    )
    given = [one.source for one in (numbers.table, numbers.items) if one is not None]
    files = list(dict.fromkeys(given))
    kinds = [
        kind
        for kind, one in (("table", numbers.table), ("items", numbers.items))
        if one is not None
    ]
    own = next((one for one in _models(numbers) if one.name == reference), None)
    return {
        "schema_version": SCHEMA_VERSION,
        "source": {"kind": " and ".join(kinds), "files": files},
        "study": {
            "name": ", ".join(files),
            "seed": rng_seed,
            "created_at": None,
            "package_version": __version__,
            "command": command,
        },
        "reference": None if own is None else model_row(own),
        "candidates": [model_row(one) for one in candidates],
        "corpora": [corpus_row(name) for name in dict.fromkeys(one.corpus for one in metrics)],
        "engine": {
            "name": "none: read from " + " and ".join(kinds),
            "version": None,
            "build": None,
            "device": None,
            "settings": {},
        },
        "fidelity": [] if numbers.table is None else fidelity_rows(numbers.table, candidates),
        "kld_spread": [],
        "distinguishable": [],
        **sections,
        "cautions": remarks.cautions,
        "exclusions": remarks.exclusions,
        "failures": [],
    }


def _table_sections(
    numbers: Numbers,
    candidates: tuple[TableModel, ...],
    metrics: tuple[RankedMetric, ...],
    asked: tuple[Settings, int, Callable[[float], None]],
    remarks: Remarks,
) -> dict[str, Any]:
    table, (settings, seed, on_share) = numbers.table, asked
    assert table is not None, "one of the two tables is given"
    for name in table.benchmarks:
        require_benchmark_name(name, "the table's header")
    entries = table_entries(table)
    entering = [name for name, entry in entries.items() if entry.enters]
    why_empty = why_composites_are_empty(table, entries)
    benchmarks = TableBenchmarks(
        table=table,
        candidates=candidates,
        entries=entries,
        scores=table_scores(table, candidates, entering, why_empty, seed),
    )
    _warn_of_table(benchmarks, remarks)
    evidence = Evidence(
        candidates=tuple(one.name for one in candidates),
        metrics=metrics,
        scores=benchmarks.scores.axes,
        outcomes=benchmarks.outcomes(),
        benchmarks=table.benchmarks,
        seed=seed,
        copies=_copies(table, candidates),
        what_is_copied="the same numbers in every fidelity and score column",
    )
    return {
        "benchmarks": [benchmark_row(benchmarks, name) for name in table.benchmarks],
        "composites": composite_rows_of_table(benchmarks, why_empty),
        "scores": score_rows_of_table(benchmarks),
        "decomposition": decomposition_rows_of_table(benchmarks),
        **audit_sections(evidence, settings, on_share),
        **NO_ITEM_SECTIONS,
        "decision": table_decision_section(benchmarks, settings, remarks),
        "lanes": [],
    }


def _item_sections(
    numbers: Numbers,
    candidates: tuple[TableModel, ...],
    metrics: tuple[RankedMetric, ...],
    asked: tuple[Settings, int, Callable[[float], None]],
    remarks: Remarks,
) -> dict[str, Any]:
    items, table, (settings, seed, on_share) = numbers.items, numbers.table, asked
    assert items is not None, "one of the two tables is given"
    reference = numbers.reference or items.reference
    assert reference is not None, "items are refused without a reference"
    for name in items.benchmarks:
        require_benchmark_name(name, "the items table")
    if table is not None and table.benchmarks:
        remarks.cautions.append(
            "the scores are those of the items; the table's score columns are set aside"
        )
    chance = {} if table is None else table.chance
    names = [one.name for one in candidates]
    benchmarks = judge_benchmarks(
        scores_of_items(items, reference, settings.audit.unfinished),
        {name: chance.get(name) for name in items.benchmarks},
        reference,
        names,
    )
    count_exclusions((), benchmarks, remarks)
    warn_of_unpaired(
        {one.benchmark: len(set(one.item_ids)) for one in items.rows if one.model == reference},
        benchmarks,
        remarks,
    )
    _warn_of_chance([name for name in benchmarks.entering if name not in chance], remarks)
    scores = score_evidence(benchmarks, seed)
    evidence = Evidence(
        candidates=tuple(names),
        metrics=metrics,
        scores=scores.axes,
        outcomes=benchmarks.outcomes(),
        benchmarks=tuple(one.benchmark for one in benchmarks.scores),
        seed=seed,
        copies=() if table is None else _copies(table, candidates),
        what_is_copied="the same numbers in every fidelity and score column",
    )
    models = [model_row(one) for one in candidates]
    return {
        "benchmarks": [items_benchmark_row(benchmarks, items, name) for name in items.benchmarks],
        **score_sections(benchmarks, scores, {}, names),
        **audit_sections(evidence, settings, on_share),
        **item_sections(benchmarks, evidence, settings),
        "decision": decision_section(models, benchmarks, scores, evidence, settings, remarks),
        "lanes": [],
    }


def _reference(numbers: Numbers) -> str | None:
    """Name of the reference: the user's word, or else what the files mark."""
    marked = []
    if numbers.table is not None and numbers.table.reference is not None:
        marked.append(numbers.table.reference.name)
    if numbers.items is not None and numbers.items.reference is not None:
        marked.append(numbers.items.reference)
    if len(set(marked)) > 1 and numbers.reference is None:
        raise InputError(
            f"the two tables mark different references: `{marked[0]}` and `{marked[1]}`.",
            hint="name the one that is meant with --reference",
        )
    name = numbers.reference or (marked[0] if marked else None)
    known = [one.name for one in _models(numbers)]
    if name is not None and name not in known:
        raise InputError(
            f"the reference `{name}` is not among the models.", hint=near_names(name, known)
        )
    if numbers.items is not None and (name is None or name not in numbers.items.models):
        shown = ", ".join(f"`{one}`" for one in numbers.items.models[:10])
        raise InputError(
            "items are compared with a reference's, and none is marked among them; the models "
            f"are {shown}.",
            hint="name one with --reference"
            + ("" if numbers.are_imported else ", or add an `is_reference` column"),
        )
    return name


def _models(numbers: Numbers) -> list[TableModel]:
    """Every model of both tables, those of the cohort table first."""
    found = list(numbers.table.models) if numbers.table is not None else []
    known = {one.name for one in found}
    if numbers.items is not None:
        found += [TableModel(name=name) for name in numbers.items.models if name not in known]
    return found


def _candidates(numbers: Numbers, reference: str | None) -> tuple[TableModel, ...]:
    """All models but the reference, largest first where sizes are known."""
    found = [one for one in _models(numbers) if one.name != reference]
    if all(one.file_bytes is not None for one in found):
        return tuple(sorted(found, key=lambda one: (-(one.file_bytes or 0), one.name)))
    if all(one.bits_per_weight is not None for one in found):
        return tuple(sorted(found, key=lambda one: (-(one.bits_per_weight or 0.0), one.name)))
    return tuple(found)


def _marked(table: CohortTable, reference: str) -> CohortTable:
    """Give the table with exactly this row as its reference."""
    return replace(
        table,
        models=tuple(replace(one, is_reference=one.name == reference) for one in table.models),
    )


def _copies(table: CohortTable, candidates: Sequence[TableModel]) -> tuple[tuple[str, ...], ...]:
    names = {one.name for one in candidates}
    groups = (tuple(name for name in group if name in names) for group in same_content(table))
    return tuple(group for group in groups if len(group) > 1)


def _warn_of_absent(numbers: Numbers, reference: str | None, remarks: Remarks) -> None:
    """Name models that only one of the two tables knows: their names may be typed otherwise."""
    if numbers.table is None or numbers.items is None:
        return
    rows, asked = {one.name for one in numbers.table.models}, set(numbers.items.models)
    where, way_out = ("in the cohort table only", "in the items table only"), "names must be equal"
    if numbers.are_imported:
        # Every model of the folder has a row; what counts is whether fidelity stands in it.
        rows = {one.name for one in numbers.table.models if one.fidelity} - {reference}
        asked.discard(reference or "")
        where = ("imported with fidelity and no answers", "imported with answers and no fidelity")
        way_out = "names must be equal: import one again with --rename"
    if not rows or not asked:
        return
    for names, which in ((rows - asked, where[0]), (asked - rows, where[1])):
        if names:
            shown = ", ".join(sorted(names)[:10]) + (" ..." if len(names) > 10 else "")
            remarks.cautions.append(f"{which}, and so without a relation: {shown} ({way_out})")


def _warn_of_metrics(metrics: Sequence[RankedMetric], numbers: Numbers, remarks: Remarks) -> None:
    unknown = sorted({one.metric for one in metrics if one.metric not in METRICS})
    if unknown:
        remarks.cautions.append(
            "taken as losses, growing when a candidate is worse, because they are not among the "
            "metrics known here: " + ", ".join(unknown)
        )
    silent = sorted({one.axis.name for one in metrics if one.axis.noise is None})
    if silent:
        remarks.cautions.append(
            "no standard error is stated for "
            + ", ".join(silent[:5])
            + (" and others" if len(silent) > 5 else "")
            + ": verdicts take it as measured without noise"
            + ("" if numbers.are_imported else " (give `fidelity_se.` columns)")
        )


def _warn_of_table(benchmarks: TableBenchmarks, remarks: Remarks) -> None:
    table = benchmarks.table
    if table.reference is None and table.benchmarks:
        remarks.cautions.append(
            "no row is marked as the reference: zones around it, differences to it and the "
            "decision are left out (add an `is_reference` column, or name it with --reference)"
        )
    without = [name for name, axis in benchmarks.scores.axes.items()
               if name in table.benchmarks and axis.noise is None]  # fmt: skip
    if without:
        remarks.cautions.append(
            "neither `n_items.` nor `score_se.` is complete for "
            + ", ".join(without)
            + ": their noise is not known, so no metric is called silent on them"
        )
    elif table.benchmarks:
        remarks.cautions.append(
            "the scores' errors are taken as independent; models asked the same items differ by "
            "less, so zones, reliabilities and the decision are on the careful side"
        )
    _warn_of_chance([name for name in benchmarks.entering if name not in table.chance], remarks)


def _warn_of_chance(unknown: Sequence[str], remarks: Remarks) -> None:
    if unknown:
        remarks.cautions.append(
            "the score of guessing is not stated for "
            + ", ".join(unknown)
            + ": a benchmark at chance would enter the composite unseen"
        )
