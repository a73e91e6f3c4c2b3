"""Quantized KV caches of a real model: their distances, by depth too, and their memory."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from tests.end_to_end.test_study_on_llama_cpp import SENTENCES

from silentzone.backends.llama_cpp.entry import ENGINE
from silentzone.backends.llama_cpp.kv_cache import CACHE_TYPES, cache_type_number, kv_cache_bytes
from silentzone.records.config import CorpusEntry, EngineEntry, FloorEntry, ModelEntry, StudyConfig
from silentzone.studies.progress import SilentProgress
from silentzone.studies.run import run_study

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.engine, pytest.mark.slow]

CACHES = (("f16", "f16"), ("q8_0", "q8_0"), ("q8_0", "q4_0"), ("q4_0", "q4_0"))
_SIZE = re.compile(r"K \((\w+)\):\s+([\d.]+) MiB, V \((\w+)\):\s+([\d.]+) MiB")


@pytest.fixture(scope="module")
def caches(smollm2_f16, tmp_path_factory):
    """A study of nothing but caches, on short windows and on one long one."""
    folder = tmp_path_factory.mktemp("caches")
    (folder / "text.txt").write_text(" ".join(SENTENCES * 12), "utf-8")
    config = StudyConfig(
        name="caches",
        seed=1,
        reference=ModelEntry(name="F16", path=str(smollm2_f16)),
        candidates=tuple(
            ModelEntry(name=f"K {k} V {v}", path=str(smollm2_f16), cache_k=k, cache_v=v)
            for k, v in CACHES
        ),
        corpora=(
            CorpusEntry(name="short", path=str(folder / "text.txt"), context_length=128, windows=3),
            CorpusEntry(name="long", path=str(folder / "text.txt"), context_length=1024, windows=1),
        ),
        engine=EngineEntry(threads=1, workers=2),
        floor=FloorEntry(windows=0, token_by_token_positions=0, items=0),
    )
    return run_study(config, folder / "out", progress=SilentProgress(), command="silentzone run")


def _kld(analysis, corpus):
    (lane,) = analysis["lanes"]
    return {
        row["model"]: row["metrics"]["kld_mean"]["value"]
        for row in lane["fidelity"]
        if row["corpus"] == corpus
    }


@pytest.mark.parametrize("corpus", ["short", "long"])
def test_a_coarser_cache_is_farther_from_the_reference(caches, corpus):
    assert caches.failures == ()
    kld = _kld(caches.analysis, corpus)
    own, eight, mixed, four = (kld[f"K {k} V {v}"] for k, v in CACHES)
    assert own < 1e-9
    assert 1e-5 < eight < 0.02
    assert eight < mixed < four < 1.0


def test_the_engines_own_type_is_found_never_to_have_engaged(caches):
    said = [one for one in caches.analysis["cautions"] if "never engaged" in one]
    assert len(said) == 1
    assert said[0].startswith("K f16 V f16 is at no distance from the reference over 700 ")


def test_divergence_is_known_by_depth_in_a_long_window(caches):
    (lane,) = caches.analysis["lanes"]
    (row,) = [
        one
        for one in lane["kld_spread"]
        if one["corpus"] == "long" and one["model"] == "K q4_0 V q4_0"
    ]
    depth = row["depth"]
    assert (depth[0]["low"], depth[-1]["high"]) == (513, 1024)
    assert len(depth) == 8
    assert all(one["kld"]["value"] > 0 for one in depth)


def test_a_cache_takes_what_llama_cpp_says_it_takes(smollm2_f16):
    for cache_k in CACHE_TYPES:
        for cache_v in ("f16", cache_k):
            k, v = _native_sizes(smollm2_f16, cache_k, cache_v, tokens=1024)
            total = kv_cache_bytes(smollm2_f16, 1024, cache_k=cache_k, cache_v=cache_v)
            assert total is not None
            assert total / 2**20 == pytest.approx(k + v, abs=0.011), (cache_k, cache_v)
    own, _ = ENGINE.memory_bytes(smollm2_f16, 1024)
    small, _ = ENGINE.memory_bytes(smollm2_f16, 1024, cache_k="q8_0", cache_v="q4_0")
    assert own is not None
    assert small is not None
    assert own - small == 1024 * 30 * 3 * 64 * (2 + 2 - 34 / 32 - 18 / 32)


def _native_sizes(path: Path, cache_k: str, cache_v: str, tokens: int) -> tuple[float, float]:
    """MiB of keys and of values by llama.cpp's own log of a context."""
    import llama_cpp as native

    lines: list[str] = []

    @native.llama_log_callback  # type: ignore[untyped-decorator,unused-ignore]
    def keep(_level: int, text: bytes | None, _data: object) -> None:
        lines.append((text or b"").decode("utf-8", "replace"))

    from silentzone.backends.llama_cpp import native_log

    native_log.capture_log()  # so that it stays alive, and can be given back
    native.llama_log_set(keep, None)
    try:
        native.llama_backend_init()
        parameters = native.llama_model_default_params()
        model = native.llama_model_load_from_file(str(path).encode(), parameters)
        shape = native.llama_context_default_params()
        shape.n_ctx, shape.n_batch, shape.n_ubatch, shape.n_seq_max = tokens, 512, 512, 1
        shape.type_k, shape.type_v = cache_type_number(cache_k), cache_type_number(cache_v)
        context = native.llama_init_from_model(model, shape)
        assert context, "".join(lines[-5:])
        native.llama_free(context)
        native.llama_model_free(model)
    finally:
        native.llama_log_set(native_log._callbacks[0], None)
    found = _SIZE.search("".join(lines))
    assert found is not None
    assert (found[1], found[3]) == (cache_k, cache_v)
    return float(found[2]), float(found[4])
