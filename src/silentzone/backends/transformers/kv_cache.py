"""Quantized caches of keys and values as transformers keeps them, and how text has to be read.

Such a cache hands the first tokens of a text back as they were: a window that is run in one call
never sees what was stored. So text is read in blocks. A token then sees earlier blocks through the
cache, which is what it sees when it is written: transformers keeps the newest tokens of a cache
in groups of bits as they were until a block of them is full (``fp8`` keeps none).
"""

from __future__ import annotations

import copy
import importlib.metadata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

BLOCK: Final = 128
"""Tokens that are read at once, and kept as they are until there are so many."""
_GROUPS: Final = (64, 32, 16, 8)
_GROUP_SCALES: Final = 2


@dataclass(frozen=True, slots=True)
class CacheType:
    """How a cache rounds: by whom, and to how many bits."""

    backend: str
    """As transformers names it."""
    bits: int
    helper: str | None = None
    """Package that rounds; null where transformers does it itself."""


CACHES: Final = {
    "fp8": CacheType("fp8", 8),
    **{f"hqq-int{bits}": CacheType("hqq", bits, "hqq") for bits in (8, 4)},
    **{f"quanto-int{bits}": CacheType("quanto", bits, "optimum-quanto") for bits in (4, 2)},
}
"""By the name that ``cache_k`` and ``cache_v`` have; keys and values are rounded alike.

HQQ has fewer bits as well, but packs rows so that those of a prompt have to be whole multiples of
4, 8 or 10, and breaks where they are not; of 4 bits they come in pairs."""


def group_size(head_width: int) -> int | None:
    """Numbers that share a scale: 64, or fewer that divide a head; null where none of these do.

    Examples
    --------
    >>> group_size(128), group_size(80), group_size(12)
    (64, 16, None)
    """
    return next((size for size in _GROUPS if head_width % size == 0), None)


def bytes_per_number(kind: str, head_width: int, plain_bytes: int) -> float | None:
    """Bytes of one key or value in a cache, its scales included; null where it cannot be held.

    Examples
    --------
    >>> bytes_per_number("hqq-int4", 64, 2)
    0.5625
    """
    cache, size = CACHES[kind], group_size(head_width)
    if cache.backend == "fp8":
        return 1.0
    if size is None:
        return None
    return cache.bits / 8 + _GROUP_SCALES * plain_bytes / size


def failure_hint(kind: str | None, tokens: int) -> str:
    """Say what else may be wrong with tokens that a model could not be run on with such a cache."""
    if kind != "hqq-int4" or tokens >= BLOCK or tokens % 2 == 0:
        return ""
    return (
        "; HQQ packs 4 bits in pairs of rows: with an odd number of KV heads it cannot keep a "
        f"prompt of an odd number of tokens that is shorter than {BLOCK}; take `hqq-int8` or "
        "`quanto-int4`"
    )


def rounded_by(kind: str) -> str | None:
    """Name and version of the package that rounds such a cache; null where it is PyTorch itself."""
    helper = CACHES[kind].helper
    if helper is None:
        return None
    try:
        return f"{helper} {importlib.metadata.version(helper)}"
    except importlib.metadata.PackageNotFoundError:
        return None


def new_quantized_cache(kind: str, config: Any, head_width: int) -> Any:  # noqa: ANN401
    """Empty cache of that type.

    Raises
    ------
    ImportError
        If its helper package is not installed.
    ValueError
        If transformers has no such cache for the model.
    """
    from transformers import QuantizedCache

    cache = CACHES[kind]
    if cache.backend == "fp8":
        return QuantizedCache("fp8", config)
    size = group_size(head_width)
    if size is None:
        raise ValueError(f"a head of {head_width} is not made of groups of {_GROUPS[-1]}")
    # groups along the width of a head: axis 0 in quanto's count, 1 in HQQ's
    axis = 1 if cache.backend == "hqq" else 0
    return QuantizedCache(
        cache.backend,
        config,
        nbits=cache.bits,
        axis_key=axis,
        axis_value=axis,
        q_group_size=size,
        residual_length=BLOCK,
    )


def copied_cache(cache: Any) -> Any:  # noqa: ANN401
    """Copy of a quantized cache: its layers replace what they hold and never write into it."""
    other = copy.copy(cache)
    other.layers = [copy.copy(layer) for layer in cache.layers]
    return other


def block_calls(length: int, step: int | None, before: int = 0) -> Iterator[slice]:
    """Cut tokens into calls so that, however small, the same of them are rounded at the same time.

    Parameters
    ----------
    length : int
        Tokens to be read.
    step : int or None
        Most tokens of a call; null a whole block. The first call of a text is a block all the
        same: a cache rounds it at once, whatever its length, and ``fp8`` takes its scale from it.
    before : int
        Tokens of the prompt that the cache holds.

    Examples
    --------
    >>> [(part.start, part.stop) for part in block_calls(300, None)]
    [(0, 128), (128, 256), (256, 300)]
    >>> [(part.start, part.stop) for part in block_calls(300, 100)]
    [(0, 128), (128, 228), (228, 256), (256, 300)]
    """
    first = min(before, BLOCK) if before else BLOCK
    start = 0
    while start < length:
        if before + start:
            left = BLOCK - (before + start - first) % BLOCK
            stop = start + min(step or BLOCK, left)
        else:
            stop = BLOCK
        yield slice(start, min(stop, length))
        start = stop
