from __future__ import annotations

import hashlib
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gguf import GGML_QUANT_SIZES, GGUFWriter
from gguf.constants import GGMLQuantizationType

from silentzone.backends.llama_cpp.entry import ENGINE
from silentzone.backends.llama_cpp.gguf_file import (
    final_logit_softcapping,
    head_tensor,
    logit_scale,
    read_model,
    shard_paths,
)
from silentzone.backends.llama_cpp.gguf_header import TENSOR_TYPES, read_header
from silentzone.backends.llama_cpp.kv_cache import (
    CACHE_TYPES,
    cache_type_number,
    kv_cache_bytes,
    kv_cache_obstacle,
)
from silentzone.errors import ModelFileError

TOKENS = ["<s>", "a", "b", "ä"]
EMBEDDING_VD = np.arange(4 * 32, dtype=np.float16).reshape(4, 32)
LAYER_Q8 = np.zeros((3, 34), dtype=np.uint8)  # three rows of 32 elements in blocks of 34 bytes


def _write(path: Path, metadata: dict[str, Any] | None = None, **options: Any) -> Path:
    """A whole small model, written by the gguf package rather than by the code under test."""
    writer = GGUFWriter(path, options.get("architecture", "llama"))
    writer.add_block_count(2)
    writer.add_context_length(128)
    writer.add_embedding_length(32)
    writer.add_head_count(4)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(options.get("tokens", TOKENS))
    writer.add_token_types([3, 1, 1, 1])
    writer.add_bos_token_id(0)
    for key, value in (metadata or {}).items():
        if isinstance(value, str):
            writer.add_string(key, value)
        elif isinstance(value, float):
            writer.add_float32(key, value)
        elif isinstance(value, list):
            writer.add_array(key, value)
        else:
            writer.add_uint32(key, value)
    writer.add_tensor("token_embd.weight", EMBEDDING_VD)
    writer.add_tensor("blk.0.ffn_up.weight", LAYER_Q8, raw_dtype=GGMLQuantizationType.Q8_0)
    for name, array in options.get("tensors", {}).items():
        writer.add_tensor(name, array)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return _write(tmp_path / "model.gguf")


def test_storage_types_agree_with_the_gguf_package() -> None:
    ours = {number: (kind.name, kind.block_size, kind.block_bytes)
            for number, kind in TENSOR_TYPES.items()}  # fmt: skip
    package = {int(kind): (kind.name, *sizes) for kind, sizes in GGML_QUANT_SIZES.items()}
    assert {number: ours[number] for number in package} == package


def test_identity_sizes_and_types_are_those_of_the_file(model: Path) -> None:
    told: list[int] = []
    ref = read_model(model, "mine", on_bytes=told.append)
    assert ref.sha256 == hashlib.sha256(model.read_bytes()).hexdigest()
    assert ref.file_bytes == model.stat().st_size == sum(told)
    assert ref.parameter_count == 4 * 32 + 3 * 32
    assert ref.bits_per_weight == pytest.approx(8 * (4 * 64 + 3 * 34) / 224)
    assert ref.weight_format == "F16 57 %, Q8_0 43 %"
    assert (ref.architecture, ref.vocabulary_size, ref.head_type) == ("llama", 4, "F16")
    assert ref.is_quantized
    assert ref.training_context_length == 128


def test_a_tied_head_is_the_token_embedding(model: Path) -> None:
    head = head_tensor(model)
    assert (head.name, head.shape, head.bias) == ("token_embd.weight", (4, 32), None)
    np.testing.assert_array_equal(np.asarray(head.data).view(np.float16), EMBEDDING_VD)
    assert not head.data.flags.writeable


def test_a_head_of_its_own_goes_before_the_embedding(tmp_path: Path) -> None:
    weights = np.ones((4, 32), dtype=np.float32)
    bias = np.array([1, 2, 3, 4], dtype=np.float32)
    tensors = {"output.weight": weights, "output.bias": bias}
    path = _write(tmp_path / "model.gguf", tensors=tensors)
    head = head_tensor(path)
    assert (head.name, head.type_name) == ("output.weight", "F32")
    np.testing.assert_array_equal(np.asarray(head.data).view(np.float32), weights)
    np.testing.assert_array_equal(head.bias, bias)
    assert read_model(path, "m").head_type == "F32"


def test_only_what_decides_an_encoding_enters_the_tokenizer_hash(tmp_path: Path) -> None:
    def digest(metadata: dict[str, Any], **options: Any) -> str:
        path = tmp_path / "model.gguf"
        path.unlink(missing_ok=True)
        return read_model(_write(path, metadata, **options), "m").tokenizer_sha256

    plain = digest({})
    assert digest({"tokenizer.chat_template": "x", "tokenizer.ggml.padding_token_id": 2}) == plain
    assert digest({"tokenizer.ggml.eos_token_id": 2}) == plain
    assert digest({"tokenizer.ggml.pre": "smollm"}) != plain
    assert digest({}, tokens=["<s>", "a", "b", "c"]) != plain


def test_provenance_is_short_and_without_control_characters(tmp_path: Path) -> None:
    path = _write(
        tmp_path / "model.gguf",
        {
            "general.quantized_by": "\x1b[31mred\u202e" + "x" * 500,
            "quantize.imatrix.chunks_count": 7,
            "general.secret": "kept back",
        },
    )
    provenance = dict(read_model(path, "m").provenance)
    assert provenance["general.quantized_by"] == ("[31mred" + "x" * 500)[:200]
    assert provenance["quantize.imatrix.chunks_count"] == "7"
    assert "general.secret" not in provenance


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
    path = _write(tmp_path / "model.gguf", metadata)
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
    path = _write(tmp_path / "model.gguf", widths)
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
    path = _write(tmp_path / "model.gguf", metadata)
    assert kv_cache_bytes(path, 10) is None
    assert reason in (kv_cache_obstacle(path) or "")


def test_logit_transforms_are_none_unless_the_metadata_have_them(tmp_path: Path) -> None:
    plain = _write(tmp_path / "plain.gguf")
    assert (final_logit_softcapping(plain), logit_scale(plain)) == (None, None)
    metadata = {"llama.final_logit_softcapping": 30.0, "llama.logit_scale": 0.5}
    capped = _write(tmp_path / "capped.gguf", metadata)
    assert (final_logit_softcapping(capped), logit_scale(capped)) == (30.0, 0.5)
    damaged = _write(tmp_path / "nan.gguf", {"llama.logit_scale": float("nan")})
    with pytest.raises(ModelFileError, match="not a finite number"):
        logit_scale(damaged)


def test_shards_are_one_model(tmp_path: Path) -> None:
    first = _write(tmp_path / "m-00001-of-00002.gguf", {"split.count": 2})
    second = tmp_path / "m-00002-of-00002.gguf"
    writer = GGUFWriter(second, "llama")
    writer.add_uint32("split.count", 2)
    writer.add_tensor("output.weight", np.ones((4, 32), dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    ref = read_model(second, "m")
    together = first.read_bytes() + second.read_bytes()
    assert ref.sha256 == hashlib.sha256(together).hexdigest()
    assert (ref.shard_count, ref.file_bytes, ref.head_type) == (2, len(together), "F32")
    assert shard_paths(second) == (first, second)
    assert head_tensor(first).type_name == "F32"
    second.unlink()
    with pytest.raises(ModelFileError, match="missing beside it: m-00002-of-00002"):
        read_model(first, "m")


def test_a_renamed_shard_is_refused(tmp_path: Path) -> None:
    path = _write(tmp_path / "renamed.gguf", {"split.count": 3})
    with pytest.raises(ModelFileError, match="says it has 3 shards"):
        read_model(path, "m")


def test_a_file_cut_in_its_tensors_says_both_sizes(model: Path) -> None:
    # The promise ends with the last tensor; the padding after it may be absent.
    end = max(t.file_offset + t.n_bytes for t in read_header(model).tensors)
    model.write_bytes(model.read_bytes()[: end - 1])
    with pytest.raises(ModelFileError, match=f"holds {end - 1} bytes.* promises {end}"):
        read_model(model, "m")


def _opening(n_tensors: int, n_keys: int, version: int = 3) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", version, n_tensors, n_keys)


def _array_key(value_type: int, length: int) -> bytes:
    return _opening(0, 1) + struct.pack("<Q1sIIQ", 1, b"k", 9, value_type, length)


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"", "is empty"),
        (b"PK\x03\x04 zip", "not a GGUF file"),
        (b"GG", "not a GGUF file"),
        (b"GGUF", "cut off or damaged inside its header"),
        (b"GGUF" + struct.pack(">IQQ", 3, 0, 0), "big-endian"),
        (_opening(0, 0, version=1), "version 1"),
        (_opening(2**60, 0), "claims 1152921504606846976 tensors"),
        (_opening(0, 2**63), "metadata keys"),
        (_opening(0, 1) + struct.pack("<Q", 2**62), "a metadata key claims"),
        (_array_key(8, 2**40), "claims 1099511627776 entries"),
        (_array_key(0, 2**20), "inside its header"),
        (_array_key(9, 1), "unusable type 9"),
        (_array_key(99, 1), "unusable type 99"),
        (_opening(0, 0), "holds no tensors"),
    ],
)
def test_damage_is_a_sentence(tmp_path: Path, content: bytes, part: str) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match=part):
        read_model(path, "m")


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="does not exist"):
        read_model(tmp_path / "gone.gguf", "m")
    with pytest.raises(ModelFileError, match="is a folder"):
        read_model(tmp_path, "m")
    with pytest.raises(ModelFileError, match="cannot be read"):
        read_model(Path("a\0b"), "m")
    os.mkfifo(tmp_path / "pipe.gguf")
    with pytest.raises(ModelFileError, match="a device or pipe"):
        read_model(tmp_path / "pipe.gguf", "m")


def test_a_tokenizer_of_another_size_than_the_head_is_refused(tmp_path: Path) -> None:
    path = _write(tmp_path / "model.gguf", tokens=["a"])
    with pytest.raises(ModelFileError, match="has 4 rows and the tokenizer 1 tokens"):
        read_model(path, "m")
