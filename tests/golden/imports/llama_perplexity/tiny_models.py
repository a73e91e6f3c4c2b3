"""Tiny models whose every weight comes from a seed: what the files here were written about.

A vocabulary of single bytes, one or two layers of 32 numbers, float32 throughout, so that the sums
of different processors' instructions agree closely. Run as a program it writes them all:
``python tiny_models.py FOLDER``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import gguf
import numpy as np

SEED = 6
WIDTH, HEADS, LAYERS, FEED = 32, 2, 1, 64
CONTEXT = 256
SHARPNESS = 4.0
"""Of the output head: logits then lie further apart than the 16 nats a base file keeps."""
NAMES = ("odd", "odd-near", "odd-nan", "even", "even-near")


def tokens_of(kind: str) -> list[str]:
    """Vocabulary: three control tokens and 256 bytes, and one word more where it is even."""
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
    return ["<unk>", "<s>", "</s>", *bytes_, *(["\u2581the"] if kind == "even" else [])]


def write_model(path: Path, name: str) -> Path:
    """Write one of ``NAMES``: ``near`` is displaced a little, ``nan`` has one NaN weight."""
    kind, _, change = name.partition("-")
    tokens = tokens_of(kind)
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_name(name)
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_feed_forward_length(FEED)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0] * len(tokens))
    normal, control, unknown, byte = 1, 3, 2, 6
    types = [unknown, control, control, *[byte] * 256, *[normal] * (len(tokens) - 259)]
    writer.add_token_types(types)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_add_bos_token(True)
    writer.add_add_space_prefix(False)
    for tensor, values in _weights(len(tokens), change).items():
        writer.add_tensor(tensor, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _weights(vocabulary: int, change: str) -> dict[str, np.ndarray]:
    shapes = {"token_embd.weight": (vocabulary, WIDTH), "output.weight": (vocabulary, WIDTH)}
    for layer in range(LAYERS):
        for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
            shapes[f"blk.{layer}.{part}.weight"] = (WIDTH, WIDTH)
        shapes[f"blk.{layer}.ffn_gate.weight"] = (FEED, WIDTH)
        shapes[f"blk.{layer}.ffn_up.weight"] = (FEED, WIDTH)
        shapes[f"blk.{layer}.ffn_down.weight"] = (WIDTH, FEED)
    generator, other = np.random.default_rng(SEED), np.random.default_rng(SEED + 1)
    weights = {}
    for name, shape in shapes.items():
        values = generator.standard_normal(shape) / np.sqrt(shape[1])
        displaced = other.standard_normal(shape) / np.sqrt(shape[1])
        if name == "output.weight":
            values, displaced = SHARPNESS * values, SHARPNESS * displaced
        if change == "near":
            values = values + 0.05 * displaced
        weights[name] = values.astype(np.float32)
    for layer in range(LAYERS):
        for part in ("attn_norm", "ffn_norm"):
            weights[f"blk.{layer}.{part}.weight"] = np.ones(WIDTH, np.float32)
    weights["output_norm.weight"] = np.ones(WIDTH, np.float32)
    if change == "nan":
        weights["output.weight"][7, 3] = np.nan
    return weights


if __name__ == "__main__":
    for model in NAMES:
        write_model(Path(sys.argv[1]) / f"{model}.gguf", model)
