"""The reference's rows as they are kept, and its logits as they come back from them.

Shape letters: T rows taken at once, V vocabulary entries, D width of the hidden state.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from silentzone.errors import MeasurementError
from silentzone.metrics.head import decode_rows, encode_rows, row_bytes
from silentzone.metrics.kernels import (
    PositionMetrics,
    ReferenceRows,
    compare_rows,
    describe_rows,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from silentzone.metrics.head import OutputHead
    from silentzone.records.models import ModelRef
    from silentzone.store.traces import StoredRows

_LARGEST_SELF_KLD = 1e-6
"""Nats; a hidden state that does not rebuild the engine's logits this closely is not stored."""
_LARGEST_REBUILD_SHARE = 0.35
"""Rebuilding may take this share of a decode's work; beyond it logits are stored if they fit.

Work, not time: what is stored may not hang on what else the machine was doing."""
_DECODED_PER_ROW = 2
"""Tokens decoded for each row that is kept, as where half of every window is scored."""
LARGEST_LOGITS_BYTES = 8 * 10**9
_BLOCK_ROWS = 256
_BLOCK_BYTES = 256 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceForm:
    """How the rows of a trace are stored, and why."""

    form: str
    """``hidden`` or ``logits``."""
    row_encoding: str
    row_bytes: int
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class EngineRows:
    """What an engine gave for some positions, and the tokens that came next there."""

    logits_TV: NDArray[np.float32]
    """C-contiguous."""
    hidden_TD: NDArray[np.float32] | None
    observed: NDArray[np.int32]
    """Shape (T,)."""

    def finite(self) -> NDArray[np.bool_]:
        """Where the logits are usable, shape (T,)."""
        # a maximum of NaN is NaN, and a row of nothing but -inf has none
        return np.asarray(np.isfinite(self.logits_TV.max(axis=1)))

    def only(self, which: NDArray[np.bool_]) -> EngineRows:
        """Give some of the rows."""
        if which.all():
            return self
        hidden = None if self.hidden_TD is None else self.hidden_TD[which]
        return EngineRows(self.logits_TV[which], hidden, self.observed[which])

    def zeroed(self, which: NDArray[np.bool_]) -> EngineRows:
        """Give the same rows with zeros in the place of some."""
        logits = np.where(which[:, None], np.float32(0.0), self.logits_TV)
        hidden = self.hidden_TD
        if hidden is not None:
            hidden = np.where(which[:, None], np.float32(0.0), hidden)
        return EngineRows(logits, hidden, self.observed)


class KeptRows:
    """Collects the rows of one reference pass and measures how well they rebuild the logits.

    Parameters
    ----------
    model : ModelRef
        The reference.
    head : OutputHead or None
        Its last product; null stores logits.
    total_rows : int
        Rows of the whole pass.
    checked_parts : int
        So many of the first parts taken are rebuilt and held against the engine's logits.
    """

    def __init__(
        self, model: ModelRef, head: OutputHead | None, total_rows: int, checked_parts: int
    ) -> None:
        self._model = model
        self._head = head
        self._total_rows = total_rows
        self._left_to_check = checked_parts
        self._described: list[ReferenceRows] = []
        self._self_kld: list[NDArray[np.float64]] = []
        self._largest_difference = 0.0
        self._width = model.vocabulary_size
        self.chosen: TraceForm

    @property
    def logits_bytes(self) -> int:
        """What the logits of the whole pass would take on disk."""
        return 4 * self._model.vocabulary_size * self._total_rows

    def choose_form(self, part: EngineRows) -> None:
        """Decide by a first part what is stored."""
        if self._head is None or part.hidden_TD is None:
            reason = "no exact form of the output head is known for this model"
            self.chosen = self._as_logits(reason)
            return
        width = part.hidden_TD.shape[1]
        part = part.only(part.finite())
        kld = _compare_with_self(self._rebuild(part), part)
        if not len(kld) or not float(kld.mean()) <= _LARGEST_SELF_KLD:
            said = f"only to {kld.mean():.1e} nats" if len(kld) else "nowhere"
            self.chosen = self._as_logits(f"hidden states rebuild the logits {said}")
            return
        head = self._model.vocabulary_size * width
        share = head / max(self._model.parameter_count * _DECODED_PER_ROW, 1)
        total = self.logits_bytes
        if share > _LARGEST_REBUILD_SHARE and total <= LARGEST_LOGITS_BYTES:
            reason = (
                f"rebuilding is {share:.0%} of a decode's work and the logits take {total:,} bytes"
            )
            self.chosen = self._as_logits(reason)
            return
        self._width = width
        self.chosen = TraceForm(
            form="hidden",
            row_encoding=self._head.row_code,
            row_bytes=row_bytes(self._head.row_code, width),
            reason=f"rebuilding is {share:.0%} of a decode's work",
        )

    def header(self) -> dict[str, Any]:
        """Fields of the trace's header that say how its rows are read."""
        return {
            "form": self.chosen.form,
            "form_reason": self.chosen.reason,
            "row_encoding": self.chosen.row_encoding,
            "vocabulary": self._model.vocabulary_size,
            "width": self._width,
            "head": {"type": self._model.head_type},
        }

    def take(self, part: EngineRows) -> NDArray[np.uint8]:
        """Describe some positions and give their rows as they are stored.

        A row with logits that are not finite is stored as zeros, and its description is NaN.
        """
        is_finite = part.finite()
        usable = part
        if not is_finite.all():
            usable, part = part.only(is_finite), part.zeroed(~is_finite)
        described = describe_rows(part.logits_TV, part.observed)
        for entry in fields(ReferenceRows):
            if entry.name != "top5":
                getattr(described, entry.name)[~is_finite] = np.nan
        self._described.append(described)
        if self.chosen.form == "logits":
            return part.logits_TV.view(np.uint8)
        if self._left_to_check:
            self._left_to_check -= 1
            self._check(usable)
        assert part.hidden_TD is not None, "the form is hidden only where states were given"
        return encode_rows(part.hidden_TD, self.chosen.row_encoding)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Per-row values of the whole pass."""
        return {
            entry.name: np.concatenate([getattr(part, entry.name) for part in self._described])
            for entry in fields(ReferenceRows)
        }

    def rebuild_error(self) -> dict[str, Any] | None:
        """How far rebuilt logits were from the engine's; null where logits are stored."""
        kld = np.concatenate([np.empty(0), *self._self_kld])
        if not len(kld):
            return None
        return {
            "self_kld_mean": float(kld.mean()),
            "self_kld_max": float(kld.max()),
            "largest_logit_difference": self._largest_difference,
            "positions": len(kld),
        }

    def _as_logits(self, reason: str) -> TraceForm:
        size = 4 * self._model.vocabulary_size
        return TraceForm(form="logits", row_encoding="f32", row_bytes=size, reason=reason)

    def _check(self, part: EngineRows) -> None:
        rebuilt = self._rebuild(part)
        self._self_kld.append(_compare_with_self(rebuilt, part))
        difference = float(np.abs(rebuilt - part.logits_TV).max(initial=0.0))
        self._largest_difference = max(self._largest_difference, difference)

    def _rebuild(self, part: EngineRows) -> NDArray[np.float32]:
        assert self._head is not None
        assert part.hidden_TD is not None
        code = self._head.row_code
        states = decode_rows(encode_rows(part.hidden_TD, code), code, part.hidden_TD.shape[1])
        rebuilt = np.empty(part.logits_TV.shape, np.float32)
        self._head.logits(states, rebuilt)
        return rebuilt


def block_rows(vocabulary_size: int) -> int:
    """Rows of logits that are held at once where rows come in small groups: about a window's.

    A product with few rows is bound by reading the head's weights, which 256 rows share.

    Examples
    --------
    >>> block_rows(32_000), block_rows(1_000_000)
    (256, 67)
    """
    return max(1, min(_BLOCK_ROWS, _BLOCK_BYTES // (4 * vocabulary_size)))


def row_blocks(rows: int, vocabulary_size: int) -> Iterator[slice]:
    """Cut rows of logits into as few blocks as :func:`block_rows` allows.

    Examples
    --------
    >>> [(part.start, part.stop) for part in row_blocks(300, 32_000)]
    [(0, 256), (256, 300)]
    """
    step = block_rows(vocabulary_size)
    return (slice(start, min(start + step, rows)) for start in range(0, rows, step))


class RowReader:
    """Gives the reference's logits of a stretch of rows, rebuilt or as stored, in one buffer.

    Parameters
    ----------
    trace : StoredRows
        What the reference pass stored.
    head : OutputHead or None
        Needed where the trace stores hidden states.
    capacity : int
        Most rows asked for at once.
    """

    def __init__(self, trace: StoredRows, head: OutputHead | None, capacity: int) -> None:
        if trace.form == "hidden" and head is None:
            raise MeasurementError(
                "the reference trace stores hidden states, and the reference's output head "
                "cannot be read"
            )
        self._trace = trace
        self._head = head
        is_rebuilt = trace.form == "hidden"
        shape = (capacity if is_rebuilt else 0, trace.vocabulary_size)
        self._buffer = np.empty(shape, np.float32)

    def logits(self, rows: slice) -> NDArray[np.float32]:
        """Logits of some rows, shape (T, V); valid until the next call."""
        stored = self._trace.rows[rows]
        if self._trace.form == "logits":
            return np.ascontiguousarray(stored).view(np.float32)
        assert self._head is not None, "checked when the reader was made"
        states = decode_rows(stored, self._trace.row_encoding, self._trace.width)
        out = self._buffer[: len(states)]
        self._head.logits(states, out)
        return out

    def described(self, rows: slice) -> ReferenceRows:
        """Normalisers, entropies and most likely tokens of some rows."""
        return stored_description(self._trace, rows)


def stored_description(trace: StoredRows, rows: slice) -> ReferenceRows:
    """Give what the reference pass stored of some rows beside them."""
    return ReferenceRows(
        **{
            entry.name: np.ascontiguousarray(trace.arrays[entry.name][rows])
            for entry in fields(ReferenceRows)
        }
    )


def position_values(metrics: PositionMetrics, reference: ReferenceRows, name: str) -> Any:  # noqa: ANN401
    """Values of one column of position metrics, shape (T,), null where a row is not finite."""
    if hasattr(metrics, name):
        values = getattr(metrics, name)
    else:
        own = {"reference_nll": "nll", "reference_entropy": "entropy"}
        values = getattr(reference, own.get(name, name.removeprefix("reference_")))
    return np.ma.array(values, mask=~metrics.is_finite)


def _compare_with_self(rebuilt: NDArray[np.float32], part: EngineRows) -> NDArray[np.float64]:
    """Divergences of rebuilt logits from the engine's own."""
    reference = describe_rows(part.logits_TV, part.observed)
    return compare_rows(part.logits_TV, rebuilt, part.observed, reference).kl_divergence
