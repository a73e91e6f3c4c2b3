"""Quantized caches in transformers: rounded when transformers rounds them, whatever the batch."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import inspect
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.backends.tiny_models import make_model

from silentzone.backends.base import BatchSplit, ContinuationRequest, EngineSettings, TextRequest
from silentzone.backends.transformers.entry import ENGINE
from silentzone.backends.transformers.kv_cache import BLOCK, CACHES, rounded_by
from silentzone.errors import MeasurementError, MissingExtraError, ModelFileError
from silentzone.metrics.kernels import compare_rows, describe_rows
from silentzone.records.windows import WindowPlan

pytestmark = [
    pytest.mark.engine,
    pytest.mark.usefixtures("transformers_version"),
    # said by optimum-quanto when it is imported
    pytest.mark.filterwarnings("ignore:`torch.jit.script:DeprecationWarning"),
]

SETTINGS = EngineSettings(threads=1, batch_tokens=1024, micro_batch_tokens=16)
LENGTH = 300
PLAN = WindowPlan(context_length=LENGTH, first_scored=0, add_bos=False)
_MODULES = {None: "torch", "hqq": "hqq", "optimum-quanto": "optimum.quanto"}


def _helper_is_here(kind: str) -> bool:
    name = _MODULES[CACHES[kind].helper]
    found = importlib.util.find_spec(name.partition(".")[0]) is not None
    return found and importlib.util.find_spec(name) is not None


@pytest.fixture(params=["fp8", "hqq-int8", "hqq-int4", "quanto-int4", "quanto-int2"])
def kind(request):
    if not _helper_is_here(request.param):
        pytest.skip(f"{CACHES[request.param].helper} is not installed")
    return request.param


@pytest.fixture(scope="module")
def path(tmp_path_factory, transformers_version):
    return make_model(tmp_path_factory.mktemp("cached"), "llama", head_dim=64)


def opened(path: Any, kind: str | None) -> Any:
    model = replace(ENGINE.read_model(path, path.name), cache_k=kind, cache_v=kind)
    return ENGINE.open(path, model, SETTINGS)


@pytest.fixture(scope="module")
def tokens():
    return np.random.default_rng(3).integers(0, 256, LENGTH).astype(np.int32)


def logits_of(backend, tokens, tokens_per_call=None, from_token=0):
    split = BatchSplit(tokens_per_call=tokens_per_call, from_token=from_token)
    parts = backend.window_logits([tokens, tokens], PLAN, split=split)
    found = [(part.index, part.logits_TV.copy()) for part in parts]
    first, second = (np.concatenate([rows for i, rows in found if i == k]) for k in (0, 1))
    np.testing.assert_array_equal(first, second)
    return first


def divergence(reference, candidate):
    observed = np.zeros(len(reference), np.int32)
    return compare_rows(reference, candidate, observed, describe_rows(reference, observed))


def test_the_first_block_is_exact_and_the_next_ones_are_not(path, tokens, kind):
    with opened(path, None) as plain, opened(path, kind) as cached:
        exact, rounded = logits_of(plain, tokens), logits_of(cached, tokens)
    kld = divergence(exact, rounded).kl_divergence
    assert kld[:BLOCK].max() < 1e-9
    assert kld[BLOCK:].mean() > 1e-7
    assert (kld[BLOCK:] > 1e-12).mean() > 0.99


@pytest.mark.parametrize(
    ("finer", "coarser"), [("hqq-int8", "hqq-int4"), ("quanto-int4", "quanto-int2")]
)
def test_fewer_bits_are_farther_away(path, tokens, finer, coarser):
    if not _helper_is_here(finer):
        pytest.skip(f"{CACHES[finer].helper} is not installed")
    with opened(path, None) as plain, opened(path, finer) as fine, opened(path, coarser) as coarse:
        exact = logits_of(plain, tokens)
        near, far = (
            divergence(exact, logits_of(one, tokens)).kl_divergence.mean() for one in (fine, coarse)
        )
    assert 0 < 5 * near < far


@pytest.mark.parametrize(
    ("tokens_per_call", "from_token"),
    [(1, 0), (50, 0), (128, 0), (1000, 0), (1, 88), (1, 127), (1, 200), (50, 130), (None, 88)],
)
def test_the_same_tokens_are_rounded_however_small_the_calls(
    path, tokens, kind, tokens_per_call, from_token
):
    with opened(path, None) as plain, opened(path, kind) as cached:
        exact, whole = logits_of(plain, tokens), logits_of(cached, tokens)
        split = logits_of(cached, tokens, tokens_per_call, from_token)
    distance = divergence(exact, whole).kl_divergence[BLOCK:].mean()
    noise = divergence(whole, split).kl_divergence[BLOCK:].mean()
    # a sum in another order may round a number the other way, which is far from rounding all
    assert noise < 0.05 * distance


def test_blocks_see_what_a_token_sees_when_it_is_written(path, tokens, kind):
    """By nothing of ours: a prompt in one call, then token after token, as in `generate`."""
    import torch
    from transformers import AutoModelForCausalLM, QuantizedCache

    model = AutoModelForCausalLM.from_pretrained(path).eval()
    how = CACHES[kind]
    axis = 1 if how.backend == "hqq" else 0
    given: Any = {"nbits": how.bits, "axis_key": axis, "axis_value": axis}
    cache = QuantizedCache(how.backend, model.config, **({} if how.backend == "fp8" else given))
    ids = torch.tensor(tokens[None].astype(np.int64))
    name = "cache" if "cache" in inspect.signature(model.forward).parameters else "past_key_values"
    rows = []
    with torch.inference_mode():
        for part in (slice(0, BLOCK), *(slice(k, k + 1) for k in range(BLOCK, LENGTH))):
            output = model(ids[:, part], **{name: cache}, use_cache=True)
            rows.append(output.logits[0].float().numpy())
    written = np.ascontiguousarray(np.concatenate(rows)[: LENGTH - 1])
    with opened(path, None) as plain, opened(path, kind) as cached:
        exact, read = logits_of(plain, tokens), logits_of(cached, tokens)
    distance = divergence(exact, written).kl_divergence[BLOCK:].mean()
    assert divergence(read, written).kl_divergence[BLOCK:].mean() < 0.05 * distance


@pytest.mark.parametrize("length", [60, 200])
def test_continuations_go_on_from_one_prompt_and_leave_it_as_it_was(path, tokens, kind, length):
    ends = (tokens[length : length + 6], tokens[3:5], tokens[length : length + 6])
    requests = [ContinuationRequest(tokens[:length], ends)]
    found = {}
    with opened(path, None) as plain, opened(path, kind) as cached:
        for name, backend, shares in (
            ("plain", plain, True),
            ("shared", cached, True),
            ("alone", cached, False),
        ):
            parts = backend.continuation_logits(requests, share_prompts=shares)
            found[name] = [part.logits_NV.copy() for part in parts]
    np.testing.assert_array_equal(found["shared"][0], found["shared"][2])
    for shared, alone in zip(found["shared"], found["alone"], strict=True):
        np.testing.assert_array_equal(shared, alone)
    distance = divergence(found["plain"][0], found["shared"][0]).kl_divergence
    # the end of a prompt of one block is read before anything is rounded
    assert (distance[0] < 1e-9) == (length < BLOCK)
    assert (distance[1:] > 1e-9).all()


def test_an_answer_is_the_likeliest_along_itself(path, tokens, kind):
    prompt = tokens[: BLOCK + 40]
    requests = [
        TextRequest(prompt=prompt, max_tokens=8), TextRequest(prompt=prompt[:30], max_tokens=4)
    ]  # fmt: skip
    with opened(path, kind) as cached:
        answers = {
            one.request: one.tokens for one in cached.generate(requests, context_length=LENGTH)
        }
        for index, request in enumerate(requests):
            assert len(answers[index]) > 1
            asked = [ContinuationRequest(request.prompt, (np.asarray(answers[index], np.int32),))]
            (part,) = cached.continuation_logits(asked)
            assert part.logits_NV.argmax(axis=1).tolist() == list(answers[index])


@pytest.mark.parametrize("length", [1, 5, 127, 131])
def test_prompts_of_an_odd_length_run_with_an_odd_number_of_heads(tokens, kind, length, tmp_path):
    odd = make_model(tmp_path / "odd", "llama", head_dim=64, num_key_value_heads=1)
    asked = [ContinuationRequest(tokens[:length], (tokens[:4],))]
    with opened(odd, kind) as cached:
        if kind == "hqq-int4" and length < BLOCK:
            with pytest.raises(MeasurementError) as found:
                list(cached.continuation_logits(asked))
            assert "an odd number of tokens" in str(found.value.hint)
        else:
            (part,) = cached.continuation_logits(asked)
            assert np.isfinite(part.logits_NV).all()


def test_a_missing_helper_is_told_with_the_command_that_installs_it(path, monkeypatch):
    import transformers.cache_utils as theirs

    monkeypatch.setattr(theirs, "is_hqq_available", lambda: False)
    monkeypatch.setattr(theirs, "is_optimum_quanto_available", lambda: False)
    for kind, package in (("hqq-int4", "hqq"), ("quanto-int4", "optimum-quanto")):
        with pytest.raises(MissingExtraError) as found:
            opened(path, kind)
        assert found.value.hint == f"pip install {package}"
        assert kind in found.value.message


def test_a_model_whose_cache_transformers_cannot_round_is_refused(tmp_path):
    windowed = make_model(tmp_path / "gemma2", "gemma2")
    with pytest.raises(ModelFileError, match="keeps no cache in `fp8` for `gemma2`"):
        opened(windowed, "fp8")


def _bytes_of(held: Any) -> int:
    import torch

    if isinstance(held, (tuple, list)):
        return sum(map(_bytes_of, held))
    if isinstance(held, dict):
        return _bytes_of([one for one in held.values() if isinstance(one, torch.Tensor)])
    if hasattr(held, "_scale"):
        return _bytes_of([held._data, held._scale, held._shift])
    if hasattr(held, "_data"):
        return _bytes_of(held._data)
    return int(held.numel() * held.element_size())


def test_memory_is_what_is_held_of_whole_blocks_and_of_one_nearly_full(path, kind):
    import torch

    with opened(path, kind) as backend:
        cache = backend._network.new_cache()
    for layer in range(2):
        ones = torch.randn(1, 2, BLOCK * 10, 64)
        cache.update(ones, ones, layer)
    stored = sum(
        _bytes_of([layer._quantized_keys, layer._quantized_values]) for layer in cache.layers
    )
    plain, _ = ENGINE.memory_bytes(path, 0)
    total, _ = ENGINE.memory_bytes(path, BLOCK * 10, cache_k=kind, cache_v=kind)
    assert plain is not None
    assert total is not None
    newest = 0 if kind == "fp8" else 127 * 2 * 2 * 2 * 64 * 4
    # the two scales of a whole layer in fp8 are not counted
    assert total - plain - newest == pytest.approx(stored, abs=16)


@pytest.mark.parametrize("kind", CACHES)
def test_the_package_that_rounds_a_cache_is_told_with_its_version(kind):
    helper = CACHES[kind].helper
    found = rounded_by(kind)
    if helper is None or not _helper_is_here(kind):
        assert found is None
    else:
        assert found == f"{helper} {importlib.metadata.version(helper)}"


def test_memory_of_heads_that_no_group_divides_is_not_known(tmp_path):
    odd = make_model(tmp_path / "odd", "llama", head_dim=12)
    assert ENGINE.memory_bytes(odd, 64, cache_k="hqq-int4", cache_v="hqq-int4")[0] is None
    assert ENGINE.memory_bytes(odd, 64, cache_k="fp8", cache_v="fp8")[0] is not None
