"""Folders of small GGUF files, written by the gguf package."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from gguf import GGUFWriter
from gguf.constants import GGMLQuantizationType

if TYPE_CHECKING:
    from pathlib import Path

TOKENS = ("<s>", "a", "b", "c")


def write_model(path: Path, kind: str = "F16", **options: Any) -> Path:
    """A model of two tensors whose matrices are stored as F32, F16, BF16, Q8_0 or Q4_0."""
    tokens = list(options.get("tokens", TOKENS))
    writer = GGUFWriter(path, options.get("architecture", "llama"))
    writer.add_context_length(options.get("context_length", 128))
    for key, value in options.get("texts", {}).items():
        writer.add_string(key, value)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(tokens)
    for name, rows in (("token_embd.weight", len(tokens)), ("blk.0.w", options.get("rows", 32))):
        _add(writer, name, rows, kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _add(writer: GGUFWriter, name: str, rows: int, kind: str) -> None:
    row_bytes = {"BF16": 64, "Q8_0": 34, "Q4_0": 18}.get(kind)
    if row_bytes is None:
        dtype = {"F32": np.float32, "F16": np.float16}[kind]
        writer.add_tensor(name, np.ones((rows, 32), dtype=dtype))
        return
    data = np.zeros((rows, row_bytes), dtype=np.uint8)
    writer.add_tensor(name, data, raw_dtype=GGMLQuantizationType[kind])


def write_projector(path: Path) -> Path:
    """A file that belongs to a model and is none."""
    writer = GGUFWriter(path, "clip")
    writer.add_string("general.type", "mmproj")
    writer.add_tensor("v.patch_embd.weight", np.ones((4, 32), dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
