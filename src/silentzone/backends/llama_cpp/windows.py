"""Logits of whole windows of a text, several windows per call as llama-perplexity has them.

Shape letters: C tokens of a window.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import llama_cpp as native
import numpy as np

from silentzone.backends.base import WindowLogits
from silentzone.backends.llama_cpp.batches import Batch
from silentzone.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from silentzone.backends.base import BatchSplit
    from silentzone.backends.llama_cpp.context import Context
    from silentzone.records.windows import WindowPlan


class WindowPass:
    """One way through the windows of a plan.

    Parameters
    ----------
    context : Context
    plan : WindowPlan
    with_hidden : bool
        Whether final hidden states are given too; every token is then an output.
    split : BatchSplit
    """

    def __init__(
        self, context: Context, plan: WindowPlan, with_hidden: bool, split: BatchSplit
    ) -> None:
        self._context = context
        self._plan = plan
        self._with_hidden = with_hidden
        self._split = split

    def run(self, windows: Iterable[NDArray[np.int32]]) -> Iterator[WindowLogits]:
        """Logits window by window, in order; a window that is too long comes in stretches."""
        plan, together, step = self._plan, self._windows_per_call(), self._step()
        self._context.open(
            tokens=plan.context_length * together,
            sequences=together,
            batch=plan.context_length * together if step is None else step,
            with_hidden=self._with_hidden,
            is_unified=False,
        )
        waiting: list[NDArray[np.int32]] = []
        first = 0
        for window in windows:
            waiting.append(self._with_bos(window))
            if len(waiting) == together:
                yield from self._decode(waiting, first, step)
                first, waiting = first + together, []
        while waiting:
            part = waiting[: _power_of_two(len(waiting))]
            yield from self._decode(part, first, step)
            first += len(part)
            waiting = waiting[len(part) :]

    def _with_bos(self, window: NDArray[np.int32]) -> NDArray[np.int32]:
        if not self._plan.add_bos:
            return window
        changed = window.copy()
        changed[0] = self._context.vocabulary.bos
        return changed

    @property
    def _rows_that_fit(self) -> int:
        """Rows of logits that may be held at once."""
        return self._context.settings.memory_bytes // (4 * self._context.vocabulary.size)

    @property
    def _output_rows(self) -> int:
        """Rows of logits that one window gives."""
        return self._plan.context_length if self._with_hidden else self._plan.positions_per_window

    def _windows_per_call(self) -> int:
        """Windows decoded together: llama-perplexity's number, fewer if memory is short.

        Always a power of two: llama.cpp cuts a call into micro-batches with an equal stretch of
        every window, and stretches such as 170 tokens give other sums than 128 or 512 do.
        """
        if self._split.tokens_per_call is not None:
            return 1
        length, settings = self._plan.context_length, self._context.settings
        fits = self._rows_that_fit // self._output_rows
        most = int(native.llama_max_parallel_sequences())
        together = min(settings.batch_tokens // length, fits, most)
        return _power_of_two(max(1, int(together)))

    def _step(self) -> int | None:
        """Tokens of a stretch where one window's logits are too many at once, else null.

        Whole micro-batches, or whole calls of the split: then the sums are those of one call.
        """
        if self._output_rows <= self._rows_that_fit:
            return None
        length, settings = self._plan.context_length, self._context.settings
        unit = self._split.tokens_per_call or settings.micro_batch_tokens
        return min(length, max(unit, self._rows_that_fit // unit * unit))

    def _decode(
        self, windows: list[NDArray[np.int32]], first: int, step: int | None
    ) -> Iterator[WindowLogits]:
        batch = self._batch(windows, first)
        where = f"windows {first} to {first + len(windows) - 1}"
        self._context.clear()
        if step is None:
            yield from self._whole(batch, len(windows), first, where)
        else:
            yield from self._stretches(batch, first, step, where)

    def _batch(self, windows: list[NDArray[np.int32]], first: int) -> Batch:
        length, rows = self._plan.context_length, self._plan.positions_per_window
        scored = np.zeros(length, np.int8)
        scored[self._plan.first_scored : self._plan.first_scored + rows] = 1
        batch = Batch(length * len(windows))
        for sequence, window in enumerate(windows):
            if len(window) != length:
                raise InputError(
                    f"window {first + sequence} has {len(window)} tokens, not {length}."
                )
            batch.add(window, np.arange(length), (sequence,), scored)
        return batch

    def _whole(self, batch: Batch, count: int, first: int, where: str) -> Iterator[WindowLogits]:
        """Decode whole windows in one call, or in those of the split."""
        plan, context, split = self._plan, self._context, self._split
        length, rows = plan.context_length, plan.positions_per_window
        if split.tokens_per_call is not None:
            logits = context.decode_in_calls(batch, split.calls(0, len(batch)), where)
            yield WindowLogits(first, logits, None)
            return
        context.decode(batch, where)
        outputs = len(batch) if self._with_hidden else rows * count
        logits = context.logits(outputs)
        hidden = context.hidden(outputs) if self._with_hidden else None
        for k in range(count):
            start = k * length + plan.first_scored if self._with_hidden else k * rows
            part = slice(start, start + rows)
            states = None if hidden is None else hidden[part]
            yield WindowLogits(first + k, logits[part], states, count)

    def _stretches(self, batch: Batch, index: int, step: int, where: str) -> Iterator[WindowLogits]:
        """Decode one window in calls of ``step`` tokens; each gives its own scored positions."""
        plan, context = self._plan, self._context
        last_scored = plan.first_scored + plan.positions_per_window
        for start in range(0, len(batch), step):
            part = slice(start, min(start + step, len(batch)))
            first, last = max(start, plan.first_scored), min(part.stop, last_scored)
            hidden = None
            if self._split.tokens_per_call is not None:
                calls = self._split.calls(part.start, part.stop)
                logits = context.decode_in_calls(batch, calls, where)
            else:
                context.decode_part(batch, part, where)
            if first >= last:
                continue
            own = slice(0, last - first)
            if self._split.tokens_per_call is None:
                # with hidden states every token is an output, otherwise only those scored
                outputs = part.stop - start if self._with_hidden else last - first
                logits = context.logits(outputs)
                if self._with_hidden:
                    own = slice(first - start, last - start)
                    hidden = context.hidden(outputs)[own]
            yield WindowLogits(index, logits[own], hidden, start=first - plan.first_scored)


def _power_of_two(number: int) -> int:
    """Largest power of two that is not above a positive number."""
    return 1 << (number.bit_length() - 1)
