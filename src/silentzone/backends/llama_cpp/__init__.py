"""llama.cpp: GGUF files, their quantization, and their logits through ``llama-cpp-python``.

Importing this package loads no native code, so a file can be inspected where llama.cpp is not
installed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from silentzone.backends.llama_cpp.engine import LlamaCppBackend

__all__ = ["LlamaCppBackend"]


def __getattr__(name: str) -> object:
    if name != "LlamaCppBackend":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from silentzone.backends.llama_cpp.engine import LlamaCppBackend

    return LlamaCppBackend
