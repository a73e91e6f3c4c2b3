"""Tiny random model folders as transformers saves them, with a tokenizer of bytes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

_SIZES = {
    "vocab_size": 272, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 512,
    "bos_token_id": 256, "eos_token_id": 257, "pad_token_id": 257, "initializer_range": 0.3,
}  # fmt: skip
"""Sixteen rows more than the 256 bytes: two control tokens, one of a text, and padding."""
KINDS: dict[str, dict[str, Any]] = {
    "llama": {"tie_word_embeddings": False},
    "llama-tied": {"tie_word_embeddings": True},
    "qwen2": {},  # with biases in its attention
    "gemma2": {"head_dim": 8, "sliding_window": 8, "final_logit_softcapping": 3.0},
    "gemma3_text": {"head_dim": 8, "sliding_window": 8},
    "granite": {"logits_scaling": 3.0},
    "cohere": {"logit_scale": 0.25},
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 512},
    "phi": {},  # with an output bias
    "bloom": {"n_layer": 2, "n_head": 4},  # takes no positions, so nothing is padded
    "lfm2": {"layer_types": ["conv", "full_attention"], "conv_L_cache": 3},  # has another state
}
TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}[{{ message.role }}] {{ message.content }}\n"
    "{% endfor %}{% if add_generation_prompt %}[assistant] {% endif %}"
)


def make_model(folder: Path, kind: str = "llama", *, seed: int = 7, **changes: Any) -> Path:
    """Save a random model of a kind, and its tokenizer."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.for_model(kind.partition("-")[0], **{**_SIZES, **KINDS[kind], **changes})
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(config)
    for name, values in model.named_parameters():
        if name.endswith("bias"):  # zero as they are made, which would hide one left out
            torch.nn.init.normal_(values, std=0.5)
    model.save_pretrained(folder)
    write_tokenizer(folder)
    return folder


def write_tokenizer(folder: Path, *, with_bos: bool = True) -> None:
    """Save a tokenizer of single bytes with BOS 256, EOS 257 and the plain token ``~~`` 258."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors

    characters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {character: number for number, character in enumerate(characters)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    for text, special in (("<s>", True), ("</s>", True), ("~~", False)):
        tokenizer.add_tokens([AddedToken(text, special=special, normalized=False)])
    if with_bos:
        tokenizer.post_processor = processors.TemplateProcessing(
            single="<s> $A", special_tokens=[("<s>", 256)]
        )
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {"bos_token": "<s>", "eos_token": "</s>", "chat_template": TEMPLATE}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), "utf-8")
