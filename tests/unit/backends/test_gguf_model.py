from __future__ import annotations

import hashlib
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gguf import GGML_QUANT_SIZES, GGUFWriter
from tests.unit.backends.gguf_files import EMBEDDING_VD, write_model

from silentzone.backends.gguf.head_tensor import final_logit_softcapping, head_tensor, logit_scale
from silentzone.backends.gguf.header import read_header
from silentzone.backends.gguf.model import read_model
from silentzone.backends.gguf.shards import shard_paths
from silentzone.backends.gguf.tensor_types import TENSOR_TYPES
from silentzone.errors import ModelFileError


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_model(tmp_path / "model.gguf")


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
    path = write_model(tmp_path / "model.gguf", tensors=tensors)
    head = head_tensor(path)
    assert (head.name, head.type_name) == ("output.weight", "F32")
    np.testing.assert_array_equal(np.asarray(head.data).view(np.float32), weights)
    np.testing.assert_array_equal(head.bias, bias)
    assert read_model(path, "m").head_type == "F32"


def test_only_what_decides_an_encoding_enters_the_tokenizer_hash(tmp_path: Path) -> None:
    def digest(metadata: dict[str, Any], **options: Any) -> str:
        path = tmp_path / "model.gguf"
        path.unlink(missing_ok=True)
        return read_model(write_model(path, metadata, **options), "m").tokenizer_sha256

    plain = digest({})
    assert digest({"tokenizer.chat_template": "x", "tokenizer.ggml.padding_token_id": 2}) == plain
    assert digest({"tokenizer.ggml.eos_token_id": 2}) == plain
    assert digest({"tokenizer.ggml.pre": "smollm"}) != plain
    assert digest({}, tokens=["<s>", "a", "b", "c"]) != plain


def test_provenance_is_short_and_without_control_characters(tmp_path: Path) -> None:
    path = write_model(
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


def test_logit_transforms_are_none_unless_the_metadata_have_them(tmp_path: Path) -> None:
    plain = write_model(tmp_path / "plain.gguf")
    assert (final_logit_softcapping(plain), logit_scale(plain)) == (None, None)
    metadata = {"llama.final_logit_softcapping": 30.0, "llama.logit_scale": 0.5}
    capped = write_model(tmp_path / "capped.gguf", metadata)
    assert (final_logit_softcapping(capped), logit_scale(capped)) == (30.0, 0.5)
    damaged = write_model(tmp_path / "nan.gguf", {"llama.logit_scale": float("nan")})
    with pytest.raises(ModelFileError, match="not a finite number"):
        logit_scale(damaged)


def test_shards_are_one_model(tmp_path: Path) -> None:
    first = write_model(tmp_path / "m-00001-of-00002.gguf", {"split.count": 2})
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
    path = write_model(tmp_path / "renamed.gguf", {"split.count": 3})
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
    path = write_model(tmp_path / "model.gguf", tokens=["a"])
    with pytest.raises(ModelFileError, match="has 4 rows and the tokenizer 1 tokens"):
        read_model(path, "m")
