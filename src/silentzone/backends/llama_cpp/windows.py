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
        """Logits window by window, in order."""
        plan, together = self._plan, self._windows_per_call()
        self._context.open(
            tokens=plan.context_length * together,
            sequences=together,
            batch=max(plan.context_length * together, 1),
            with_hidden=self._with_hidden,
            is_unified=False,
        )
        waiting: list[NDArray[np.int32]] = []
        first = 0
        for window in windows:
            waiting.append(self._with_bos(window))
            if len(waiting) == together:
                yield from self._decode(waiting, first)
                first += together
                waiting = []
        while waiting:
            part = waiting[: _power_of_two(len(waiting))]
            yield from self._decode(part, first)
            first += len(part)
            waiting = waiting[len(part) :]

    def _with_bos(self, window: NDArray[np.int32]) -> NDArray[np.int32]:
        if not self._plan.add_bos:
            return window
        changed = window.copy()
        changed[0] = self._context.vocabulary.bos
        return changed

    def _windows_per_call(self) -> int:
        """Windows decoded together: llama-perplexity's number, fewer if memory is short.

        Always a power of two: llama.cpp cuts a call into micro-batches with an equal stretch of
        every window, and stretches such as 170 tokens give other sums than 128 or 512 do.
        """
        if self._split.tokens_per_call is not None:
            return 1
        length, settings = self._plan.context_length, self._context.settings
        output_rows = length if self._with_hidden else self._plan.positions_per_window
        fits = settings.memory_bytes // (4 * self._context.vocabulary.size * output_rows)
        most = int(native.llama_max_parallel_sequences())
        together = min(settings.batch_tokens // length, fits, most)
        return _power_of_two(max(1, int(together)))

    def _decode(self, windows: list[NDArray[np.int32]], first: int) -> Iterator[WindowLogits]:
        plan, context, split = self._plan, self._context, self._split
        length, rows = plan.context_length, plan.positions_per_window
        scored = np.zeros(length, np.int8)
        scored[plan.first_scored : plan.first_scored + rows] = 1
        batch = Batch(length * len(windows))
        for sequence, window in enumerate(windows):
            if len(window) != length:
                raise InputError(
                    f"window {first + sequence} has {len(window)} tokens, not {length}."
                )
            batch.add(window, np.arange(length), (sequence,), scored)
        where = f"windows {first} to {first + len(windows) - 1}"
        context.clear()
        if split.tokens_per_call is not None:
            logits = context.decode_in_steps(batch, split.tokens_per_call, where)
            yield WindowLogits(first, logits, None)
            return
        context.decode(batch, where)
        outputs = len(batch) if self._with_hidden else rows * len(windows)
        logits = context.logits(outputs)
        hidden = context.hidden(outputs) if self._with_hidden else None
        for k in range(len(windows)):
            start = k * length + plan.first_scored if self._with_hidden else k * rows
            part = slice(start, start + rows)
            states = None if hidden is None else hidden[part]
            yield WindowLogits(first + k, logits[part], states, len(windows))


def _power_of_two(number: int) -> int:
    """Largest power of two that is not above a positive number."""
    return 1 << (number.bit_length() - 1)
