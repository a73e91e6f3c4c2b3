"""Heads of a form that is not known: a model's own last steps, on as many states as fit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.backends.tiny_models import make_model

from silentzone.backends.base import ContinuationRequest, EngineSettings, TextRequest
from silentzone.backends.transformers.entry import ENGINE
from silentzone.records.windows import WindowPlan

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("transformers_version")]

SETTINGS = EngineSettings(threads=1, batch_tokens=128, micro_batch_tokens=16)
PLAN = WindowPlan(context_length=64, first_scored=4, add_bos=False)
KINDS = ("granite", "cohere", "gemma2")  # all scale or bound their logits


@pytest.fixture
def unknown(monkeypatch):
    """No scale and no bound of logits is known."""
    head = "silentzone.backends.transformers.head"
    monkeypatch.setattr(f"{head}.logit_scale", lambda _config: 1.0)
    monkeypatch.setattr(f"{head}.softcap", lambda _config: None)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory, transformers_version):
    """Folder of a tiny model of a kind."""
    return {kind: make_model(tmp_path_factory.mktemp(kind), kind) for kind in KINDS}


def opened(path: Any, settings: EngineSettings = SETTINGS) -> Any:
    return ENGINE.open(path, ENGINE.read_model(path, path.name), settings)


def tokens_of(count: int, seed: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, count).astype(np.int32)


def everything(path: Any) -> list[np.ndarray]:
    """Logits of windows and continuations, and the tokens of an answer."""
    prompt = tokens_of(20)
    requests = [ContinuationRequest(prompt[:9], (prompt[9:14], prompt[14:17]))]
    windows = [tokens_of(64, seed) for seed in (1, 2)]
    with opened(path) as backend:
        found = [part.logits_TV.copy() for part in backend.window_logits(windows, PLAN)]
        found += [part.logits_NV.copy() for part in backend.continuation_logits(requests)]
        asked = [TextRequest(prompt=prompt, max_tokens=5)]
        found += [one.tokens for one in backend.generate(asked, context_length=64)]
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_a_head_of_unknown_form_gives_what_a_known_one_gives(tiny, kind, request):
    known = everything(tiny[kind])
    request.getfixturevalue("unknown")
    with opened(tiny[kind]) as backend:
        parts = backend.window_logits([tokens_of(64)], PLAN, with_hidden=True)
        assert next(iter(parts)).hidden_TD is None  # no head could rebuild logits from them
        assert not backend.capabilities.keeps_states_on_device
    for own, wanted in zip(everything(tiny[kind]), known, strict=True):
        np.testing.assert_allclose(own, wanted, rtol=0, atol=2e-5)


def rows_given(model: Any) -> list[int]:
    """List that grows by the number of positions of each product of a model's head."""
    rows: list[int] = []
    model.get_output_embeddings().register_forward_hook(
        lambda _module, _given, logits: rows.append(logits.shape[:-1].numel())
    )
    return rows


@pytest.mark.usefixtures("unknown")
def test_no_more_logits_are_made_at_once_than_fit_and_no_bit_depends_on_it(tiny, monkeypatch):
    from silentzone.backends.transformers import loading

    own, seen = loading.load_model, []

    def watched(*given: Any) -> Any:
        model = own(*given)
        seen.append(rows_given(model))
        return model

    monkeypatch.setattr("silentzone.backends.transformers.engine.load_model", watched)
    found = []
    for rows in (16, 32, 10_000):
        settings = replace(SETTINGS, memory_bytes=4 * 272 * rows)
        with opened(tiny["gemma2"], settings) as backend:
            seen[-1].clear()  # a few tokens are tried out when a model is loaded
            parts = [p.logits_TV.copy() for p in backend.window_logits([tokens_of(64)], PLAN)]
        assert max(map(len, parts)) <= rows
        assert 0 < max(seen[-1]) <= SETTINGS.micro_batch_tokens
        found.append(np.concatenate(parts))
    assert np.array_equal(found[0], found[1])
    assert np.array_equal(found[0], found[2])


@pytest.mark.usefixtures("unknown")
def test_a_model_that_shows_no_states_gives_its_own_logits(tiny, monkeypatch):
    from transformers import GraniteForCausalLM

    wanted = everything(tiny["granite"])
    monkeypatch.setattr(GraniteForCausalLM, "base_model_prefix", "")
    for own, other in zip(everything(tiny["granite"]), wanted, strict=True):
        np.testing.assert_allclose(own, other, rtol=0, atol=2e-5)
