"""What of this engine can change a logit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import transformers

from silentzone.backends.transformers.loading import device_of
from silentzone.records.models import BackendInfo

if TYPE_CHECKING:
    from silentzone.backends.base import EngineSettings

_CHOSEN = "sdpa where transformers has it for the model, else eager"


def describe_engine(settings: EngineSettings) -> BackendInfo:
    """Describe what of this engine can change a logit."""
    loading = settings.loading
    device = device_of(loading)
    recorded = {
        "attention": _CHOSEN if loading.attention == "auto" else loading.attention,
        "batch_tokens": str(settings.batch_tokens),
        "device_map": loading.device_map or "none",
        "dtype": "the model's own" if loading.dtype == "auto" else loading.dtype,
        "head": "float32 sums",
        "micro_batch_tokens": str(settings.micro_batch_tokens),
        "trust_remote_code": "yes" if loading.trust_remote_code else "no",
    }
    is_cuda = device.type == "cuda"
    capability = "" if is_cuda else f", {torch.backends.cpu.get_cpu_capability()}"
    return BackendInfo(
        name="transformers",
        version=transformers.__version__,
        build=f"PyTorch {torch.__version__}{capability}",
        device=torch.cuda.get_device_name(device) if is_cuda else device.type.upper(),
        settings=tuple(sorted(recorded.items())),
    )
