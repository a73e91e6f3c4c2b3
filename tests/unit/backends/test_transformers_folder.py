"""What is told of a model folder before PyTorch is there: no file of it is trusted."""

from __future__ import annotations

import importlib
import json
import struct
from typing import Any

import numpy as np
import pytest

from silentzone.backends.base import EngineSettings
from silentzone.backends.registry import engine_named
from silentzone.backends.transformers import entry
from silentzone.backends.transformers.folder import ModelFolder
from silentzone.backends.transformers.safetensors_file import as_float32, read_tensors
from silentzone.errors import MissingExtraError, ModelFileError

BYTES = {"F32": 4, "F16": 2, "BF16": 2, "I32": 4, "I8": 1, "U8": 1, "F8_E4M3": 1}


def write_safetensors(path, tensors, **changed):
    """Write tensors by name, type and shape; ``changed`` replaces entries of the header."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    data = b""
    for name, (kind, shape) in tensors.items():
        size = BYTES[kind] * int(np.prod(shape))
        place = [len(data), len(data) + size]
        header[name] = {"dtype": kind, "shape": list(shape), "data_offsets": place}
        data += bytes(range(256)) * (size // 256) + bytes(range(size % 256))
    text = json.dumps({**header, **changed}).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


@pytest.fixture
def folder(tmp_path):
    """Make a folder of tensors; keywords go into its config.json."""

    def make(tensors=None, **config):
        usual = {"lm_head.weight": ("BF16", (8, 4)), "model.norm.weight": ("BF16", (4,))}
        settings = {"model_type": "llama", "vocab_size": 8, "hidden_size": 4, **config}
        (tmp_path / "config.json").write_text(json.dumps(settings), "utf-8")
        (tmp_path / "tokenizer.json").write_text("{}", "utf-8")
        write_safetensors(tmp_path / "model.safetensors", tensors or usual)
        return tmp_path

    return make


def test_an_identity_says_what_the_files_say(folder):
    path = folder(max_position_embeddings=2048)
    model = entry.read_model(path, "own name")
    assert (model.name, model.architecture, model.vocabulary_size) == ("own name", "llama", 8)
    assert (model.parameter_count, model.bits_per_weight, model.weight_format) == (36, 16.0, "BF16")
    assert (model.head_type, model.is_quantized) == ("BF16", False)
    assert model.file_bytes == (path / "model.safetensors").stat().st_size
    assert model.training_context_length == 2048


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (2**62, r"a header of 4,611,686,018,427,387,904 bytes, and only [\d,]+ follow"),
        (2**64 - 1, "and only"),
        (1, "its header is not that of a safetensors file"),
        (3, "its header is not JSON"),
    ],
)
def test_a_header_whose_length_is_wrong_is_told_by_its_length(folder, length, said):
    path = folder() / "model.safetensors"
    path.write_bytes(struct.pack("<Q", length) + path.read_bytes()[8:])
    with pytest.raises(ModelFileError, match=said):
        entry.read_model(path.parent, "a")


def test_a_header_larger_than_any_is_not_read(folder):
    path = folder() / "model.safetensors"
    with path.open("r+b") as file:
        file.write(struct.pack("<Q", 100 * 2**20 + 1))
        file.truncate(110 * 2**20)
    with pytest.raises(ModelFileError, match="104,857,600 are the most"):
        entry.read_model(path.parent, "a")


def test_every_byte_that_decides_a_logit_is_in_the_identity(folder):
    path = folder()
    told: list[int] = []
    first = entry.read_model(path, "a", on_bytes=told.append)
    assert sum(told) == sum((path / n).stat().st_size for n in ("config.json", "model.safetensors"))
    content = bytearray((path / "model.safetensors").read_bytes())
    content[-1] ^= 1
    (path / "model.safetensors").write_bytes(content)
    second = entry.read_model(path, "a")
    assert first.sha256 != second.sha256
    (path / "tokenizer.json").write_text('{"another": 1}', "utf-8")
    third = entry.read_model(path, "a")
    assert (third.sha256, third.tokenizer_sha256 == second.tokenizer_sha256) == (
        second.sha256, False)  # fmt: skip


PACKED: dict[str, Any] = {
    "bitsandbytes": (
        {"x.weight": ("U8", (32, 1)), "x.weight.absmax": ("F32", (1,)),
         "x.weight.quant_map": ("F32", (16,)),
         "x.weight.quant_state.bitsandbytes__nf4": ("U8", (8,))},
        {"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_quant_type": "nf4"},
        64, "bitsandbytes nf4", 32 + 4 + 64 + 8,
    ),
    "gptq": (
        {"x.qweight": ("I32", (2, 8)), "x.qzeros": ("I32", (1, 1)), "x.scales": ("F16", (1, 8)),
         "x.g_idx": ("I32", (16,))},
        {"quant_method": "gptq", "bits": 4}, 128, "gptq 4 bit", 64 + 4 + 16 + 64,
    ),
    "compressed-tensors": (
        {"x.weight_packed": ("I32", (4, 4)), "x.weight_scale": ("BF16", (4, 1)),
         "x.weight_shape": ("I32", (2,))},
        {"quant_method": "compressed-tensors",
         "config_groups": {"group_0": {"weights": {"num_bits": 8}}}},
        64, "compressed-tensors 8 bit", 64 + 8 + 8,
    ),
    "gptq of its own width": (
        {"x.qweight": ("I32", (4, 8)), "x.qzeros": ("I32", (1, 2)), "x.scales": ("F16", (1, 8)),
         "x.g_idx": ("I32", (16,))},
        {"quant_method": "gptq", "bits": 4}, 128, "gptq 8 bit", 128 + 8 + 16 + 64,
    ),
    "nvfp4": (
        {"x.weight_packed": ("U8", (8, 8)), "x.weight_scale": ("F8_E4M3", (8, 1)),
         "x.weight_global_scale": ("F32", (1,))},
        {"quant_method": "compressed-tensors", "format": "nvfp4-pack-quantized",
         "config_groups": {"group_0": {"weights": {"num_bits": 4}}}},
        128, "compressed-tensors nvfp4", 64 + 8 + 4,
    ),
    "torchao": (
        {"x._weight_qdata": ("I8", (8, 8)), "x._weight_scale": ("F32", (8, 1)),
         "x._weight_zero_point": ("I8", (8, 1))},
        {"quant_method": "torchao"}, 64, "torchao I8", 64 + 32 + 8,
    ),
    "fp8": (
        {"x.weight": ("F8_E4M3", (8, 8)), "x.weight_scale_inv": ("F32", (1, 1))},
        {"quant_method": "fp8"}, 64, "fp8 F8_E4M3", 64 + 4,
    ),
}  # fmt: skip


@pytest.mark.parametrize("method", sorted(PACKED))
def test_packed_weights_count_as_weights_and_their_scales_as_bytes(folder, method):
    tensors, settings, weights, name, n_bytes = PACKED[method]
    method = settings["quant_method"]
    model = entry.read_model(folder(tensors, quantization_config=settings), "packed")
    assert (model.parameter_count, model.weight_format) == (weights, name)
    assert model.bits_per_weight == 8 * n_bytes / weights
    assert model.is_quantized
    assert ("quantization.quant_method", method) in model.provenance


def test_pickled_weights_are_refused_by_name(folder):
    path = folder()
    (path / "model.safetensors").rename(path / "pytorch_model.bin")
    with pytest.raises(ModelFileError, match=r"pickles \(pytorch_model\.bin\), which run code"):
        entry.read_model(path, "pickled")
    with pytest.raises(ModelFileError, match="single file of weights"):
        entry.read_model(path / "pytorch_model.bin", "pickled")


def test_shards_are_read_in_order_and_a_missing_one_is_named(folder):
    path = folder()
    (path / "model.safetensors").rename(path / "model-00001-of-00002.safetensors")
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "other.safetensors"}}
    (path / "model.safetensors.index.json").write_text(json.dumps(index), "utf-8")
    with pytest.raises(ModelFileError, match=r"lacks 1 of 2 weight files: other\.safetensors"):
        entry.read_model(path, "sharded")
    write_safetensors(path / "other.safetensors", {"b": ("F32", (4,))})
    model = entry.read_model(path, "sharded")
    assert (model.shard_count, model.parameter_count) == (2, 40)


@pytest.mark.parametrize("name", ["../model.safetensors", "/etc/passwd", "a.bin", 3])
def test_an_index_may_name_files_of_its_folder_only(folder, name):
    path = folder()
    (path / "model.safetensors").unlink()
    (path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": name}}))
    with pytest.raises(ModelFileError, match="plain names"):
        entry.read_model(path, "hostile")


@pytest.mark.parametrize(
    ("entries", "match"),
    [
        ({"lm_head.weight": 3}, "not one of a tensor"),
        ({"x": {"dtype": "F99", "shape": [1], "data_offsets": [0, 1]}}, "not one of a tensor"),
        ({"x": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}, "not one of a tensor"),
        ({"x": {"dtype": "F32", "shape": [2], "data_offsets": [72, 76]}}, "as long as its shape"),
        ({"x": {"dtype": "F32", "shape": [9], "data_offsets": [72, 108]}}, "cut off"),
        ({"x": {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]}}, "overlaps another tensor"),
    ],
)
def test_a_damaged_header_is_a_sentence(folder, entries, match):
    path = folder()
    usual = {"lm_head.weight": ("BF16", (8, 4)), "model.norm.weight": ("BF16", (4,))}
    write_safetensors(path / "model.safetensors", usual, **entries)
    with pytest.raises(ModelFileError, match=match):
        entry.read_model(path, "damaged")


@pytest.mark.parametrize("content", [b"", b"\xff" * 40, struct.pack("<Q", 2) + b"[]"])
def test_a_file_of_another_kind_is_a_sentence(tmp_path, content):
    (tmp_path / "x.safetensors").write_bytes(content)
    with pytest.raises(ModelFileError, match="is not usable"):
        read_tensors(tmp_path / "x.safetensors")


@pytest.mark.parametrize(
    ("file", "content", "match"),
    [
        ("config.json", "[", "is not JSON"),
        ("config.json", "[]", "does not hold a table"),
        ("config.json", '{"model_type": "llama"}', "names no `vocab_size`"),
        ("config.json", None, "holds no `config.json`"),
        ("tokenizer.json", None, "holds no tokenizer"),
        ("model.safetensors", None, "holds no `model.safetensors`"),
    ],
)
def test_a_folder_that_lacks_something_is_refused(folder, file, content, match):
    path = folder()
    (path / file).unlink()
    if content is not None:
        (path / file).write_text(content, "utf-8")
    with pytest.raises(ModelFileError, match=match):
        entry.read_model(path, "incomplete")


def test_settings_too_large_to_be_any_are_not_called_damaged_json(folder):
    path = folder()
    with (path / "config.json").open("r+b") as file:
        file.truncate(64 * 2**20 + 1)
    with pytest.raises(ModelFileError, match="is larger than 67108864 bytes"):
        entry.read_model(path, "large")


@pytest.mark.parametrize("key", ["attn_implementation", "_attn_implementation"])
@pytest.mark.parametrize("value", ["someone/kernel", {"": "someone/kernel@v1:f"}])
def test_settings_that_ask_for_code_of_a_hub_are_refused(folder, key, value):
    for config in ({key: value}, {"text_config": {key: value}}):
        with pytest.raises(ModelFileError, match="asks for code of a hub") as caught:
            entry.read_model(folder(**config), "one")
        assert "remove `attn_implementation`" in str(caught.value.hint)
    assert entry.read_model(folder(**{key: "eager"}), "one").name == "one"


def test_an_adapter_beside_the_weights_is_refused(folder):
    path = folder()
    (path / "adapter_config.json").write_text("{}", "utf-8")
    with pytest.raises(ModelFileError, match="holds an adapter") as caught:
        entry.read_model(path, "one")
    assert "merge it" in str(caught.value.hint)


def test_more_layers_than_tensors_are_refused_before_they_are_built(folder):
    assert entry.read_model(folder(num_hidden_layers=2), "one").name == "one"
    with pytest.raises(ModelFileError, match="says 200000 layers, and the weights are 2 tensors"):
        entry.read_model(folder(num_hidden_layers=200_000), "one")


def test_a_tied_head_is_the_embedding(folder):
    tensors = {"model.embed_tokens.weight": ("F16", (8, 4)), "model.norm.weight": ("F16", (4,))}
    path = folder(tensors, tie_word_embeddings=True)
    head = ModelFolder(path).head
    assert head is not None
    assert head.name == "model.embed_tokens.weight"
    stored = np.frombuffer(bytes(range(64)), np.float16).reshape(8, 4).astype(np.float32)
    np.testing.assert_array_equal(as_float32(head), stored)


def test_a_chat_template_is_found_wherever_it_is_kept(folder):
    path = folder()
    assert ModelFolder(path).chat_template() is None
    several = [{"name": "tool_use", "template": "no"}, {"name": "default", "template": "yes"}]
    (path / "tokenizer_config.json").write_text(json.dumps({"chat_template": several}), "utf-8")
    assert ModelFolder(path).chat_template() == "yes"
    (path / "chat_template.jinja").write_text("own file", "utf-8")
    assert ModelFolder(path).chat_template() == "own file"
    assert entry.read_model(path, "x").chat_template_sha256 is not None


def test_memory_is_that_of_weights_and_cache_where_the_layout_is_known(folder):
    layout = {"num_hidden_layers": 3, "num_attention_heads": 2, "num_key_value_heads": 1}
    path = folder(dtype="bfloat16", **layout)
    assert entry.memory_bytes(path, 10) == (72 + 10 * 3 * 1 * 2 * 2 * 2, None)
    assert entry.memory_bytes(folder(kv_lora_rank=4, **layout), 10)[0] is None
    assert entry.memory_bytes(folder(), 10)[0] is None


def test_without_the_package_the_backend_says_what_to_install(monkeypatch):
    def refuse(name):
        raise ModuleNotFoundError(f"No module named {name!r}", name="torch")

    monkeypatch.setattr(importlib, "import_module", refuse)
    with pytest.raises(MissingExtraError, match="needs `torch`") as caught:
        entry.ENGINE.describe(EngineSettings(threads=1))
    assert caught.value.hint == 'pip install "silentzone[transformers]"'


def test_it_is_registered_under_its_name():
    assert engine_named("transformers") is entry.ENGINE
