"""The sums of ``row_sums`` in two CUDA kernels (``rows.cu``), for float32 rows on any CUDA GPU.

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
from silentzone.gpu.row_sums import BlockSums, Row, first_equal

if TYPE_CHECKING:
    import torch

_THREADS = 256
_STRETCH = 32_768
"""Entries of a block: 128 terms per thread keep float32 sums exact enough."""
_BLOCKS = 1024
"""Blocks that keep a large GPU at work."""


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
    """As ``row_sums.describe_block``."""
    values, index = logits_RV.topk(5, dim=1)
    sums = _run("describe", 3, [logits_RV], [values[:, 0], values[:, 4]])
    # torch promises no order among equals, which matters where more than five reach the fifth
    for row in (sums[:, 2] > 5).nonzero()[:, 0].tolist():
        first_equal(logits_RV[row], values[row], index[row], columns)
    index = index.sort(dim=1).values
    order = logits_RV.gather(1, index).sort(dim=1, descending=True, stable=True).indices
    top, log_mass = values[:, 0], sums[:, 0].log()
    return Row(
        top=top,
        log_mass=log_mass,
        log_normalizer=top.double() + log_mass,
        entropy=log_mass - sums[:, 1] / sums[:, 0],
        seen=logits_RV.gather(1, observed[:, None])[:, 0].double(),
        top5=index.gather(1, order),
        is_finite=top.isfinite(),
    )


def sum_block(
    reference_RV: torch.Tensor,
    candidate_RV: torch.Tensor,
    reference: Row,
    candidate: Row,
    columns: int,
) -> BlockSums:
    """As ``row_sums.sum_block``."""
    del columns
    values = [
        reference.top,
        candidate.top,
        reference.log_mass,
        candidate.log_mass,
        candidate.log_mass - reference.log_mass,
        candidate_RV.gather(1, reference.top5[:, :1])[:, 0],
    ]
    sums = _run("compare", 5, [reference_RV, candidate_RV], values)
    rank = sums[:, 4].int() + 1
    return BlockSums(sums[:, 0], sums[:, 1], sums[:, 2], 0.5 * sums[:, 3], rank)


def _run(
    name: str, count: int, matrices: list[torch.Tensor], values: list[torch.Tensor]
) -> torch.Tensor:
    """Start a kernel; its sums over whole rows, float64 of shape (R, count)."""
    import torch

    rows, vocabulary = matrices[0].shape
    device = matrices[0].device
    stretches = max(-(-vocabulary // _STRETCH), min(-(-_BLOCKS // rows), vocabulary // 2048), 1)
    with torch.cuda.device(device):
        out = torch.empty((rows, stretches, count), dtype=torch.float64, device=device)
        narrow = [one.float().contiguous() for one in values]
        arguments = [
            *(ctypes.c_void_p(one.data_ptr()) for one in matrices),
            *(ctypes.c_longlong(one.stride(0)) for one in matrices),
            ctypes.c_int(vocabulary),
            ctypes.c_int(stretches),
            *(ctypes.c_void_p(one.data_ptr()) for one in narrow),
            ctypes.c_void_p(out.data_ptr()),
        ]
        function = _function(name, torch.cuda.current_device())
        cuda_driver.launch(function, rows * stretches, _THREADS, 0, arguments)
    return out.sum(1)


@functools.cache
def _function(name: str, device: int) -> ctypes.c_void_p:
    import torch

    major, minor = torch.cuda.get_device_capability(device)
    return cuda_driver.load_function(_code(f"sm_{major}{minor}"), name, 0)


@functools.cache
def _code(architecture: str) -> bytes:
    source = resources.files("silentzone.gpu").joinpath("rows.cu").read_text(encoding="utf-8")
    return cuda_driver.compile_source(source, architecture)
