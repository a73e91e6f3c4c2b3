"""GGUF files in transformers: the same tokens and logits as in llama.cpp, or a refusal."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.backends.tiny_gguf import HEAD_WIDTH, write_gguf

from silentzone.backends.base import EngineSettings
from silentzone.backends.llama_cpp.entry import ENGINE as LLAMA_CPP
from silentzone.backends.transformers.entry import ENGINE
from silentzone.errors import ModelFileError
from silentzone.measure.reference import observed_tokens
from silentzone.metrics.kernels import compare_rows, describe_rows
from silentzone.records.windows import WindowPlan
from silentzone.studies.encodings import PROBES

pytestmark = [
    pytest.mark.engine,
    pytest.mark.usefixtures("transformers_version", "llama_cpp_version"),
]

TEXTS = (
    *PROBES,
    "<bos> and <eos>, </s> and\n\n\nthe  thing",
    *(" " * length + "the" for length in (2, 5, 8, 9, 20)),
    "the\u2581\u2581\u2581 thing",
)
PLAN = WindowPlan(context_length=64, first_scored=16, add_bos=True)


def logits_of(engine: Any, path: Any, tokens: np.ndarray, plan: WindowPlan) -> np.ndarray:
    settings = EngineSettings(threads=1)
    with engine.open(path, engine.read_model(path, path.stem), settings) as backend:
        (part,) = backend.window_logits([tokens], plan)
        return np.ascontiguousarray(part.logits_TV).copy()


def divergence(first: np.ndarray, second: np.ndarray, tokens: np.ndarray, plan: WindowPlan) -> Any:
    observed = observed_tokens(tokens, plan.first_scored)
    return compare_rows(first, second, observed, describe_rows(first, observed)).kl_divergence


@pytest.fixture(scope="module")
def gemma3(tmp_path_factory):
    """A tiny Gemma 3."""
    return write_gguf(tmp_path_factory.mktemp("gguf") / "gemma3.gguf")


def test_texts_are_encoded_as_llama_cpp_encodes_them(gemma3):
    assert ENGINE.encode is not None
    assert LLAMA_CPP.encode is not None
    pairs = zip(TEXTS, ENGINE.encode(gemma3, TEXTS), LLAMA_CPP.encode(gemma3, TEXTS), strict=True)
    for text, own, other in pairs:
        assert own.tolist() == other.tolist(), text


def test_a_gemma_3_is_the_same_model_in_both_engines(gemma3):
    """Positions of both kinds of layers, the window, the scaled embedding, norms, the tied head."""
    tokens = np.random.default_rng(5).integers(4, 330, PLAN.context_length).astype(np.int32)
    own, other = (logits_of(engine, gemma3, tokens, PLAN) for engine in (ENGINE, LLAMA_CPP))
    distance = divergence(own, other, tokens, PLAN)
    # llama.cpp keeps keys and values in F16; a window one token off is farther by far
    assert 0 < distance.mean() < 1e-5
    assert own.std() > 0.3


ROPE = {"rope.scaling.type": "linear", "rope.scaling.factor": 8.0}
FREQUENCIES = {"rope_freqs.weight": np.ones(HEAD_WIDTH["llama"] // 2, np.float32)}


@pytest.mark.parametrize(
    ("kind", "changes", "said"),
    [
        ("gemma3", {"settings": ROPE}, "how it turns positions, scaled by 8"),
        ("llama", {"settings": ROPE}, "how it turns positions, scaled by 8"),
        ("llama", {"tensors": FREQUENCIES}, r"8 of [\d,]+ numbers, among them `rope_freqs.weight`"),
        ("gemma3", {"settings": {"rope.freq_base_swa": 5000.0}}, "layers with a window, 5000"),
        ("gemma3", {"settings": {"final_logit_softcapping": 30.0}}, "bound of its logits, 30"),
    ],
)
def test_what_transformers_would_leave_out_is_refused(tmp_path, kind, changes, said):
    path = write_gguf(tmp_path / "model.gguf", kind, **changes)
    with pytest.raises(ModelFileError, match=f"leaves out of `model.gguf` .*{said}") as caught:
        logits_of(ENGINE, path, np.arange(4, 68, dtype=np.int32), PLAN)
    assert "llama_cpp" in str(caught.value.hint)


def test_a_file_that_says_what_transformers_takes_anyway_is_not_refused(tmp_path):
    settings = {"rope.scaling.type": "none", "rope.freq_base_swa": 10_000.0}
    path = write_gguf(tmp_path / "model.gguf", settings=settings)
    assert logits_of(ENGINE, path, np.arange(4, 68, dtype=np.int32), PLAN).shape[0] == 47
