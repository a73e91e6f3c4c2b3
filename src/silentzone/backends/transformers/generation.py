"""Texts of several prompts at a time: where answers end, the next prompts take their place.

Shape letters: R answers under way, C columns of a cache, V vocabulary entries.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from silentzone.backends.answer import Answer
from silentzone.backends.prefixes import shared_prefixes
from silentzone.backends.transformers.layouts import lay_out
from silentzone.backends.transformers.texts import PromptReader, Texts, side_by_side

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import torch
    from numpy.typing import NDArray

    from silentzone.backends.base import TextRequest, TextResult
    from silentzone.backends.transformers.network import Network
    from silentzone.backends.transformers.tokens import Tokenizer

MOST_CELLS = 65_536
"""Tokens held at once; longer answers are written fewer at a time."""
_FREE_SHARE = 1 / 4
"""Share of the slots that are free before the next prompts are run: one takes nearly as long as
several."""


@dataclass(frozen=True, slots=True, eq=False)
class _Writing:
    """An answer under way."""

    answer: Answer
    row: int
    """Of its text."""
    token: int
    """Chosen, and not seen by the model yet."""


class Generation:
    """Requests answered side by side, one token of each per call.

    What a prompt begins with as the one before it did is not run again. Drafts are not tried out.

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
        self._reader = PromptReader(network, prompt_tokens)
        self._held = 0
        self._writing: list[_Writing] = []
        self._texts: Texts | None = None

    def run(self) -> Iterator[TextResult]:
        """Results as answers end."""
        fitting = []
        for index in range(len(self._requests)):
            answer = self._answer(index)
            if answer.result is None:
                fitting.append(index)
            else:
                yield answer.result
        shared = [*shared_prefixes([self._requests[index].prompt for index in fitting]), 0]
        first = 0
        while self._writing or first < len(fitting):
            free = self._slots - len(self._writing)
            left = len(fitting) - first
            if left and free >= min(_FREE_SHARE * self._slots, left):
                stop = first + min(free, left)
                yield from self._begin(fitting[first:stop], shared[first : stop + 1])
                first = stop
            else:
                yield from self._step()

    def _answer(self, index: int) -> Answer:
        return Answer(index, self._requests[index], self._context_length, self._piece)

    def _begin(self, indices: Sequence[int], shared: Sequence[int]) -> Iterator[TextResult]:
        """Run prompts and put their texts beside those under way."""
        answers = [self._answer(index) for index in indices]
        texts, last_RD = self._read([answer.request.prompt for answer in answers], shared)
        self._put_together([(self._texts, self._writing), (texts, self._taken(answers, last_RD))])
        yield from _ended(answers)

    def _step(self) -> Iterator[TextResult]:
        """Run one token of every answer under way."""
        self._put_together([(self._texts, self._writing)])
        texts = self._texts
        assert texts is not None, "asked only while answers are under way"
        tokens_R = np.array([one.token for one in self._writing], np.int64)
        pads_R = texts.width - texts.lengths_B
        counts_RC = (np.arange(texts.width + 1) >= pads_R[:, None]).astype(np.int64)
        mask = None if counts_RC.all() else counts_RC
        places = texts.lengths_B[:, None] if self._network.can_pad else None
        states = self._network.states(tokens_R[:, None], texts.cache, mask, places)
        self._texts = Texts(texts.cache, texts.lengths_B + 1, texts.width + 1)
        answers = [one.answer for one in self._writing]
        self._writing = self._taken(answers, states[:, -1])
        yield from _ended(answers)

    def _read(
        self, prompts: Sequence[NDArray[np.int32]], shared: Sequence[int]
    ) -> tuple[Texts, torch.Tensor]:
        """Run prompts; ``shared`` has one entry more, that of the prompt after them."""
        if self._network.can_pad:
            layout = lay_out([len(one) for one in prompts], shared[:-1], self._held, shared[-1])
            self._held = layout.handed_on
            return self._reader.read(prompts, layout)
        (prompt,) = prompts
        cache = self._network.new_cache()
        states = self._network.states_in_calls(prompt, self._prompt_tokens, cache)
        return Texts(cache, np.array([len(prompt)]), len(prompt)), states[-1:]

    def _taken(self, answers: Sequence[Answer], last_RD: torch.Tensor) -> list[_Writing]:
        """Choose the next token of answers; give those that go on."""
        rows = zip(answers, self._network.logits(last_RD), strict=True)
        tokens = [answer.take(logits_V) for answer, logits_V in rows]
        return [
            _Writing(answers[row], row, token)
            for row, token in enumerate(tokens)
            if token is not None
        ]

    def _put_together(self, parts: Sequence[tuple[Texts | None, list[_Writing]]]) -> None:
        """Keep the texts of answers under way, and no others."""
        found = [
            (texts, [one.row for one in writing])
            for texts, writing in parts
            if texts is not None and writing
        ]
        if len(found) == 1 and len(found[0][1]) == len(found[0][0].lengths_B):
            self._texts = found[0][0]
        else:
            self._texts = side_by_side(found) if found else None
        writing = [one for _, own in parts for one in own]
        self._writing = [replace(one, row=row) for row, one in enumerate(writing)]


def _ended(answers: Sequence[Answer]) -> Iterator[TextResult]:
    yield from (answer.result for answer in answers if answer.result is not None)
