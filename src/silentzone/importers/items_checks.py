"""What rows of an items table must not say against each other.

Array shapes: n rows of the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from silentzone.importers.problems import SHOWN_PROBLEMS, listed, shown

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from silentzone.importers.items_columns import ColumnReader, TextColumn
    from silentzone.importers.problems import Problems


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RowKeys:
    """What each row is about."""

    model: TextColumn
    benchmark: TextColumn
    item: TextColumn
    repeat: NDArray[np.int32]

    @property
    def is_whole(self) -> bool:
        """Whether every row names model, benchmark and item."""
        return all((part.codes >= 0).all() for part in (self.model, self.benchmark, self.item))

    def groups(self) -> NDArray[np.int64]:
        """Give each row the number of its benchmark and model; benchmarks in file order first."""
        code = self.benchmark.codes * len(self.model.values) + self.model.codes
        return np.asarray(np.unique(code, return_inverse=True)[1], dtype=np.int64)

    def items(self) -> NDArray[np.int64]:
        """Code of each row's item inside its benchmark; equal ids of two benchmarks differ."""
        return self.benchmark.codes * len(self.item.values) + self.item.codes


def check_repeated_rows(keys: RowKeys, reader: ColumnReader, problems: Problems) -> None:
    """Note every row that gives an answer which an earlier row has given already."""
    order = np.lexsort((keys.repeat, keys.model.codes, keys.items()))
    sorted_keys = (keys.items()[order], keys.model.codes[order], keys.repeat[order])
    is_same = np.logical_and.reduce([part[1:] == part[:-1] for part in sorted_keys])
    if not is_same.any():
        return
    again = np.flatnonzero(is_same) + 1
    # Rows of one key follow each other in file order, so the first of a run was there first.
    run_start = np.maximum.accumulate(np.where(np.r_[False, is_same], 0, np.arange(len(order))))
    rows, first_rows = order[again], order[run_start[again]]
    shown_rows = np.argsort(rows)[:SHOWN_PROBLEMS]
    both = np.unique(np.r_[rows[shown_rows], first_rows[shown_rows]])
    place = dict(zip(both.tolist(), reader.places(both), strict=True))
    for row, first in zip(rows[shown_rows].tolist(), first_rows[shown_rows].tolist(), strict=True):
        model, benchmark, item = (
            shown(part.values[part.codes[row]]) for part in (keys.model, keys.benchmark, keys.item)
        )
        problems.add(
            f"model {model}, benchmark {benchmark}, item {item}, repeat {keys.repeat[row]} is on "
            f"{place[first]} already; remove one of them, or number the attempts in `repeat`",
            place=place[row],
        )
    problems.add_unseen(len(rows) - len(shown_rows))


def check_clusters(keys: RowKeys, cluster: TextColumn, reader: ColumnReader) -> None:
    """Note every item that stands in two clusters."""
    known = np.flatnonzero(cluster.codes >= 0)
    items, clusters = keys.items()[known], cluster.codes[known]
    _, first, which = np.unique(items, return_index=True, return_inverse=True)
    is_other = np.zeros(len(cluster.codes), dtype=np.bool_)
    is_other[known] = clusters != clusters[first[which]]
    reader.report(
        is_other,
        "cluster",
        lambda cell: (
            f"{shown(cell)}: further up the same item of the same benchmark stands in "
            "another cluster; an item belongs to one"
        ),
    )


def find_reference(
    model: TextColumn, is_reference: NDArray[np.bool_], problems: Problems
) -> str | None:
    """Model marked as the reference; null where none is, or where the marks contradict."""
    marked = np.unique(model.codes[is_reference])
    if not len(marked):
        return None
    names = [model.values[code] for code in marked.tolist() if code >= 0]
    if len(names) > 1:
        problems.add(
            f"a cohort has one reference; marked are {listed(map(shown, names))}",
            column="is_reference",
        )
        return None
    if not is_reference[np.isin(model.codes, marked)].all():
        problems.add(
            f"some rows of {listed(map(shown, names))} are marked and some are not; "
            "mark all rows of the reference",
            column="is_reference",
        )
    return names[0] if names else None
