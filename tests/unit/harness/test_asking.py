"""Requests put to an engine, and what becomes of answers."""

from __future__ import annotations

import re
import signal
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest
from tests.unit.harness.conftest import DOCS, WRITTEN

from silentzone.backends.base import BatchSplit, ContinuationRequest
from silentzone.errors import BenchmarkError, MeasurementError, TimeLimitError
from silentzone.harness.asking import Pair, encode_pair, prefix_token, score_pairs, text_request
from silentzone.harness.limits import time_limit
from silentzone.harness.rows import churn_columns, generation_columns, item_columns
from silentzone.harness.runner import run_task

TEMPLATE = "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}{% endfor %}</>"
TOKENS = np.arange(3, dtype=np.int32)


def request(**settings):
    return text_request(TOKENS, settings, seed=5, timeout_seconds=None, task="t")


class Counting:
    """Passes an engine on and keeps what was asked of it."""

    def __init__(self, backend):
        self.backend = backend
        self.requests = []

    def __getattr__(self, name):
        return getattr(self.backend, name)

    def continuation_logits(self, requests, **options):
        self.requests += requests
        return self.backend.continuation_logits(requests, **options)


def test_pairs_of_one_context_are_one_request_and_a_repeated_pair_is_decoded_once(fake):
    with fake() as backend:
        counting = Counting(backend)
        pairs = [
            encode_pair(backend, *texts, 100, chat=False)
            for texts in (("ab", " x"), ("cd", " x"), ("ab", " y"), ("ab", " x"), ("", "z"))
        ]
        scores = score_pairs(counting, pairs)
        alone = [score_pairs(backend, [pair])[0] for pair in pairs]
    assert [len(one.continuations) for one in counting.requests] == [2, 1, 1]
    assert scores == alone
    assert scores[0] == scores[3] != scores[2]


def test_a_greedy_continuation_is_known_as_one(fake):
    with fake() as backend:
        pair = encode_pair(backend, "ab", "c", 100, chat=False)
        (part,) = backend.continuation_logits([_request_of(pair)])
        best = int(part.logits_NV[0].argmax())
        scores = []
        for token in (best, (best + 1) % 256):
            scores += score_pairs(backend, [_pair(pair.context, [token])])
    assert [score.is_greedy for score in scores] == [True, False]
    assert value_of(scores[0]) > value_of(scores[1])


def _pair(context, continuation):
    ids = (np.asarray(context, np.int32), np.asarray(continuation, np.int32))
    return Pair(status="ok", context=ids[0], continuation=ids[1])


def value_of(score):
    assert score.log_likelihood is not None
    return score.log_likelihood


def _request_of(pair):
    return ContinuationRequest(prompt=pair.context, continuations=(pair.continuation,))


def test_what_cannot_be_asked_has_a_status(fake):
    with fake() as backend:
        assert prefix_token(backend) == 256
        given = {
            "ok": ("ab", " c"),
            "empty_continuation": ("ab", ""),
            "too_long": ("a" * 200, " c"),
        }
        found = {
            status: encode_pair(backend, *texts, 100, chat=False).status
            for status, texts in given.items()
        }
    assert list(found) == list(found.values())


@pytest.mark.parametrize(
    ("settings", "limit", "stop", "temperature"),
    [
        ({}, 256, (), 0.0),
        ({"until": "x", "max_gen_toks": 9}, 9, ("x",), 0.0),
        ({"until": ["x", "", "y"], "max_tokens": 3, "temperature": 0.7}, 3, ("x", "y"), 0.7),
        ({"do_sample": False, "temperature": 0.7}, 256, (), 0.0),
        ({"do_sample": True}, 256, (), 1.0),
        ({"do_sample": True, "temperature": 0.2, "top_k": 5, "num_beams": 1}, 256, (), 0.2),
    ],
)
def test_settings_of_a_task_are_read_as_the_harness_reads_them(settings, limit, stop, temperature):
    made = request(**settings)
    assert (made.max_tokens, made.stop, made.sampling.temperature) == (limit, stop, temperature)
    assert made.sampling.seed == 5


@pytest.mark.parametrize("settings", [{"num_beams": 4}, {"repetition_penalty": 1.2}, {"foo": 1}])
def test_settings_that_no_engine_follows_are_refused(settings):
    with pytest.raises(BenchmarkError, match=f"asks for `{next(iter(settings))}"):
        request(**settings)


def test_every_item_gets_a_row_and_those_that_do_not_fit_no_score(load, fake):
    docs = [*DOCS, {**DOCS[0], "q": "long " * 50}]
    task = load(docs=docs)
    with fake() as backend:
        answers = run_task(backend, task, 60, seed=1)
        columns = item_columns(task, answers)
        some = run_task(backend, task, 60, seed=1, only=[1], split=BatchSplit(tokens_per_call=2))
    assert columns["status"] == ["ok", "ok", "ok", "too_long"]
    assert [score is None for score in columns["score"]] == [False, False, False, True]
    assert columns["choice_log_likelihoods"][3] is None
    assert [len(one) for one in columns["choice_log_likelihoods"][:3]] == [2, 3, 2]
    assert columns["target"] == ["0", "1", "1", "0"]
    again = churn_columns(task, [(1.0, "0")], [("uneven_batch", some)])
    assert (again["item_id"], again["score"]) == (["1"], [1.0])
    assert again["prediction_again"] == [columns["prediction"][1]]


class Spoiling(Counting):
    """Gives logits that are not finite for the second request."""

    def continuation_logits(self, requests, **options):
        for part in super().continuation_logits(requests, **options):
            if part.request == 1:
                part.logits_NV[:] = np.nan
            yield part


def test_logits_that_are_not_finite_are_a_status(load, fake):
    task = load()
    with fake() as backend:
        answers = run_task(Spoiling(backend), task, 60, seed=1)
    assert [answer.status for answer in answers] == ["ok", "non_finite", "ok"]
    assert [answer.score is None for answer in answers] == [False, True, False]
    assert item_columns(task, answers)["choice_log_likelihoods"][1] is None


def test_a_metric_that_is_better_when_lower_is_turned_round(load, fake):
    lower = {"metric": "exact_match", "aggregation": "mean", "higher_is_better": False}
    task = load({**WRITTEN, "metric_list": [lower]}, score_truncated=True)
    with fake() as backend:
        answers = run_task(backend, task, 60, seed=1)
    assert [answer.score for answer in answers] == [1.0, 1.0, 1.0]
    assert "score: 1 - exact_match" in task.description


def test_a_hostile_pattern_costs_its_item_and_a_broken_rule_is_not_the_models_fault(
    load, fake, monkeypatch
):
    from silentzone.harness import runner

    monkeypatch.setattr(runner, "_JUDGE_SECONDS", 0.3)
    pattern = "(.|\\n|[^x])*(.|\\n|[^y])*(.|[^z]|\\n)*(a|b|c|.|\\n)*\\Zq"
    filters = [{"name": "f", "filter": [{"function": "regex", "regex_pattern": pattern}]}]
    long = {**WRITTEN, "generation_kwargs": {"until": [], "max_gen_toks": 200}}
    task = load({**long, "filter_list": filters}, score_truncated=True)
    with fake() as backend:
        answers = run_task(backend, task, 300, seed=1)
        assert {answer.status for answer in answers} == {"rule_timeout"}
        filters = [{"name": "f", "filter": [{"function": "take_first_k", "k": 5}]}]
        task = load({**WRITTEN, "filter_list": filters}, score_truncated=True)
        answers = run_task(backend, task, 60, seed=1)
    assert {answer.status for answer in answers} == {"grader_error"}
    assert {answer.score for answer in answers} == {None}
    assert "AssertionError" in generation_columns(answers)["check"][0]


def test_repeats_are_written_with_seeds_of_their_own_and_judged_by_the_filter(load, fake):
    keys = {
        **WRITTEN,
        "repeats": 3,
        "generation_kwargs": {
            "until": [],
            "max_gen_toks": 8,
            "do_sample": True,
            "temperature": 2.0,
        },
        "filter_list": [
            {"name": "vote", "filter": [{"function": "majority_vote"}, {"function": "take_first"}]}
        ],
    }
    task = load(keys, score_truncated=True)
    with fake() as backend:
        first = generation_columns(run_task(backend, task, 60, seed=1))
        again = generation_columns(run_task(backend, task, 60, seed=1))
        other = generation_columns(run_task(backend, task, 60, seed=2))
    assert first["repeat"] == [0, 1, 2] * 3
    assert len(set(first["text"])) > 3
    assert first["text"] == again["text"] != other["text"]


def test_messages_go_through_the_models_template_and_a_begun_answer_follows_it(load, fake):
    keys = {**WRITTEN, "gen_prefix": "Well:"}
    task = load(keys, chat=True, score_truncated=True)
    with fake(chat_template=TEMPLATE) as backend:
        (answer, *_) = run_task(backend, task, 60, seed=1)
    assert answer.item.requests[0].args[0] == "<user>one</>Well:"
    with fake() as backend, pytest.raises(BenchmarkError, match="has no chat template"):
        run_task(backend, load(chat=True), 60, seed=1)


def test_a_metric_that_is_no_proportion_stops_the_benchmark(load):
    score = load().score
    assert score.score(True, "3") == 1.0
    for value in (1.5, -0.1, float("nan"), "x", (1, 2), None):
        with pytest.raises(BenchmarkError, match="document 3"):
            score.score(value, "3")


def test_the_time_limit_stops_a_pattern_and_leaves_no_alarm_behind():
    before = signal.getsignal(signal.SIGALRM)
    started = time.perf_counter()
    with pytest.raises(TimeLimitError, match=r"it took longer than 0\.2 s"), time_limit(0.2, "it"):
        re.search("(a|a|b|aa)*(a|a|b|aa)*(a|aa|a)*c", "a" * 60)
    assert time.perf_counter() - started < 5.0
    assert signal.getsignal(signal.SIGALRM) == before
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0.0
    done = []

    def elsewhere():
        with time_limit(0.01, "it"):
            done.append(True)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert done == [True]


def test_the_model_is_registered_and_says_what_is_wrong_with_its_arguments(tmp_path, capsys):
    pytest.importorskip("lm_eval")
    from silentzone.errors import ConfigError
    from silentzone.harness.__main__ import register
    from silentzone.harness.library import require

    register()
    register()
    registry = require("lm_eval.api.registry")
    made = registry.get_model("silentzone")
    with pytest.raises(ConfigError, match="is no model file and no folder of one"):
        made(path=str(tmp_path / "nowhere.gguf"))


def test_the_models_numbers_are_those_of_plain_windows(fake, tmp_path):
    pytest.importorskip("lm_eval")
    from silentzone.harness.library import require

    text, size = "abcdefghijklmnopqrst", 8
    with fake() as backend:
        model = require("silentzone.harness.model").SilentzoneLM(
            path=str(tmp_path / "model.json"), backend="fake", threads=1, max_length=size
        )
        tokens = backend.tokenize(text, add_bos=True)
        assert model.tok_encode(text) == tokens.tolist()
        # Windows of eight predicted tokens after the one before; the last one is filled up with
        # context from the left.
        before = np.concatenate(([256], tokens))
        starts = range(0, len(tokens), size)
        expected = 0.0
        for start in starts:
            end = min(start + size, len(tokens))
            first = start if end - start == size else end - size
            pair = _pair(before[first : start + 1], tokens[start:end])
            expected += value_of(score_pairs(backend, [pair])[0])
        (whole,) = model.loglikelihood_rolling([SimpleNamespace(args=(text,))])
        assert whole == pytest.approx(expected, abs=1e-9)
        (pair,) = model.loglikelihood([SimpleNamespace(args=("ab", " c"))])
        alone = score_pairs(backend, [encode_pair(backend, "ab", " c", 100, chat=False)])[0]
        assert pair == (alone.log_likelihood, alone.is_greedy)
        with pytest.raises(BenchmarkError, match="does not fit"):
            model.loglikelihood([SimpleNamespace(args=("a" * 50, " c"))])
        with pytest.raises(MeasurementError, match="no log-likelihood"):
            model.loglikelihood([SimpleNamespace(args=("ab", ""))])
