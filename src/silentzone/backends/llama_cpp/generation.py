"""Texts of many prompts at a time: as soon as one answer ends, the next prompt takes its place.

Shape letters: V vocabulary entries.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from silentzone.backends.answer import Answer
from silentzone.backends.llama_cpp.batches import Batch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from silentzone.backends.base import TextRequest, TextResult
    from silentzone.backends.llama_cpp.context import Context

MOST_CELLS = 65_536
"""Tokens held at once; longer answers are written fewer at a time."""
_CELL_BLOCK = 256
_SHORTEST_PREFIX = 16
"""Tokens; fewer are not worth a decode of their own."""
_MORE_SEQUENCES = 2
"""Beside those of the slots: the last prompt, and what all prompts share."""
_FIRST_DRAFT, _DRAFT_TOKENS = 4, 32
"""Tokens of a draft tried out in one call: the first few, twice as many whenever all were right.

What follows the first difference is wasted, so a draft has to earn its length.
"""
_NO_DRAFT = np.empty(0, np.int32)


class _Slot:
    """A sequence of the engine and the answer that is being written in it."""

    def __init__(self, sequence: int) -> None:
        self.sequence = sequence
        self.answer: Answer | None = None
        self.next_token = 0
        self.draft = _NO_DRAFT
        """Tokens that would follow ``next_token``, not tried yet."""
        self.tried = _FIRST_DRAFT
        """Of them, how many the next call tries out."""


class Generation:
    """Continuous batching of requests.

    Parameters
    ----------
    context : Context
    requests : sequence of TextRequest
    context_length : int
        Tokens of a prompt and its answer together.
    slots : int
        Answers under way at a time.
    prompt_tokens : int
        Tokens of a prompt that are decoded in one call.
    """

    def __init__(
        self,
        context: Context,
        requests: Sequence[TextRequest],
        context_length: int,
        slots: int,
        prompt_tokens: int,
    ) -> None:
        cells, slots = slot_sizes(requests, context_length, slots)
        self._context = context
        self._cells = cells
        self._requests = requests
        self._context_length = context_length
        self._slots = [_Slot(sequence) for sequence in range(slots)]
        self._prompt_tokens = prompt_tokens
        self._draft_tokens = self._tokens_tried(slots)
        self._kept_sequence, self._prefix_sequence = slots, slots + 1
        self._kept: bytes | None = None
        self._kept_logits_V: NDArray[np.float32]
        self._prefix = common_prefix(
            [request.prompt for request in requests if len(request.prompt) < context_length]
        )

    def run(self) -> Iterator[TextResult]:
        """Results as answers end."""
        sequences = len(self._slots) + _MORE_SEQUENCES
        self._context.open(
            tokens=self._cells * sequences,
            sequences=sequences,
            # llama.cpp aborts below one output per sequence
            batch=max(self._prompt_tokens, sequences * (1 + self._draft_tokens)),
            with_hidden=False,
            is_unified=True,
        )
        if self._prefix:
            prompt = next(one.prompt for one in self._requests if len(one.prompt) > self._prefix)
            self._decode(self._prefix_sequence, prompt[: self._prefix], 0, "what prompts share")
        waiting = iter(enumerate(self._requests))
        more = True
        while more or any(slot.answer for slot in self._slots):
            for slot in self._slots:
                while more and slot.answer is None:
                    index, request = next(waiting, (-1, None))
                    if request is None:
                        more = False
                        break
                    yield from self._begin(slot, index, request)
            yield from self._step()

    def _tokens_tried(self, slots: int) -> int:
        """Tokens of each draft that are tried out in one call; 0 where none can be."""
        drafted = any(request.draft is not None for request in self._requests)
        if not (drafted and self._context.can_take_back):
            return 0
        rows = self._context.settings.memory_bytes // (4 * self._context.vocabulary.size)
        return max(0, min(_DRAFT_TOKENS, rows // slots - 1))

    def _begin(self, slot: _Slot, index: int, request: TextRequest) -> Iterator[TextResult]:
        answer = Answer(index, request, self._context_length, self._context.vocabulary.piece)
        if answer.result is None:
            logits_V = self._prompt_logits(request.prompt, index)
            self._context.forget(slot.sequence)
            self._context.copy(self._kept_sequence, slot.sequence)
            slot.answer, slot.draft = answer, self._draft(request)
            slot.tried = min(_FIRST_DRAFT, self._draft_tokens)
            yield from self._take(slot, answer, logits_V[None])
        else:
            yield answer.result

    def _prompt_logits(self, prompt: NDArray[np.int32], index: int) -> NDArray[np.float32]:
        """Logits after a prompt; it is kept, for the same prompt may be asked next.

        Decoded alone, after what all prompts share: the rounding of its values must not depend on
        its neighbours.
        """
        if prompt.tobytes() != self._kept:
            self._kept = None
            self._context.forget(self._kept_sequence)
            if self._prefix:
                self._context.copy(self._prefix_sequence, self._kept_sequence)
            where = f"the prompt of request {index}"
            own = prompt[self._prefix :]
            self._kept_logits_V = self._decode(self._kept_sequence, own, self._prefix, where)
            self._kept = prompt.tobytes()
        return self._kept_logits_V

    def _decode(
        self, sequence: int, tokens: NDArray[np.int32], first: int, where: str
    ) -> NDArray[np.float32]:
        """Append tokens to a sequence; logits after the last one."""
        rows: NDArray[np.float32] = np.empty((1, 0), np.float32)
        for start in range(0, len(tokens), self._prompt_tokens):
            part = tokens[start : start + self._prompt_tokens]
            outputs = np.zeros(len(part), np.int8)
            outputs[-1] = 1
            batch = Batch(len(part))
            positions = first + np.arange(start, start + len(part))
            batch.add(part, positions, (sequence,), outputs)
            rows = self._rows(batch, where)
        logits_V: NDArray[np.float32] = rows[0].copy()
        return logits_V

    def _rows(self, batch: Batch, where: str) -> NDArray[np.float32]:
        self._context.decode(batch, where)
        return self._context.logits(batch.output_count)

    def _step(self) -> Iterator[TextResult]:
        """Decode one token of every answer under way, and the next ones of its draft."""
        running = [(slot, slot.answer) for slot in self._slots if slot.answer is not None]
        if not running:
            return
        stretches = [
            np.concatenate(([slot.next_token], slot.draft[: slot.tried])) for slot, _ in running
        ]
        batch = Batch(sum(map(len, stretches)))
        for (slot, answer), tokens in zip(running, stretches, strict=True):
            first = len(answer.request.prompt) + len(answer.tokens) - 1
            positions = first + np.arange(len(tokens))
            batch.add(tokens, positions, (slot.sequence,), np.ones(len(tokens), np.int8))
        rows = self._rows(batch, f"{len(running)} answers")
        start = 0
        for (slot, answer), tokens in zip(running, stretches, strict=True):
            yield from self._take(slot, answer, rows[start : start + len(tokens)])
            start += len(tokens)

    def _take(
        self, slot: _Slot, answer: Answer, logits_NV: NDArray[np.float32]
    ) -> Iterator[TextResult]:
        """Take token after token, as long as they are those of the draft."""
        for logits_V in logits_NV:
            token = answer.take(logits_V)
            if token is None:
                break
            slot.next_token = token
            if token not in slot.draft[:1]:
                slot.draft = _NO_DRAFT
                break
            slot.draft = slot.draft[1:]
        else:
            if len(logits_NV) > 1:
                slot.tried = min(2 * slot.tried, self._draft_tokens)
        if answer.result is not None:
            slot.answer = None
            self._context.forget(slot.sequence)
            yield answer.result
        elif len(logits_NV) > 1:
            decoded = len(answer.request.prompt) + len(answer.tokens) - 1
            self._context.forget_from(slot.sequence, decoded)

    def _draft(self, request: TextRequest) -> NDArray[np.int32]:
        """Give what may be tried out: the last token of an answer predicts no other."""
        if request.draft is None or request.sampling.temperature or not self._draft_tokens:
            return _NO_DRAFT
        most = min(request.max_tokens, self._context_length - len(request.prompt))
        draft = request.draft[: max(most - 1, 0)]
        unknown = (draft < 0) | (draft >= self._context.vocabulary.size)
        return draft[: int(unknown.argmax())] if unknown.any() else draft


def slot_sizes(requests: Sequence[TextRequest], context_length: int, slots: int) -> tuple[int, int]:
    """Tokens that a sequence must hold, in whole blocks, and how many can be under way."""
    longest = max(
        (min(len(request.prompt) + request.max_tokens, context_length) for request in requests),
        default=1,
    )
    cells = -(-longest // _CELL_BLOCK) * _CELL_BLOCK
    return cells, max(1, min(slots, len(requests), MOST_CELLS // cells))


def common_prefix(prompts: Sequence[NDArray[np.int32]]) -> int:
    """Tokens with which all prompts begin and that are worth decoding once; 0 where none are.

    At least one token is left to every prompt. Of prompts that are all the same nothing is shared
    here: they are copied whole.
    """
    if len({prompt.tobytes() for prompt in prompts}) < 2:
        return 0
    shortest = min(map(len, prompts)) - 1
    stacked = np.stack([prompt[:shortest] for prompt in prompts])
    differs = (stacked != stacked[0]).any(axis=0)
    shared = int(differs.argmax()) if differs.any() else shortest
    return shared if shared >= _SHORTEST_PREFIX else 0
