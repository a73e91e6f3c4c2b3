"""A GGUF file as a model folder: expanding one takes transformers longer than most tests take."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def expand(source: Path, target: Path) -> None:
    """Save what transformers makes of a GGUF file; the folder appears when it is whole.

    Weights are stored as float16, which has to hold each of them exactly, and computed with as
    float32, as the file itself is.
    """
    import torch
    from safetensors.torch import save_file
    from transformers import AutoModelForCausalLM

    from silentzone.backends.gguf.header import read_header
    from silentzone.backends.gguf.tokens import control_tokens
    from silentzone.backends.transformers.quiet import quiet_transformers
    from silentzone.backends.transformers.tokens import Tokenizer

    partial = target.with_name(f"{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    with quiet_transformers():
        model = AutoModelForCausalLM.from_pretrained(
            source.parent, gguf_file=source.name, dtype=torch.float32
        )
    assert model.config.tie_word_embeddings
    weights = {name: value for name, value in model.state_dict().items() if "lm_head" not in name}
    stored = {name: value.half() for name, value in weights.items()}
    assert all(torch.equal(stored[name].float(), value) for name, value in weights.items())
    save_file(stored, partial / "model.safetensors", metadata={"format": "pt"})
    config = model.config.to_dict()
    config.pop("quantization_config", None)
    (partial / "config.json").write_text(json.dumps({**config, "dtype": "float32"}), "utf-8")
    tokenizer, tokens = Tokenizer(source), control_tokens(read_header(source))
    tokenizer._native.save(str(partial / "tokenizer.json"))
    template, *ends = tokens.chat
    bos, eos = (None if end is None else tokenizer._native.id_to_token(end) for end in ends)
    settings = {
        "add_bos_token": tokens.adds_bos, "bos_token": bos, "eos_token": eos,
        "chat_template": template,
    }  # fmt: skip
    (partial / "tokenizer_config.json").write_text(json.dumps(settings), "utf-8")
    partial.rename(target)
