"""What of prompts is run once depends on what they have in common, and pays for its calls."""

from __future__ import annotations

import numpy as np
import pytest

from silentzone.backends.base import ContinuationRequest
from silentzone.backends.prefixes import SHORTEST_PREFIX, shared_prefixes
from silentzone.backends.transformers.layouts import (
    MOST_SEQUENCES,
    Layout,
    group_requests,
    lay_out,
)


def made_tokens(rng, count):
    return rng.integers(0, 1000, count).astype(np.int32)


def made_request(rng, *parts, ends=(1, 4)):
    return ContinuationRequest(
        np.concatenate(parts), tuple(made_tokens(rng, length) for length in ends)
    )


def checked(requests, most_tokens):
    """Groups, each seen to run once only what its prompts really have in common."""
    groups = list(group_requests(requests, most_tokens))
    assert [k for group in groups for k in group.requests] == list(range(len(requests)))
    prompts = [request.prompt for request in requests]
    handed_on = prompts[0][:0]
    for group in groups:
        own = [prompts[k] for k in group.requests]
        layout = group.layout
        assert layout.kept <= min(len(handed_on), layout.header)
        assert own[0][: layout.kept].tolist() == handed_on[: layout.kept].tolist()
        if layout.beginnings:
            known = [layout.beginnings[owner] for owner in layout.owners]
            assert list(layout.owners) == sorted(layout.owners)
        else:
            known = [layout.header] * len(own)
        for k, prompt in enumerate(own):
            assert prompt[: layout.header].tolist() == own[0][: layout.header].tolist()
            assert layout.header < len(prompt)
            assert layout.header <= known[k] <= len(prompt)
            if layout.beginnings:
                first = own[layout.owners.index(layout.owners[k])]
                assert prompt[: known[k]].tolist() == first[: known[k]].tolist()
        assert max(len(prompt) - length for prompt, length in zip(own, known, strict=True)) > 0
        assert layout.handed_on == (known[-1] if layout.beginnings else layout.header)
        assert len(own) == 1 or group.tokens <= most_tokens
        sequences = sum(len(requests[k].continuations) for k in group.requests)
        assert len(own) == 1 or sequences <= MOST_SEQUENCES
        handed_on = own[-1][: layout.handed_on]
    return groups


def test_a_header_is_run_once_over_all_groups():
    rng = np.random.default_rng(1)
    header = made_tokens(rng, 300)
    requests = [made_request(rng, header, made_tokens(rng, 40)) for _ in range(60)]
    groups = checked(requests, 512)
    assert len(groups) > 5
    assert all(group.layout.header == 300 and not group.layout.beginnings for group in groups)
    assert [group.layout.kept for group in groups] == [0] + [300] * (len(groups) - 1)
    assert sum(group.tokens for group in groups) == 300 + 60 * (40 + 2 * 3)


def test_a_header_longer_than_a_call_is_run_with_one_prompt_and_kept():
    rng = np.random.default_rng(1)
    header = made_tokens(rng, 900)
    groups = checked([made_request(rng, header, made_tokens(rng, 9)) for _ in range(20)], 512)
    assert [len(group.requests) for group in groups[:2]] == [1, 2]
    assert sum(group.layout.tokens for group in groups) == 900 + 20 * 9


def test_passages_are_run_side_by_side():
    rng = np.random.default_rng(2)
    requests = []
    for _ in range(12):
        passage = made_tokens(rng, 100)
        requests += [made_request(rng, passage, made_tokens(rng, 10)) for _ in range(4)]
    groups = checked(requests, 2048)
    assert len(groups) == 2  # of 64 sequences
    assert [len(group.layout.beginnings) for group in groups] == [8, 4]
    assert sum(group.layout.tokens for group in groups) == 12 * 100 + 48 * 10
    assert all(group.layout.header == 0 for group in groups)


def test_passages_behind_a_header_are_run_after_it():
    rng = np.random.default_rng(2)
    header, requests = made_tokens(rng, 200), []
    for _ in range(6):
        passage = made_tokens(rng, 80)
        requests += [made_request(rng, header, passage, made_tokens(rng, 10)) for _ in range(3)]
    (group,) = checked(requests, 2048)
    assert group.layout == Layout(
        kept=0, header=200, beginnings=(280,) * 6, owners=tuple(k // 3 for k in range(18)),
        tokens=200 + 6 * 80 + 18 * 10,
    )  # fmt: skip


def test_a_call_for_beginnings_has_to_pay():
    # two of twelve have 20 tokens in common; one more call would save 20 of 720
    shared = [0] * 5 + [20] + [0] * 6
    assert lay_out([60] * 12, shared, 0, 0) == Layout(0, 0, (), (), 720)
    assert lay_out([60] * 12, [0, *[50, 0] * 5, 50], 0, 0).tokens == 6 * 50 + 12 * 10


def test_a_prompt_alone_takes_part_in_the_call_for_beginnings():
    layout = lay_out([110, 110, 110, 110, 70, 1], [0, 100, 100, 100, 0, 0], 0, 0)
    assert layout.beginnings == (100, 69, 1)
    assert layout.owners == (0, 0, 0, 0, 1, 2)
    assert layout.tokens == 3 * 100 + 6 * 10


def test_a_single_prompt_is_cut_where_the_next_one_goes_on():
    assert lay_out([50], [0], 0, 30) == Layout(0, 30, (), (), 50)
    assert lay_out([50], [40], 45, 30) == Layout(40, 40, (), (), 10)
    assert lay_out([50], [40], 20, 45) == Layout(20, 45, (), (), 30)


def test_a_group_ends_where_a_header_would_have_to_be_run_again():
    rng = np.random.default_rng(4)
    headers = [made_tokens(rng, 400) for _ in range(2)]
    requests = [
        made_request(rng, header, made_tokens(rng, 10)) for header in headers for _ in range(40)
    ]
    groups = checked(requests, 1024)
    assert 40 in [group.requests.start for group in groups]
    assert sum(group.layout.tokens for group in groups) == 2 * 400 + 80 * 10


def test_prompts_with_nothing_in_common_are_run_side_by_side():
    rng = np.random.default_rng(5)
    requests = [made_request(rng, made_tokens(rng, 20)) for _ in range(40)]
    groups = checked(requests, 1024)
    assert all(not group.layout.header and not group.layout.beginnings for group in groups)
    assert [len(group.requests) for group in groups] == [32, 8]


def test_many_choices_of_a_long_prompt_stand_alone():
    rng = np.random.default_rng(6)
    requests = [made_request(rng, made_tokens(rng, 900), ends=[3] * 70) for _ in range(2)]
    assert [len(group.requests) for group in checked(requests, 1024)] == [1, 1]


def test_copies_of_a_long_header_are_bounded():
    rng = np.random.default_rng(6)
    header = made_tokens(rng, 1000)
    requests = [made_request(rng, header, made_tokens(rng, 5), ends=[1]) for _ in range(60)]
    for group in checked(requests, 512):
        assert len(group.requests) * 1005 <= 8 * 512


@pytest.mark.parametrize("seed", range(40))
def test_prompts_of_any_kin_are_laid_out_right(seed):
    rng = np.random.default_rng(seed)
    requests, prompt = [], made_tokens(rng, 60)
    for _ in range(40):
        cut = int(rng.integers(0, len(prompt) + 1))
        prompt = np.concatenate((prompt[:cut], made_tokens(rng, int(rng.integers(0, 40)))))[:90]
        prompt = prompt if len(prompt) else made_tokens(rng, 1)
        ends = rng.integers(1, 6, int(rng.integers(1, 4))).tolist()
        requests.append(made_request(rng, prompt, ends=ends))
    groups = checked(requests, int(rng.integers(1, 600)))
    shared = shared_prefixes([request.prompt for request in requests])
    assert any(length >= SHORTEST_PREFIX for length in shared)
    assert any(group.layout.header or group.layout.beginnings for group in groups)
