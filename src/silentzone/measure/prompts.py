"""A candidate against the reference along the choices of a benchmark, while items are scored.

Shape letters: N tokens of a continuation, V vocabulary entries.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from silentzone.errors import MeasurementError
from silentzone.measure.candidate import NON_FINITE, OK
from silentzone.measure.trace_rows import RowReader, block_rows, position_values
from silentzone.metrics.kernels import compare_rows
from silentzone.records.tables import POSITION_METRICS, PROMPTS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from silentzone.backends.base import ContinuationLogits
    from silentzone.benchmarks.pairs import TokenItem
    from silentzone.metrics.head import OutputHead
    from silentzone.records.items import ChoiceItem
    from silentzone.store.traces import ItemTrace

NO_REFERENCE = "no_reference"
_KINDS = {"float64": np.float64, "int32": np.int32, "bool": np.bool_}


class ItemComparison:
    """Observer that compares a candidate's distributions with the reference's.

    Parameters
    ----------
    trace : ItemTrace
        What the reference gave.
    head : OutputHead or None
        Needed where the trace stores hidden states.
    items : sequence of ChoiceItem
        The benchmark, as the reference was asked it.

    Raises
    ------
    MeasurementError
        If the reference's logits cannot be had from the trace.
    """

    with_hidden = False

    def __init__(
        self, trace: ItemTrace, head: OutputHead | None, items: Sequence[ChoiceItem]
    ) -> None:
        self._items = items
        self._trace = trace
        self._capacity = block_rows(trace.vocabulary_size)
        self._reader = RowReader(trace, head, self._capacity)
        self._held = slice(0, 0)
        self._logits: NDArray[np.float32]
        pairs = zip(trace.item.tolist(), trace.choice.tolist(), strict=True)
        self._groups = {pair: group for group, pair in enumerate(pairs)}
        self._tokenized: Sequence[TokenItem] = ()
        self._taken = 0
        self._columns: dict[str, list[Any]] = {column.name: [] for column in PROMPTS.columns}

    def begin(self, tokenized: Sequence[TokenItem]) -> None:
        """Take down what will be asked."""
        self._tokenized = tokenized

    def take(self, item: int, part: ContinuationLogits) -> None:
        """Compare one continuation.

        Raises
        ------
        MeasurementError
            If the reference was asked other tokens.
        """
        observed = self._tokenized[item].continuations[part.continuation]
        self._taken += 1
        group = self._groups.get((item, part.continuation))
        if group is None:
            self._add(item, part.continuation, 0, observed, [NO_REFERENCE] * len(observed))
            for name in POSITION_METRICS:
                self._columns[name].append(_nothing(name, len(observed)))
            return
        rows = self._trace.stretch(group)
        if not np.array_equal(self._trace.arrays["token_id"][rows], observed):
            raise MeasurementError(
                f"the choices of item `{self._items[item].item_id}` have other tokens than the "
                "reference was asked",
                hint="the files do not share a tokenizer; they cannot be compared",
            )
        logits = np.ascontiguousarray(part.logits_NV)
        for start in range(0, len(observed), self._capacity):
            piece = slice(start, min(start + self._capacity, len(observed)))
            stored = slice(rows.start + piece.start, rows.start + piece.stop)
            self._compare(item, part.continuation, logits[piece], observed[piece], piece, stored)

    def finish(self) -> None:
        """Refuse a pass that is not whole.

        Raises
        ------
        MeasurementError
            If the engine stopped before the last continuation.
        """
        asked = sum(len(one.continuations) for one in self._tokenized if one.status == "ok")
        if self._taken != asked:
            raise MeasurementError(f"the engine gave {self._taken} of {asked} continuations")

    def table(self) -> dict[str, Any]:
        """Columns of the candidate's table; an item without a score has no rows."""
        join: Callable[[list[Any]], Any] = np.ma.concatenate
        return {
            name: join(parts) if parts and hasattr(parts[0], "dtype") else parts
            for name, parts in self._columns.items()
        }

    def _compare(
        self,
        item: int,
        choice: int,
        logits_NV: NDArray[np.float32],
        observed: NDArray[np.int32],
        piece: slice,
        stored: slice,
    ) -> None:
        reference = self._reader.described(stored)
        metrics = compare_rows(self._reference_logits(stored), logits_NV, observed, reference)
        status = np.where(metrics.is_finite, OK, NON_FINITE).tolist()
        self._add(item, choice, piece.start, observed, status)
        for name in POSITION_METRICS:
            self._columns[name].append(position_values(metrics, reference, name))

    def _reference_logits(self, rows: slice) -> NDArray[np.float32]:
        """Logits of some rows of the trace; those behind them are rebuilt with them."""
        held = self._held
        if not held.start <= rows.start <= rows.stop <= held.stop:
            stop = min(len(self._trace.rows), rows.start + self._capacity)
            self._held = held = slice(rows.start, stop)
            self._logits = self._reader.logits(held)
        return self._logits[rows.start - held.start : rows.stop - held.start]

    def _add(
        self, item: int, choice: int, first: int, observed: NDArray[np.int32], status: list[str]
    ) -> None:
        rows = len(observed)
        self._columns["item_id"] += [self._items[item].item_id] * rows
        self._columns["choice"].append(np.full(rows, choice, np.int32))
        self._columns["position"].append(np.arange(first, first + rows, dtype=np.int32))
        self._columns["token_id"].append(observed)
        self._columns["status"] += status


def _nothing(name: str, rows: int) -> Any:  # noqa: ANN401 - a masked array of the column's type
    kind = next(column.kind for column in PROMPTS.columns if column.name == name)
    return np.ma.array(np.zeros(rows, _KINDS[kind]), mask=True)
