"""Logits along continuations of prompts: a prompt is run once for all that may follow it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from silentzone.backends.base import ContinuationLogits

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from silentzone.backends.base import BatchSplit, ContinuationRequest, EngineSettings
    from silentzone.backends.transformers.network import Network

_MOST_SEQUENCES = 64


@dataclass(frozen=True, slots=True)
class _Choice:
    """One continuation of one request."""

    request: int
    continuation: int


class ContinuationPass:
    """One way through requests.

    Parameters
    ----------
    network : Network
    settings : EngineSettings
    requests : sequence of ContinuationRequest
    with_hidden : bool
        Whether final hidden states are given too.
    share_prompts : bool
        Whether a prompt is run once for all of its continuations.
    """

    def __init__(
        self,
        network: Network,
        settings: EngineSettings,
        requests: Sequence[ContinuationRequest],
        *,
        with_hidden: bool,
        share_prompts: bool,
    ) -> None:
        self._network = network
        self._requests = requests
        self._most_tokens = settings.batch_tokens
        self._with_hidden = with_hidden
        self._shares = share_prompts and network.can_pad

    def run(self, split: BatchSplit) -> Iterator[ContinuationLogits]:
        """Logits of every continuation, grouped by request, in order."""
        step = split.tokens_per_call
        if step is not None or self._network.rounds_cache:
            for index in range(len(self._requests)):
                yield from self._one_by_one(index, step)
            return
        for group in self._groups():
            states = self._shared(group) if self._shares else self._whole(group)
            for choice, rows in states:
                yield self._part(choice, rows, len(group))

    def _part(self, choice: _Choice, states: torch.Tensor, together: int) -> ContinuationLogits:
        return ContinuationLogits(
            choice.request,
            choice.continuation,
            self._network.logits(states),
            self._network.hidden(states) if self._with_hidden else None,
            together,
        )

    def _groups(self) -> Iterator[list[int]]:
        """Give requests to be run together: bounded by padded tokens and by sequences."""
        group: list[int] = []
        for index in range(len(self._requests)):
            tokens, sequences = self._size([*group, index])
            if group and (tokens > self._most_tokens or sequences > _MOST_SEQUENCES):
                yield group
                group = []
            group.append(index)
        if group:
            yield group

    def _size(self, group: list[int]) -> tuple[int, int]:
        requests = [self._requests[index] for index in group]
        sequences = sum(len(request.continuations) for request in requests)
        prompt = max(len(request.prompt) for request in requests)
        longest = max(
            (len(one) for request in requests for one in request.continuations), default=1
        )
        if self._shares:
            return len(requests) * prompt + sequences * (longest - 1), sequences
        return sequences * (prompt + longest - 1), sequences

    def _choices(self, group: list[int]) -> list[_Choice]:
        return [
            _Choice(index, k)
            for index in group
            for k in range(len(self._requests[index].continuations))
        ]

    def _tokens(self, choice: _Choice) -> NDArray[np.int32]:
        return self._requests[choice.request].continuations[choice.continuation]

    def _shared(self, group: list[int]) -> Iterator[tuple[_Choice, torch.Tensor]]:
        """Run prompts side by side, padded in front, then all that may follow them."""
        prompts = [self._requests[index].prompt for index in group]
        width = max(map(len, prompts))
        pads = np.array([width - len(prompt) for prompt in prompts])
        tokens, columns = np.zeros((len(prompts), width), np.int64), np.arange(width)
        for row, prompt in enumerate(prompts):
            tokens[row, pads[row] :] = prompt
        counts = (columns >= pads[:, None]).astype(np.int64)
        positions = np.maximum(columns - pads[:, None], 0)
        cache = self._network.new_cache()
        mask = None if counts.all() else counts
        last = self._network.states(tokens, cache, mask, positions)[:, -1]
        choices = self._choices(group)
        owner = np.array([group.index(choice.request) for choice in choices], np.int64)
        inner = [self._tokens(choice)[:-1] for choice in choices]
        longest = max(map(len, inner), default=0)
        after: torch.Tensor | None = None
        if longest:
            more = np.zeros((len(choices), longest), np.int64)
            for row, part in enumerate(inner):
                more[row, : len(part)] = part
            cache.batch_select_indices(torch.from_numpy(owner).to(last.device))
            ahead = np.ones((len(choices), longest), np.int64)
            whole = np.concatenate((counts[owner], ahead), axis=1)
            lengths = width - pads[owner]
            places = lengths[:, None] + np.arange(longest)
            after = self._network.states(more, cache, None if mask is None else whole, places)
        for row, choice in enumerate(choices):
            first = last[owner[row]][None]
            rest = first[:0] if after is None else after[row, : len(inner[row])]
            yield choice, torch.cat((first, rest.to(first.device)))

    def _whole(self, group: list[int]) -> Iterator[tuple[_Choice, torch.Tensor]]:
        """Run every continuation with a prompt of its own; what pads the end changes nothing."""
        choices = self._choices(group)
        sequences = [
            np.concatenate((self._requests[choice.request].prompt, self._tokens(choice)[:-1]))
            for choice in choices
        ]
        tokens = np.zeros((len(sequences), max(map(len, sequences), default=1)), np.int64)
        for row, sequence in enumerate(sequences):
            tokens[row, : len(sequence)] = sequence
        if not choices:
            return
        states = self._network.states(tokens)
        for row, choice in enumerate(choices):
            first = len(self._requests[choice.request].prompt) - 1
            yield choice, states[row, first : len(sequences[row])]

    def _one_by_one(self, index: int, step: int | None) -> Iterator[ContinuationLogits]:
        """Run a request's tokens ``step`` at a time."""
        network, request = self._network, self._requests[index]
        cache, length = network.new_cache(), len(request.prompt)
        first = network.states_in_calls(request.prompt, step, cache)[-1:]
        for k, continuation in enumerate(request.continuations):
            rows = [first]
            if len(continuation) > 1:
                own = network.copy_of(cache)
                rows.append(network.states_in_calls(continuation[:-1], step, own, length))
            yield self._part(_Choice(index, k), torch.cat(rows), 1)
