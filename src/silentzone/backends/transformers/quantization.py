"""What the ``quantization_config`` of a model folder says, and how its tensors are packed."""

from __future__ import annotations

import importlib.metadata
import math
import re
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from silentzone.backends.transformers.safetensors_file import BITS, FLOATS, as_integers

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from silentzone.backends.transformers.safetensors_file import StoredTensor

HELPERS: Final = {
    "aqlm": "aqlm",
    "auto-round": "auto-round",
    "awq": "gptqmodel",
    "bitsandbytes": "bitsandbytes",
    "compressed-tensors": "compressed-tensors",
    "eetq": "eetq",
    "fbgemm_fp8": "fbgemm-gpu-genai",
    "fp8": "kernels",
    "gptq": "gptqmodel",
    "higgs": "flute-kernel",
    "hqq": "hqq",
    "mxfp4": "kernels",
    "quanto": "optimum-quanto",
    "quark": "amd-quark",
    "spqr": "spqr_quant",
    "torchao": "torchao",
    "vptq": "vptq",
}
"""Package that unpacks the weights of each method for transformers, as it is installed."""
_BESIDE: Final = {"gptq": ("optimum",)}
"""Others that transformers asks for as well."""
_REPLACES_TORCH: Final = {"gptqmodel"}
"""Packages whose newest version wants another PyTorch than is here; an older one does not."""
_PACKED_BITS: Final = re.compile(r"(?:qweight|weight_packed)$")
_OF_A_SCALE: Final = re.compile(
    r"(?:scales?|scale_inv|zeros|qzeros|zero_point|g_idx|absmax|quant_map|SCB|CB|"
    r"weight_format|weight_shape|global_scale|input_scale|quant_state\.\w+)$"
)
"""Ends of the names of tensors that belong to a packed one: they are no weights of their own."""


def method_of(config: Mapping[str, Any]) -> str | None:
    """Name of the quantization method of a model; null where its weights are plain numbers."""
    settings = _settings(config)
    if settings is None:
        return None
    named = settings.get("quant_method")
    if isinstance(named, str) and re.fullmatch(r"[\w.-]{1,40}", named):
        return named
    is_bitsandbytes = settings.get("load_in_4bit") or settings.get("load_in_8bit")
    return "bitsandbytes" if is_bitsandbytes else "unknown"


def install_hint(method: str | None) -> str | None:
    """Command that installs what a method needs beside this PyTorch; null where none is known."""
    helper = None if method is None else HELPERS.get(method)
    if method is None or helper is None:
        return None
    torch = _version("torch") if helper in _REPLACES_TORCH else None
    kept = () if torch is None else (f'"torch=={torch.partition("+")[0]}"',)
    return " ".join(("pip install", helper, *_BESIDE.get(method, ()), *kept))


def is_installed(method: str | None) -> bool:
    """Whether every package that a method needs is here; where none is known, nothing is."""
    helper = None if method is None else HELPERS.get(method)
    if method is None or helper is None:
        return False
    return all(_version(name) is not None for name in (helper, *_BESIDE.get(method, ())))


def helper_version(method: str | None) -> str | None:
    """Name and version of the package that unpacks the weights; null where none is here."""
    helper = None if method is None else HELPERS.get(method)
    version = None if helper is None else _version(helper)
    return None if version is None else f"{helper} {version}"


def rounds_weights_alone(config: Mapping[str, Any]) -> bool:
    """Whether one scheme of compressed-tensors says all that is done to a model, to its weights."""
    settings = _settings(config) or {}
    groups = settings.get("config_groups")
    if not isinstance(groups, dict) or len(groups) != 1:
        return False
    (group,) = groups.values()
    others = ("kv_cache_scheme", "sparsity_config", "transform_config")
    return isinstance(group, dict) and not (
        group.get("input_activations")
        or group.get("output_activations")
        or any(settings.get(key) for key in others)
    )


def bits_of(config: Mapping[str, Any]) -> int | None:
    """Bits of one packed weight as the settings say them; null where they do not."""
    settings = _settings(config) or {}
    if settings.get("load_in_4bit"):
        return 4
    if settings.get("load_in_8bit"):
        return 8
    groups = settings.get("config_groups")
    entries = [settings, *(groups.values() if isinstance(groups, dict) else ())]
    for entry in entries:
        weights = entry.get("weights") if isinstance(entry, dict) else None
        for found in (entry, weights):
            for key in ("bits", "w_bit", "num_bits"):
                value = found.get(key) if isinstance(found, dict) else None
                if type(value) is int and 1 <= value <= 16:
                    return value
    return None


def count_weights(
    tensors: Iterable[StoredTensor], config: Mapping[str, Any]
) -> tuple[int, Counter[str]]:
    """Weights of a model, and how many are held in each type.

    A tensor that packs several weights into one element counts with its weights; scales and other
    tables of a packed tensor count for nothing, so their bytes raise the bits per weight.
    """
    method, bits = method_of(config), bits_of(config)
    counts: Counter[str] = Counter()
    named = {tensor.name: tensor for tensor in tensors}
    for tensor in named.values():
        if method is not None and _OF_A_SCALE.search(tensor.name):
            continue
        stored = BITS[tensor.type]
        is_packed = method is not None and (
            _PACKED_BITS.search(tensor.name) is not None
            or (method in {"bitsandbytes", "mxfp4"} and tensor.type == "U8")
        )
        weights = tensor.n_elements
        if is_packed:
            weights = _known_weights(tensor, named) or weights * stored // (bits or 4)
        each = round(tensor.n_elements * stored / max(weights, 1))
        name = tensor.type
        if method is not None and tensor.type not in FLOATS:
            name = f"{method} {_kind(tensor.type, each, config)}"
        counts[name] += weights
    return counts.total(), counts


def _known_weights(tensor: StoredTensor, named: Mapping[str, StoredTensor]) -> int | None:
    """Weights of a packed tensor as those beside it tell; null where they do not.

    One file may hold several widths, and its settings then name one or all of them.
    """
    module, _, kind = tensor.name.rpartition(".")
    shape, index = named.get(f"{module}.weight_shape"), named.get(f"{module}.g_idx")
    if kind == "weight_packed" and shape is not None and shape.type in {"I32", "I64"}:
        weights = math.prod(as_integers(shape))
    elif kind == "qweight" and index is not None and tensor.shape:
        weights = index.n_elements * tensor.shape[-1]
    else:
        return None
    return weights if 1 <= weights <= 32 * tensor.n_elements <= 16 * weights else None


def settings_as_text(config: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Give the settings of the quantization as pairs to be shown, plain values only."""
    settings = _settings(config) or {}
    shown = []
    for key, value in sorted(settings.items()):
        if isinstance(value, (str, int, float)) and not key.startswith("_"):
            text = "".join(c for c in f"{value}"[:200] if c.isprintable())
            shown.append((f"quantization.{key}"[:100], text))
    return tuple(shown)


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _settings(config: Mapping[str, Any]) -> Mapping[str, Any] | None:
    settings = config.get("quantization_config") or config.get("compression_config")
    return settings if isinstance(settings, dict) and settings else None


def _kind(stored: str, bits: int, config: Mapping[str, Any]) -> str:
    settings = _settings(config) or {}
    packing = re.match(r"(nvfp4|mxfp4)-", f"{settings.get('format')}")
    if packing is not None:
        return packing[1]
    named = settings.get("bnb_4bit_quant_type")
    if bits == 4 and named in {"nf4", "fp4"} and settings.get("load_in_4bit"):
        return str(named)
    return f"{bits} bit" if bits != BITS[stored] else stored
