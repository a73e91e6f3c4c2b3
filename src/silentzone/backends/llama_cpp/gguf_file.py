"""What a GGUF file is: identity, storage types, output head.

Shape letters: V vocabulary entries, D width of the final hidden state.
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from silentzone.backends.llama_cpp.gguf_header import GgufHeader, MetadataArray, read_header
from silentzone.errors import ModelFileError
from silentzone.records.models import ModelRef, text_sha256

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from silentzone.backends.llama_cpp.gguf_header import TensorEntry, Value

_HASH_CHUNK_BYTES: Final = 8 * 2**20
_MAX_SHOWN_CHARACTERS: Final = 200
_SHARD_NAME: Final = re.compile(r"(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})\.gguf")
_ENCODING_KEYS: Final = (
    "add_bos_token", "add_eos_token", "add_sep_token", "add_space_prefix", "bos_token_id",
    "cls_token_id", "escape_whitespaces", "merges", "model", "pre", "precompiled_charsmap",
    "remove_extra_whitespaces", "scores", "seperator_token_id", "token_type", "tokens",
    "unknown_token_id",
)  # fmt: skip
"""Of ``tokenizer.ggml``: what decides the ids a text becomes (GGUF spells separator so). Padding
and end-of-turn ids are not among them: publishers correct them without changing any encoding."""
_PROVENANCE_KEY: Final = re.compile(
    r"general\.(name|basename|organization|finetune|version|size_label|license|quantized_by"
    r"|quantization_version|file_type|repo_url|source\.url)"
    r"|general\.base_model\.\d{1,2}\.(name|organization|repo_url)"
    r"|quantize\.imatrix\.(file|dataset|entries_count|chunks_count)"
)


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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GgufFacts:
    """What the headers of a model say of it; the weights have not been looked at."""

    headers: tuple[GgufHeader, ...]
    """One per shard, in order."""
    file_bytes: int
    parameter_count: int
    bits_per_weight: float
    main_type: str
    """Storage type of most elements."""
    weight_format: str
    architecture: str
    vocabulary_size: int
    tokenizer_sha256: str
    head_type: str
    is_quantized: bool
    training_context_length: int | None


def shard_paths(path: Path) -> tuple[Path, ...]:
    """All files of one model in order: ``path`` itself, or every shard beside the one named.

    Raises
    ------
    ModelFileError
        If the file name counts shards impossibly or one of them is missing.
    """
    match = _SHARD_NAME.fullmatch(path.name)
    if match is None:
        return (path,)
    number, count = int(match["number"]), int(match["count"])
    if not 1 <= number <= count:
        raise ModelFileError(f"`{path}` calls itself shard {number} of {count}")
    shards = tuple(
        path.with_name(f"{match['stem']}-{index:05d}-of-{count:05d}.gguf")
        for index in range(1, count + 1)
    )
    missing = [shard.name for shard in shards if not shard.exists()]
    if missing:
        raise ModelFileError(
            f"`{path}` is one of {count} shards; missing beside it: {', '.join(missing[:4])}"
            + (f" and {len(missing) - 4} more" if len(missing) > 4 else ""),
            hint="put all shards of a model into one folder",
        )
    return shards


def read_model(path: Path, name: str, *, on_bytes: Callable[[int], None] | None = None) -> ModelRef:
    """Identity of the model in a GGUF file.

    Parameters
    ----------
    path : Path
        The file, or any shard of a sharded model.
    name : str
        Name shown to people.
    on_bytes : callable, optional
        Told after each piece how many more bytes have been hashed; they sum to ``file_bytes``.

    Raises
    ------
    ModelFileError
        If a file is missing, damaged, cut off, or holds no language model.
    """
    facts = read_facts(path)
    first = facts.headers[0]
    return ModelRef(
        name=name,
        sha256=_content_sha256(facts.headers, on_bytes),
        file_bytes=facts.file_bytes,
        parameter_count=facts.parameter_count,
        bits_per_weight=facts.bits_per_weight,
        weight_format=facts.weight_format,
        architecture=facts.architecture,
        vocabulary_size=facts.vocabulary_size,
        tokenizer_sha256=facts.tokenizer_sha256,
        head_type=facts.head_type,
        is_quantized=facts.is_quantized,
        shard_count=len(facts.headers),
        training_context_length=facts.training_context_length,
        chat_template_sha256=text_sha256(first.text("tokenizer.chat_template")),
        provenance=_provenance(first),
    )


def read_facts(path: Path) -> GgufFacts:
    """Tell what a GGUF file says of its model, quickly: nothing behind the headers is read.

    Parameters and errors are those of `read_model`.
    """
    headers = _read_shards(path)
    first = headers[0]
    tensors = [tensor for header in headers for tensor in header.tensors]
    head = _head_entry(headers)[1]
    tokens = first.metadata.get("tokenizer.ggml.tokens")
    if not isinstance(tokens, MetadataArray) or not tokens.is_text or not tokens.length:
        raise ModelFileError(
            f"`{path}` holds no tokenizer", hint="use the file of a whole language model"
        )
    if tokens.length != head.shape[1]:
        raise ModelFileError(
            f"`{path}`: {head.name} has {head.shape[1]} rows and the tokenizer {tokens.length} "
            "tokens"
        )
    n_elements = sum(tensor.n_elements for tensor in tensors)
    counts = _elements_by_type(tensors)
    architecture = architecture_of(first)
    return GgufFacts(
        headers=headers,
        file_bytes=sum(header.file_bytes for header in headers),
        parameter_count=n_elements,
        bits_per_weight=8 * sum(tensor.n_bytes for tensor in tensors) / n_elements,
        main_type=counts.most_common(1)[0][0],
        weight_format=_weight_format(counts),
        architecture=architecture,
        vocabulary_size=tokens.length,
        tokenizer_sha256=_tokenizer_sha256(first),
        head_type=head.type.name,
        is_quantized=any(t.type.is_quantized for t in tensors if len(t.shape) > 1),
        training_context_length=first.integer(f"{architecture}.context_length"),
    )


def head_tensor(path: Path) -> HeadTensor:
    """Output head of a model, mapped from its file.

    Raises
    ------
    ModelFileError
        If the file is not usable, has no head, or a bias of another length or kind.
    """
    headers = _read_shards(path)
    header, head = _head_entry(headers)
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
    header = _read_shards(path)[0]
    return header.number(f"{architecture_of(header)}.final_logit_softcapping") or None


def logit_scale(path: Path) -> float | None:
    """Factor the architecture applies to logits or hidden state; None where there is none."""
    header = _read_shards(path)[0]
    return header.number(f"{architecture_of(header)}.logit_scale") or None


def _read_shards(path: Path) -> tuple[GgufHeader, ...]:
    headers = tuple(read_header(shard) for shard in shard_paths(path))
    first = headers[0]
    split_count = first.integer("split.count") or 1
    if split_count != len(headers):
        raise ModelFileError(
            f"`{first.path}` says it has {split_count} shards, its name says {len(headers)}",
            hint="shards keep the names llama.cpp gave them: NAME-00001-of-0000N.gguf",
        )
    n_tensors = sum(len(header.tensors) for header in headers)
    promised = first.integer("split.tensors.count")
    names = {tensor.name for header in headers for tensor in header.tensors}
    if not n_tensors:
        raise ModelFileError(f"`{path}` holds no tensors", hint="a vocabulary alone is no model")
    if len(names) != n_tensors or (promised is not None and promised != n_tensors):
        raise ModelFileError(f"the shards of `{path}` do not belong together")
    return headers


def _head_entry(headers: tuple[GgufHeader, ...]) -> tuple[GgufHeader, TensorEntry]:
    for name in ("output.weight", "token_embd.weight"):
        for header in headers:
            tensor = header.tensor(name)
            if tensor is not None and len(tensor.shape) == 2:
                return header, tensor
    raise ModelFileError(
        f"`{headers[0].path}` holds no output head and no token embedding",
        hint="use the file of a language model, not of a projector, adapter or matrix of weights",
    )


def architecture_of(header: GgufHeader) -> str:
    """Name that begins the keys of a model's metadata.

    Raises
    ------
    ModelFileError
        If there is none.
    """
    architecture = header.text("general.architecture")
    if architecture is None or not re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", architecture):
        raise ModelFileError(f"`{header.path}` does not name its architecture")
    return architecture


def _content_sha256(headers: tuple[GgufHeader, ...], on_bytes: Callable[[int], None] | None) -> str:
    digest = hashlib.sha256()
    for header in headers:
        try:
            with header.path.open("rb") as file:
                while chunk := file.read(_HASH_CHUNK_BYTES):
                    digest.update(chunk)
                    if on_bytes is not None:
                        on_bytes(len(chunk))
        except OSError as error:
            raise ModelFileError(f"`{header.path}` cannot be read: {error}") from error
    return digest.hexdigest()


def _tokenizer_sha256(header: GgufHeader) -> str:
    digest = hashlib.sha256()
    keys = [*_ENCODING_KEYS]
    if header.metadata.get("tokenizer.ggml.add_eos_token"):
        keys.append("eos_token_id")
    for key in keys:
        value = header.metadata.get(f"tokenizer.ggml.{key}")
        if value is not None:
            content = _canonical(value)
            digest.update(f"{key} {len(content)} ".encode() + content)
    return digest.hexdigest()


def _canonical(value: Value) -> bytes:
    """Bytes that do not depend on the width in which a converter chose to store a number."""
    if isinstance(value, bytes):
        return b"text " + value
    if not isinstance(value, MetadataArray):
        return b"number " + struct.pack("<d", value)
    if value.is_text:
        return b"texts " + value.raw
    return b"numbers " + np.asarray(value.numbers(), dtype="<f8").tobytes()


def _elements_by_type(tensors: list[TensorEntry]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for tensor in tensors:
        counts[tensor.type.name] += tensor.n_elements
    return counts


def _weight_format(counts: Counter[str]) -> str:
    """Types by share of the elements, largest first; what rounds to 0 % is left out."""
    total = counts.total()
    shares = [(name, round(100 * count / total)) for name, count in counts.most_common()]
    shown = [(name, share) for name, share in shares if share]
    if len(shown) == 1:
        return shown[0][0]
    return ", ".join(f"{name} {share} %" for name, share in shown)


def _provenance(header: GgufHeader) -> tuple[tuple[str, str], ...]:
    shown = []
    for key, value in sorted(header.metadata.items()):
        if isinstance(value, MetadataArray) or not _PROVENANCE_KEY.fullmatch(key):
            continue
        text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
        text = "".join(character for character in text[:2000] if character.isprintable())
        shown.append((key, text[:_MAX_SHOWN_CHARACTERS]))
    return tuple(shown)
