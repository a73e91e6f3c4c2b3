"""The output head of a GGUF file as float32, for rebuilding logits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import gguf
import numpy as np

from silentzone.backends.gguf.head_tensor import (
    final_logit_softcapping,
    head_tensor,
    logit_scale,
)
from silentzone.metrics.head import ROW_CODES, OutputHead

if TYPE_CHECKING:
    from pathlib import Path

_ROWS_AT_ONCE = 8192


def load_output_head(path: Path) -> OutputHead | None:
    """Output head of a model; None where its type or architecture has no exact form here.

    The rebuilt logits are checked against the engine's by whoever uses the head, so an
    architecture with a step that is not known here is found there, not trusted here.

    Raises
    ------
    ModelFileError
        If the file is not usable or has no head.
    """
    stored = head_tensor(path)
    if stored.type_name not in ROW_CODES or logit_scale(path) is not None:
        return None
    vocabulary_size, width = stored.shape
    kind = gguf.GGMLQuantizationType[stored.type_name]
    weight = np.empty((vocabulary_size, width), np.float32)
    for start in range(0, vocabulary_size, _ROWS_AT_ONCE):
        rows = stored.data[start : start + _ROWS_AT_ONCE]
        weight[start : start + len(rows)] = _as_float32(np.ascontiguousarray(rows), kind)
    return OutputHead(
        row_code=ROW_CODES[stored.type_name],
        weight_VD=weight,
        bias_V=stored.bias,
        softcap=final_logit_softcapping(path),
    )


def _as_float32(rows: np.ndarray, kind: gguf.GGMLQuantizationType) -> np.ndarray:
    if kind == gguf.GGMLQuantizationType.F32:
        return rows.view(np.float32)
    if kind == gguf.GGMLQuantizationType.F16:
        return rows.view(np.float16).astype(np.float32)
    return np.asarray(gguf.dequantize(rows, kind), np.float32)
