"""What a GGUF file is: identity, sizes, storage types."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from silentzone.backends.contents import hash_file
from silentzone.backends.gguf.head_tensor import head_entry
from silentzone.backends.gguf.header import MetadataArray, architecture_of
from silentzone.backends.gguf.shards import read_shards
from silentzone.backends.gguf.tokens import tokenizer_sha256
from silentzone.errors import ModelFileError
from silentzone.records.models import ModelRef, text_sha256

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from silentzone.backends.gguf.header import GgufHeader, TensorEntry

_MAX_SHOWN_CHARACTERS: Final = 200
_PROVENANCE_KEY: Final = re.compile(
    r"general\.(name|basename|organization|finetune|version|size_label|license|quantized_by"
    r"|quantization_version|file_type|repo_url|source\.url)"
    r"|general\.base_model\.\d{1,2}\.(name|organization|repo_url)"
    r"|quantize\.imatrix\.(file|dataset|entries_count|chunks_count)"
)


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
    headers = read_shards(path)
    first = headers[0]
    tensors = [tensor for header in headers for tensor in header.tensors]
    head = head_entry(headers)[1]
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
        tokenizer_sha256=tokenizer_sha256(first),
        head_type=head.type.name,
        is_quantized=any(t.type.is_quantized for t in tensors if len(t.shape) > 1),
        training_context_length=first.integer(f"{architecture}.context_length"),
    )


def _content_sha256(headers: tuple[GgufHeader, ...], on_bytes: Callable[[int], None] | None) -> str:
    digest = hashlib.sha256()
    for header in headers:
        hash_file(digest, header.path, on_bytes)
    return digest.hexdigest()


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
