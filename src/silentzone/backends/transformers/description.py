"""What of this engine can change a logit, of all models and of one."""

from __future__ import annotations

import importlib.metadata
from typing import TYPE_CHECKING, Any

import torch
import transformers
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.models.auto.auto_factory import _get_model_class

from silentzone.backends.transformers.folder import ModelFolder
from silentzone.backends.transformers.loading import device_of
from silentzone.backends.transformers.quantization import helper_version, method_of
from silentzone.backends.transformers.quiet import offline_unless, quiet_transformers
from silentzone.backends.transformers.unpacking import unpacking_of
from silentzone.errors import EnvironmentNotReadyError
from silentzone.records.models import BackendInfo

if TYPE_CHECKING:
    from pathlib import Path

    from silentzone.backends.base import EngineSettings
    from silentzone.records.config import ModelLoading
    from silentzone.records.models import ModelRef

_NOT_FORETOLD = "not foretold"
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
    if is_cuda:
        recorded["sdpa_without"] = "cuDNN"
    capability = "" if is_cuda else f", {torch.backends.cpu.get_cpu_capability()}"
    return BackendInfo(
        name="transformers",
        version=transformers.__version__,
        build=f"PyTorch {torch.__version__}{capability}",
        device=torch.cuda.get_device_name(device) if is_cuda else device.type.upper(),
        settings=tuple(sorted(recorded.items())),
    )


def run_as(path: Path, loading: ModelLoading) -> tuple[tuple[str, str], ...]:
    """Tell what is done with one model that depends on what is installed here; nothing is loaded.

    Raises
    ------
    ModelFileError
        If the model asks for code that does not lie beside it, and code may run.
    """
    if path.is_file():
        # a GGUF file cannot ask for an attention, so the engine's description says which it is
        return (("unpacked_by", f"gguf {importlib.metadata.version('gguf')}"),)
    folder = ModelFolder(path)
    if loading.trust_remote_code:
        folder.require_own_code()
    found = {
        "attention": _attention(folder, loading),
        "unpacked_by": helper_version(method_of(folder.config)),
    }
    notes = unpacking_of(folder.config, device_of(loading)).notes
    return (*((name, value) for name, value in found.items() if value is not None), *notes)


def require_as_planned(loaded: Any, model: ModelRef) -> None:  # noqa: ANN401 - of any class
    """Hold a loaded model against what was foretold, which its parts are identified by.

    Raises
    ------
    EnvironmentNotReadyError
        If transformers has chosen another attention.
    """
    planned, chosen = dict(model.run_as).get("attention"), loaded.config._attn_implementation
    if planned not in {None, _NOT_FORETOLD} and chosen != planned:
        raise EnvironmentNotReadyError(
            f"transformers runs `{model.name}` with the attention `{chosen}`; `{planned}` is what "
            "it said it would choose",
            hint="name one as `attention` in [engine] of study.toml",
        )


def _attention(folder: ModelFolder, loading: ModelLoading) -> str | None:
    """Attention that transformers will choose; null where only loading the model tells.

    What transformers asks at the start of a model's construction is asked of a model without
    layers. Code that comes with a model is not run for it: its files are part of the identity.
    """
    if loading.trust_remote_code and "auto_map" in folder.config:
        return None
    asked = {} if loading.attention == "auto" else {"attn_implementation": loading.attention}
    config = None
    try:
        with quiet_transformers(), offline_unless(loading.download):
            config = AutoConfig.from_pretrained(
                folder.path, local_files_only=True, trust_remote_code=False, **asked
            )
            kind = _get_model_class(config, AutoModelForCausalLM._model_mapping)
            if kind.config_class is config.sub_configs.get("text_config"):
                config = config.get_text_config()
            bare = kind.__new__(kind)
            torch.nn.Module.__init__(bare)
            bare.config = config
            chosen = bare._check_and_adjust_attn_implementation(
                config._attn_implementation, is_init_check=True
            )
    except Exception:  # whatever it is, loading the model says it with a sentence
        return None if config is None else _NOT_FORETOLD
    return chosen if isinstance(chosen, str) else None
