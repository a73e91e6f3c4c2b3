from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest

from silentzone.backends.answer import Answer
from silentzone.backends.base import EngineSettings, Sampling, TextRequest
from silentzone.backends.fake import ENGINE
from silentzone.backends.sampling import choose_token


def written(pieces, *, max_tokens=50, stop=(), context_length=100, clock=None, timeout=None):
    """Result of an answer whose tokens are these pieces; None ends it."""
    request = TextRequest(
        prompt=np.array([1, 2], np.int32),
        max_tokens=max_tokens,
        stop=stop,
        timeout_seconds=timeout,
    )
    clock = {} if clock is None else {"clock": clock}
    answer = Answer(0, request, context_length, lambda token: pieces[token], **clock)
    for token in range(len(pieces)):
        if answer.result is not None:
            break
        row = np.zeros(len(pieces), np.float32)
        row[token] = 1.0
        answer.take(row)
    return answer.result


def test_an_answer_ends_with_the_models_end():
    result = written([b"a", b"b", None])
    assert (result.text, result.finish_reason, result.tokens.tolist()) == ("ab", "stop", [0, 1])


@pytest.mark.parametrize(
    ("pieces", "stop", "text"),
    [
        ([b"one\n", b"\ntwo"], ("\n\n",), "one"),
        ([b"a", b"b", b"c", b"d"], ("bcd",), "a"),
        ([b"xEND", b"rest"], ("END", "xE"), ""),
        ([b"caf\xc3", b"\xa9 au lait"], ("é",), "caf"),
    ],
)
def test_a_stop_string_is_found_across_token_boundaries_and_left_out(pieces, stop, text):
    result = written(pieces, stop=stop)
    assert (result.text, result.finish_reason) == (text, "stop")


def test_a_character_of_several_tokens_is_put_together_and_a_cut_one_left_out():
    smile = "🙂".encode()
    assert written([smile[:2], smile[2:], None]).text == "🙂"
    assert written([b"a", smile[:2], smile[2:]], max_tokens=2).text == "a"
    assert written([b"a\xff", None]).text == "a\ufffd"


def test_length_context_and_time_end_an_answer():
    assert written([b"a"] * 5, max_tokens=3).finish_reason == "length"
    assert written([b"a"] * 5, context_length=4).finish_reason == "context"
    assert len(written([b"a"] * 5, context_length=4).tokens) == 2
    ticks = iter(range(100))
    late = written([b"a"] * 9, timeout=1.5, clock=lambda: float(next(ticks)))
    assert late.finish_reason == "timeout"
    assert late.text == "aa"


def test_a_prompt_without_room_is_too_long():
    request = TextRequest(prompt=np.zeros(8, np.int32), max_tokens=5)
    result = Answer(3, request, 8, lambda _: b"").result
    assert result is not None
    assert result.finish_reason == "too_long"
    assert Answer(3, request, 9, lambda _: b"").result is None


def test_logits_that_are_not_finite_are_an_error_of_that_answer():
    answer = Answer(0, TextRequest(prompt=np.zeros(1, np.int32), max_tokens=5), 9, lambda _: b"a")
    assert answer.take(np.array([0.0, np.nan], np.float32)) is None
    result = answer.result
    assert result is not None
    assert (result.finish_reason, result.error) == (
        "error", "the logits of token 0 are not finite"
    )  # fmt: skip


def rates(row, sampling, count=20_000):
    rng = np.random.default_rng(1)
    drawn = [choose_token(np.array(row, np.float32), sampling, rng) for _ in range(count)]
    return np.bincount(drawn, minlength=len(row)) / count


def test_tokens_are_drawn_with_their_probability():
    row = np.log([0.1, 0.6, 0.3])
    assert rates(row, Sampling(temperature=1.0)) == pytest.approx([0.1, 0.6, 0.3], abs=0.02)
    sharp = np.array([0.1, 0.6, 0.3]) ** 2
    wanted = sharp / sharp.sum()
    assert rates(row, Sampling(temperature=0.5)) == pytest.approx(wanted, abs=0.02)


def test_top_k_and_top_p_keep_the_most_likely():
    row = np.log([0.1, 0.5, 0.3, 0.1])
    two = [0, 0.625, 0.375, 0]
    assert rates(row, Sampling(temperature=1.0, top_k=2)) == pytest.approx(two, abs=0.02)
    assert rates(row, Sampling(temperature=1.0, top_p=0.7)) == pytest.approx(two, abs=0.02)
    # of the three that top_k keeps, the first two reach 0.85 together
    both = Sampling(temperature=1.0, top_k=3, top_p=0.85)
    assert rates(row, both) == pytest.approx(two, abs=0.02)
    assert rates(row, Sampling(temperature=1.0, top_p=0.0))[1] == 1.0


def test_equal_logits_go_to_the_lower_id():
    row = np.array([0.0, 2.0, 2.0], np.float32)
    rng = np.random.default_rng(0)
    assert choose_token(row, Sampling(), rng) == 1
    assert choose_token(row, Sampling(temperature=1.0, top_k=1), rng) == 1


@pytest.fixture
def fake(tmp_path):
    def open_fake(**content):
        path = tmp_path / "model.json"
        path.write_text(json.dumps({"fake_model": 1, "seed": 7, **content}), "utf-8")
        return ENGINE.open(path, ENGINE.read_model(path, "m"), EngineSettings(threads=1))

    return open_fake


def requests(backend, count, **sampling):
    return [
        TextRequest(
            prompt=backend.tokenize(f"question {k}", add_bos=True),
            max_tokens=12,
            sampling=Sampling(seed=k, **sampling),
        )
        for k in range(count)
    ]


def test_the_fake_engine_writes_the_same_text_for_a_seed_whatever_it_is_asked_besides(fake):
    backend = fake()
    several = list(
        backend.generate(requests(backend, 4, temperature=3.0), context_length=99, slots=2)
    )
    alone = list(
        backend.generate(requests(backend, 4, temperature=3.0)[2:3], context_length=99, slots=1)
    )
    assert several[2].text == alone[0].text
    assert all(one.text != other.text for one, other in pairwise(several))


def test_the_fake_engine_misbehaves_where_told(fake):
    backend = fake(misbehave="nan")
    reasons = [
        result.finish_reason for result in backend.generate(requests(backend, 3), context_length=99)
    ]
    assert reasons[1] == "error"
    assert "error" not in {reasons[0], reasons[2]}
