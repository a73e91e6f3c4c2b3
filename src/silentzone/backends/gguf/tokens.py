"""What a GGUF file says of its tokenizer."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from silentzone.backends.gguf.header import MetadataArray

if TYPE_CHECKING:
    from silentzone.backends.gguf.header import GgufHeader, Value

_ENCODING_KEYS: Final = (
    "add_bos_token", "add_eos_token", "add_sep_token", "add_space_prefix", "bos_token_id",
    "cls_token_id", "escape_whitespaces", "merges", "model", "pre", "precompiled_charsmap",
    "remove_extra_whitespaces", "scores", "seperator_token_id", "token_type", "tokens",
    "unknown_token_id",
)  # fmt: skip
"""Of ``tokenizer.ggml``: what decides the ids a text becomes (GGUF spells separator so). Padding
and end-of-turn ids are not among them: publishers correct them without changing any encoding."""

_USER_DEFINED: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class GgufTokens:
    """What a file says of its control tokens."""

    adds_bos: bool | None
    """Null where it does not say."""
    splits_numbers: bool
    """Whether every digit, also one of another script or raised, is a word by itself."""
    chat: tuple[str | None, int | None, int | None]
    """Chat template, and the ids of BOS and EOS; null where there are none."""


def control_tokens(header: GgufHeader) -> GgufTokens:
    """Tell what a file says of its control tokens."""
    added = header.metadata.get("tokenizer.ggml.add_bos_token")
    bos, eos = (header.integer(f"tokenizer.ggml.{name}_token_id") for name in ("bos", "eos"))
    return GgufTokens(
        adds_bos=None if added is None else bool(added),
        splits_numbers=header.text("tokenizer.ggml.pre") == "smollm",
        chat=(header.text("tokenizer.chat_template"), bos, eos),
    )


def runs_of_spaces(header: GgufHeader) -> dict[int, int]:
    """Ids of the tokens that a file of SentencePiece spells as spaces, and of how many.

    Most files spell every space as U+2581. Tokens with real ones are found in a text before it is
    cut into pieces, the longest first.
    """
    tokens, types = (
        header.metadata.get(f"tokenizer.ggml.{key}") for key in ("tokens", "token_type")
    )
    if (
        header.text("tokenizer.ggml.model") != "llama"
        or not isinstance(tokens, MetadataArray)
        or not isinstance(types, MetadataArray)
    ):
        return {}
    return {
        token: len(text)
        for token, (text, kind) in enumerate(zip(tokens.texts(), types.numbers(), strict=False))
        if kind == _USER_DEFINED and text.startswith(b" ") and not text.strip(b" ")
    }


def tokenizer_sha256(header: GgufHeader) -> str:
    """Hash of what decides the ids a text becomes."""
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
