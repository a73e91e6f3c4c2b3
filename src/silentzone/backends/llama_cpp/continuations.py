"""Logits along continuations of prompts, many requests per call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from silentzone.backends.base import ContinuationLogits
from silentzone.backends.llama_cpp.groups import group_requests

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from silentzone.backends.base import BatchSplit, ContinuationRequest
    from silentzone.backends.llama_cpp.context import Context
    from silentzone.backends.llama_cpp.groups import Group

_GROUP_TOKENS = 1024
"""Tokens of the requests decoded together; attention reads the cells of the whole group."""
_GROUP_SEQUENCES = 64


def continuation_pass(
    context: Context,
    requests: Sequence[ContinuationRequest],
    *,
    with_hidden: bool,
    share_prompts: bool,
    split: BatchSplit,
) -> Iterator[ContinuationLogits]:
    """Logits that predict every continuation, grouped by request, in order."""
    one_by_one = split.tokens_per_call is not None
    groups = group_requests(
        requests,
        most_tokens=0 if one_by_one else _GROUP_TOKENS,
        most_sequences=_GROUP_SEQUENCES,
        share_prompts=share_prompts,
        share_prefixes=share_prompts and not one_by_one and context.can_take_back,
    )
    if not groups:
        return
    tokens = max(_GROUP_TOKENS, *(len(group.batch) for group in groups))
    kept = max(group.kept_tokens for group in groups)
    context.open(
        tokens=tokens + kept,
        sequences=max(group.kept_sequence for group in groups) + bool(kept),
        batch=tokens,
        with_hidden=with_hidden,
        is_unified=True,
    )
    for group in groups:
        yield from _decode(context, group, requests, with_hidden, split)


def _decode(
    context: Context,
    group: Group,
    requests: Sequence[ContinuationRequest],
    with_hidden: bool,
    split: BatchSplit,
) -> Iterator[ContinuationLogits]:
    where = f"items {group.first_request} to {group.first_request + group.requests - 1}"
    hidden = None
    _make_room(context, group)
    if split.tokens_per_call is not None:
        calls = split.calls(0, len(group.batch))
        logits = context.decode_in_calls(group.batch, calls, where)
    else:
        context.decode(group.batch, where)
        # with hidden states every token is an output, otherwise only those asked for
        outputs = len(group.batch) if with_hidden else group.batch.output_count
        logits = context.logits(outputs)
        hidden = context.hidden(outputs) if with_hidden else None
    asked = group.batch.output_tokens
    for part in group.parts:
        rows = part.rows(len(requests[part.request].continuations[part.continuation]))
        if hidden is not None:
            rows = asked[rows]
        states = None if hidden is None else hidden[rows]
        yield ContinuationLogits(
            part.request, part.continuation, logits[rows], states, group.requests
        )


def _make_room(context: Context, group: Group) -> None:
    """Empty the sequences of the last group and begin those of this one with what was kept."""
    if not group.kept_tokens:
        context.clear()
        return
    for sequence in range(group.kept_sequence):
        context.forget(sequence)
    for sequence, tokens in group.copies:
        context.copy(group.kept_sequence, sequence, tokens)
    context.forget_from(group.kept_sequence, group.still_kept)
