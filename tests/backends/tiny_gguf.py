"""Tiny random GGUF files that both engines read, with a SentencePiece vocabulary like Gemma's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gguf
import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

WIDTH, FEED, HEADS, LAYERS, WINDOW = 32, 48, 2, 6, 8
"""Six layers: of Gemma 3 five look back eight tokens, and the last one at everything."""
HEAD_WIDTH = {"llama": WIDTH // HEADS, "gemma3": 256}
"""By kind; transformers scales the attention scores of every Gemma 3 by 256."""
_NORMAL, _CONTROL, _USER_DEFINED, _BYTE = 1, 3, 4, 6
_PIECES = (
    *"\u2581abcdefghijklmnopqrstuvwxyzATI.,:'=/<>|_0123456789[]",
    "th", "in", "er", "he", "the", "\u2581t", "\u2581the", "\u2581i", "ing", "an", "and",
    "\u2581and", "<|", "|>", "</", "st", "art",
)  # fmt: skip


def vocabulary() -> tuple[list[str], list[int], list[float]]:
    """Tokens, their types and scores; a run of spaces and ``</s>`` are tokens of a text."""
    own = ["</s>", *(" " * n for n in range(2, 9)), "\n\n"]
    tokens = ["<pad>", "<eos>", "<bos>", "<unk>", *own]
    tokens += [f"<0x{byte:02X}>" for byte in range(256)]
    types = [_CONTROL] * 4 + [_USER_DEFINED] * len(own) + [_BYTE] * 256
    scores = [-1000.0] * len(tokens) + [-float(place) for place in range(len(_PIECES))]
    return [*tokens, *_PIECES], types + [_NORMAL] * len(_PIECES), scores


def write_gguf(
    path: Path,
    kind: str = "gemma3",
    *,
    settings: dict[str, Any] | None = None,
    tensors: dict[str, np.ndarray] | None = None,
) -> Path:
    """Write a model of ``llama`` or ``gemma3`` in F32, with further settings and tensors."""
    tokens, types, scores = vocabulary()
    writer = gguf.GGUFWriter(str(path), kind)
    writer.add_name("tiny")
    writer.add_context_length(256)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(1)
    writer.add_feed_forward_length(FEED)
    writer.add_layer_norm_rms_eps(1e-6)
    if kind == "gemma3":
        writer.add_key_length(HEAD_WIDTH[kind])
        writer.add_value_length(HEAD_WIDTH[kind])
        writer.add_rope_freq_base(1_000_000.0)
        writer.add_sliding_window(WINDOW)
    else:
        writer.add_rope_dimension_count(HEAD_WIDTH[kind])
    for key, value in (settings or {}).items():
        add = writer.add_string if isinstance(value, str) else writer.add_float32
        add(f"{kind}.{key}", value)
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_scores(scores)
    writer.add_token_types(types)
    for number, name in enumerate(("pad", "eos", "bos", "unk")):
        getattr(writer, f"add_{name}_token_id")(number)
    writer.add_add_bos_token(True)
    writer.add_add_space_prefix(False)
    for name, values in {**_weights(kind, len(tokens)), **(tensors or {})}.items():
        writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _weights(kind: str, entries: int) -> dict[str, np.ndarray]:
    shapes: dict[str, tuple[int, ...]] = {"token_embd.weight": (entries, WIDTH)}
    shapes["output_norm.weight"] = (WIDTH,)
    head = HEAD_WIDTH[kind]
    inner = HEADS * head
    for layer in range(LAYERS):
        block = {
            "attn_q": (inner, WIDTH), "attn_k": (head, WIDTH), "attn_v": (head, WIDTH),
            "attn_output": (WIDTH, inner), "ffn_gate": (FEED, WIDTH), "ffn_up": (FEED, WIDTH),
            "ffn_down": (WIDTH, FEED), "attn_norm": (WIDTH,), "ffn_norm": (WIDTH,),
        }  # fmt: skip
        if kind == "gemma3":
            block |= {"attn_q_norm": (head,), "attn_k_norm": (head,)}
            block |= {"post_attention_norm": (WIDTH,), "post_ffw_norm": (WIDTH,)}
        shapes |= {f"blk.{layer}.{name}.weight": shape for name, shape in block.items()}
    generator = np.random.default_rng(11)
    weights = {}
    for name, shape in shapes.items():
        values = generator.standard_normal(shape)
        # norms near one, as llama.cpp has them; transformers keeps Gemma's less one
        values = 1 + 0.2 * values if len(shape) == 1 else values / np.sqrt(shape[-1])
        weights[name] = values.astype(np.float32)
    return weights
