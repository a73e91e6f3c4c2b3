"""What transformers needs to know of a GGUF file beyond what its identity says, and leaves out."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from silentzone.backends.gguf.header import architecture_of, read_header
from silentzone.backends.gguf.shards import shard_paths
from silentzone.backends.gguf.tokens import control_tokens
from silentzone.errors import ModelFileError

if TYPE_CHECKING:
    from pathlib import Path

    from silentzone.backends.gguf.header import GgufHeader
    from silentzone.backends.gguf.tokens import GgufTokens

_SAME: Final = {
    "attn_logit_softcapping": "the bound of its attention scores",
    "final_logit_softcapping": "the bound of its logits",
}
"""Settings that a file and transformers call alike, in words."""


@lru_cache(maxsize=8)
def gguf_facts(path: Path) -> GgufTokens:
    """Read a file's control tokens.

    Raises
    ------
    ModelFileError
        If the file is damaged, or comes in shards, which transformers does not read.
    """
    if len(shard_paths(path)) > 1:
        raise ModelFileError(
            f"`{path}` is one of several shards; transformers reads a GGUF file only as a whole",
            hint="merge them with llama-gguf-split --merge, or run them with llama_cpp",
        )
    return control_tokens(read_header(path))


def require_all_of_it(path: Path, model: Any) -> None:  # noqa: ANN401 - classes by architecture
    """Refuse a model of which transformers has left something out without a word.

    It knows the settings and tensors of a file by its own list, and passes over the others: how
    Llama 3 and larger Gemma 3 turn positions, for example.

    Raises
    ------
    ModelFileError
        If a setting or tensor of the file is not in the model.
    """
    header = read_header(path)
    missing = _missing_setting(header, model.config) or _missing_tensors(header, model)
    if missing is not None:
        raise ModelFileError(
            f"transformers leaves out of `{path.name}` {missing}: its logits would be another "
            "model's",
            hint="run the file with llama_cpp, or give the folder of the model in safetensors",
        )


def _missing_setting(header: GgufHeader, config: Any) -> str | None:  # noqa: ANN401
    kind = architecture_of(header)
    for key, what in _SAME.items():
        stored = header.number(f"{kind}.{key}")
        if stored and stored != getattr(config, key, None):
            return f"{what}, {stored:g}"
    ropes = getattr(config, "rope_parameters", None) or {}
    by_layer = {key: value for key, value in ropes.items() if isinstance(value, dict)}
    how = header.text(f"{kind}.rope.scaling.type")
    factor = header.number(f"{kind}.rope.scaling.factor")
    is_plain = all(
        rope.get("rope_type", "default") == "default" for rope in (by_layer or {"": ropes}).values()
    )
    if how not in {None, "none"} and factor not in {None, 1.0} and is_plain:
        return f"how it turns positions, scaled by {factor:g}"
    local = header.number(f"{kind}.rope.freq_base_swa")
    if local and by_layer and by_layer.get("sliding_attention", {}).get("rope_theta") != local:
        return f"the base of positions in layers with a window, {local:g}"
    width = header.integer(f"{kind}.attention.key_length")
    if kind in {"gemma2", "gemma3"} and width and width != config.query_pre_attn_scalar:
        return "the scale of its attention scores, which is not that of its heads' width"
    return None


def _missing_tensors(header: GgufHeader, model: Any) -> str | None:  # noqa: ANN401
    weights = list(model.parameters())
    if not all(weight.is_floating_point() for weight in weights):
        return None  # kept packed
    is_tied = getattr(model.config, "tie_word_embeddings", False)
    stored = [
        tensor
        for tensor in header.tensors
        if not (is_tied and tensor.name == "output.weight") and ".nextn." not in tensor.name
    ]
    numbers = sum(tensor.n_elements for tensor in stored)
    left_out = numbers - sum(weight.numel() for weight in weights)
    if left_out <= 0:
        return None
    named = [tensor.name for tensor in stored if tensor.name.startswith("rope_")]
    which = f", among them `{named[0]}`" if named else ""
    return f"{left_out:,} of {numbers:,} numbers{which}"
