"""Tiny models packed as quantization tools pack them, and the same weights expanded by hand.

What compressed-tensors packs is packed by that package itself. GPTQ, AWQ and fine-grained FP8 are
written here to the layout that their loaders read: the tools that make them need a GPU or bring
gigabytes. ``expand`` uses nothing but NumPy and none of these packages.
"""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

GROUP = 32
_AWQ_ORDER = (0, 2, 4, 6, 1, 3, 5, 7)
"""Column, of eight in a row, that the k-th half byte of a word holds."""
_HALVES = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6], np.float32)
E2M1 = np.concatenate([_HALVES, -_HALVES])


def compress(source: Path, target: Path, scheme: str | Mapping[str, str]) -> Path:
    """Pack the projections of a model with compressed-tensors.

    By one of its schemes, or by a scheme for each expression that names layers.
    """
    import torch
    from compressed_tensors.compressors import ModelCompressor
    from compressed_tensors.quantization import (
        QuantizationConfig,
        apply_quantization_config,
        preset_name_to_scheme,
    )
    from compressed_tensors.quantization.utils import calculate_qparams, generate_gparam
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(source)
    by_layer = {"_proj$": scheme} if isinstance(scheme, str) else scheme
    groups: dict[str, Any] = {}
    for layers, named in by_layer.items():
        groups[f"group_{len(groups)}"] = one = preset_name_to_scheme(named, [f"re:.*{layers}"])
        if one.weights.group_size == 128:
            one.weights.group_size = GROUP
    apply_quantization_config(model, QuantizationConfig(config_groups=groups))
    for layer in model.modules():
        if getattr(layer, "quantization_scheme", None) is None:
            continue
        weights = layer.quantization_scheme.weights
        parts = layer.weight.reshape(len(layer.weight), -1, weights.group_size or GROUP)
        if weights.group_size is None:
            parts = layer.weight[:, None, :]
        low, high = parts.amin(-1).detach(), parts.amax(-1).detach()
        options = {}
        if hasattr(layer, "weight_global_scale"):
            options["global_scale"] = generate_gparam(low.min(), high.max())
            layer.weight_global_scale.data.copy_(options["global_scale"])
        if hasattr(layer, "input_global_scale"):  # of states that are eight at most
            layer.input_global_scale.data.fill_(448 * 6 / 8)
        scale, zero = calculate_qparams(low, high, weights, **options)
        with torch.no_grad():
            layer.weight_scale.copy_(scale.reshape(layer.weight_scale.shape))
            if hasattr(layer, "weight_zero_point"):
                layer.weight_zero_point.copy_(zero.reshape(layer.weight_zero_point.shape))
    compressor = ModelCompressor.from_pretrained_model(model)
    compressor.compress_model(model)
    model.save_pretrained(target)
    compressor.update_config(target)
    _copy_tokenizer(source, target)
    return target


def write_gptq(source: Path, target: Path, *, in_order: bool = True, seed: int = 5) -> Path:
    """Write 4-bit GPTQ; out of order, the rows of a group lie anywhere in the layer."""
    rng = np.random.default_rng(seed)

    def packed(weight_OI: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
        columns = weight_OI.shape[1]
        group_of = np.arange(columns) // GROUP
        if not in_order:
            group_of = rng.permutation(group_of)
        order = np.argsort(group_of, kind="stable")
        grouped = weight_OI[:, order].reshape(len(weight_OI), -1, GROUP)
        scale = (np.abs(grouped).max(-1) / 7).astype(np.float16)
        each = scale.astype(np.float32)[:, group_of]
        values = np.clip(np.rint(weight_OI / each) + 8, 0, 15).astype(np.uint32)
        zeros = np.full(scale.T.shape, 7, np.uint32)  # stored one less than they are
        return {
            "qweight": _words(values.T, 0), "qzeros": _words(zeros, 1),
            "scales": np.ascontiguousarray(scale.T), "g_idx": group_of.astype(np.int32),
        }  # fmt: skip

    settings = {
        "quant_method": "gptq", "bits": 4, "group_size": GROUP, "sym": True,
        "desc_act": not in_order, "checkpoint_format": "gptq",
    }  # fmt: skip
    return _write(source, target, packed, settings)


def write_awq(source: Path, target: Path) -> Path:
    """Write 4-bit AWQ with zero points, in the layout named gemm."""

    def packed(weight_OI: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
        grouped = weight_OI.reshape(len(weight_OI), -1, GROUP)
        low = np.minimum(grouped.min(-1), 0)
        scale = ((np.maximum(grouped.max(-1), 0) - low) / 15).astype(np.float16)
        each = scale.astype(np.float32)
        zeros = np.clip(np.rint(-low / each), 0, 15)
        values = np.clip(np.rint(grouped / each[..., None]) + zeros[..., None], 0, 15)
        columns = values.reshape(weight_OI.shape).T.astype(np.uint32)
        return {
            "qweight": _words(_awq(columns), 1), "qzeros": _words(_awq(zeros.T), 1),
            "scales": np.ascontiguousarray(scale.T),
        }  # fmt: skip

    settings = {
        "quant_method": "awq", "bits": 4, "group_size": GROUP, "zero_point": True,
        "version": "gemm",
    }  # fmt: skip
    return _write(source, target, packed, settings)


def write_fp8(source: Path, target: Path, *, block: int = GROUP, **changes: Any) -> Path:
    """Write 8-bit floats with a scale per square; ``changes`` go into the settings."""
    import torch

    def packed(weight_OI: NDArray[np.float32]) -> dict[str, Any]:
        rows, columns = weight_OI.shape
        squares = weight_OI.reshape(rows // block, block, columns // block, block)
        scale = np.abs(squares).max((1, 3), keepdims=True) / np.float32(448)
        values = torch.from_numpy((squares / scale).reshape(rows, columns))
        return {
            "weight": values.to(torch.float8_e4m3fn),
            "weight_scale_inv": torch.from_numpy(scale[:, 0, :, 0].copy()),
        }

    settings = {
        "quant_method": "fp8", "activation_scheme": "dynamic", "weight_block_size": [block, block],
        "modules_to_not_convert": ["lm_head"], **changes,
    }  # fmt: skip
    return _write(source, target, packed, settings)


def expand(source: Path, target: Path) -> Path:
    """Save a packed model as a plain one, every weight computed by hand."""
    from safetensors.torch import load_file

    config = json.loads((source / "config.json").read_text("utf-8"))
    settings = config.pop("quantization_config")
    stored = load_file(source / "model.safetensors")
    as_numbers = {
        name: (values.float() if values.is_floating_point() else values).numpy()
        for name, values in stored.items()
    }
    by_module: dict[str, dict[str, NDArray[Any]]] = {}
    for name, values in as_numbers.items():
        module, _, kind = name.rpartition(".")
        by_module.setdefault(module, {})[kind] = values
    plain = {}
    for module, parts in by_module.items():
        packed = parts.keys() & {"weight_scale", "weight_scale_inv", "scales"}
        weight = _expanded(module, parts, settings) if packed else parts["weight"]
        plain[f"{module}.weight"] = np.ascontiguousarray(weight, np.float32)
    _save(target, plain, config)
    _copy_tokenizer(source, target)
    return target


def _expanded(
    module: str, parts: Mapping[str, NDArray[Any]], settings: Mapping[str, Any]
) -> NDArray[Any]:
    method = settings["quant_method"]
    if method == "fp8":
        side = settings["weight_block_size"][0]
        scale = parts["weight_scale_inv"].repeat(side, 0).repeat(side, 1)
        return np.asarray(parts["weight"] * scale)
    if method in {"gptq", "awq"}:
        values, zeros = _values(parts["qweight"], 4, -2), _values(parts["qzeros"], 4, -1)
        if method == "awq":
            values, zeros = (
                _unordered(_values(parts[key], 4, -1)) for key in ("qweight", "qzeros")
            )
        group_of = parts.get(
            "g_idx", np.arange(len(values)) // (len(values) // len(parts["scales"]))
        )
        zeros = zeros + (method == "gptq" and settings.get("checkpoint_format") != "gptq_v2")
        return np.asarray((values - zeros[group_of]) * parts["scales"][group_of]).T
    (group,) = (
        one
        for one in settings["config_groups"].values()
        if one["targets"] == ["Linear"] or re.match(one["targets"][0].removeprefix("re:"), module)
    )
    return _of_compressed_tensors(parts, group["format"], group["weights"]["num_bits"])


def _of_compressed_tensors(
    parts: Mapping[str, NDArray[Any]], layout: str, bits: int
) -> NDArray[Any]:
    scale, zero = parts["weight_scale"], parts.get("weight_zero_point")
    if layout in {"nvfp4-pack-quantized", "mxfp4-pack-quantized"}:
        packed = parts["weight_packed"]
        values = E2M1[np.stack([packed & 15, packed >> 4], -1).reshape(len(packed), -1)]
        if layout.startswith("mx"):
            scale = np.exp2(scale.astype(np.float32) - 127)
        else:
            scale = scale / parts["weight_global_scale"]
    elif "weight_packed" in parts:
        rows, columns = parts["weight_shape"]
        middle = 1 << (bits - 1)
        values = _values(parts["weight_packed"], bits, -1)[:, :columns] - middle
        zero = None if zero is None else _values(zero, bits, -2)[:rows] - middle
    else:
        values = parts["weight"]
    width = values.shape[1] // scale.shape[1]
    shift = 0 if zero is None else zero.repeat(width, 1)
    return np.asarray((values - shift) * scale.repeat(width, 1))


def _values(words: NDArray[np.int32], bits: int, axis: int) -> NDArray[np.int64]:
    """Numbers of some bits that lie end to end in words along an axis, the lowest bits first."""
    rows = np.moveaxis(words.view(np.uint32), axis, -1)
    ones = (rows[..., None] >> np.arange(32, dtype=np.uint32)) & 1
    ones = ones.reshape(*rows.shape[:-1], -1)
    count = ones.shape[-1] // bits
    numbers = ones[..., : count * bits].reshape(*rows.shape[:-1], count, bits)
    return np.moveaxis((numbers << np.arange(bits)).sum(-1, dtype=np.int64), -1, axis)


def _words(values: NDArray[Any], axis: int) -> NDArray[np.int32]:
    """Half bytes along an axis, eight to a word, the first in the lowest bits."""
    rows = np.moveaxis(values.astype(np.uint32), axis, -1)
    eights = rows.reshape(*rows.shape[:-1], -1, 8) << np.arange(0, 32, 4, dtype=np.uint32)
    words = np.bitwise_or.reduce(eights, axis=-1).view(np.int32)
    return np.ascontiguousarray(np.moveaxis(words, -1, axis))


def _awq(columns: NDArray[Any]) -> NDArray[Any]:
    return columns.reshape(len(columns), -1, 8)[..., _AWQ_ORDER].reshape(columns.shape)


def _unordered(columns: NDArray[Any]) -> NDArray[Any]:
    return columns.reshape(len(columns), -1, 8)[..., np.argsort(_AWQ_ORDER)].reshape(columns.shape)


def _write(source: Path, target: Path, packed: Any, settings: Mapping[str, Any]) -> Path:
    from safetensors.torch import load_file

    tensors: dict[str, Any] = {}
    for name, values in load_file(source / "model.safetensors").items():
        module, _, kind = name.rpartition(".")
        if module.endswith("_proj") and kind == "weight":
            parts = packed(values.float().numpy())
            tensors |= {f"{module}.{part}": found for part, found in parts.items()}
        else:
            tensors[name] = values
    config = json.loads((source / "config.json").read_text("utf-8"))
    _save(target, tensors, {**config, "quantization_config": dict(settings)})
    _copy_tokenizer(source, target)
    return target


def _save(target: Path, tensors: Mapping[str, Any], config: Mapping[str, Any]) -> None:
    import torch
    from safetensors.torch import save_file

    target.mkdir(parents=True)
    (target / "config.json").write_text(json.dumps(config), "utf-8")
    as_torch = {
        name: values if isinstance(values, torch.Tensor) else torch.from_numpy(values)
        for name, values in tensors.items()
    }
    save_file(as_torch, target / "model.safetensors", metadata={"format": "pt"})


def _copy_tokenizer(source: Path, target: Path) -> None:
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(source / name, target / name)
