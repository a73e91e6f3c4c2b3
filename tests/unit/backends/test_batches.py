"""How requests become batches of tokens, sequences and wanted outputs."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest
from tests.unit.backends.native_batches import batch_tokens, made_request

pytest.importorskip("llama_cpp")

from silentzone.backends.llama_cpp.batches import Batch
from silentzone.backends.llama_cpp.groups import group_requests

BOUNDS = {"most_tokens": 100, "most_sequences": 8}


def test_a_shared_prompt_belongs_to_all_its_continuations():
    (group,) = group_requests(
        [made_request([1, 2], [3, 4, 5], [6])], share_prompts=True, share_prefixes=False, **BOUNDS
    )
    assert batch_tokens(group.batch) == [
        (1, 0, (0, 1), False),
        (2, 1, (0, 1), True),
        (3, 2, (0,), True),
        (4, 3, (0,), True),
    ]
    first, second = group.parts
    assert (first.request, first.continuation, first.prompt_row, first.first_row) == (0, 0, 0, 1)
    assert first.rows(3).tolist() == [0, 1, 2]
    assert (second.prompt_row, second.rows(1).tolist()) == (0, [0])
    assert group.batch.output_tokens.tolist() == [1, 2, 3]


def test_separate_prompts_are_repeated_for_each_continuation():
    (group,) = group_requests(
        [made_request([1, 2], [3, 4], [6])], share_prompts=False, share_prefixes=False, **BOUNDS
    )
    assert batch_tokens(group.batch) == [
        (1, 0, (0,), False),
        (2, 1, (0,), True),
        (3, 2, (0,), True),
        (1, 0, (1,), False),
        (2, 1, (1,), True),
    ]
    assert [part.prompt_row for part in group.parts] == [0, 2]


def test_sequences_of_a_group_are_its_own():
    requests = [made_request([1], [2], [3]), made_request([4], [5])]
    (group,) = group_requests(requests, share_prompts=True, share_prefixes=False, **BOUNDS)
    assert [sequences for _, _, sequences, _ in batch_tokens(group.batch)] == [(0, 1), (2,)]
    assert (group.requests, group.sequences) == (2, 3)
    assert [part.request for part in group.parts] == [0, 0, 1]


@pytest.mark.parametrize(
    ("bounds", "sizes"),
    [
        ({"most_tokens": 100, "most_sequences": 8}, [4, 1]),
        ({"most_tokens": 100, "most_sequences": 4}, [2, 2, 1]),
        ({"most_tokens": 8, "most_sequences": 8}, [2, 2, 1]),
        ({"most_tokens": 1, "most_sequences": 1}, [1, 1, 1, 1, 1]),
    ],
)
def test_groups_are_bounded_and_a_larger_request_stands_alone(bounds, sizes):
    requests = [made_request([1, 2, 3], [4, 5], [6]) for _ in range(5)]
    groups = group_requests(requests, share_prompts=True, share_prefixes=False, **bounds)
    assert [group.requests for group in groups] == sizes
    assert [group.first_request for group in groups] == np.cumsum([0, *sizes[:-1]]).tolist()
    for group in groups:
        assert len(group.batch) == 4 * group.requests


def test_no_requests_make_no_groups():
    assert group_requests([], share_prompts=True, share_prefixes=False, **BOUNDS) == []


def test_a_stretch_of_a_batch_is_seen_from_its_start():
    batch = Batch(6)
    outputs = np.array([0, 1, 0, 1, 0, 1], np.int8)
    batch.add(np.arange(10, 16, dtype=np.int32), np.arange(6), (3,), outputs)
    native = batch.native(2, 5)
    assert [native.token[k] for k in range(native.n_tokens)] == [12, 13, 14]
    assert [native.pos[k] for k in range(3)] == [2, 3, 4]
    assert [native.logits[k] for k in range(3)] == [0, 1, 0]
    assert native.seq_id[0][0] == 3
    assert not ctypes.cast(native.embd, ctypes.c_void_p).value
    assert batch.output_count == 3
    assert batch.outputs_between(2, 5) == 1
