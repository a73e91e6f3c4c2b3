"""Logits along continuations of prompts.

A prompt is run once for all that may follow it, and what several begin with once for all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from silentzone.backends.base import ContinuationLogits
from silentzone.backends.transformers.layouts import MOST_SEQUENCES, group_requests
from silentzone.backends.transformers.texts import PromptReader, read_on

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from silentzone.backends.base import BatchSplit, ContinuationRequest, EngineSettings
    from silentzone.backends.transformers.layouts import Group
    from silentzone.backends.transformers.network import Network


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
        Whether a prompt is run once for all of its continuations, and so is what prompts in a
        row begin with.
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
        if not self._shares:
            for whole in self._groups_of_whole():
                for choice, rows in self._whole(whole):
                    yield self._part(choice, rows, len(whole))
            return
        reader = PromptReader(self._network, self._most_tokens)
        for group in group_requests(self._requests, self._most_tokens):
            for choice, rows in self._shared(group, reader):
                yield self._part(choice, rows, len(group.requests))

    def _part(self, choice: _Choice, states: torch.Tensor, together: int) -> ContinuationLogits:
        return ContinuationLogits(
            choice.request,
            choice.continuation,
            self._network.logits(states),
            self._network.hidden(states) if self._with_hidden else None,
            together,
        )

    def _groups_of_whole(self) -> Iterator[range]:
        """Give requests to be run together: bounded by padded tokens and by sequences."""
        start = 0
        while start < len(self._requests):
            stop = start + 1
            while stop < len(self._requests):
                tokens, sequences = self._size(range(start, stop + 1))
                if tokens > self._most_tokens or sequences > MOST_SEQUENCES:
                    break
                stop += 1
            yield range(start, stop)
            start = stop

    def _size(self, group: range) -> tuple[int, int]:
        whole = [
            len(self._requests[choice.request].prompt) + len(self._tokens(choice)) - 1
            for choice in self._choices(group)
        ]
        return len(whole) * max(whole, default=0), len(whole)

    def _choices(self, group: range) -> list[_Choice]:
        return [
            _Choice(index, k)
            for index in group
            for k in range(len(self._requests[index].continuations))
        ]

    def _tokens(self, choice: _Choice) -> NDArray[np.int32]:
        return self._requests[choice.request].continuations[choice.continuation]

    def _shared(self, group: Group, reader: PromptReader) -> Iterator[tuple[_Choice, torch.Tensor]]:
        """Run prompts, what they have in common once, then all that may follow them."""
        first = group.requests.start
        prompts = [self._requests[index].prompt for index in group.requests]
        texts, last = reader.read(prompts, group.layout)
        choices = self._choices(group.requests)
        inner = [self._tokens(choice)[:-1] for choice in choices]
        after: torch.Tensor | None = None
        if any(map(len, inner)):
            owners = [choice.request - first for choice in choices]
            whole = [
                np.concatenate((prompts[owner], own))
                for owner, own in zip(owners, inner, strict=True)
            ]
            _, after = read_on(self._network, texts, owners, whole)
        for row, choice in enumerate(choices):
            states = last[choice.request - first][None]
            if after is not None:
                own = after[row, after.shape[1] - len(inner[row]) :]
                states = torch.cat((states, own.to(states.device)))
            yield choice, states

    def _whole(self, group: range) -> Iterator[tuple[_Choice, torch.Tensor]]:
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
