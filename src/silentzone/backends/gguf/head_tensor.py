"""The output head of a GGUF file as it is stored, and what follows it.

Shape letters: V vocabulary entries, D width of the final hidden state.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from silentzone.backends.gguf.header import architecture_of
from silentzone.backends.gguf.shards import read_shards
from silentzone.errors import ModelFileError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from silentzone.backends.gguf.header import GgufHeader, TensorEntry


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HeadTensor:
    """The matrix that turns a final hidden state into logits, as it is stored."""

    name: str
    """``output.weight``, or ``token_embd.weight`` where the head is tied to the embedding."""
    type_name: str
    shape: tuple[int, int]
    """(V, D)"""
    data: NDArray[np.uint8]
    """Of shape (V, bytes of a row), mapped read-only from the file."""
    bias: NDArray[np.float32] | None
    """Of shape (V,), from ``output.bias``."""


def head_tensor(path: Path) -> HeadTensor:
    """Output head of a model, mapped from its file.

    Raises
    ------
    ModelFileError
        If the file is not usable, has no head, or a bias of another length or kind.
    """
    headers = read_shards(path)
    header, head = head_entry(headers)
    width, vocabulary_size = head.shape
    bias = None
    for holder in headers:
        entry = holder.tensor("output.bias")
        if entry is not None:
            if entry.type.name not in {"F32", "F16"} or entry.n_elements != vocabulary_size:
                raise ModelFileError(f"`{holder.path}`: output.bias does not fit {head.name}")
            stored = np.dtype("<f4" if entry.type.name == "F32" else "<f2")
            bias = np.fromfile(
                holder.path, stored, count=vocabulary_size, offset=entry.file_offset
            ).astype(np.float32)
    data = np.memmap(
        header.path, np.uint8, "r", head.file_offset,
        shape=(vocabulary_size, head.n_bytes // vocabulary_size),
    )  # fmt: skip
    return HeadTensor(
        name=head.name, type_name=head.type.name, shape=(vocabulary_size, width), data=data,
        bias=bias,
    )  # fmt: skip


def final_logit_softcapping(path: Path) -> float | None:
    """Bound c of ``c tanh(logit / c)`` applied to the logits; None where there is none."""
    header = read_shards(path)[0]
    return header.number(f"{architecture_of(header)}.final_logit_softcapping") or None


def logit_scale(path: Path) -> float | None:
    """Factor the architecture applies to logits or hidden state; None where there is none."""
    header = read_shards(path)[0]
    return header.number(f"{architecture_of(header)}.logit_scale") or None


def head_entry(headers: tuple[GgufHeader, ...]) -> tuple[GgufHeader, TensorEntry]:
    """Where the output head stands: the file and the tensor, the embedding's where they are tied.

    Raises
    ------
    ModelFileError
        If there is neither.
    """
    for name in ("output.weight", "token_embd.weight"):
        for header in headers:
            tensor = header.tensor(name)
            if tensor is not None and len(tensor.shape) == 2:
                return header, tensor
    raise ModelFileError(
        f"`{headers[0].path}` holds no output head and no token embedding",
        hint="use the file of a language model, not of a projector, adapter or matrix of weights",
    )
