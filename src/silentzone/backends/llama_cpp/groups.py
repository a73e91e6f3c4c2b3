"""Which requests are decoded together, and what of their prompts is decoded once for several.

Prompts that follow one another often begin alike: a header of examples, a passage with several
questions. What a prompt has in common with the one before it is not decoded again. Inside a group
its tokens belong to the sequences of all prompts that have them; from one group to the next they
are kept in a sequence of their own. All of it depends on the requests alone, so every model
decodes the same groups.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np

from silentzone.backends.llama_cpp.batches import Batch
from silentzone.backends.prefixes import shared_prefixes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from silentzone.backends.base import ContinuationRequest


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
    kept_sequence: int = 0
    """The sequence that holds what earlier groups have in common with this one."""
    kept_tokens: int = 0
    """How much of it this group needs."""
    copies: list[tuple[int, int]] = field(default_factory=list)
    """Sequence, and how many tokens of the kept ones it begins with."""
    still_kept: int = 0
    """How many of them stay for the next group; what the batch adds to them belongs there too."""


def group_requests(
    requests: Sequence[ContinuationRequest],
    *,
    most_tokens: int,
    most_sequences: int,
    share_prompts: bool,
    share_prefixes: bool,
) -> list[Group]:
    """Pack requests in order into groups of bounded size; a larger one gets a group of its own.

    Parameters
    ----------
    requests : sequence of ContinuationRequest
    most_tokens, most_sequences : int
        Of one group, without what it takes from earlier ones.
    share_prompts : bool
        Whether a prompt is decoded once for all of its continuations.
    share_prefixes : bool
        Whether what a prompt has in common with the one before it is not decoded again.
    """
    prompts = [request.prompt for request in requests]
    shared = shared_prefixes(prompts) if share_prefixes else [0] * len(requests)
    sizes = [
        _tokens_of(request, share_prompts) - own
        for request, own in zip(requests, shared, strict=True)
    ]
    kept = max(most_sequences, *(len(one.continuations) for one in requests), 0)
    groups: list[Group] = []
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
        group = Group(batch=Batch(tokens), first_request=start, kept_sequence=kept)
        _fill(group, requests[start:stop], [*shared[start:stop], *shared[stop:][:1]], share_prompts)
        groups.append(group)
        start = stop
    return groups


def _tokens_of(request: ContinuationRequest, share_prompts: bool) -> int:
    copies = 1 if share_prompts else len(request.continuations)
    return copies * len(request.prompt) + sum(
        len(continuation) - 1 for continuation in request.continuations
    )


def _fill(
    group: Group,
    requests: Sequence[ContinuationRequest],
    shared: Sequence[int],
    share_prompts: bool,
) -> None:
    """Add all requests of a group; ``shared`` may have one entry more, that of the next group."""
    firsts = [0, *accumulate(len(request.continuations) for request in requests)]
    kept = list(accumulate(shared[: len(requests)], min))
    next_needs = shared[len(requests)] if len(shared) > len(requests) else 0
    group.kept_tokens = kept[0]
    group.still_kept = min(kept[-1], next_needs)
    for k, request in enumerate(requests):
        owners = tuple(range(firsts[k], firsts[k + 1]))
        group.copies += [(owner, kept[k]) for owner in owners if kept[k]]
        if share_prompts:
            for start, stop, last in _stretches(k, len(requests), len(request.prompt), shared):
                sequences = tuple(range(firsts[k], firsts[last + 1]))
                is_on_the_way = last == len(requests) - 1
                middle = min(max(start, next_needs), stop) if is_on_the_way else start
                with_kept = (*sequences, group.kept_sequence)
                _add_prompt(group, request, start, middle, with_kept)
                _add_prompt(group, request, middle, stop, sequences)
        _add_continuations(group, group.first_request + k, request, owners, share_prompts)
    group.requests, group.sequences = len(requests), firsts[-1]


def _stretches(
    index: int, count: int, length: int, shared: Sequence[int]
) -> Iterator[tuple[int, int, int]]:
    """Own tokens of a prompt from ``start`` to ``stop`` that the prompts to ``last`` have too."""
    found = []
    stop, last = length, index
    for following in range(index + 1, count):
        common = shared[following]
        if common <= shared[index]:
            break
        if common < stop:
            found.append((common, stop, last))
            stop = common
        last = following
    found.append((shared[index], stop, last))
    yield from reversed(found)


def _add_prompt(
    group: Group,
    request: ContinuationRequest,
    start: int,
    stop: int,
    sequences: tuple[int, ...],
) -> None:
    if start == stop:
        return
    outputs = np.zeros(stop - start, np.int8)
    outputs[-1] = stop == len(request.prompt)
    group.batch.add(request.prompt[start:stop], np.arange(start, stop), sequences, outputs)


def _add_continuations(
    group: Group,
    index: int,
    request: ContinuationRequest,
    owners: tuple[int, ...],
    share_prompts: bool,
) -> None:
    length = len(request.prompt)
    for k, continuation in enumerate(request.continuations):
        if not share_prompts:
            _add_prompt(group, request, 0, length, (owners[k],))
        if k == 0 or not share_prompts:
            prompt_row = group.batch.output_count - 1
        first_row = group.batch.output_count
        inner = continuation[:-1]  # the last token predicts nothing that is scored
        positions = np.arange(length, length + len(inner))
        group.batch.add(inner, positions, (owners[k],), np.ones(len(inner), np.int8))
        group.parts.append(Part(index, k, prompt_row, first_row))
