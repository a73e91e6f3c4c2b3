"""Texts of a real model: many at a time against one, and against llama-cpp-python's own loop."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.backends.conftest import opened

from silentzone.backends.base import BatchSplit, EngineSettings, Sampling, TextRequest
from silentzone.benchmarks.chat import render_chat

pytestmark = [pytest.mark.engine, pytest.mark.slow]

QUESTIONS = (
    "What is the capital of France?",
    "What is 2 plus 2?",
    "Write a sentence about rain.",
    "Name three colours.",
    "What do bees make?",
    "Say hello in Spanish.",
    "How many days has a week?",
    "What is the opposite of hot?",
)
CONTEXT = 512
SETTINGS = EngineSettings(threads=1)
"""One thread: llama.cpp gives the same values with any number, and this test shares its machine."""


@pytest.fixture(scope="module")
def backend(smollm2_f16):
    with opened(smollm2_f16, SETTINGS) as backend:
        yield backend


def chat(template, question):
    payload = {
        "template": template.source,
        "messages": [{"role": "user", "content": question}],
        "bos_token": template.bos_token,
        "eos_token": template.eos_token,
    }
    return render_chat(payload)["text"]


@pytest.fixture(scope="module")
def requests(backend):
    return [
        TextRequest(
            prompt=backend.tokenize_chat(chat(backend.chat_template, question)), max_tokens=24
        )
        for question in QUESTIONS
    ]


def in_order(backend, requests, **options):
    results = list(backend.generate(requests, context_length=CONTEXT, **options))
    return sorted(results, key=lambda result: result.request)


@pytest.fixture(scope="module")
def together(backend, requests):
    return in_order(backend, requests, slots=8)


def same(first, second):
    return [a.tokens.tolist() == b.tokens.tolist() for a, b in zip(first, second, strict=True)]


def test_eight_answers_at_a_time_have_the_tokens_of_one_at_a_time(backend, requests, together):
    # Rounding depends on the shape of a batch, so this is a rate: on this model and engine, F16, 1.
    assert sum(same(together, in_order(backend, requests, slots=1))) >= 7


def test_three_slots_take_every_request_once(backend, requests, together):
    results = in_order(backend, requests, slots=3)
    assert [result.request for result in results] == list(range(8))
    assert sum(same(together, results)) >= 7


def test_greedy_answers_are_those_of_llama_cpp_pythons_own_loop(smollm2_f16, requests, together):
    import llama_cpp

    peer = llama_cpp.Llama(
        str(smollm2_f16), n_ctx=CONTEXT, n_threads=1, n_threads_batch=1, flash_attn=True,
        verbose=False,
    )  # fmt: skip
    equal = []
    for request, result in zip(requests, together, strict=True):
        answer = peer.create_completion(
            request.prompt.tolist(), max_tokens=24, temperature=0.0, repeat_penalty=1.0
        )["choices"][0]
        equal.append(
            (answer["text"], answer["finish_reason"]) == (result.text, result.finish_reason)
        )
    peer.close()
    assert sum(equal) >= 7


def test_a_rendered_conversation_is_that_of_llama_cpp_python(backend):
    from llama_cpp.llama_chat_format import Jinja2ChatFormatter

    template = backend.chat_template
    formatter = Jinja2ChatFormatter(template.source, template.eos_token, template.bos_token)
    for question in (*QUESTIONS, "Ünï <|im_end|> 🙂\n"):
        own = formatter(messages=[{"role": "user", "content": question}]).prompt
        assert chat(template, question) == own


def test_control_tokens_of_a_conversation_are_read_and_bos_is_not_doubled(backend):
    text = chat(backend.chat_template, "Hi")
    tokens = backend.tokenize_chat(text)
    bos = backend.tokenize_chat("<|im_start|>")
    assert len(bos) == 1
    assert tokens[0] == bos[0]
    assert (tokens == bos[0]).sum() == text.count("<|im_start|>")


def test_a_seed_gives_the_same_text_beside_others_and_another_seed_another(backend, requests):
    prompt = requests[2].prompt
    drawn = [
        TextRequest(prompt=prompt, max_tokens=16, sampling=Sampling(temperature=1.0, seed=seed))
        for seed in (1, 2, 3, 1)
    ]
    results = in_order(backend, drawn, slots=4)
    assert results[0].text == results[3].text
    assert len({result.text for result in results}) == 3
    assert in_order(backend, drawn[:1], slots=1)[0].text == results[0].text


def test_a_prompt_asked_again_is_copied_exactly(backend, requests, together):
    twice = [request for request in requests[:3] for _ in range(2)]
    results = in_order(backend, twice, slots=8)
    assert same(results[::2], results[1::2]) == [True] * 3
    assert same(results[::2], together[:3]) == [True] * 3


@pytest.mark.parametrize(
    ("prompts", "shared"),
    [
        ([[*range(20), 1], [*range(20), 2, 3]], 20),
        ([[*range(20)], [*range(20), 2]], 19),
        ([[*range(15), 1, 1], [*range(15), 2, 2]], 0),
        ([[*range(20)], [*range(20)]], 0),
        ([[5], [*range(20)]], 0),
        ([], 0),
    ],
)
def test_what_all_prompts_share_is_found(prompts, shared):
    from silentzone.backends.llama_cpp.generation import common_prefix

    assert common_prefix([np.array(prompt, np.int32) for prompt in prompts]) == shared


def test_sharing_a_prefix_gives_the_tokens_of_prompts_asked_alone(backend, requests, together):
    alone = [in_order(backend, [request])[0] for request in requests[:4]]
    assert sum(same(together[:4], alone)) >= 3


def test_a_prompt_in_single_tokens_is_answered_alike(backend, requests, together):
    results = in_order(backend, requests[:2], slots=1, split=BatchSplit(tokens_per_call=1))
    assert sum(same(results, together[:2])) >= 1


def test_stop_strings_length_and_context_end_a_text(backend):
    prompt = backend.tokenize("One, two, three, four,", add_bos=True)
    free = TextRequest(prompt=prompt, max_tokens=20)
    stopped = TextRequest(prompt=prompt, max_tokens=20, stop=("six, se",))
    (whole,), (cut,) = (in_order(backend, [one]) for one in (free, stopped))
    assert whole.finish_reason == "length"
    assert len(whole.tokens) == 20
    assert "six, se" in whole.text
    assert cut.text == whole.text[: whole.text.index("six, se")]
    assert cut.finish_reason == "stop"
    room = len(prompt) + 3
    (short,) = backend.generate([free], context_length=room)
    assert (short.finish_reason, len(short.tokens)) == ("context", 3)
    (none,) = backend.generate([free], context_length=len(prompt))
    assert (none.finish_reason, none.text) == ("too_long", "")


def test_a_text_in_other_letters_is_whole(backend):
    prompt = backend.tokenize("Repeat: 🙂🙂🙂🙂🙂🙂 é é é é\n🙂🙂", add_bos=True)
    (result,) = backend.generate(
        [TextRequest(prompt=prompt, max_tokens=24)], context_length=CONTEXT
    )
    assert "\ufffd" not in result.text
    pieces = b"".join(backend.token_bytes(np.asarray(result.tokens)))
    assert pieces.decode("utf-8", "ignore") == result.text


@pytest.fixture
def calls(monkeypatch):
    """Tokens of every call of the engine."""
    from silentzone.backends.llama_cpp.context import Context

    lengths, decode = [], Context.decode

    def counted(self, batch, where):
        lengths.append(len(batch))
        decode(self, batch, where)

    monkeypatch.setattr(Context, "decode", counted)
    return lengths


def drafted(requests, drafts):
    return [
        replace(request, draft=np.array(draft, np.int32))
        for request, draft in zip(requests, drafts, strict=True)
    ]


@pytest.mark.parametrize("slots", [1, 3])
def test_a_draft_that_is_right_saves_calls_and_changes_no_token(
    backend, requests, together, calls, slots
):
    plain = in_order(backend, requests, slots=slots)
    plain_calls = len(calls)
    calls.clear()
    drafts = [result.tokens for result in plain]
    results = in_order(backend, drafted(requests, drafts), slots=slots)
    assert sum(same(plain, results)) >= 7  # rounding depends on the shape of a batch: a rate
    assert len(calls) < 0.8 * plain_calls
    assert max(calls) > 8
    assert [one.finish_reason for one in results] == [one.finish_reason for one in plain]


def test_a_draft_decides_no_token(backend, requests, together):
    right = [result.tokens.tolist() for result in together]
    wrong = right[1:] + right[:1]
    half = [tokens[:5] + other for tokens, other in zip(right, wrong, strict=True)]
    unknown = [[*tokens[:3], 2**31 - 1, -5] for tokens in right]
    empty: list[list[int]] = [[]] * len(right)
    for drafts in (wrong, half, unknown, empty, [[-1]] * len(right)):
        results = in_order(backend, drafted(requests, drafts), slots=8)
        assert sum(same(together, results)) >= 7


def test_drafted_texts_end_as_plain_ones_do(backend):
    prompt = backend.tokenize("One, two, three, four,", add_bos=True)
    free = TextRequest(prompt=prompt, max_tokens=20)
    (whole,) = in_order(backend, [free])
    draft = np.concatenate((whole.tokens, whole.tokens))
    for request in (free, replace(free, stop=("six, se",)), replace(free, max_tokens=1)):
        for room in (CONTEXT, len(prompt) + 3, len(prompt)):
            (plain,) = backend.generate([request], context_length=room)
            (tried,) = backend.generate([replace(request, draft=draft)], context_length=room)
            assert tried.tokens.tolist() == plain.tokens.tolist()
            assert (tried.text, tried.finish_reason) == (plain.text, plain.finish_reason)


def test_a_sampled_text_has_no_draft(backend, requests, calls):
    sampling = Sampling(temperature=1.0, seed=3)
    plain = [replace(request, sampling=sampling, max_tokens=8) for request in requests[:2]]
    texts = in_order(backend, plain, slots=1)
    lengths = list(calls)
    calls.clear()
    again = in_order(backend, drafted(plain, [text.tokens for text in texts]), slots=1)
    assert same(texts, again) == [True, True]
    assert calls == lengths
