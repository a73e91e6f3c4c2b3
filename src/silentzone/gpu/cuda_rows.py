"""The sums of ``row_sums`` in CUDA kernels (``rows.cu``), for float32 rows on any CUDA GPU.

Shape letters: R rows, V vocabulary entries.
"""

from __future__ import annotations

import ctypes
import functools
import sys
from importlib import resources
from typing import TYPE_CHECKING

from silentzone.errors import MissingExtraError
from silentzone.gpu import cuda_driver
from silentzone.gpu.row_sums import BlockSums, Row

if TYPE_CHECKING:
    import torch

_STRETCH = 8192
"""Entries of a block: 32 terms per thread keep float32 sums exact enough."""
_THREADS = 256
_PART_BYTES = 64


def supports(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether the kernels can be compiled for this device and sum in this type."""
    import torch

    if sys.platform != "linux" or device.type != "cuda" or torch.version.cuda is None:
        return False
    if dtype != torch.float32:
        return False
    try:
        cuda_driver.runtime_compiler()
    except MissingExtraError:
        return False
    return True


def describe_block(logits_RV: torch.Tensor, observed: torch.Tensor, columns: int) -> Row:
    """As ``row_sums.describe_block``; logits and observed tokens contiguous."""
    import torch

    del columns
    rows, vocabulary = logits_RV.shape
    device = logits_RV.device
    stretches = -(-vocabulary // _STRETCH)
    parts = torch.empty(rows * stretches * _PART_BYTES, dtype=torch.uint8, device=device)
    real = torch.empty((4, rows), dtype=torch.float64, device=device)
    top5 = torch.empty((rows, 5), dtype=torch.int64, device=device)
    sizes = (rows, vocabulary, stretches)
    _start("describe", rows * stretches, logits_RV, vocabulary, stretches, parts)
    _start("join_described", rows, logits_RV, observed, *sizes, parts, real, top5)
    top, log_mass, entropy, seen = real
    return Row(top, log_mass, entropy, seen, top5)


def sum_block(
    reference_RV: torch.Tensor,
    candidate_RV: torch.Tensor,
    reference: Row,
    candidate: Row,
    columns: int,
) -> BlockSums:
    """As ``row_sums.sum_block``; logits contiguous."""
    import torch

    del columns
    rows, vocabulary = reference_RV.shape
    device = reference_RV.device
    stretches = -(-vocabulary // _STRETCH)
    parts = torch.empty((rows, stretches, 5), dtype=torch.float64, device=device)
    real = torch.empty((5, rows), dtype=torch.float64, device=device)
    in_five = torch.empty((rows, 5), dtype=torch.bool, device=device)
    matrices = (reference_RV, candidate_RV, vocabulary, stretches)
    rows_of = (reference.top, candidate.top, reference.log_mass, candidate.log_mass)
    _start("compare", rows * stretches, *matrices, *rows_of, reference.top5, parts)
    sizes, five = (rows, vocabulary, stretches), (reference.top5, candidate.top5)
    _start("join_compared", rows, candidate_RV, *sizes, *five, parts, real, in_five)
    forward, backward, js, variation, rank = real
    return BlockSums(forward, backward, js, variation, rank, in_five)


def _start(name: str, units: int, *values: torch.Tensor | int) -> None:
    """Start a kernel: a block for each stretch of a row, or a warp for each row."""
    import torch

    arguments = [
        ctypes.c_int(one) if isinstance(one, int) else ctypes.c_void_p(one.data_ptr())
        for one in values
    ]
    blocks = -(-units * 32 // _THREADS) if name.startswith("join") else units
    if not blocks:
        return
    (device,) = {one.device for one in values if not isinstance(one, int)}
    with torch.cuda.device(device):
        function = _function(name, torch.cuda.current_device())
        cuda_driver.launch(function, blocks, _THREADS, 0, arguments)


@functools.cache
def _function(name: str, device: int) -> ctypes.c_void_p:
    import torch

    major, minor = torch.cuda.get_device_capability(device)
    return cuda_driver.load_function(_code(f"sm_{major}{minor}"), name, 0)


@functools.cache
def _code(architecture: str) -> bytes:
    source = resources.files("silentzone.gpu").joinpath("rows.cu").read_text(encoding="utf-8")
    return cuda_driver.compile_source(f"#define STRETCH {_STRETCH}\n{source}", architecture)
