"""Logits rebuilt from stored final hidden states: output head times hidden state.

An engine that keeps its head in a compact type rounds the hidden state before the product. The
trace stores the state as the engine rounds it, so the rebuilt logits differ from the engine's by
the order of float32 sums only.

Shape letters: T positions, V vocabulary entries, D width of the hidden state.

References
----------
ggml's ``vec_dot_type`` per tensor type and its row quantizers ``quantize_row_q8_0`` and
``quantize_row_q8_K`` (ggml/src/ggml-cpu, ggml/src/ggml-quants.c).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

ROW_CODES = {
    "F32": "f32",
    "F16": "f16",
    "BF16": "bf16",
    "Q4_0": "q8_0",
    "Q5_0": "q8_0",
    "Q8_0": "q8_0",
    "IQ4_NL": "q8_0",
    "MXFP4": "q8_0",
    "Q2_K": "q8_K",
    "Q3_K": "q8_K",
    "Q4_K": "q8_K",
    "Q5_K": "q8_K",
    "Q6_K": "q8_K",
    "IQ4_XS": "q8_K",
}
"""Code in which a hidden state meets a head of each type; types not listed are stored as logits."""

_BLOCK_Q8_0 = 32
_BLOCK_Q8_K = 256


@dataclass(frozen=True, slots=True, eq=False)
class OutputHead:
    """The last step of a model: logits = cap(weight @ hidden + bias)."""

    row_code: str
    """Code in which the engine rounds a hidden state before this product."""
    weight_VD: NDArray[np.float32]
    bias_V: NDArray[np.float32] | None = None
    softcap: float | None = None
    """Logits are bounded by ``softcap * tanh(logit / softcap)``."""

    def logits(self, hidden_TD: NDArray[np.float32], out_TV: NDArray[np.float32]) -> None:
        """Fill ``out_TV`` with the logits of ``hidden_TD``, float32."""
        np.matmul(hidden_TD, self.weight_VD.T, out=out_TV)
        if self.bias_V is not None:
            out_TV += self.bias_V
        if self.softcap is not None:
            out_TV /= np.float32(self.softcap)
            np.tanh(out_TV, out=out_TV)
            out_TV *= np.float32(self.softcap)


def row_bytes(code: str, width: int) -> int:
    """Bytes that one stored hidden state of ``width`` values takes in a code."""
    if code == "q8_0":
        return width // _BLOCK_Q8_0 * (_BLOCK_Q8_0 + 2)
    if code == "q8_K":
        return width // _BLOCK_Q8_K * (_BLOCK_Q8_K + 4)
    return width * {"f32": 4, "f16": 2, "bf16": 2}[code]


def encode_rows(hidden_TD: NDArray[np.float32], code: str) -> NDArray[np.uint8]:
    """Bytes of hidden states, rounded as the engine rounds them before the product.

    Parameters
    ----------
    hidden_TD : ndarray of shape (T, D), float32
        Final hidden states after the last normalisation.
    code : str
        One of the values of ``ROW_CODES``.

    Returns
    -------
    ndarray of shape (T, row_bytes(code, D)), uint8

    Notes
    -----
    Float16 overflows to infinity where the engine's does; the caller's check of the rebuilt
    logits sees it.

    Examples
    --------
    >>> states = np.array([[1.0, -2.5]], dtype=np.float32)
    >>> decode_rows(encode_rows(states, "f16"), "f16", 2)
    array([[ 1. , -2.5]], dtype=float32)
    """
    rows = np.ascontiguousarray(hidden_TD, dtype=np.float32)
    if code == "f32":
        return rows.view(np.uint8)
    if code == "f16":
        with np.errstate(over="ignore"):
            return rows.astype(np.float16).view(np.uint8)
    if code == "bf16":
        bits = rows.view(np.uint32)
        # round to nearest even on the upper half of the float32
        rounded = (bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) >> 16
        return np.ascontiguousarray(rounded.astype(np.uint16)).view(np.uint8)
    block = _BLOCK_Q8_0 if code == "q8_0" else _BLOCK_Q8_K
    scales, values = _quantize_q8_0(rows) if code == "q8_0" else _quantize_q8_k(rows)
    parts = np.concatenate(
        [
            np.ascontiguousarray(scales).view(np.uint8).reshape(len(rows), -1),
            values.view(np.uint8).reshape(len(rows), -1),
        ],
        axis=1,
    )
    assert parts.shape[1] == row_bytes(code, rows.shape[1]), block
    return np.ascontiguousarray(parts)


def decode_rows(stored: NDArray[np.uint8], code: str, width: int) -> NDArray[np.float32]:
    """Hidden states back as float32, shape (T, width), exactly the values the engine multiplied."""
    rows = np.ascontiguousarray(stored)
    if code == "f32":
        return rows.view(np.float32)
    if code == "f16":
        return rows.view(np.float16).astype(np.float32)
    if code == "bf16":
        return (rows.view(np.uint16).astype(np.uint32) << np.uint32(16)).view(np.float32)
    block, scale_type = (_BLOCK_Q8_0, np.float16) if code == "q8_0" else (_BLOCK_Q8_K, np.float32)
    count = width // block
    split = count * np.dtype(scale_type).itemsize
    scales = np.ascontiguousarray(rows[:, :split]).view(scale_type).astype(np.float32)
    values = np.ascontiguousarray(rows[:, split:]).view(np.int8)
    blocks = values.reshape(len(rows), count, block).astype(np.float32) * scales[:, :, None]
    return blocks.reshape(len(rows), width)


def _quantize_q8_0(rows: NDArray[np.float32]) -> tuple[NDArray[np.float16], NDArray[np.int8]]:
    blocks = rows.reshape(len(rows), -1, _BLOCK_Q8_0)
    largest = np.abs(blocks).max(axis=2)
    with np.errstate(divide="ignore"):
        inverse = np.where(largest > 0, np.float32(127.0) / largest, np.float32(0.0))
    values = np.rint(blocks * inverse[:, :, None].astype(np.float32)).astype(np.int8)
    return (largest / np.float32(127.0)).astype(np.float16), values


def _quantize_q8_k(rows: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
    blocks = rows.reshape(len(rows), -1, _BLOCK_Q8_K)
    at = np.abs(blocks).argmax(axis=2)
    extreme = np.take_along_axis(blocks, at[:, :, None], axis=2)[:, :, 0]
    with np.errstate(divide="ignore"):
        inverse = np.where(extreme != 0, np.float32(-127.0) / extreme, np.float32(0.0))
    values = np.minimum(np.rint(blocks * inverse[:, :, None].astype(np.float32)), 127)
    with np.errstate(divide="ignore"):
        scales = np.where(inverse != 0, np.float32(1.0) / inverse, np.float32(0.0))
    return scales.astype(np.float32), values.astype(np.int8)
