"""What prompts have in common is decoded once, and every sequence still holds its own tokens."""

from __future__ import annotations

import numpy as np
import pytest
from tests.unit.backends.native_batches import batch_tokens, made_request

pytest.importorskip("llama_cpp")

from silentzone.backends.llama_cpp.groups import group_requests
from silentzone.backends.prefixes import shared_prefixes

HEADER = list(range(100, 130))
PASSAGES = [[*range(first, first + 20)] for first in (200, 300, 400)]


class Cache:
    """Sequences as the engine keeps them, with what it refuses."""

    def __init__(self):
        self.sequences = {}
        self.decoded = 0

    def take(self, group):
        """Go on to the next group as the engine does; token behind every output, by row."""
        kept = self.sequences.get(group.kept_sequence, [])
        assert len(kept) >= group.kept_tokens
        self.sequences = {sequence: list(kept[:length]) for sequence, length in group.copies}
        self.sequences[group.kept_sequence] = list(kept[: group.still_kept])
        outputs = []
        batch = batch_tokens(group.batch)
        for _, _, owners, _ in batch:  # coupled sequences must not have diverged before
            assert len({len(self.sequences.get(owner, [])) for owner in owners}) == 1
        subset: dict[int, set[int]] = {}
        for token, position, owners, wants_output in batch:
            for owner in owners:
                allowed = subset.setdefault(owner, set(owners))
                assert set(owners) <= allowed, "a sequence's owners may only become fewer"
                subset[owner] = set(owners)
                tokens = self.sequences.setdefault(owner, [])
                assert len(tokens) == position
                tokens.append(token)
            if wants_output:
                outputs.append(list(self.sequences[owners[0]]))
        self.decoded += len(batch)
        return outputs


def _check(requests, **bounds):
    """Tokens decoded, with every output seen to follow the right tokens."""
    groups = group_requests(requests, share_prompts=True, share_prefixes=True, **bounds)
    cache, seen = Cache(), []
    for group in groups:
        outputs = cache.take(group)
        for part in group.parts:
            request = requests[part.request]
            continuation = request.continuations[part.continuation].tolist()
            for row, length in zip(
                part.rows(len(continuation)), range(len(continuation)), strict=True
            ):
                assert outputs[row] == request.prompt.tolist() + continuation[:length]
            seen.append((part.request, part.continuation))
    assert seen == [(k, c) for k, one in enumerate(requests) for c in range(len(one.continuations))]
    return cache.decoded


def _all_tokens(requests):
    return sum(len(one.prompt) + sum(len(end) - 1 for end in one.continuations) for one in requests)


def _made(own):
    """Three questions to each passage behind a header."""
    return [
        made_request([*HEADER, *passage, *own(k, q)], [1, 2, 3], [4, q])
        for k, passage in enumerate(PASSAGES)
        for q in range(3)
    ]


@pytest.mark.parametrize("most_tokens", [0, 40, 60, 90, 1000])
@pytest.mark.parametrize("most_sequences", [2, 4, 7, 64])
def test_headers_and_passages_are_decoded_once_however_groups_fall(most_tokens, most_sequences):
    requests = _made(lambda k, q: [1000 + 10 * k + q, 5])
    decoded = _check(requests, most_tokens=most_tokens, most_sequences=most_sequences)
    assert decoded == len(HEADER) + 3 * 20 + 9 * (2 + 3)


@pytest.mark.parametrize("seed", range(30))
def test_any_mixture_of_prompts_is_decoded_right(seed):
    rng = np.random.default_rng(seed)
    requests, prompt = [], [0] * 40
    for _ in range(25):
        cut = int(rng.integers(0, len(prompt)))
        prompt = [*prompt[:cut], *rng.integers(1, 4, int(rng.integers(1, 40))).tolist()]
        ends = [rng.integers(1, 9, int(rng.integers(1, 5))).tolist() for _ in range(3)]
        requests.append(made_request(prompt, *ends[: int(rng.integers(1, 4))]))
    shared = sum(shared_prefixes([one.prompt for one in requests]))
    assert shared > 0
    decoded = _check(requests, most_tokens=int(rng.integers(0, 200)), most_sequences=8)
    assert decoded == _all_tokens(requests) - shared


def test_a_prompt_asked_again_keeps_its_last_token_to_itself():
    requests = [made_request(HEADER, [1, 2], [3]), made_request(HEADER, [4], [5, 6])]
    assert shared_prefixes([one.prompt for one in requests]) == [0, 29]
    assert _check(requests, most_tokens=1000, most_sequences=64) == 30 + 1 + 1 + 1


def test_prompts_with_little_in_common_are_decoded_as_if_alone():
    requests = [made_request([*range(15), k, k], [1, 2], [3]) for k in range(6)]
    groups = [
        group_requests(
            requests, most_tokens=50, most_sequences=8, share_prompts=True, share_prefixes=share
        )
        for share in (True, False)
    ]
    assert shared_prefixes([one.prompt for one in requests]) == [0] * 6
    for first, second in zip(*groups, strict=True):
        assert batch_tokens(first.batch) == batch_tokens(second.batch)
        assert (first.kept_tokens, first.copies, first.still_kept) == (0, [], 0)
