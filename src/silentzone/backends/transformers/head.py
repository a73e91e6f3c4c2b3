"""The last step of a loaded model: final hidden states to logits, in float32.

PyTorch rounds a product of bfloat16 numbers to bfloat16, which moves a KLD by up to a per cent;
here the same numbers are multiplied and summed in float32.

Shape letters: T positions, V vocabulary entries, D width of the hidden state.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from silentzone.backends.gguf.output_head import load_output_head as load_gguf_head
from silentzone.backends.transformers.folder import ModelFolder
from silentzone.backends.transformers.head_rules import logit_scale, softcap
from silentzone.backends.transformers.safetensors_file import FLOATS, as_float32
from silentzone.metrics.head import OutputHead

if TYPE_CHECKING:
    from pathlib import Path

    from silentzone.backends.transformers.tail import Probe
    from silentzone.records.config import ModelLoading

_FLOATS = (torch.float32, torch.float16, torch.bfloat16)


@dataclass(frozen=True, slots=True, eq=False)
class HeadStep:
    """Logits = cap(scale * (weight @ hidden + bias))."""

    weight_VD: torch.Tensor
    bias_V: torch.Tensor | None
    scale: float
    softcap: float | None

    def logits(self, states_TD: torch.Tensor) -> torch.Tensor:
        """Logits of hidden states, float32, on the device of the head."""
        weight = self.weight_VD
        states = states_TD.to(weight.device)
        if weight.dtype != torch.float32 and weight.is_cuda:
            found = torch.mm(states.to(weight.dtype), weight.T, out_dtype=torch.float32)
        else:
            found = states.float() @ weight.T
        if self.bias_V is not None:
            found += self.bias_V
        if self.scale != 1.0:
            found *= self.scale
        if self.softcap is not None:
            found.div_(self.softcap).tanh_().mul_(self.softcap)
        return found


def head_step(
    model: Any,  # noqa: ANN401 - classes by architecture
    text_config: dict[str, Any],
    probed: Probe | None,
) -> HeadStep | None:
    """Last step of a model; null where its form is not known here.

    Whatever its settings say, it is held against the model's own logits on a few tokens.
    """
    layer = model.get_output_embeddings()
    weight: Any = getattr(layer, "weight", None)
    if probed is None or type(weight) is not torch.nn.Parameter:
        return None
    if type(weight.data) is not torch.Tensor or weight.dtype not in _FLOATS or weight.is_meta:
        return None
    if weight.ndim != 2 or weight.shape[1] != probed.states_TD.shape[1]:
        return None
    bias = getattr(layer, "bias", None)
    step = HeadStep(
        weight_VD=weight.data if weight.is_cuda else weight.data.float(),
        bias_V=None if bias is None else bias.data.float(),
        scale=logit_scale(text_config),
        softcap=softcap(text_config),
    )
    with torch.inference_mode():
        found = step.logits(probed.states_TD)
    return step if probed.agrees_with(found, weight.dtype) else None


def load_output_head(path: Path, loading: ModelLoading) -> OutputHead | None:
    """Output head of the files of a model in float32, rounded as it is when it is loaded.

    None where the head has no plain form. A scale of the logits is part of the weights. The
    rebuilt logits are checked against the engine's by whoever uses the head.
    """
    if path.is_file():
        return _gguf_head(path, loading)
    folder = ModelFolder(path)
    stored, bias = folder.head, folder.head_bias
    if stored is None or stored.type not in FLOATS or len(stored.shape) != 2:
        return None
    if stored.shape[0] != folder.vocabulary_size:
        return None
    named = loading.dtype if loading.dtype != "auto" else folder.dtype
    code = {"float16": "f16", "bfloat16": "bf16", "float32": "f32", None: "f32"}.get(named)
    if code is None:
        return None
    values = None if bias is None else as_float32(bias)
    return _head(as_float32(stored), values, code, folder.text_config)


def _gguf_head(path: Path, loading: ModelLoading) -> OutputHead | None:
    found = load_gguf_head(path)
    if found is None:
        return None
    code = {"float16": "f16", "bfloat16": "bf16"}.get(loading.dtype, "f32")
    rule = {} if found.softcap is None else {"final_logit_softcapping": found.softcap}
    return _head(found.weight_VD, found.bias_V, code, rule)


def _head(
    weight: np.ndarray, bias: np.ndarray | None, code: str, text_config: dict[str, Any]
) -> OutputHead:
    scale = np.float32(logit_scale(text_config))
    return OutputHead(
        row_code=code,
        weight_VD=_rounded(weight, code) * scale if scale != 1.0 else _rounded(weight, code),
        bias_V=None if bias is None else _rounded(bias, code) * scale,
        softcap=softcap(text_config),
    )


def _rounded(values: np.ndarray, code: str) -> np.ndarray:
    if code == "f32":
        return values
    kind = torch.float16 if code == "f16" else torch.bfloat16
    rounded: np.ndarray = torch.from_numpy(np.array(values)).to(kind).float().numpy()
    return rounded
