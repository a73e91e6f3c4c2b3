"""What the ``quantization_config`` of a model folder says, and how its tensors are packed."""

from __future__ import annotations

import importlib.metadata
import re
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from silentzone.backends.transformers.safetensors_file import BITS, FLOATS

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
    """Command that installs what a method needs; null where that is not known."""
    helper = None if method is None else HELPERS.get(method)
    if method is None or helper is None:
        return None
    return " ".join(("pip install", helper, *_BESIDE.get(method, ())))


def helper_version(method: str | None) -> str | None:
    """Name and version of the package that unpacks the weights; null where none is here."""
    helper = None if method is None else HELPERS.get(method)
    if helper is None:
        return None
    try:
        return f"{helper} {importlib.metadata.version(helper)}"
    except importlib.metadata.PackageNotFoundError:
        return None


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
    for tensor in tensors:
        if method is not None and _OF_A_SCALE.search(tensor.name):
            continue
        stored = BITS[tensor.type]
        is_packed = method is not None and (
            _PACKED_BITS.search(tensor.name) is not None
            or (method in {"bitsandbytes", "mxfp4"} and tensor.type == "U8")
        )
        each = (bits or 4) if is_packed else stored
        name = tensor.type
        if method is not None and tensor.type not in FLOATS:
            name = f"{method} {_kind(tensor.type, each, config)}"
        counts[name] += tensor.n_elements * stored // each
    return counts.total(), counts


def settings_as_text(config: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Give the settings of the quantization as pairs to be shown, plain values only."""
    settings = _settings(config) or {}
    shown = []
    for key, value in sorted(settings.items()):
        if isinstance(value, (str, int, float)) and not key.startswith("_"):
            text = "".join(c for c in f"{value}"[:200] if c.isprintable())
            shown.append((f"quantization.{key}"[:100], text))
    return tuple(shown)


def _settings(config: Mapping[str, Any]) -> Mapping[str, Any] | None:
    settings = config.get("quantization_config") or config.get("compression_config")
    return settings if isinstance(settings, dict) and settings else None


def _kind(stored: str, bits: int, config: Mapping[str, Any]) -> str:
    named = (_settings(config) or {}).get("bnb_4bit_quant_type")
    if bits == 4 and named in {"nf4", "fp4"} and (_settings(config) or {}).get("load_in_4bit"):
        return str(named)
    return f"{bits} bit" if bits != BITS[stored] else stored
