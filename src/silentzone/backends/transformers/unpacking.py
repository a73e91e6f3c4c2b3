"""How a quantized model is unpacked: what transformers would else choose without a word."""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import torch
import transformers
from transformers.quantizers.auto import AUTO_QUANTIZATION_CONFIG_MAPPING, AUTO_QUANTIZER_MAPPING
from transformers.quantizers.base import HfQuantizer

from silentzone.backends.transformers.quantization import (
    is_installed,
    method_of,
    rounds_weights_alone,
)
from silentzone.errors import EnvironmentNotReadyError, ModelFileError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_ON_A_GPU_ONLY: Final = {"eetq", "fbgemm_fp8", "fp_quant", "higgs", "nvfp4", "spqr", "vptq"}
_EXPANDED_ELSEWHERE: Final = {"fp8": "FineGrainedFP8Config", "mxfp8": "FineGrainedFP8Config"}
"""Methods that transformers expands where their kernels do not run, and their settings."""
_NOT_WRITTEN: Final = HfQuantizer.get_quantize_ops
_FIRST_WITH_FP8: Final = (8, 9)
"""Compute capability of the first NVIDIA GPUs whose products take 8-bit floats."""
_SCALE: Final = re.compile(
    r"\.(?:weight_scale\w*|weight_global_scale|scale_inv|scales|qzeros|absmax|SCB|scale_weight)$"
)
_STORED_WEIGHTS: Final = (".weight", ".qweight", ".weight_packed")


@dataclass(frozen=True, slots=True)
class Unpacking:
    """What a model's weights become when they are loaded."""

    arguments: dict[str, Any] = field(default_factory=dict)
    """For ``from_pretrained``."""
    notes: tuple[tuple[str, str], ...] = ()
    """What depends on this machine and moves a logit, as ``ModelRef.run_as`` has it."""


def unpacking_of(config: Mapping[str, Any], device: torch.device) -> Unpacking:
    """Decide how the weights of a folder are unpacked; nothing is loaded."""
    method = method_of(config)
    if method in _EXPANDED_ELSEWHERE and not _multiplies_fp8(device):
        notes = (("activations", f"not rounded: {method} is expanded on {_named(device)}"),)
        return Unpacking({"quantization_config": _expanding(_EXPANDED_ELSEWHERE[method])}, notes)
    if method == "compressed-tensors" and is_installed(method) and rounds_weights_alone(config):
        # Left packed, zero points have the wrong shape and 4-bit floats come out as bfloat16
        # whatever the model's type; the weights are the same numbers.
        return Unpacking({"quantization_config": _expanding("CompressedTensorsConfig")})
    return Unpacking()


def require_unpackable(name: str, config: Mapping[str, Any], device: torch.device) -> None:
    """Refuse what transformers would load as if its packed numbers were the weights.

    Raises
    ------
    ModelFileError
        If transformers does not know the quantization, or only its name.
    EnvironmentNotReadyError
        If it runs on a GPU only and the device is none.
    """
    method = method_of(config)
    if method is None:
        return
    if method != "bitsandbytes" and method not in AUTO_QUANTIZATION_CONFIG_MAPPING:
        raise ModelFileError(
            f"`{name}` is quantized as `{method}`, which transformers {transformers.__version__} "
            "does not know: it would take the packed numbers for the weights",
            hint="give it in a format that transformers loads (docs/transformers.md has a table)",
        )
    if method == "hqq" and AUTO_QUANTIZER_MAPPING["hqq"].get_quantize_ops is _NOT_WRITTEN:
        raise ModelFileError(
            f"`{name}` is quantized as `hqq`, which transformers {transformers.__version__} knows "
            "by name and cannot load",
            hint="save its weights expanded, as a folder without `quantization_config`",
        )
    if method in _ON_A_GPU_ONLY and device.type == "cpu":
        raise EnvironmentNotReadyError(
            f"`{name}` is quantized as `{method}`, which transformers runs on a GPU only",
            hint="measure it on a machine with a GPU, or save its weights expanded, as a folder "
            "without `quantization_config`",
        )


def require_scales_used(name: str, unused: Iterable[str], method: str | None) -> None:
    """Refuse a model whose weights were loaded without their scales.

    Parameters
    ----------
    name : str
        Of the model, for the message.
    unused : iterable of str
        Tensors of its files that belong to no part of the loaded model.
    method : str, optional
        Its quantization as the settings name it.

    Raises
    ------
    ModelFileError
        If a scale is among them and the weights that it scales are not.
    """
    left = set(unused)
    lost = []
    for key in sorted(left):
        of = _SCALE.sub("", key)
        if of != key and not left & {of, *(of + ending for ending in _STORED_WEIGHTS)}:
            lost.append(key)
    if lost:
        raise ModelFileError(
            f"transformers makes no use of {len(lost)} tensors that scale weights of `{name}`, "
            f"for example `{lost[0]:.200}`: the model would be another one",
            hint="its config.json says that it is not quantized"
            if method is None
            else f"its tensors are not laid out as transformers expects of `{method}`",
        )


def _multiplies_fp8(device: torch.device) -> bool:
    if device.type != "cuda":
        return str(device.type) != "cpu"
    return tuple(torch.cuda.get_device_capability(device)) >= _FIRST_WITH_FP8


def _named(device: torch.device) -> str:
    return "a processor" if device.type == "cpu" else torch.cuda.get_device_name(device)


def _expanding(kind: str) -> Any:  # noqa: ANN401 - of transformers' own classes
    return getattr(importlib.import_module("transformers"), kind)(dequantize=True)
