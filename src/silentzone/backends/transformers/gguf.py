"""What transformers needs to know of a GGUF file beyond what its identity says."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from silentzone.backends.gguf.header import read_header
from silentzone.backends.gguf.shards import shard_paths
from silentzone.backends.gguf.tokens import control_tokens
from silentzone.errors import ModelFileError

if TYPE_CHECKING:
    from pathlib import Path

    from silentzone.backends.gguf.tokens import GgufTokens


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
