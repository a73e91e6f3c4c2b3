"""Token batches for ``llama_decode``, kept as arrays that the native structure points into."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import llama_cpp as native
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from silentzone.backends.base import ContinuationRequest


class Batch:
    """Tokens with position, sequences and whether their logits are wanted.

    A token may belong to several sequences: that is how continuations share a prompt.
    """

    def __init__(self, capacity: int) -> None:
        self._length = 0
        self._tokens = np.zeros(capacity, np.int32)
        self._positions = np.zeros(capacity, np.int32)
        self._outputs = np.zeros(capacity, np.int8)
        self._sequence_counts = np.zeros(capacity, np.int32)
        self._sequence_pointers = np.zeros(capacity, np.uintp)
        self._kept: list[NDArray[np.int32]] = []  # what the pointers point to must stay alive

    def __len__(self) -> int:
        return self._length

    @property
    def output_count(self) -> int:
        """Rows of logits the whole batch asks for."""
        return self.outputs_between(0, self._length)

    @property
    def output_tokens(self) -> NDArray[np.intp]:
        """Index in the batch of each token whose logits are wanted."""
        return np.flatnonzero(self._outputs[: self._length])

    def outputs_between(self, start: int, stop: int) -> int:
        """Rows of logits that the tokens of a stretch ask for."""
        return int(self._outputs[start:stop].sum())

    def add(
        self,
        tokens: NDArray[np.int32],
        positions: NDArray[np.integer],
        sequences: tuple[int, ...],
        outputs: NDArray[np.int8],
    ) -> None:
        """Append tokens that all belong to the same sequences."""
        part = slice(self._length, self._length + len(tokens))
        self._tokens[part] = tokens
        self._positions[part] = positions
        self._outputs[part] = outputs
        self._sequence_counts[part] = len(sequences)
        owners = np.array(sequences, np.int32)
        self._kept.append(owners)
        self._sequence_pointers[part] = owners.ctypes.data
        self._length += len(tokens)

    def native(self, start: int, stop: int) -> Any:  # noqa: ANN401 - a ctypes structure
        """Structure over the tokens of a stretch; valid while this object lives."""
        batch = native.llama_batch()
        batch.n_tokens = stop - start
        batch.token = _pointer(self._tokens, start, native.llama_token)
        batch.embd = None
        batch.pos = _pointer(self._positions, start, native.llama_pos)
        batch.n_seq_id = _pointer(self._sequence_counts, start, ctypes.c_int32)
        batch.seq_id = ctypes.cast(
            int(self._sequence_pointers[start:].ctypes.data),
            ctypes.POINTER(ctypes.POINTER(native.llama_seq_id)),
        )
        batch.logits = _pointer(self._outputs, start, ctypes.c_int8)
        return batch


@dataclass(frozen=True, slots=True)
class Part:
    """Where the logits of one continuation lie among the outputs of its group."""

    request: int
    continuation: int
    prompt_row: int
    """Output row of the prompt's last token, which predicts the continuation's first."""
    first_row: int
    """Output row of the continuation's first token, which predicts its second."""

    def rows(self, length: int) -> NDArray[np.intp]:
        """Output rows that predict a continuation of ``length`` tokens."""
        inner = np.arange(self.first_row, self.first_row + length - 1)
        return np.concatenate(([self.prompt_row], inner))


@dataclass(slots=True, eq=False)
class Group:
    """Requests decoded together."""

    batch: Batch
    first_request: int
    requests: int = 0
    sequences: int = 0
    parts: list[Part] = field(default_factory=list)


def group_requests(
    requests: Sequence[ContinuationRequest],
    *,
    most_tokens: int,
    most_sequences: int,
    share_prompts: bool,
) -> list[Group]:
    """Pack requests in order into groups of bounded size; a larger one gets a group of its own.

    The packing depends on the requests alone, so every model decodes the same groups.
    """
    groups: list[Group] = []
    sizes = [_tokens_of(request, share_prompts) for request in requests]
    start = 0
    while start < len(requests):
        stop, tokens, sequences = start, 0, 0
        while stop < len(requests):
            more = len(requests[stop].continuations)
            if stop > start and (
                tokens + sizes[stop] > most_tokens or sequences + more > most_sequences
            ):
                break
            tokens += sizes[stop]
            sequences += more
            stop += 1
        group = Group(batch=Batch(tokens), first_request=start)
        for index in range(start, stop):
            _add_request(group, index, requests[index], share_prompts)
        groups.append(group)
        start = stop
    return groups


def _tokens_of(request: ContinuationRequest, share_prompts: bool) -> int:
    copies = 1 if share_prompts else len(request.continuations)
    return copies * len(request.prompt) + sum(
        len(continuation) - 1 for continuation in request.continuations
    )


def _add_request(
    group: Group, index: int, request: ContinuationRequest, share_prompts: bool
) -> None:
    prompt = request.prompt
    at_end = np.zeros(len(prompt), np.int8)
    at_end[-1] = 1
    count = len(request.continuations)
    owners = tuple(range(group.sequences, group.sequences + count))
    prompt_row = group.batch.output_count
    if share_prompts:
        group.batch.add(prompt, np.arange(len(prompt)), owners, at_end)
    for k, continuation in enumerate(request.continuations):
        if not share_prompts:
            prompt_row = group.batch.output_count
            group.batch.add(prompt, np.arange(len(prompt)), (owners[k],), at_end)
        first_row = group.batch.output_count
        inner = continuation[:-1]  # the last token predicts nothing that is scored
        positions = np.arange(len(prompt), len(prompt) + len(inner))
        group.batch.add(inner, positions, (owners[k],), np.ones(len(inner), np.int8))
        group.parts.append(Part(index, k, prompt_row, first_row))
    group.requests += 1
    group.sequences += count


def _pointer(array: NDArray[Any], start: int, kind: Any) -> Any:  # noqa: ANN401 - ctypes
    return ctypes.cast(int(array[start:].ctypes.data), ctypes.POINTER(kind))
