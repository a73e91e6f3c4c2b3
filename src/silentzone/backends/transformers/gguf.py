"""What transformers needs to know of a GGUF file beyond what its identity says."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from silentzone.backends.llama_cpp.gguf_file import shard_paths
from silentzone.backends.llama_cpp.gguf_header import read_header
from silentzone.errors import ModelFileError

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class GgufTokens:
    """What a file says of its control tokens."""

    adds_bos: bool | None
    """Null where it does not say."""
    splits_numbers: bool
    """Whether every digit, also one of another script or raised, is a word by itself."""
    chat: tuple[str | None, int | None, int | None]
    """Chat template, and the ids of BOS and EOS; null where there are none."""


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
    header = read_header(path)
    added = header.metadata.get("tokenizer.ggml.add_bos_token")
    bos, eos = (header.integer(f"tokenizer.ggml.{name}_token_id") for name in ("bos", "eos"))
    return GgufTokens(
        adds_bos=None if added is None else bool(added),
        splits_numbers=header.text("tokenizer.ggml.pre") == "smollm",
        chat=(header.text("tokenizer.chat_template"), bos, eos),
    )
