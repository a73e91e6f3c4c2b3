"""Loading a model through transformers: from the disk, from safetensors or GGUF, or not at all."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any

import torch
from transformers import AutoModelForCausalLM

from silentzone.backends.transformers.folder import ModelFolder
from silentzone.backends.transformers.gguf import gguf_facts, require_all_of_it
from silentzone.backends.transformers.quantization import install_hint, is_installed, method_of
from silentzone.backends.transformers.quiet import offline_unless, quiet_transformers
from silentzone.backends.transformers.unpacking import (
    require_scales_used,
    require_unpackable,
    unpacking_of,
)
from silentzone.errors import (
    EnvironmentNotReadyError,
    MissingExtraError,
    ModelFileError,
    SilentzoneError,
)

if TYPE_CHECKING:
    from pathlib import Path

    from silentzone.records.config import ModelLoading

_MOST_SAID = 400


def device_of(loading: ModelLoading) -> torch.device:
    """Device on which a model runs, the first one where it is spread over several.

    Raises
    ------
    EnvironmentNotReadyError
        If this machine has no such device.
    """
    if loading.device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(loading.device)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise EnvironmentNotReadyError(
            f"[engine] `device` = {loading.device!r} cannot be used here: {error!s:.200}",
            hint='leave it out, or give "cpu" or "cuda"',
        ) from error
    return device


def load_model(path: Path, loading: ModelLoading) -> Any:  # noqa: ANN401 - classes by architecture
    """Model with all its weights, ready to be run.

    Raises
    ------
    MissingExtraError
        If a package that unpacks its weights is not installed.
    EnvironmentNotReadyError
        If its quantization runs on a GPU only.
    ModelFileError
        If transformers refuses it, or a weight is missing: it would be made up at random.
    """
    method = None if path.is_file() else method_of(ModelFolder(path).config)
    try:
        with quiet_transformers(), offline_unless(loading.download):
            model, report = AutoModelForCausalLM.from_pretrained(
                path.parent if path.is_file() else path,
                **_arguments(path, loading),
                output_loading_info=True,
            )
    except SilentzoneError:
        raise
    except ImportError as error:
        raise MissingExtraError(
            f"`{path.name}` needs a package that is not installed: {_said(error)}",
            hint=install_hint(method) or 'pip install "silentzone[transformers]"',
        ) from error
    except Exception as error:  # whatever a file of a stranger sets off in there
        raise ModelFileError(
            f"transformers could not load `{path.name}`: {_said(error)}", hint=_hint(error, method)
        ) from error
    _require_whole(path, report, method)
    if path.is_file():
        require_all_of_it(path, model)
    model.eval()
    if loading.device_map is None and device_of(loading).type == "cpu":
        return model
    return model if loading.device_map or _is_placed(model) else model.to(device_of(loading))


def _arguments(path: Path, loading: ModelLoading) -> dict[str, Any]:
    device = device_of(loading)
    given: dict[str, Any] = {
        "local_files_only": True,
        "trust_remote_code": loading.trust_remote_code,
        "dtype": "auto" if loading.dtype == "auto" else getattr(torch, loading.dtype),
    }
    if loading.attention != "auto":
        given["attn_implementation"] = loading.attention
    if path.is_file():
        gguf_facts(path)  # refuses shards with a sentence
        given["gguf_file"] = path.name
        if loading.dtype == "auto":
            given["dtype"] = torch.float32
    else:
        folder = ModelFolder(path)
        folder.weight_files  # noqa: B018 - refuses pickles with a sentence
        if loading.trust_remote_code:
            folder.require_own_code()
        given["use_safetensors"] = True
        require_unpackable(path.name, folder.config, device)
        given |= unpacking_of(folder.config, device).arguments
    if loading.device_map is not None:
        given["device_map"] = loading.device_map
    elif device.type != "cpu" and importlib.util.find_spec("accelerate") is not None:
        given["device_map"] = {"": str(device)}
    return given


def _is_placed(model: Any) -> bool:  # noqa: ANN401
    return getattr(model, "hf_device_map", None) is not None


def _require_whole(path: Path, report: Any, method: str | None) -> None:  # noqa: ANN401
    found = report if isinstance(report, dict) else vars(report)
    for key, what in (("missing_keys", "lacks"), ("mismatched_keys", "has another shape of")):
        names = sorted(str(name) for name in found.get(key) or ())
        if names:
            raise ModelFileError(
                f"`{path.name}` {what} {len(names)} tensors of its architecture, for example "
                f"`{names[0]:.200}`; transformers would fill them with random numbers",
                hint="the files may be damaged or not belong together",
            )
    require_scales_used(path.name, found.get("unexpected_keys") or (), method)


def _said(error: BaseException) -> str:
    if "ignore_mismatched_sizes" in str(error):  # what it refers to is printed, not raised
        return "its tensors have other shapes than its config.json gives them"
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines)[:_MOST_SAID] or type(error).__name__


def _hint(error: BaseException, method: str | None) -> str | None:
    said = str(error)
    if "trust_remote_code" in said:
        return (
            "the model comes with code of its own; if you have read and trust it, set "
            "`trust_remote_code = true` in [engine] of study.toml"
        )
    if "scaled_dot_product_attention" in said or "attn_implementation" in said:
        return 'leave `attention` out of [engine] of study.toml, or set it to "eager"'
    return None if is_installed(method) else install_hint(method)
