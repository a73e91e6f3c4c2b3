"""transformers: model folders in safetensors and GGUF files, their logits through PyTorch.

Importing this package loads neither PyTorch nor transformers, so a folder can be inspected where
they are not installed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from silentzone.backends.transformers.engine import TransformersBackend

__all__ = ["TransformersBackend"]


def __getattr__(name: str) -> object:
    if name != "TransformersBackend":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from silentzone.backends.transformers.engine import TransformersBackend

    return TransformersBackend
