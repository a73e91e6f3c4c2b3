"""What prompts have in common is run once: logits and answers are those of each alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.backends.tiny_models import make_model

from silentzone.backends.base import (
    BatchSplit,
    ContinuationRequest,
    EngineSettings,
    Sampling,
    TextRequest,
)
from silentzone.backends.transformers.entry import ENGINE
from silentzone.backends.transformers.layouts import group_requests

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("transformers_version")]

CALL = 256
SETTINGS = EngineSettings(threads=1, batch_tokens=CALL, micro_batch_tokens=16)
ROUNDING = 2e-5
"""Of a logit in float32; the models here give some up to 20."""


def made(rng, count):
    return rng.integers(0, 256, count).astype(np.int32)


def request(rng, *parts, ends=(1, 6)):
    return ContinuationRequest(np.concatenate(parts), tuple(made(rng, length) for length in ends))


def header_set(rng):
    """Rests of 1 to 30 tokens behind one header: the short ones run some of it again."""
    header = made(rng, 60)
    return [request(rng, header, made(rng, int(rng.integers(1, 30)))) for _ in range(9)]


def passage_set(rng, header=0, questions=4):
    first, requests = made(rng, header), []
    for _ in range(5):
        passage = made(rng, int(rng.integers(24, 40)))
        requests += [
            request(rng, first, passage, made(rng, int(rng.integers(2, 6))), ends=(1,))
            for _ in range(questions)
        ]
    return requests


def prefix_set(rng):
    """The same prompt twice, prompts that are the beginning of others, choices of one token."""
    prompt = made(rng, 50)
    return [
        request(rng, prompt),
        request(rng, prompt),
        request(rng, prompt[:31], ends=(1, 1)),
        request(rng, prompt, made(rng, 3), ends=(1,)),
        request(rng, prompt[:17]),
        request(rng, prompt[:1], ends=(3, 1)),
        request(rng, prompt),
    ]


def long_set(rng):
    header = made(rng, CALL + 100)
    return [request(rng, header, made(rng, length)) for length in (1, 7, 3)]


SETS = {
    "header": header_set,
    "passages": passage_set,
    "passages behind a header": lambda rng: passage_set(rng, 40, 3),
    "prefixes of each other": prefix_set,
    "longer than a call": long_set,
}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """Folder of a tiny model of a kind, made once."""
    folders = {}

    def give(kind):
        if kind not in folders:
            folders[kind] = make_model(tmp_path_factory.mktemp(kind), kind)
        return folders[kind]

    return give


def opened(path: Any, settings: EngineSettings = SETTINGS) -> Any:
    return ENGINE.open(path, ENGINE.read_model(path, path.name), settings)


def asked(backend, requests, **options):
    return [
        (part.request, part.continuation, part.logits_NV.copy())
        for part in backend.continuation_logits(requests, **options)
    ]


def own_logits(path, requests):
    """What the model itself gives along every whole text, one at a time, without a cache."""
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(path).eval()
    for one in requests:
        for end in one.continuations:
            tokens = np.concatenate((one.prompt, end)).astype(np.int64)
            with torch.inference_mode():
                rows = model(torch.from_numpy(tokens[None]), use_cache=False).logits[0]
            yield rows[len(one.prompt) - 1 : -1].float().numpy()


def runs(backend):
    """Count tokens that the model is run on, padding included."""
    network, counted = backend._network, [0]
    own = network.states

    def states(tokens_BC, *arguments):
        counted[0] += tokens_BC.size
        return own(tokens_BC, *arguments)

    network.states = states
    return counted


@pytest.mark.parametrize("kind", ["llama", "gemma2", "gpt2"])
@pytest.mark.parametrize("name", SETS)
def test_logits_are_those_of_whole_texts_whatever_is_shared(tiny, kind, name):
    requests = SETS[name](np.random.default_rng(3))
    with opened(tiny(kind)) as backend:
        shared = asked(backend, requests)
        with_hidden = asked(backend, requests, with_hidden=True)
        separate = asked(backend, requests, share_prompts=False)
    whole = list(own_logits(tiny(kind), requests))
    places = [(r, c) for r, one in enumerate(requests) for c in range(len(one.continuations))]
    assert [part[:2] for part in shared] == places == [part[:2] for part in separate]
    for found, again, other, own in zip(shared, with_hidden, separate, whole, strict=True):
        np.testing.assert_allclose(found[2], own, rtol=0, atol=ROUNDING)
        np.testing.assert_allclose(other[2], own, rtol=0, atol=ROUNDING)
        np.testing.assert_array_equal(found[2], again[2])


@pytest.mark.parametrize("name", SETS)
def test_the_calls_are_those_of_the_layouts(tiny, name):
    requests = SETS[name](np.random.default_rng(3))
    groups = list(group_requests(requests, CALL))
    with opened(tiny("llama")) as backend:
        counted = runs(backend)
        parts = list(backend.continuation_logits(requests))
    assert counted[0] == sum(group.tokens for group in groups)
    together = [len(group.requests) for group in groups for _ in group.requests]
    assert [part.requests_in_call for part in parts] == [together[part.request] for part in parts]
    assert counted[0] < 0.9 * sum(len(one.prompt) for one in requests)


def test_another_model_is_asked_in_the_same_calls(tiny):
    requests = passage_set(np.random.default_rng(3))
    calls: list[list[list[list[int]]]] = []
    for kind in ("llama", "gemma2"):
        with opened(tiny(kind)) as backend:
            calls.append([])
            own = backend._network.states

            def states(tokens_BC, *arguments, own=own):
                calls[-1].append(tokens_BC.tolist())
                return own(tokens_BC, *arguments)

            backend._network.states = states
            list(backend.continuation_logits(requests))
    assert calls[0] == calls[1]


@pytest.mark.parametrize("kind", ["bloom", "lfm2"])
def test_models_whose_prompts_cannot_be_padded_share_none(tiny, kind):
    requests = header_set(np.random.default_rng(3))
    with opened(tiny(kind)) as backend:
        assert not backend._network.can_pad
        counted = runs(backend)
        found = asked(backend, requests)
    assert counted[0] >= sum(len(one.prompt) * len(one.continuations) for one in requests)
    for part, own in zip(found, own_logits(tiny(kind), requests), strict=True):
        np.testing.assert_allclose(part[2], own, rtol=0, atol=ROUNDING)


def test_quantized_caches_and_uneven_calls_share_no_header(tiny, tmp_path):
    path, requests = tiny("llama"), header_set(np.random.default_rng(3))
    model = replace(ENGINE.read_model(path, "cached"), cache_k="fp8", cache_v="fp8")
    every = sum(len(one.prompt) + sum(len(c) - 1 for c in one.continuations) for one in requests)
    with ENGINE.open(path, model, SETTINGS) as backend:
        counted = runs(backend)
        assert len(asked(backend, requests)) == 18
        assert counted[0] == every
    with opened(path) as backend:
        counted = runs(backend)
        assert len(asked(backend, requests, split=BatchSplit(tokens_per_call=7))) == 18
        assert counted[0] == every


def written(backend, requests, **options):
    found = sorted(
        backend.generate(requests, context_length=512, **options), key=lambda r: r.request
    )
    return [(one.tokens.tolist(), one.finish_reason) for one in found]


def text_requests(rng, kind):
    """Prompts behind a header, the same ones again, and answers of one token to twenty."""
    header = made(rng, 40)
    prompts = [np.concatenate((header, made(rng, int(rng.integers(1, 12))))) for _ in range(6)]
    prompts = [prompts[0], *prompts, prompts[-1], made(rng, 7), made(rng, 600), *prompts[2:4]]
    limits = rng.integers(1, 20, len(prompts)).tolist()
    drawn = Sampling(temperature=1.0, seed=5) if kind == "drawn" else Sampling()
    return [
        TextRequest(prompt=prompt, max_tokens=limit, sampling=drawn)
        for prompt, limit in zip(prompts, limits, strict=True)
    ]


@pytest.mark.parametrize("kind", ["llama", "gemma2", "gpt2", "lfm2"])
def test_texts_are_those_of_each_prompt_alone(tiny, kind):
    requests = text_requests(np.random.default_rng(8), "greedy")
    with opened(tiny(kind)) as backend:
        counted = runs(backend)
        found = written(backend, requests, slots=3)
        used = counted[0]
        alone = [written(backend, [one])[0] for one in requests]
        assert [written(backend, requests, slots=slots) for slots in (1, 5, 40)] == [found] * 3
    assert found == alone
    assert [reason for _, reason in found].count("too_long") == 1
    read = sum(len(one.prompt) for one in requests if len(one.prompt) < 512)
    steps = sum(max(len(tokens) - (reason == "length"), 0) for tokens, reason in found)
    if kind == "lfm2":
        assert used == read + steps
    else:
        assert used < 0.6 * read + steps


def test_drawn_texts_are_those_of_each_prompt_alone(tiny):
    requests = text_requests(np.random.default_rng(8), "drawn")
    with opened(tiny("llama")) as backend:
        found = written(backend, requests, slots=4)
        assert found == [written(backend, [one])[0] for one in requests]
    assert len({tuple(tokens) for tokens, _ in found}) > 6


@pytest.mark.parametrize(
    ("after", "calls"),
    [((4, 2), [*[(7, 1)] * 6, (2, 6)]), ((4,), [(1, 6), *[(8, 1)] * 3, *[(7, 1)] * 3])],
)
def test_prompts_wait_until_a_quarter_of_the_slots_is_free_or_all_have_room(tiny, after, calls):
    rng = np.random.default_rng(9)
    limits = [3, *[9] * 7, *after]
    requests = [TextRequest(prompt=made(rng, 6), max_tokens=limit) for limit in limits]
    with opened(tiny("llama")) as backend:
        rows = []
        own = backend._network.states

        def states(tokens_BC, *arguments):
            rows.append(tokens_BC.shape)
            return own(tokens_BC, *arguments)

        backend._network.states = states
        lengths = [len(tokens) for tokens, _ in written(backend, requests, slots=8)]
    assert lengths == limits, "no answer ends by itself"
    assert rows[:10] == [(8, 6), (8, 1), (8, 1), *calls]
