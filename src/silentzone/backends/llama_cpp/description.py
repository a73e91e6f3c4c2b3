"""What of this engine can change a logit."""

from __future__ import annotations

import importlib.metadata
from typing import TYPE_CHECKING

import llama_cpp as native

from silentzone.records.models import BackendInfo

if TYPE_CHECKING:
    from silentzone.backends.base import EngineSettings


def describe_engine(settings: EngineSettings) -> BackendInfo:
    """Describe what of this engine can change a logit."""
    build = native.llama_print_system_info().decode("utf-8", "replace").strip(" |")
    recorded = {
        "attention": "flash attention as llama.cpp chooses",
        "batch_tokens": str(settings.batch_tokens),
        "gpu_layers": str(settings.gpu_layers),
        "kv_cache": "F16",
        "micro_batch_tokens": str(settings.micro_batch_tokens),
    }
    return BackendInfo(
        name="llama_cpp",
        version=importlib.metadata.version("llama-cpp-python"),
        build=build,
        device="CPU" if settings.gpu_layers == 0 else "GPU offload",
        settings=tuple(sorted(recorded.items())),
    )
