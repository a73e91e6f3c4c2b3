"""What the registry hands out for llama.cpp; native code is loaded only when a model is opened."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from silentzone.backends.gguf.model import read_model
from silentzone.backends.gguf.output_head import load_output_head
from silentzone.backends.gguf.shards import shard_paths
from silentzone.backends.llama_cpp.kv_cache import CACHE_TYPES, kv_cache_bytes, kv_cache_obstacle
from silentzone.backends.registry import Engine
from silentzone.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import ModuleType

    import numpy as np
    from numpy.typing import NDArray

    from silentzone.backends.base import EngineSettings, LogitBackend
    from silentzone.records.models import BackendInfo, ModelRef


def _open(path: Path, model: ModelRef, settings: EngineSettings) -> LogitBackend:
    backend: LogitBackend = _native().LlamaCppBackend(path, model, settings)
    return backend


def _describe(settings: EngineSettings) -> BackendInfo:
    info: BackendInfo = _native().describe_engine(settings)
    return info


def _encode(path: Path, texts: Sequence[str]) -> list[NDArray[np.int32]]:
    encoded: list[NDArray[np.int32]] = _native().encode_texts(path, texts)
    return encoded


def _native() -> ModuleType:
    try:
        return importlib.import_module("silentzone.backends.llama_cpp.engine")
    except ImportError as error:
        raise MissingExtraError(
            "the backend `llama_cpp` needs `llama-cpp-python`, which is not installed",
            hint='pip install "silentzone[llama-cpp]" (compiles llama.cpp, about 5 minutes); '
            "`silentzone backends` shows the exact command and whether a compiler is here",
        ) from error


def _memory_bytes(
    path: Path, context_length: int, *, cache_k: str | None = None, cache_v: str | None = None
) -> tuple[int | None, str | None]:
    cache = kv_cache_bytes(path, context_length, cache_k=cache_k, cache_v=cache_v)
    if cache is None:
        return None, kv_cache_obstacle(path, cache_k=cache_k, cache_v=cache_v)
    return sum(shard.stat().st_size for shard in shard_paths(path)) + cache, None


ENGINE = Engine(
    name="llama_cpp",
    open=_open,
    describe=_describe,
    read_model=read_model,
    output_head=lambda path, _settings=None: load_output_head(path),
    memory_bytes=_memory_bytes,
    encode=_encode,
    cache_types=CACHE_TYPES,
)
