"""Which requests are run together, and what of their prompts is run once for several.

Prompts that follow one another often begin alike: a header of examples, a passage with several
questions. A group of prompts is run in up to three calls, each after what the one before has left
in its cache: the *header* with which all of them begin, as one sequence; the *beginnings* that
prompts in a row have in common beyond it, side by side; and the rest of every prompt. What the
next group begins with is handed on to it. All of it depends on the requests alone, so every model
is asked in the same calls.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from silentzone.backends.prefixes import SHORTEST_PREFIX, shared_prefixes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from silentzone.backends.base import ContinuationRequest

MOST_SEQUENCES: Final = 64
_CACHE_TOKENS: Final = 8
"""Tokens that the cache of a group may hold for each that may be run in one call.

Every sequence has a copy of what it shares.
"""
_CALL_SHARE: Final = 1 / 8
"""What a call costs by itself, as a share of the most tokens of one: on a GPU a short call takes
as long as a longer one."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How the prompts of a group are run. Lengths are counted from the first token of a prompt."""

    kept: int
    """Tokens of the header that are at hand from earlier groups."""
    header: int
    """Tokens with which every prompt begins and that are run as one sequence."""
    beginnings: tuple[int, ...]
    """Length of each beginning, the header included; none where that call is left out."""
    owners: tuple[int, ...]
    """Beginning of each prompt, in order."""
    tokens: int
    """Tokens that are run, padding included."""

    @property
    def handed_on(self) -> int:
        """Tokens of the last prompt that are there for the next group."""
        return self.beginnings[-1] if self.beginnings else self.header


@dataclass(frozen=True, slots=True)
class Group:
    """Requests that are run together."""

    requests: range
    layout: Layout
    tokens: int
    """Tokens that are run, continuations and padding included."""


def lay_out(lengths: Sequence[int], shared: Sequence[int], held: int, following: int) -> Layout:
    """Decide what of the prompts of a group is run once.

    Parameters
    ----------
    lengths : sequence of int
        Tokens of each prompt.
    shared : sequence of int
        Tokens that each has in common with the one before it, as ``shared_prefixes`` counts them;
        the first one's with the last prompt of the group before.
    held : int
        Tokens of that prompt that are at hand.
    following : int
        Tokens that the last prompt has in common with the one after it.
    """
    count = len(lengths)
    at_hand = min(held, shared[0])
    header = min(shared[1:]) if count > 1 else max(at_hand, following)
    kept = min(at_hand, header)
    tokens = header - kept + count * (max(lengths) - header)
    plain = Layout(kept, header, (), (), tokens)
    starts = [k for k in range(count) if k == 0 or shared[k] < header + SHORTEST_PREFIX]
    runs = [range(a, b) for a, b in zip(starts, [*starts[1:], count], strict=True)]
    common = [min((shared[k] for k in run[1:]), default=0) for run in runs]
    width = max(common)
    if not width:
        return plain
    # a prompt alone has no use for the call and takes part in it all the same
    beginnings = [
        own or max(min(lengths[run[0]] - 1, width), 1)
        for own, run in zip(common, runs, strict=True)
    ]
    owners = [k for k, run in enumerate(runs) for _ in run]
    rest = max(own - beginnings[k] for own, k in zip(lengths, owners, strict=True))
    tokens = header - kept + len(runs) * (width - header) + count * rest
    if tokens > (1 - _CALL_SHARE) * plain.tokens:
        return plain
    return Layout(kept, header, tuple(beginnings), tuple(owners), tokens)


def group_requests(requests: Sequence[ContinuationRequest], most_tokens: int) -> Iterator[Group]:
    """Pack requests in order into groups; one that is larger than the bounds stands alone.

    Parameters
    ----------
    requests : sequence of ContinuationRequest
    most_tokens : int
        Of one group, padding included. A group also ends where going on would cost clearly more
        tokens than beginning anew.
    """
    packing = _Packing(requests)
    start, held = 0, 0
    while start < len(requests):
        group = packing.group(range(start, start + 1), held)
        while (stop := group.requests.stop) < len(requests):
            wider = packing.group(range(start, stop + 1), held)
            alone = packing.group(range(stop, stop + 1), group.layout.handed_on)
            cost_of_a_call = int(_CALL_SHARE * most_tokens)
            if (
                wider.tokens > min(most_tokens, group.tokens + alone.tokens + cost_of_a_call)
                or packing.sequences(wider.requests) > MOST_SEQUENCES
                or packing.cells(wider.requests) > _CACHE_TOKENS * most_tokens
            ):
                break
            group = wider
        yield group
        start, held = group.requests.stop, group.layout.handed_on


class _Packing:
    """Sizes of groups of requests."""

    def __init__(self, requests: Sequence[ContinuationRequest]) -> None:
        self._lengths = [len(request.prompt) for request in requests]
        self._shared = shared_prefixes([request.prompt for request in requests])
        self._choices = [len(request.continuations) for request in requests]
        self._longest = [max(map(len, request.continuations), default=1) for request in requests]

    def group(self, part: range, held: int) -> Group:
        inside = slice(part.start, part.stop)
        following = self._shared[part.stop] if part.stop < len(self._shared) else 0
        layout = lay_out(self._lengths[inside], self._shared[inside], held, following)
        ends = self.sequences(part) * (max(self._longest[inside]) - 1)
        return Group(part, layout, layout.tokens + ends)

    def sequences(self, part: range) -> int:
        return sum(self._choices[part.start : part.stop])

    def cells(self, part: range) -> int:
        """Tokens that the largest cache of the group holds."""
        inside = slice(part.start, part.stop)
        width = max(self._lengths[inside]) + max(self._longest[inside]) - 1
        return max(len(part), self.sequences(part)) * width
