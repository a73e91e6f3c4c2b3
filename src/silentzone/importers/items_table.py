"""Items tables: one row per model, benchmark item and attempt.

Array shapes: n rows of the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from silentzone.importers.cells import LONGEST_CELL, MISSING
from silentzone.importers.items_checks import (
    RowKeys,
    check_clusters,
    check_repeated_rows,
    find_reference,
)
from silentzone.importers.items_columns import ColumnReader, TextColumn
from silentzone.importers.items_source import read_raw_items
from silentzone.importers.layouts import ITEMS_LAYOUT, ITEMS_NUMBERS, ITEMS_REQUIRED
from silentzone.importers.problems import SHOWN_PROBLEMS, Problems, heading_shown, listed, shown
from silentzone.records.cohort_table import ItemRows, ItemsTable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from silentzone.importers.items_source import RawItems

OK: Final = "ok"
SCORE_MISSING: Final = "score missing"
_MOST_REPEATS: Final = np.iinfo(np.int32).max


def read_items_table(path: Path, *, counts_answers: bool = True) -> ItemsTable:
    """Read an items table, whole or not at all.

    Parameters
    ----------
    path : Path
        CSV, TSV, JSONL or Parquet in the layout of `docs/tables.md`; the content decides which.
    counts_answers : bool, optional
        Whether a note says how many models answered how many items of each benchmark.

    Returns
    -------
    ItemsTable
        Scores are NaN exactly where a status other than ``ok`` says why.

    Raises
    ------
    TableError
        One for everything that is wrong, the first ten in words, with line (row in Parquet) and
        column.
    """
    raw = read_raw_items(path)
    problems = Problems(path.name)
    _check_layout(raw, problems)
    reader = ColumnReader(raw, problems)
    answers, notes = _read_answers(reader, problems)
    reference = _check_rows(answers, reader, problems)
    problems.raise_if_any()
    if raw.others:
        named = (heading_shown(name) if name else "one without a heading" for name in raw.others)
        notes.insert(0, f"columns that are not used: {listed(named)}")
    groups = answers.keys.groups()
    return ItemsTable(
        source=path.name,
        rows=_split(answers, groups),
        reference=reference,
        notes=(
            *raw.notes,
            *notes,
            *(_count_notes(answers.keys, groups) if counts_answers else ()),
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Answers:
    """All rows of the file, column by column."""

    keys: RowKeys
    scores: NDArray[np.float64]
    statuses: NDArray[np.object_]
    cluster: TextColumn | None
    prediction: TextColumn | None
    is_reference: NDArray[np.bool_] | None
    numbers: dict[str, NDArray[np.float64] | None]


def _check_layout(raw: RawItems, problems: Problems) -> None:
    missing = [name for name in ITEMS_REQUIRED if name not in raw.table.column_names]
    if missing:
        found = [*raw.table.column_names, *raw.others]
        problems.add(
            f"lacks {listed(map(heading_shown, missing))}; found: "
            f"{listed(map(heading_shown, found))}"
        )
    elif not raw.table.num_rows:
        problems.add("has columns and no rows; write one row per model and item")
    problems.raise_if_any(hint=ITEMS_LAYOUT)


def _read_answers(reader: ColumnReader, problems: Problems) -> tuple[_Answers, list[str]]:
    notes: list[str] = []
    model, benchmark, item = (_name(reader, name) for name in ITEMS_REQUIRED[:3])
    scores = reader.numbers("score")
    assert scores is not None
    _check_scores(scores, benchmark, reader, problems)
    scores, statuses = _with_reasons(scores, reader.texts("status"), notes)
    answers = _Answers(
        keys=RowKeys(model=model, benchmark=benchmark, item=item, repeat=_repeats(reader)),
        scores=scores,
        statuses=statuses,
        cluster=reader.texts("cluster"),
        prediction=reader.texts("prediction", limit=LONGEST_CELL),
        is_reference=reader.booleans("is_reference"),
        numbers={name: _optional_number(name, reader, notes) for name in ITEMS_NUMBERS},
    )
    return answers, notes


def _check_rows(answers: _Answers, reader: ColumnReader, problems: Problems) -> str | None:
    """Note what rows say against each other; give the reference."""
    if answers.keys.is_whole:
        check_repeated_rows(answers.keys, reader, problems)
        if answers.cluster is not None:
            check_clusters(answers.keys, answers.cluster, reader)
    if answers.is_reference is None:
        return None
    return find_reference(answers.keys.model, answers.is_reference, problems)


def _name(reader: ColumnReader, column: str) -> TextColumn:
    texts = reader.texts(column)
    assert texts is not None
    reader.report(texts.codes < 0, column, lambda _: "is empty; every row needs one")
    return texts


def _repeats(reader: ColumnReader) -> NDArray[np.int32]:
    values = reader.numbers("repeat")
    if values is None:
        return np.zeros(reader.n_rows, dtype=np.int32)
    values = np.nan_to_num(values, nan=0.0, posinf=-1.0, neginf=-1.0)
    is_bad = (values < 0) | (values > _MOST_REPEATS) | (values != np.floor(values))
    reader.report(is_bad, "repeat", lambda cell: f"{shown(cell)} is no whole number from 0 upward")
    return np.where(is_bad, 0, values).astype(np.int32)


def _check_scores(
    scores: NDArray[np.float64], benchmark: TextColumn, reader: ColumnReader, problems: Problems
) -> None:
    """Note scores that are no proportions, once per benchmark where they look like percent."""
    outside = (scores < 0.0) | (scores > 1.0)
    for code in np.unique(benchmark.codes[outside]).tolist():
        is_own = benchmark.codes == code
        own = scores[is_own & ~np.isnan(scores)]
        if code >= 0 and own.max() <= 100.0 and np.all((own == 0.0) | (own > 1.0)):
            problems.add(
                f"the scores of benchmark {shown(benchmark.values[code])} run from "
                f"{own.min():g} to {own.max():g}; divide them by 100 if they are percent, "
                "else by the highest possible score",
                column="score",
            )
            outside &= ~is_own
    reader.report(
        outside, "score", lambda cell: f"{shown(cell)} is no proportion; scores lie in [0, 1]"
    )


def _optional_number(
    name: str, reader: ColumnReader, notes: list[str]
) -> NDArray[np.float64] | None:
    values = reader.numbers(name)
    if values is None:
        return None
    if name == "confidence":
        reader.report(
            (values < 0.0) | (values > 1.0),
            name,
            lambda cell: f"{shown(cell)} is no probability; confidences lie in [0, 1]",
        )
    if name == "divergence":
        reader.report(
            values < 0.0, name, lambda cell: f"{shown(cell)} is impossible: a KLD is never negative"
        )
    is_infinite = np.isinf(values)
    if is_infinite.any():
        first = reader.places(np.flatnonzero(is_infinite)[:SHOWN_PROBLEMS])
        notes.append(
            f"{int(is_infinite.sum()):,} infinite values of `{name}` count as missing, the first "
            f"on {listed(first)}"
        )
    return np.where(is_infinite, np.nan, values)


def _with_reasons(
    scores: NDArray[np.float64], status: TextColumn | None, notes: list[str]
) -> tuple[NDArray[np.float64], NDArray[np.object_]]:
    """Give every row a status, and no score to a row whose status says that there is none."""
    if status is None:
        statuses = np.full(len(scores), OK, dtype=object)
    else:
        plain = [OK if _means_ok(text) else text for text in status.values]
        statuses = np.array([*plain, OK], dtype=object)[status.codes]
    is_ok = statuses == OK
    unexplained = np.isnan(scores) & is_ok
    statuses[unexplained] = SCORE_MISSING
    if unexplained.any():
        notes.append(
            f"{int(unexplained.sum()):,} rows have no score and no status that says why; "
            f"their status is now `{SCORE_MISSING}`"
        )
    contradicting = ~np.isnan(scores) & ~is_ok
    if contradicting.any():
        named = dict.fromkeys(statuses[contradicting].tolist())
        notes.append(
            f"{int(contradicting.sum()):,} rows have a score beside a status other than `{OK}` "
            f"({listed(map(shown, named))}); these scores are not used"
        )
    return np.where(contradicting, np.nan, scores), statuses


def _means_ok(status: str) -> bool:
    return status.casefold() == OK or status.casefold() in MISSING


def _split(answers: _Answers, groups: NDArray[np.int64]) -> tuple[ItemRows, ...]:
    """Cut the rows by benchmark and model; inside each the file's order stays."""
    order = np.argsort(groups, kind="stable")
    starts = np.flatnonzero(np.diff(groups[order])) + 1
    return tuple(_item_rows(answers, rows) for rows in np.split(order, starts))


def _item_rows(answers: _Answers, rows: NDArray[np.int64]) -> ItemRows:
    keys = answers.keys
    numbers = {
        name: None if values is None else values[rows] for name, values in answers.numbers.items()
    }
    return ItemRows(
        model=keys.model.values[keys.model.codes[rows[0]]],
        benchmark=keys.benchmark.values[keys.benchmark.codes[rows[0]]],
        item_ids=keys.item.take(rows),
        scores=answers.scores[rows],
        statuses=tuple(answers.statuses[rows].tolist()),
        clusters=(None,) * len(rows) if answers.cluster is None else answers.cluster.take(rows),
        repeats=keys.repeat[rows],
        predictions=None if answers.prediction is None else answers.prediction.take(rows),
        **numbers,
    )


def _count_notes(keys: RowKeys, groups: NDArray[np.int64]) -> Sequence[str]:
    """Count models and items of each benchmark, and the items all its models were asked."""
    items = keys.items()
    order = np.lexsort((groups, items))
    is_first = np.r_[True, (np.diff(items[order]) != 0) | (np.diff(groups[order]) != 0)]
    answered = order[is_first]
    texts = []
    for code, name in enumerate(keys.benchmark.values):
        own = answered[keys.benchmark.codes[answered] == code]
        _, per_model = np.unique(groups[own], return_counts=True)
        _, per_item = np.unique(items[own], return_counts=True)
        n_models = len(per_model)
        in_all = int((per_item == n_models).sum())
        low, high = int(per_model.min()), int(per_model.max())
        each = f"{high:,} items each" if low == high else f"{low:,} to {high:,} items"
        common = "" if in_all == low == high else f", {in_all:,} of them put to all"
        texts.append(f"{shown(name)}: {n_models} models, {each}{common}")
    return (f"answers by benchmark: {listed(texts, '; ')}",)
