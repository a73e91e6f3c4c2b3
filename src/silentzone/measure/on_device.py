"""The candidate pass where the candidate's states are: no logits leave the device, or exist.

The reference's states come from its trace, its head from its file; both are brought to the device
in the type that holds them exactly.

Shape letters: T scored positions of a window, V vocabulary entries, D width of the hidden state.
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from silentzone.errors import MeasurementError
from silentzone.gpu.positions import compare_positions
from silentzone.gpu.projection import Projection, require_torch
from silentzone.measure.candidate import (
    PositionRows,
    TraceReader,
    TraceTokens,
    measure_candidate,
    windows_of,
)
from silentzone.measure.trace_rows import stored_description
from silentzone.metrics.head import decode_rows
from silentzone.metrics.kernels import PositionMetrics

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

    from silentzone.backends.base import DeviceBackend, LogitBackend
    from silentzone.gpu.positions import PositionMetrics as DeviceMetrics
    from silentzone.metrics.head import OutputHead
    from silentzone.metrics.kernels import ReferenceRows
    from silentzone.store.traces import ReferenceTrace


def candidate_columns(
    backend: LogitBackend,
    trace: ReferenceTrace,
    head: OutputHead | None,
    on_window: Callable[[int, int], None],
) -> dict[str, Any]:
    """Columns of a candidate's table of positions, measured where its states are if that pays.

    Parameters
    ----------
    backend : LogitBackend
        The candidate.
    trace : ReferenceTrace
    head : OutputHead or None
        The reference's; needed where the trace stores hidden states.
    on_window : callable
        Told (windows done, windows in all).

    Raises
    ------
    MeasurementError
        If the engine stops before the last window.
    """
    if head is not None and backend.capabilities.keeps_states_on_device:
        return measure_on_device(cast("DeviceBackend", backend), trace, head, on_window)
    return measure_candidate(backend, TraceReader(trace, head), trace.window_count, on_window)


def measure_on_device(
    backend: DeviceBackend,
    trace: ReferenceTrace,
    head: OutputHead,
    on_window: Callable[[int, int], None],
) -> dict[str, Any]:
    """Columns of the candidate's table of positions over all windows of a trace.

    Raises
    ------
    MeasurementError
        If the engine stops before the last window.
    """
    reader = TraceTokens(trace)
    rows, windows, done = PositionRows(), trace.window_count, 0
    reference: _Reference | None = None
    for found in backend.window_states(windows_of(reader, range(windows)), reader.plan):
        candidate = found.projection
        if reference is None:
            reference = _Reference(trace, head, candidate.hidden_TD.device)
        observed = _tensor(reader.observed(found.index)).to(candidate.hidden_TD.device)
        (values,) = compare_positions(
            reference.window(found.index), [candidate], observed, vocabulary=trace.vocabulary_size
        )
        rows.add(reader, found.index, _as_rows(values), reference.described(found.index))
        done += 1
        on_window(done, windows)
    if done != windows:
        raise MeasurementError(f"the engine gave {done} of {windows} windows")
    return rows.table()


class _Reference:
    """The reference's stored states and its head, on a device."""

    def __init__(self, trace: ReferenceTrace, head: OutputHead, device: torch.device) -> None:
        self._trace = trace
        self._device = device
        self._weight = _exactly(head.weight_VD, head.row_code).to(device)
        self._bias = None if head.bias_V is None else _tensor(head.bias_V).to(device)
        self._softcap = head.softcap

    def window(self, index: int) -> Projection:
        """Scored positions of a window."""
        stored = self._trace.rows[self._trace.stretch(index)]
        states = decode_rows(stored, self._trace.row_encoding, self._trace.width)
        return Projection(
            hidden_TD=_tensor(states).to(self._device, self._weight.dtype),
            weight_VD=self._weight,
            bias_V=self._bias,
            softcap=self._softcap,
        )

    def described(self, index: int) -> ReferenceRows:
        """Give what the reference pass stored of the positions of a window."""
        return stored_description(self._trace, self._trace.stretch(index))


def _tensor(values: np.ndarray) -> torch.Tensor:
    torch = require_torch()
    return torch.from_numpy(np.array(values))


def _exactly(weight: np.ndarray, row_code: str) -> torch.Tensor:
    """Weights in the 16 bits that the states are stored in, where that changes none of them."""
    torch = require_torch()
    whole = _tensor(weight)
    kind = {"f16": torch.float16, "bf16": torch.bfloat16}.get(row_code)
    if kind is None:
        return whole
    short = whole.to(kind)
    return short if torch.equal(short.float(), whole) else whole


def _as_rows(values: DeviceMetrics) -> PositionMetrics:
    """Give the values as the other way through the windows has them."""
    return PositionMetrics(
        **{one.name: getattr(values, one.name).cpu().numpy() for one in fields(PositionMetrics)}
    )
