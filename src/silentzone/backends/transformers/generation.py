"""Texts of several prompts at a time, each until it ends by itself or by a limit.

Shape letters: R answers under way, V vocabulary entries.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from silentzone.backends.answer import Answer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from silentzone.backends.base import TextRequest, TextResult
    from silentzone.backends.transformers.network import Network
    from silentzone.backends.transformers.tokens import Tokenizer

MOST_CELLS = 65_536
"""Tokens held at once; longer answers are written fewer at a time."""


class Generation:
    """Requests answered group by group.

    A group's answers are decoded together, one token of each per call; those that end leave it.
    Drafts are not tried out.

    Parameters
    ----------
    network : Network
    tokenizer : Tokenizer
    requests : sequence of TextRequest
    context_length : int
        Tokens of a prompt and its answer together.
    slots : int
        Answers under way at a time.
    prompt_tokens : int
        Tokens of each prompt that are run in one call.
    """

    def __init__(
        self,
        network: Network,
        tokenizer: Tokenizer,
        requests: Sequence[TextRequest],
        context_length: int,
        slots: int,
        prompt_tokens: int,
    ) -> None:
        self._network = network
        self._piece = tokenizer.piece
        self._requests = requests
        self._context_length = context_length
        longest = max(
            (min(len(one.prompt) + one.max_tokens, context_length) for one in requests), default=1
        )
        self._slots = max(1, min(slots, MOST_CELLS // longest)) if network.can_pad else 1
        self._prompt_tokens = prompt_tokens

    def run(self) -> Iterator[TextResult]:
        """Results as answers end."""
        for start in range(0, len(self._requests), self._slots):
            part = range(start, min(start + self._slots, len(self._requests)))
            group = []
            for index in part:
                request = self._requests[index]
                answer = Answer(index, request, self._context_length, self._piece)
                if answer.result is None:
                    group.append(answer)
                else:
                    yield answer.result
            if group:
                yield from self._write(group)

    def _write(self, running: list[Answer]) -> Iterator[TextResult]:
        prompts = [answer.request.prompt for answer in running]
        width = max(map(len, prompts))
        lengths = np.array([len(prompt) for prompt in prompts])
        tokens = np.zeros((len(prompts), width), np.int64)
        for row, prompt in enumerate(prompts):
            tokens[row, width - len(prompt) :] = prompt
        counts = (np.arange(width) >= width - lengths[:, None]).astype(np.int64)
        cache = self._network.new_cache()
        last_RD = self._prefill(tokens, counts, cache)
        while True:
            following = [
                answer.take(logits_V)
                for answer, logits_V in zip(running, self._network.logits(last_RD), strict=True)
            ]
            for answer in running:
                if answer.result is not None:
                    yield answer.result
            kept = np.array([row for row, token in enumerate(following) if token is not None], int)
            if not len(kept):
                return
            if len(kept) < len(running):
                cache.batch_select_indices(torch.from_numpy(kept).to(last_RD.device))
                running = [running[row] for row in kept]
                counts, lengths = counts[kept], lengths[kept]
            asked = np.array([following[row] for row in kept], np.int64)[:, None]
            counts = np.concatenate((counts, np.ones_like(asked)), axis=1)
            mask = None if counts.all() else counts
            places = lengths[:, None] if self._network.can_pad else None
            last_RD = self._network.states(asked, cache, mask, places)[:, -1]
            lengths = lengths + 1

    def _prefill(self, tokens: np.ndarray, counts: np.ndarray, cache: object) -> torch.Tensor:
        """States after the last token of each prompt; prompts are padded in front."""
        positions = np.maximum(np.cumsum(counts, axis=1) - 1, 0)
        states = None
        for part in self._network.calls(tokens.shape[1], self._prompt_tokens):
            mask = None if counts.all() else counts[:, : part.stop]
            places = positions[:, part] if self._network.can_pad else None
            states = self._network.states(tokens[:, part], cache, mask, places)
        assert states is not None, "a prompt has at least one token"
        return states[:, -1]
