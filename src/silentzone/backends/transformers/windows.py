"""Logits of whole windows of a text, several windows per call.

Shape letters: C tokens of a window, T scored positions, V vocabulary entries, D width of the
hidden state.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from silentzone.backends.base import BatchSplit, WindowLogits, WindowStates
from silentzone.backends.transformers.kv_cache import BLOCK
from silentzone.errors import InputError
from silentzone.gpu.projection import Projection

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from silentzone.backends.base import EngineSettings
    from silentzone.backends.transformers.network import Network
    from silentzone.records.windows import WindowPlan


class WindowPass:
    """One way through the windows of a plan.

    Parameters
    ----------
    network : Network
    settings : EngineSettings
    plan : WindowPlan
    bos : int or None
        Token that replaces the first of every window, if the plan says so.
    with_hidden : bool
        Whether final hidden states are given too.
    """

    def __init__(
        self,
        network: Network,
        settings: EngineSettings,
        plan: WindowPlan,
        bos: int | None,
        *,
        with_hidden: bool,
    ) -> None:
        self._network = network
        self._settings = settings
        self._plan = plan
        self._bos = bos
        self._with_hidden = with_hidden

    def run(
        self, windows: Iterable[NDArray[np.int32]], split: BatchSplit
    ) -> Iterator[WindowLogits]:
        """Logits window by window, in order; a window that is too long comes in stretches."""
        step = split.tokens_per_call
        is_alone = step is not None or self._network.rounds_cache
        together = max(1, self._settings.batch_tokens // self._plan.context_length)
        waiting: list[NDArray[np.int32]] = []
        for index, window in enumerate(windows):
            waiting.append(self._checked(window, index))
            if len(waiting) == (1 if is_alone else together):
                yield from self._decode(waiting, index + 1 - len(waiting), split)
                waiting = []
            last = index
        if waiting:
            yield from self._decode(waiting, last + 1 - len(waiting), split)

    def states(self, windows: Iterable[NDArray[np.int32]]) -> Iterator[WindowStates]:
        """Scored states window by window with the head they go to, on the model's device."""
        plan, head = self._plan, self._network.head
        assert head is not None, "asked only of a network whose head is known"
        for index, window in enumerate(windows):
            found = self._states([self._checked(window, index)], BatchSplit())[0]
            scored = found[plan.first_scored : plan.first_scored + plan.positions_per_window]
            yield WindowStates(
                index,
                Projection(
                    hidden_TD=scored.to(head.weight_VD.device, head.weight_VD.dtype),
                    weight_VD=head.weight_VD,
                    bias_V=head.bias_V,
                    softcap=head.softcap,
                    scale=head.scale,
                ),
            )

    def _checked(self, window: NDArray[np.int32], index: int) -> NDArray[np.int32]:
        if len(window) != self._plan.context_length:
            raise InputError(
                f"window {index} has {len(window)} tokens, not {self._plan.context_length}."
            )
        if not self._plan.add_bos or self._bos is None:
            return window
        changed = window.copy()
        changed[0] = self._bos
        return changed

    def _decode(
        self, windows: list[NDArray[np.int32]], first: int, split: BatchSplit
    ) -> Iterator[WindowLogits]:
        states = self._states(windows, split)
        unit = split.tokens_per_call or self._settings.micro_batch_tokens
        for k in range(len(windows)):
            for part, start in self._stretches(states[k], unit):
                hidden = self._network.hidden(part) if self._with_hidden else None
                logits = self._logits(part, unit)
                yield WindowLogits(first + k, logits, hidden, len(windows), start)

    def _states(self, windows: list[NDArray[np.int32]], split: BatchSplit) -> torch.Tensor:
        """States of windows, (B, C, D); of a single one where they are run in several calls."""
        step, whole = split.tokens_per_call, split.from_token
        if step is None and not self._network.rounds_cache:
            return self._network.states(np.stack(windows))
        if step is None or (self._network.rounds_cache and whole < BLOCK):
            whole = 0  # a first call that is no block would be rounded at another place
        (window,), cache, run = windows, self._network.new_cache(), self._network.states_in_calls
        if not whole:
            return run(window, step, cache)[None]
        parts = (run(window[:whole], None, cache), run(window[whole:], step, cache, whole))
        return torch.cat(parts)[None]

    def _stretches(self, states_CD: torch.Tensor, unit: int) -> Iterator[tuple[torch.Tensor, int]]:
        """Scored states as many at a time as their logits may be held, in whole units."""
        plan = self._plan
        scored = states_CD[plan.first_scored : plan.first_scored + plan.positions_per_window]
        fits = self._settings.memory_bytes // (4 * self._network.vocabulary_size)
        rows = max(unit, fits // unit * unit)
        for start in range(0, len(scored), rows):
            yield scored[start : start + rows], start

    def _logits(self, states_TD: torch.Tensor, unit: int) -> NDArray[np.float32]:
        """Logits unit by unit: the sums are the same however many are wanted at once."""
        if len(states_TD) <= unit:
            return self._network.logits(states_TD)  # no second array of the same size
        out = np.empty((len(states_TD), self._network.vocabulary_size), np.float32)
        for first in range(0, len(states_TD), unit):
            part = slice(first, first + unit)
            out[part] = self._network.logits(states_TD[part])
        return out
