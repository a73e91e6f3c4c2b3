"""What the registry hands out for transformers; PyTorch is loaded only when it is needed."""

from __future__ import annotations

import importlib
from dataclasses import replace
from typing import TYPE_CHECKING

from silentzone.backends.gguf import model as gguf_model
from silentzone.backends.registry import Engine
from silentzone.backends.transformers.folder import ModelFolder, read_folder
from silentzone.backends.transformers.gguf import gguf_facts
from silentzone.backends.transformers.kv_cache import BLOCK, CACHES, bytes_per_number, rounded_by
from silentzone.errors import MissingExtraError, ModelFileError
from silentzone.records.config import ModelLoading

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from types import ModuleType

    import numpy as np
    from numpy.typing import NDArray

    from silentzone.backends.base import EngineSettings, LogitBackend
    from silentzone.metrics.head import OutputHead
    from silentzone.records.models import BackendInfo, ModelRef

_USUAL_MEMORY = {"num_hidden_layers", "num_attention_heads", "hidden_size"}
_OTHER_MEMORY = {"kv_lora_rank", "ssm_cfg", "mamba_d_state", "linear_num_key_heads", "conv_L_cache"}
"""Settings of models whose layers do not keep one key and one value per token and head."""


def read_model(path: Path, name: str, *, on_bytes: Callable[[int], None] | None = None) -> ModelRef:
    """Identity of a model folder or GGUF file.

    The identity of a GGUF file is the one it has for llama.cpp; what transformers makes of it is
    the engine's business.

    Raises
    ------
    ModelFileError
        If it is neither, or cannot be used.
    """
    if path.is_dir():
        return read_folder(path, name, on_bytes=on_bytes)
    if not path.exists():
        raise ModelFileError(f"`{path}` does not exist")
    if path.suffix.lower() in {".bin", ".pt", ".pth", ".ckpt", ".pkl", ".safetensors"}:
        raise ModelFileError(
            f"`{path}` is a single file of weights",
            hint="give the folder with config.json, tokenizer.json and safetensors, or a GGUF file",
        )
    model = gguf_model.read_model(path, name, on_bytes=on_bytes)
    gguf_facts(path)
    return replace(model, provenance=(*model.provenance, ("loaded as", "expanded by transformers")))


def memory_bytes(
    path: Path, context_length: int, *, cache_k: str | None = None, cache_v: str | None = None
) -> tuple[int | None, str | None]:
    """Bytes of weights and KV cache together, or why they are not known.

    A cache in groups of bits keeps its newest tokens as they are, nearly a block of them at most:
    they count with both.
    """
    if not path.is_dir():
        return None, "transformers expands a GGUF file into a type that is chosen when it runs"
    folder = ModelFolder(path)
    config = folder.text_config
    count = {
        key: value for key, value in config.items() if type(value) is int and 0 < value < 2**20
    }
    size = {"float32": 4, "float16": 2, "bfloat16": 2}.get(folder.dtype or "float32")
    if size is None or not {"num_hidden_layers", "num_attention_heads", "hidden_size"} <= set(
        count
    ):
        return None, "its settings do not say how its keys and values are laid out"
    if _OTHER_MEMORY & config.keys():
        return None, "its layers keep something else than keys and values"
    heads = count["num_attention_heads"]
    width = count.get("head_dim", count["hidden_size"] // heads)
    rows = count["num_hidden_layers"] * count.get("num_key_value_heads", heads) * width
    held, exact = 0.0, 0
    for kind in (cache_k, cache_v):
        each = size if kind is None else bytes_per_number(kind, width, size)
        if each is None:
            return None, f"a head of {width} is not made of groups that a cache in `{kind}` has"
        held += each * rows * context_length
        if kind is not None and CACHES[kind].backend != "fp8":
            exact += size * rows * min(BLOCK - 1, context_length)
    return sum(tensor.n_bytes for tensor in folder.tensors) + round(held) + exact, None


def _open(path: Path, model: ModelRef, settings: EngineSettings) -> LogitBackend:
    backend: LogitBackend = _native("engine").TransformersBackend(path, model, settings)
    return backend


def _describe(settings: EngineSettings) -> BackendInfo:
    info: BackendInfo = _native("description").describe_engine(settings)
    return info


def _run_as(path: Path, settings: EngineSettings) -> tuple[tuple[str, str], ...]:
    found: tuple[tuple[str, str], ...] = _native("description").run_as(path, settings.loading)
    return found


def _output_head(path: Path, settings: EngineSettings | None = None) -> OutputHead | None:
    loading = ModelLoading() if settings is None else settings.loading
    head: OutputHead | None = _native("head").load_output_head(path, loading)
    return head


def _encode(path: Path, texts: Sequence[str]) -> list[NDArray[np.int32]]:
    tokenizer = _native("tokens").Tokenizer(path)
    return [tokenizer.with_bos(tokenizer.tokenize(text, with_control=False)) for text in texts]


def _native(module: str) -> ModuleType:
    try:
        return importlib.import_module(f"silentzone.backends.transformers.{module}")
    except ImportError as error:
        raise MissingExtraError(
            f"the backend `transformers` needs `{error.name}`, which is not installed",
            hint='pip install "silentzone[transformers]"',
        ) from error


ENGINE = Engine(
    name="transformers",
    open=_open,
    describe=_describe,
    read_model=read_model,
    output_head=_output_head,
    memory_bytes=memory_bytes,
    encode=_encode,
    cache_types=tuple(CACHES),
    run_as=_run_as,
    cache_rounded_by=rounded_by,
    caches_alike=True,
)
