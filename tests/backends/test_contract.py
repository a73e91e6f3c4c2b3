"""What every engine promises, asked of all of them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest
from tests.backends.tiny_models import make_model

from silentzone.backends.base import BatchSplit, ContinuationRequest, EngineSettings, LogitBackend
from silentzone.backends.registry import Engine, engine_named
from silentzone.errors import InputError, ModelFileError
from silentzone.measure.reference import observed_tokens
from silentzone.metrics.head import decode_rows, encode_rows
from silentzone.metrics.kernels import compare_rows, describe_rows
from silentzone.records.windows import WindowPlan

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TEXT = (
    "The harbour was quiet that morning, and nobody knew why the boats had not come back. "
    "Ünïcode, 中文 and a smile 🙂 stand in the middle of this text, "
    "then it goes on about lamps, letters and the weather in March."
)
LENGTH, FIRST, COUNT = 24, 8, 6
LARGEST_NOISE = 1e-3
"""Nats of KLD between two runs of one engine that differ in batching only."""


class Case(NamedTuple):
    """One engine with a model."""

    engine: Engine
    path: Path
    open: Callable[..., LogitBackend]
    """With a ``cache`` of keys and values, and any settings changed."""


@pytest.fixture(
    scope="module",
    params=[
        "fake",
        *(pytest.param(n, marks=pytest.mark.engine) for n in ("llama_cpp", "transformers")),
    ],
)
def case(request, tmp_path_factory):
    if request.param == "fake":
        path = tmp_path_factory.mktemp("fake") / "model.json"
        path.write_text(json.dumps({"fake_model": 1, "seed": 7}), "utf-8")
    elif request.param == "transformers":
        request.getfixturevalue("transformers_version")
        path = make_model(tmp_path_factory.mktemp("transformers"))
    else:
        path = request.getfixturevalue("smollm2_f16")
    engine = engine_named(request.param)
    model = engine.read_model(path, "model under test")
    settings = EngineSettings(threads=2, batch_tokens=4 * LENGTH, micro_batch_tokens=64)

    def opened(*, cache: tuple[str | None, str | None] = (None, None), **changes: Any) -> Any:
        cached = replace(model, cache_k=cache[0], cache_v=cache[1])
        return engine.open(path, cached, replace(settings, **changes))

    return Case(engine, path, opened)


@pytest.fixture(scope="module")
def backend(case):
    with case.open() as opened:
        yield opened


@pytest.fixture(scope="module")
def plan(backend):
    return WindowPlan(context_length=LENGTH, first_scored=FIRST, add_bos=backend.adds_bos)


@pytest.fixture(scope="module")
def windows(backend):
    tokens = backend.tokenize(TEXT * 4, add_bos=True)
    return [tokens[LENGTH * k : LENGTH * (k + 1)] for k in range(COUNT)]


def _logits(backend, windows, plan, **options):
    return [part.logits_TV.copy() for part in backend.window_logits(windows, plan, **options)]


def _divergence(first, second, window, plan):
    observed = observed_tokens(window, plan.first_scored)
    first, second = np.ascontiguousarray(first), np.ascontiguousarray(second)
    return compare_rows(first, second, observed, describe_rows(first, observed)).kl_divergence


def test_entering_gives_the_backend_itself(case):
    opened = case.open()
    with opened as entered:
        assert entered is opened


def test_a_backend_names_its_model_and_what_it_would_record_unloaded(case, backend):
    assert backend.model.name == "model under test"
    settings = EngineSettings(threads=2, batch_tokens=4 * LENGTH, micro_batch_tokens=64)
    assert backend.info == case.engine.describe(settings)
    assert list(backend.info.settings) == sorted(backend.info.settings)


def test_threads_are_no_setting_that_changes_a_logit(case):
    assert case.engine.describe(EngineSettings(threads=1)) == case.engine.describe(
        EngineSettings(threads=7)
    )


def test_tokens_spell_the_text(backend):
    tokens = backend.tokenize(TEXT, add_bos=False)
    assert tokens.dtype == np.int32
    assert tokens.ndim == 1
    assert b"".join(backend.token_bytes(tokens)) == TEXT.encode()


def test_bos_stands_in_front_only_where_asked_and_usual(backend):
    without, asked = (backend.tokenize(TEXT, add_bos=flag) for flag in (False, True))
    assert len(asked) == len(without) + backend.adds_bos
    assert asked[int(backend.adds_bos) :].tolist() == without.tolist()
    if backend.adds_bos:
        assert backend.token_bytes(asked[:1]) == [b""]


def test_a_text_of_nothing_has_no_token(backend):
    assert len(backend.tokenize("", add_bos=False)) == 0


def test_windows_come_one_by_one_in_order_with_one_row_per_scored_position(backend, windows, plan):
    parts = [
        (part.index, part.logits_TV.shape, part.logits_TV.dtype, part.hidden_TD)
        for part in backend.window_logits(iter(windows), plan)
    ]
    shape = (LENGTH - 1 - FIRST, backend.model.vocabulary_size)
    assert parts == [(index, shape, np.dtype(np.float32), None) for index in range(COUNT)]


def test_logits_are_finite_and_differ_between_positions(backend, windows, plan):
    for logits in _logits(backend, windows, plan):
        assert np.isfinite(logits).all()
        assert len(np.unique(logits[:, 0])) == len(logits)


def test_the_same_windows_give_the_same_logits(backend, windows, plan):
    first, again = _logits(backend, windows, plan), _logits(backend, windows, plan)
    for k in range(COUNT):
        assert np.array_equal(first[k], again[k])


def test_a_window_does_not_depend_on_its_neighbours(backend, windows, plan):
    together = _logits(backend, windows, plan)
    (alone,) = _logits(backend, [windows[3]], plan)
    assert _divergence(together[3], alone, windows[3], plan).max() <= LARGEST_NOISE


def test_no_logit_depends_on_a_later_token(backend, windows, plan):
    changed = windows[0].copy()
    changed[LENGTH - 4] = windows[0][LENGTH - 5]
    assert changed[LENGTH - 4] != windows[0][LENGTH - 4]
    (before,), (after,) = (_logits(backend, [w], plan) for w in (windows[0], changed))
    divergence = _divergence(before, after, windows[0], plan)
    until = LENGTH - 4 - FIRST
    assert divergence[:until].max() <= 1e-9
    assert divergence[until] > 1e-3


def test_the_first_token_of_a_window_is_bos_where_the_plan_says_so(backend, windows, plan):
    if not backend.adds_bos:
        pytest.skip("this vocabulary has no BOS of its own")
    with_bos = replace(plan, first_scored=0, add_bos=True)
    bos = backend.tokenize("", add_bos=True)[0]
    written = windows[1].copy()
    written[0] = bos
    (replaced,) = _logits(backend, [windows[1]], with_bos)
    (as_given,) = _logits(backend, [written], replace(with_bos, add_bos=False))
    assert np.array_equal(replaced, as_given)


def test_a_window_of_another_length_is_refused(backend, windows, plan):
    with pytest.raises(InputError, match="window 1"):
        list(backend.window_logits([windows[0], windows[1][:-1]], plan))


def test_no_windows_and_no_requests_give_nothing(backend, plan):
    assert list(backend.window_logits([], plan)) == []
    assert list(backend.continuation_logits([])) == []


def test_hidden_states_come_with_the_same_logits(backend, windows, plan):
    without = _logits(backend, windows, plan)
    for part in backend.window_logits(windows, plan, with_hidden=True):
        assert part.hidden_TD is not None
        assert part.hidden_TD.shape[0] == len(part.logits_TV)
        divergence = _divergence(without[part.index], part.logits_TV, windows[part.index], plan)
        assert divergence.max() <= LARGEST_NOISE


def test_the_output_head_rebuilds_the_logits_from_hidden_states(case, backend, windows, plan):
    head = case.engine.output_head(case.path)
    assert head is not None
    for part in backend.window_logits(windows, plan, with_hidden=True):
        rows = encode_rows(part.hidden_TD, head.row_code)
        states = decode_rows(rows, head.row_code, part.hidden_TD.shape[1])
        rebuilt = np.empty(part.logits_TV.shape, np.float32)
        head.logits(states, rebuilt)
        divergence = _divergence(part.logits_TV, rebuilt, windows[part.index], plan)
        assert divergence.max() <= 1e-6


@pytest.mark.parametrize("with_hidden", [False, True])
def test_a_window_too_long_for_the_memory_comes_in_stretches_of_the_same_logits(
    case, windows, with_hidden
):
    tokens = np.concatenate(windows)
    plan = WindowPlan(context_length=64, first_scored=20, add_bos=False)
    long = [tokens[:64], tokens[64:128]]
    memory = 17 * 4 * case.open().model.vocabulary_size  # 17 rows, and 8 in a micro-batch
    found = []
    for bytes_ in (2**30, memory):
        with case.open(memory_bytes=bytes_, micro_batch_tokens=8) as backend:
            parts = [
                (part.index, part.rows, part.logits_TV.copy(), part.hidden_TD)
                for part in backend.window_logits(long, plan, with_hidden=with_hidden)
            ]
        assert all(len(logits) <= 17 for _, _, logits, _ in parts) == (bytes_ == memory)
        assert all((hidden is not None) == with_hidden for _, _, _, hidden in parts)
        for index in range(2):
            places = [rows for own, rows, _, _ in parts if own == index]
            assert [row for rows in places for row in range(43)[rows]] == list(range(43))
        found.append(np.concatenate([logits for _, _, logits, _ in parts]))
    assert np.array_equal(found[0], found[1])


@pytest.mark.parametrize(("step", "from_token"), [(1, 0), (5, 0), (1, 6)])
def test_stretches_are_split_as_whole_windows_are(case, windows, step, from_token):
    plan = WindowPlan(context_length=LENGTH, first_scored=FIRST, add_bos=False)
    split = BatchSplit(tokens_per_call=step, from_token=from_token)
    memory = 6 * 4 * case.open().model.vocabulary_size
    found = []
    for changes in ({}, {"memory_bytes": memory}):
        with case.open(**changes) as backend:
            parts = _logits(backend, windows[:1], plan, split=split)
        assert len(parts) >= 3 if changes else len(parts) == 1
        found.append(np.concatenate(parts))
    assert np.array_equal(found[0], found[1])


def test_tokens_before_a_split_go_in_one_call(case, backend, windows, plan, monkeypatch):
    if case.engine.name != "transformers":
        pytest.skip("calls are counted where a cache shows them")
    lengths = []
    network = backend._network
    states = network.states

    def counted(tokens_BC, *rest):
        lengths.append(tokens_BC.shape[1])
        return states(tokens_BC, *rest)

    monkeypatch.setattr(network, "states", counted)
    split = BatchSplit(tokens_per_call=1, from_token=5)
    (perturbed,) = _logits(backend, windows[:1], plan, split=split)
    assert lengths == [5] + [1] * (LENGTH - 5)
    (ordinary,) = _logits(backend, windows[:1], plan)
    np.testing.assert_allclose(perturbed, ordinary, atol=1e-4)


def test_a_coarser_cache_moves_the_logits_further_and_the_own_type_not_at_all(case, windows, plan):
    if not {"f16", "q8_0", "q4_0"} <= set(case.engine.cache_types):
        assert case.engine.name == "transformers"  # with types and tests of its own
        pytest.skip("transformers has caches in other types, which engage in longer windows")
    found = {}
    for cache in ((None, None), ("f16", "f16"), ("q8_0", "q8_0"), ("q4_0", "q4_0")):
        with case.open(cache=cache) as backend:
            assert backend.info == case.engine.describe(EngineSettings(
                threads=2, batch_tokens=4 * LENGTH, micro_batch_tokens=64))  # fmt: skip
            found[cache[0]] = _logits(backend, windows, plan)
    distances = {
        name: np.mean([
            _divergence(own, other, window, plan).mean()
            for own, other, window in zip(found[None], logits, windows, strict=True)
        ])
        for name, logits in found.items()
    }  # fmt: skip
    assert all(np.array_equal(*pair) for pair in zip(found[None], found["f16"], strict=True))
    assert 0 < distances["q8_0"] < 0.1
    assert 2 * distances["q8_0"] < distances["q4_0"]


@pytest.mark.parametrize("step", [1, 5, LENGTH])
def test_another_split_moves_the_logits_by_no_more_than_noise(backend, windows, plan, step):
    ordinary = _logits(backend, windows[:2], plan)
    split = _logits(backend, windows[:2], plan, split=BatchSplit(tokens_per_call=step))
    for k in range(2):
        assert split[k].shape == ordinary[k].shape
        assert _divergence(ordinary[k], split[k], windows[k], plan).max() <= LARGEST_NOISE


@pytest.fixture(scope="module")
def requests(windows):
    """Prompts of one and of many tokens, with one and with many continuations."""
    return [
        ContinuationRequest(windows[0][:10], (windows[1][:1], windows[2][:5], windows[3][:3])),
        ContinuationRequest(windows[1][:1], (windows[2][:4],)),
        ContinuationRequest(windows[2][:7], (windows[0][:1], windows[1][:1])),
    ]


@pytest.mark.parametrize("share_prompts", [True, False])
def test_continuations_come_in_order_with_one_row_per_token(backend, requests, share_prompts):
    parts = backend.continuation_logits(requests, share_prompts=share_prompts)
    found = [(part.request, part.continuation, part.logits_NV.shape) for part in parts]
    wanted = [
        (r, c, (len(tokens), backend.model.vocabulary_size))
        for r, request in enumerate(requests)
        for c, tokens in enumerate(request.continuations)
    ]
    assert found == wanted


@pytest.mark.parametrize("share_prompts", [True, False])
@pytest.mark.parametrize("step", [None, 1])
def test_continuations_have_the_logits_of_a_window_of_the_same_tokens(
    backend, requests, share_prompts, step
):
    parts = [
        (part.request, part.continuation, part.logits_NV.copy())
        for part in backend.continuation_logits(
            requests, share_prompts=share_prompts, split=BatchSplit(tokens_per_call=step)
        )
    ]
    assert len(parts) == 6
    for asked, choice, logits in parts:
        prompt = requests[asked].prompt
        window = np.concatenate((prompt, requests[asked].continuations[choice]))
        whole = WindowPlan(context_length=len(window), first_scored=len(prompt) - 1, add_bos=False)
        (as_window,) = _logits(backend, [window], whole)
        assert _divergence(as_window, logits, window, whole).max() <= LARGEST_NOISE


def test_prompts_that_begin_alike_have_the_logits_of_prompts_asked_alone(backend):
    header, ends = backend.tokenize(TEXT, add_bos=True), (" one", " two or three")
    requests = [
        ContinuationRequest(
            np.concatenate(
                (header[: len(header) - 5 * (k // 3)], backend.tokenize(q, add_bos=False))
            ),
            tuple(backend.tokenize(end, add_bos=False) for end in ends),
        )
        for k, q in enumerate((" Who?", " Where?", " Why?") * 3)
    ]
    together = [part.logits_NV.copy() for part in backend.continuation_logits(requests)]
    alone = [
        (part.logits_NV.copy(), request.continuations[part.continuation])
        for request in requests
        for part in backend.continuation_logits([request])
    ]
    for logits, (wanted, observed) in zip(together, alone, strict=True):
        described = describe_rows(wanted, observed)
        noise = compare_rows(wanted, logits, observed, described).kl_divergence
        assert noise.max() <= LARGEST_NOISE


def test_continuations_with_hidden_states_have_the_same_logits(case, backend, requests):
    head = case.engine.output_head(case.path)
    without = [part.logits_NV.copy() for part in backend.continuation_logits(requests)]
    parts = backend.continuation_logits(requests, with_hidden=True)
    for ordinary, part in zip(without, parts, strict=True):
        assert part.requests_in_call >= 1
        observed = requests[part.request].continuations[part.continuation]
        described = describe_rows(ordinary, observed)
        noise = compare_rows(ordinary, part.logits_NV, observed, described).kl_divergence
        assert noise.max() <= LARGEST_NOISE
        rows = encode_rows(part.hidden_ND, head.row_code)
        rebuilt = np.empty(part.logits_NV.shape, np.float32)
        head.logits(decode_rows(rows, head.row_code, part.hidden_ND.shape[1]), rebuilt)
        described = describe_rows(part.logits_NV, observed)
        error = compare_rows(part.logits_NV, rebuilt, observed, described).kl_divergence
        assert error.max() <= 1e-6


def test_hidden_states_come_only_where_they_are_asked_for(backend, requests):
    assert all(part.hidden_ND is None for part in backend.continuation_logits(requests))


def test_a_file_that_is_no_model_is_refused(case, tmp_path):
    path = tmp_path / "no-model"
    path.write_bytes(b"GGUF but not really")
    with pytest.raises(ModelFileError):
        case.engine.read_model(path, "no model")
    with pytest.raises(ModelFileError):
        case.engine.read_model(tmp_path / "missing", "missing")


def test_the_identity_of_a_file_is_its_content(case, tmp_path):
    link = tmp_path / "another-name.gguf"
    link.symlink_to(case.path)
    first, second = (case.engine.read_model(path, "x") for path in (case.path, link))
    assert first == second
