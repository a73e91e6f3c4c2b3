"""Small GGUF models, written by the gguf package rather than by the code under test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from gguf import GGUFWriter
from gguf.constants import GGMLQuantizationType

if TYPE_CHECKING:
    from pathlib import Path

TOKENS = ["<s>", "a", "b", "ä"]
EMBEDDING_VD = np.arange(4 * 32, dtype=np.float16).reshape(4, 32)
LAYER_Q8 = np.zeros((3, 34), dtype=np.uint8)  # three rows of 32 elements in blocks of 34 bytes


def write_model(path: Path, metadata: dict[str, Any] | None = None, **options: Any) -> Path:
    """A whole small model."""
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
