"""How many bytes llama.cpp keeps of what a model has read: its cache of keys and values."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from silentzone.backends.gguf.header import MetadataArray, architecture_of, read_header
from silentzone.backends.gguf.shards import shard_paths
from silentzone.backends.gguf.tensor_types import TENSOR_TYPES, TensorType

if TYPE_CHECKING:
    from pathlib import Path

    from silentzone.backends.gguf.header import GgufHeader

_MAX_LAYERS: Final = 4096
_MAX_HEADS: Final = 2**16

OWN_TYPE: Final = "f16"
"""Type in which llama.cpp keeps keys and values unless it is told otherwise."""
CACHE_TYPES: Final = ("f32", "f16", "bf16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "iq4_nl")
"""Those that llama.cpp's own programs offer. Quantized values need flash attention, which it then
turns on by itself; keys and values in these types are rotated before they are rounded."""


def cache_type_number(name: str | None) -> int:
    """Give the number under which ggml knows a type of the cache; of null that of its own type.

    Examples
    --------
    >>> cache_type_number(None), cache_type_number("q8_0")
    (1, 8)
    """
    wanted = (name or OWN_TYPE).upper()
    return next(number for number, kind in TENSOR_TYPES.items() if kind.name == wanted)


def kv_cache_bytes(
    path: Path, context_length: int, *, cache_k: str | None = None, cache_v: str | None = None
) -> int | None:
    """Bytes of a KV cache at a context length; None where the layout is not a plain one.

    Sliding-window layers are counted at the full context, as llama.cpp allocates them with
    ``swa_full``: an upper bound for such models. :func:`kv_cache_obstacle` has the reason of None.

    Parameters
    ----------
    path : Path
    context_length : int
    cache_k, cache_v : str, optional
        Of ``CACHE_TYPES``; left out, llama.cpp's own.
    """
    header = _first_header(path)
    types = (_cache_type(cache_k), _cache_type(cache_v))
    if _kv_obstacle(header, types) is not None:
        return None
    per_head = sum(
        width // kind.block_size * kind.block_bytes
        for width, kind in zip(_head_widths(header), types, strict=True)
    )
    return context_length * sum(_kv_heads(header)) * per_head


def kv_cache_obstacle(
    path: Path, *, cache_k: str | None = None, cache_v: str | None = None
) -> str | None:
    """Why the size of the KV cache cannot be told from the metadata; None where it can."""
    return _kv_obstacle(_first_header(path), (_cache_type(cache_k), _cache_type(cache_v)))


def _first_header(path: Path) -> GgufHeader:
    return read_header(shard_paths(path)[0])


def _cache_type(name: str | None) -> TensorType:
    return TENSOR_TYPES[cache_type_number(name)]


def _kv_obstacle(header: GgufHeader, types: tuple[TensorType, TensorType]) -> str | None:
    prefix = architecture_of(header)
    for pattern, reason in (
        (r"ssm\..*|wkv\..*|shortconv\..*|kda\..*", "it has recurrent layers"),
        (r"attention\.kv_lora_rank", "it has latent attention (MLA)"),
        (r"attention\.shared_kv_layers", "its layers share KV caches"),
        (r"attention\.(key|value)_length_swa", "its layers differ in head size"),
    ):
        known = re.compile(rf"{re.escape(prefix)}\.({pattern})")
        if any(known.fullmatch(key) for key in header.metadata):
            return f"{prefix}: {reason}"
    heads = _kv_heads(header)
    if not heads or not all(1 <= count <= _MAX_HEADS for count in heads):
        return f"{prefix}: its metadata do not say how many KV heads each layer has"
    if not all(1 <= width <= _MAX_HEADS for width in _head_widths(header)):
        return f"{prefix}: its metadata do not say how wide a head is"
    for width, kind in zip(_head_widths(header), types, strict=True):
        if width % kind.block_size:
            return (
                f"{prefix}: {kind.name.lower()} comes in blocks of {kind.block_size}, which a head "
                f"of {width} is not made of"
            )
    return None


def _kv_heads(header: GgufHeader) -> tuple[int, ...]:
    """Give the KV heads of each layer; empty where the metadata do not tell."""
    is_told = f"{architecture_of(header)}.attention.head_count_kv" in header.metadata
    return _per_layer(header, "head_count_kv" if is_told else "head_count")


def _per_layer(header: GgufHeader, key: str) -> tuple[int, ...]:
    prefix = architecture_of(header)
    layers = header.integer(f"{prefix}.block_count") or 0
    if not 1 <= layers <= _MAX_LAYERS:
        return ()
    value = header.metadata.get(f"{prefix}.attention.{key}")
    entries = value.numbers() if isinstance(value, MetadataArray) else (value,) * layers
    counts = tuple(entry for entry in entries if type(entry) is int)
    return counts if len(counts) == layers else ()


def _head_widths(header: GgufHeader) -> tuple[int, int]:
    """Give the width of a key and of a value; 0 where the metadata do not tell."""
    prefix = architecture_of(header)
    heads = _per_layer(header, "head_count")
    width = header.integer(f"{prefix}.embedding_length") or 0
    usual = width // heads[0] if heads and heads[0] > 0 else 0
    key_width = header.integer(f"{prefix}.attention.key_length") or usual
    return key_width, header.integer(f"{prefix}.attention.value_length") or usual
