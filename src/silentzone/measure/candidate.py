"""The candidate pass: every position against the stored reference, one window at a time.

Shape letters: T scored positions of a window, V vocabulary entries.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from silentzone.errors import MeasurementError
from silentzone.measure.reference import observed_tokens
from silentzone.measure.trace_rows import RowReader, block_rows, position_values, row_blocks
from silentzone.metrics.kernels import PositionMetrics, ReferenceRows, compare_rows
from silentzone.records.tables import POSITION_METRICS
from silentzone.records.windows import WindowPlan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from silentzone.backends.base import LogitBackend
    from silentzone.metrics.head import OutputHead
    from silentzone.store.traces import ReferenceTrace

OK = "ok"
NON_FINITE = "non_finite"


class TraceTokens:
    """What the windows of a trace are, without the reference's logits."""

    def __init__(self, trace: ReferenceTrace) -> None:
        self._trace = trace
        self.plan = WindowPlan(**trace.header["plan"])

    def tokens(self, window: int) -> NDArray[np.int32]:
        """All tokens of a window, shape (C,)."""
        return np.ascontiguousarray(self._trace.tokens[window])

    def observed(self, window: int) -> NDArray[np.int32]:
        """Tokens that the scored logits of a window predict, shape (T,)."""
        return observed_tokens(self._trace.tokens[window], self.plan.first_scored)

    def document(self, window: int) -> int | None:
        """Document of a window, null where none is known."""
        documents = self._trace.documents
        return None if documents is None else int(documents[window])


class TraceReader(TraceTokens):
    """Gives the reference's logits of some positions, rebuilt or as stored, in one buffer.

    Parameters
    ----------
    trace : ReferenceTrace
        What the reference pass stored.
    head : OutputHead or None
        Needed where the trace stores hidden states.
    """

    def __init__(self, trace: ReferenceTrace, head: OutputHead | None) -> None:
        super().__init__(trace)
        most = min(trace.positions_per_window, block_rows(trace.vocabulary_size))
        self._rows = RowReader(trace, head, most)

    def logits(self, window: int, part: slice) -> NDArray[np.float32]:
        """Rebuild or read logits of a window, shape (T, V); valid until the next call.

        ``part`` selects scored positions, no more than ``row_blocks`` gives.
        """
        return self._rows.logits(self._stretch(window, part))

    def described(self, window: int, part: slice) -> ReferenceRows:
        """Normalisers, entropies and most likely tokens of scored positions of a window."""
        return self._rows.described(self._stretch(window, part))

    def _stretch(self, window: int, part: slice) -> slice:
        first = self._trace.stretch(window).start
        return slice(first + part.start, first + part.stop)


@dataclass(slots=True, eq=False)
class PositionRows:
    """Columns of a table of positions, collected window by window."""

    columns: dict[str, list[Any]] = field(default_factory=dict)

    def add(
        self,
        reader: TraceTokens,
        window: int,
        metrics: PositionMetrics,
        reference: ReferenceRows,
        part: slice | NDArray[np.intp] = slice(None),
        **constant: str,
    ) -> None:
        """Append positions of one window; ``part`` selects some of those that are scored."""
        observed = reader.observed(window)
        position = np.arange(len(observed), dtype=np.int32)[part] + reader.plan.first_scored + 1
        observed = observed[part]
        rows = len(observed)
        document = reader.document(window)
        values: dict[str, Any] = {
            "window": np.full(rows, window, np.int32),
            "document": np.ma.array(
                np.full(rows, -1 if document is None else document, np.int32),
                mask=np.full(rows, document is None),
            ),
            "position": position,
            "token_id": observed,
            "status": np.where(metrics.is_finite, OK, NON_FINITE),
            **{name: np.full(rows, value) for name, value in constant.items()},
        }
        for name in POSITION_METRICS:
            values[name] = position_values(metrics, reference, name)
        for name, value in values.items():
            self.columns.setdefault(name, []).append(value)

    def table(self) -> dict[str, Any]:
        """Whole columns."""
        join: Callable[[list[Any]], Any] = np.ma.concatenate
        return {name: join(parts) for name, parts in self.columns.items()}


def measure_candidate(
    backend: LogitBackend, reader: TraceReader, windows: int, on_window: Callable[[int, int], None]
) -> dict[str, Any]:
    """Columns of the candidate's table of positions over all windows of a trace.

    Raises
    ------
    MeasurementError
        If the engine stops before the last window.
    """
    rows = PositionRows()
    done = 0
    tokens = windows_of(reader, range(windows))
    for window in backend.window_logits(tokens, reader.plan):
        index, logits = window.index, np.ascontiguousarray(window.logits_TV)
        observed = reader.observed(index)
        for block in row_blocks(*logits.shape):
            part = slice(window.start + block.start, window.start + block.stop)
            reference = reader.described(index, part)
            metrics = compare_rows(
                reader.logits(index, part), logits[block], observed[part], reference
            )
            rows.add(reader, index, metrics, reference, part)
        done += window.rows.stop == reader.plan.positions_per_window
        on_window(done, windows)
    if done != windows:
        raise MeasurementError(f"the engine gave {done} of {windows} windows")
    return rows.table()


def windows_of(reader: TraceTokens, which: Iterable[int]) -> Iterable[NDArray[np.int32]]:
    """Tokens of some windows of a trace, one window at a time."""
    return (reader.tokens(window) for window in which)
