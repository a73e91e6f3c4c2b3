from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from gguf.constants import GGMLQuantizationType
from tests.unit.backends.gguf_files import write_model

from silentzone.backends.llama_cpp.entry import ENGINE
from silentzone.backends.llama_cpp.kv_cache import (
    CACHE_TYPES,
    cache_type_number,
    kv_cache_bytes,
    kv_cache_obstacle,
)

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_model(tmp_path / "model.gguf")


def test_the_kv_cache_counts_two_bytes_per_key_and_value_element(model: Path) -> None:
    # 2 layers x 4 heads (no head_count_kv) x (8 + 8) elements x 2 bytes x 100 positions
    assert kv_cache_bytes(model, 100) == 2 * 4 * 16 * 2 * 100
    assert kv_cache_obstacle(model) is None


def test_kv_heads_per_layer_and_explicit_widths_are_followed(tmp_path: Path) -> None:
    metadata = {
        "llama.attention.head_count_kv": [1, 3],
        "llama.attention.key_length": 16,
        "llama.attention.value_length": 4,
    }
    path = write_model(tmp_path / "model.gguf", metadata)
    assert kv_cache_bytes(path, 10) == (1 + 3) * (16 + 4) * 2 * 10


@pytest.mark.parametrize(
    ("cache_k", "cache_v", "per_head"),
    [
        ("f16", None, 2 * (32 + 64)),
        ("f32", "bf16", 4 * 32 + 2 * 64),
        ("q8_0", "q8_0", 34 + 2 * 34),
        ("q8_0", "q4_0", 34 + 2 * 18),
        ("q5_1", "q5_0", 24 + 2 * 22),
        (None, "iq4_nl", 2 * 32 + 2 * 18),
        ("q4_1", None, 20 + 2 * 64),
    ],
)
def test_the_kv_cache_counts_the_bytes_of_its_types(tmp_path, cache_k, cache_v, per_head):
    widths = {"llama.attention.key_length": 32, "llama.attention.value_length": 64}
    path = write_model(tmp_path / "model.gguf", widths)
    size = kv_cache_bytes(path, 10, cache_k=cache_k, cache_v=cache_v)
    assert size == 2 * 4 * per_head * 10  # 2 layers x 4 heads
    whole, _ = ENGINE.memory_bytes(path, 10, cache_k=cache_k, cache_v=cache_v)
    assert whole == path.stat().st_size + (size or 0)


def test_every_type_a_cache_may_have_is_known_by_its_number(model: Path) -> None:
    numbers = {kind: int(GGMLQuantizationType[kind.upper()]) for kind in CACHE_TYPES}
    assert {kind: cache_type_number(kind) for kind in CACHE_TYPES} == numbers


def test_heads_that_are_no_whole_blocks_cannot_be_quantized(model: Path) -> None:
    assert kv_cache_bytes(model, 10, cache_k="bf16") == kv_cache_bytes(model, 10)
    memory, why = ENGINE.memory_bytes(model, 10, cache_v="q8_0")
    assert memory is None
    assert why is not None
    assert "blocks of 32, which a head of 8 is not made of" in why


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ({"llama.ssm.state_size": 16}, "recurrent"),
        ({"llama.attention.kv_lora_rank": 8}, "MLA"),
        ({"llama.attention.head_count_kv": [1, 0]}, "how many KV heads"),
        ({"llama.attention.head_count_kv": [1.5, float("nan")]}, "how many KV heads"),
    ],
)
def test_an_unknown_cache_layout_is_none_with_a_reason(
    tmp_path: Path, metadata: dict[str, Any], reason: str
) -> None:
    path = write_model(tmp_path / "model.gguf", metadata)
    assert kv_cache_bytes(path, 10) is None
    assert reason in (kv_cache_obstacle(path) or "")
