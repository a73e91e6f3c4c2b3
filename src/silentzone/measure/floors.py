"""A model against itself under another batch split: the noise below which nothing can be seen.

Shape letters: T scored positions of a window, V vocabulary entries.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from silentzone.backends.base import BatchSplit
from silentzone.measure.candidate import PositionRows, TraceTokens, windows_of
from silentzone.measure.perturbations import (
    TOKEN_BY_TOKEN,
    UNEVEN_BATCH,
    UNEVEN_TOKENS,
    spread,
)
from silentzone.metrics.kernels import compare_rows, describe_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from silentzone.backends.base import LogitBackend


FLOOR_LEAD = 512
"""Tokens before the first position that are decoded one at a time too: with a longer window, all of
those before would cost hundreds of times the window's own decode."""
_LARGEST_RUN_BYTES = 512 * 2**20
"""Of the logits of one run over a window that are kept for the other."""


def floor_steps(windows: int, positions: int, trace_windows: int, rows: int) -> int:
    """Windows that a floor measurement decodes, for its progress."""
    return 2 * min(windows, trace_windows) + 2 * _windows_for(positions, trace_windows, rows)


def measure_floors(
    backend: LogitBackend,
    reader: TraceTokens,
    trace_windows: int,
    *,
    windows: int,
    positions: int,
    on_window: Callable[[], None],
) -> dict[str, Any]:
    """Columns of a model's floor table on one corpus.

    Parameters
    ----------
    backend : LogitBackend
        The model.
    reader : TraceTokens
        Gives the tokens of the windows; the reference's logits are not used.
    trace_windows : int
        Windows of the trace, from which those repeated are taken evenly.
    windows : int
        Windows repeated under an uneven batch split.
    positions : int
        Positions decoded one token at a time, from the first scored one on, as are up to 512
        tokens before them.
    on_window : callable
        Told after every window decoded.

    Returns
    -------
    dict of str to array
        One row per position and perturbation; the ordinary run stands as the reference, the
        perturbed one as the candidate.
    """
    rows = PositionRows()
    for window in spread(min(windows, trace_windows), trace_windows):
        split = BatchSplit(tokens_per_call=UNEVEN_TOKENS)
        _against_itself(backend, reader, window, split, None, rows, UNEVEN_BATCH, on_window)
    left = positions
    scored = reader.plan.positions_per_window
    for window in spread(_windows_for(positions, trace_windows, scored), trace_windows):
        part = min(left, scored)
        split = BatchSplit(
            tokens_per_call=1, from_token=max(0, reader.plan.first_scored - FLOOR_LEAD)
        )
        _against_itself(backend, reader, window, split, part, rows, TOKEN_BY_TOKEN, on_window)
        left -= part
    return rows.table()


def _against_itself(  # noqa: PLR0913, PLR0917 - one place, all of it needed
    backend: LogitBackend,
    reader: TraceTokens,
    window: int,
    split: BatchSplit,
    positions: int | None,
    rows: PositionRows,
    perturbation: str,
    on_window: Callable[[], None],
) -> None:
    plan = reader.plan
    wanted = plan.positions_per_window if positions is None else positions
    ordinary = _logits_of(backend, reader, window, plan.context_length, BatchSplit(), wanted)
    on_window()
    length = plan.context_length if positions is None else plan.first_scored + 1 + positions
    perturbed = _logits_of(backend, reader, window, length, split, wanted)
    on_window()
    part = np.array(spread(len(perturbed), wanted), np.intp)
    observed = reader.observed(window)[part]
    reference = describe_rows(ordinary, observed)
    metrics = compare_rows(ordinary, perturbed, observed, reference)
    rows.add(reader, window, metrics, reference, part, perturbation=perturbation)


def _logits_of(
    backend: LogitBackend,
    reader: TraceTokens,
    window: int,
    length: int,
    split: BatchSplit,
    wanted: int,
) -> NDArray[np.float32]:
    """Logits of the first ``wanted`` scored positions of a window cut to ``length`` tokens.

    A copy; of those that :func:`rows_kept` leaves, evenly spread.
    """
    plan = replace(reader.plan, context_length=length)
    tokens = (whole[:length] for whole in windows_of(reader, [window]))
    gathered = []
    for stretch in backend.window_logits(tokens, plan, split=split):
        kept = spread(rows_kept(wanted, stretch.logits_TV.shape[1]), wanted)
        own = [row - stretch.start for row in kept if stretch.start <= row < stretch.rows.stop]
        gathered.append(stretch.logits_TV[own])
    return np.concatenate(gathered)


def rows_kept(rows: int, vocabulary_size: int) -> int:
    """Scored positions of a window that its floor is measured at: a long window's are sampled.

    Two runs are held at the same time, so their logits must be few.

    Examples
    --------
    >>> rows_kept(255, 262_144), rows_kept(16_383, 49_152)
    (255, 2730)
    """
    return max(1, min(rows, _LARGEST_RUN_BYTES // (4 * vocabulary_size)))


def _windows_for(positions: int, trace_windows: int, rows: int) -> int:
    return min(-(-positions // rows), trace_windows) if positions > 0 else 0
