"""The fused comparison on Hopper GPUs: plan, compile and start the kernel in ``hopper.cu``.

The products run on the matrix units with float32 sums; logits stay in registers, so the extra
memory is some forty bytes per position and stretch of the vocabulary.

Shape letters: T positions, V vocabulary entries, D width of the hidden state.
"""

from __future__ import annotations

import ctypes
import functools
import math
import sys
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

from silentzone.errors import MissingExtraError
from silentzone.gpu import cuda_driver
from silentzone.gpu.sums import RowSums

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from silentzone.gpu.projection import Projection

MOST_CANDIDATES = 3
"""Candidates that share one product of the reference; more would not fit the registers."""
_ROWS = 128
_DEPTH = 64
_THREADS = 384
_STAGES = 4
"""Stages of the ring: with more, blocks drift apart and the L2 cache serves fewer of them."""
_COMMON_FIELDS = 4
_OWN_FIELDS = 6
_GROUPS = ((16, 12_000_000), (8, 24_000_000))
"""Blocks side by side, while their hidden states take no more bytes; measured on an H100."""
_FEWEST = 4


@dataclass(frozen=True, slots=True)
class Plan:
    """How positions and vocabulary are dealt out to blocks."""

    columns: int
    """Vocabulary entries of a tile."""
    tiles_per: int
    """Tiles of one stretch."""
    stretches: int
    group: int
    """Blocks of positions that run side by side over all stretches; a multiple of ``cluster``."""
    cluster: int
    """Blocks that fetch a head's tiles together."""


def supports(reference: Projection, candidates: Sequence[Projection]) -> bool:
    """Whether these tensors lie on a Hopper GPU in a form that the kernel reads."""
    import torch

    models = [reference, *candidates]
    tensors = [one for model in models for one in (model.hidden_TD, model.weight_VD)]
    device, dtype = reference.hidden_TD.device, reference.hidden_TD.dtype
    if sys.platform != "linux" or device.type != "cuda" or torch.version.cuda is None:
        return False
    if torch.cuda.get_device_capability(device) != (9, 0) or len(reference.hidden_TD) == 0:
        return False
    fits = all(
        one.device == device
        and one.dtype == dtype
        and dtype in (torch.float16, torch.bfloat16)
        and one.stride(1) == 1
        and one.stride(0) % 8 == 0
        and one.data_ptr() % 16 == 0
        for one in tensors
    )
    if not fits:
        return False
    try:
        cuda_driver.runtime_compiler()
    except MissingExtraError:
        return False
    return True


def sum_rows(
    reference: Projection,
    candidates: Sequence[Projection],
    vocabulary: int,
    plan: Plan | None = None,
) -> list[RowSums]:
    """Compute the sums of every row's stretches, one ``RowSums`` of shape (S, T) per candidate.

    Parameters
    ----------
    reference : Projection
    candidates : sequence of Projection
        At most ``MOST_CANDIDATES``; the reference's product is made once for all.
    vocabulary : int
        Entries of the heads that count.
    plan : Plan, optional
        For measurements; by default chosen from the shapes.
    """
    import torch

    models = [reference, *candidates]
    positions = reference.hidden_TD.shape[0]
    device = reference.hidden_TD.device
    if plan is None:
        processors = torch.cuda.get_device_properties(device).multi_processor_count
        widths = sum(int(model.hidden_TD.shape[1]) for model in models)
        # beside the sums of several candidates the wider tile would not fit the registers
        columns = 192 if len(candidates) == 1 else 160
        plan = choose_plan(positions, vocabulary, widths, processors, columns=columns)
    with torch.cuda.device(device):
        out = torch.empty(
            (plan.stretches, _COMMON_FIELDS + _OWN_FIELDS * len(candidates), positions),
            dtype=torch.float32,
            device=device,
        )
        biases = [_contiguous_bias(model) for model in models]
        shared_bytes = _STAGES * (_ROWS + plan.columns) * _DEPTH * 2 + 1024
        function = _function(
            _macros(models, plan.columns, plan.cluster),
            "fused",
            shared_bytes,
            torch.cuda.current_device(),
        )
        maps, keep = _tile_maps(models, plan)
        arguments = _arguments(models, biases, out, vocabulary, plan)
        cuda_driver.launch(
            function,
            _blocks(positions, plan.cluster) * plan.stretches,
            _THREADS,
            shared_bytes,
            [maps, arguments],
        )
        del keep
    return [_unpack(out, number) for number in range(len(candidates))]


def observed_logits(model: Projection, observed: torch.Tensor) -> torch.Tensor:
    """Logit of each position's observed token, float32 of shape (T,), nats."""
    import torch

    hidden, weight = model.hidden_TD, model.weight_VD
    positions, width = hidden.shape
    tokens, bias = observed.long().contiguous(), _contiguous_bias(model)
    with torch.cuda.device(hidden.device):
        out = torch.empty(positions, dtype=torch.float32, device=hidden.device)
        function = _function(
            _macros([model, model], 160, 1), "observed", 0, torch.cuda.current_device()
        )
        scale, cap_in, cap_out = _factors(model)
        arguments = [
            *(ctypes.c_void_p(one.data_ptr()) for one in (hidden, weight, tokens)),
            ctypes.c_void_p(0 if bias is None else bias.data_ptr()),
            ctypes.c_void_p(out.data_ptr()),
            *(ctypes.c_int(one) for one in (positions, width)),
            *(ctypes.c_longlong(one.stride(0)) for one in (hidden, weight)),
            *(ctypes.c_float(one) for one in (scale, cap_in, cap_out)),
        ]
        cuda_driver.launch(function, -(-positions // 8), 256, 0, arguments)
    return out * math.log(2.0)


def choose_plan(
    positions: int, vocabulary: int, width: int, processors: int, *, columns: int
) -> Plan:
    """Choose a split of the vocabulary that keeps all processors at work to the end.

    Parameters
    ----------
    positions, vocabulary : int
    width : int
        Summed widths of the models' hidden states.
    processors : int
        Multiprocessors; each runs one block.
    columns : int
        Vocabulary entries of a tile.
    """
    tiles = -(-vocabulary // columns)
    # a cluster's empty second block would cost a processor
    cluster = 1 if _blocks(positions, 1) in (1, 3, 5, 7) else 2
    blocks = _blocks(positions, cluster)
    fitting = [many for many, size in _GROUPS if many * _ROWS * width * 2 <= size]
    group = min([*fitting, _FEWEST][0], blocks)
    least = min(max(1, processors // group), tiles)
    best, best_share = least, 0.0
    for stretches in range(least, min(3 * least, tiles) + 1):
        per = -(-tiles // stretches)
        used = -(-tiles // per)
        waves = -(-blocks * used // processors)
        share = blocks * tiles / (waves * processors * per)
        if share > best_share * 1.005:  # more stretches only where they fill more
            best, best_share = used, share
    per = -(-tiles // best)
    return Plan(columns, per, -(-tiles // per), group, cluster)


def _blocks(positions: int, cluster: int) -> int:
    """Blocks of positions, filled up to whole clusters."""
    return -(-positions // (_ROWS * cluster)) * cluster


def _macros(
    models: Sequence[Projection], columns: int, cluster: int
) -> tuple[tuple[str, str], ...]:
    import torch

    half = models[0].hidden_TD.dtype == torch.float16
    registers = columns // 2
    kind = "f16" if half else "bf16"
    listed = ", ".join(f"%{number}" for number in range(registers))
    outputs = ", ".join(f'"+f"(d[{number}])' for number in range(registers))
    multiply = (
        f'asm volatile("{{.reg .pred p;\\nsetp.ne.b32 p, %{registers + 2}, 0;\\n"'
        f'"wgmma.mma_async.sync.aligned.m64n{columns}k16.f32.{kind}.{kind} "'
        f'"{{{listed}}}, %{registers}, %{registers + 1}, p, 1, 1, 0, 0;}}\\n"'
        f' : {outputs} : "l"(a), "l"(b), "r"(accumulate));'
    )
    return (
        ("BN", str(columns)),
        ("STAGES", str(_STAGES)),
        ("CLUSTER", str(cluster)),
        ("NC", str(len(models) - 1)),
        ("HAS_BIAS", str(int(any(model.bias_V is not None for model in models)))),
        ("CAPPED", str(int(any(model.softcap is not None for model in models)))),
        ("HALF", str(int(half))),
        ("MULTIPLY", multiply),
    )


@functools.cache
def _code(macros: tuple[tuple[str, str], ...]) -> bytes:
    source = resources.files("silentzone.gpu").joinpath("hopper.cu").read_text(encoding="utf-8")
    defined = "".join(f"#define {name} {text}\n" for name, text in macros)
    return cuda_driver.compile_source(defined + source, "sm_90a")


@functools.cache
def _function(
    macros: tuple[tuple[str, str], ...], name: str, shared_bytes: int, device: int
) -> ctypes.c_void_p:
    """Compile once per form and load once per device (a part of the key alone)."""
    del device
    return cuda_driver.load_function(_code(macros), name, shared_bytes)


def _tile_maps(
    models: Sequence[Projection], plan: Plan
) -> tuple[ctypes.Array[ctypes.c_char], object]:
    """Descriptions of every matrix, 64-byte aligned, and the buffer that holds them."""
    part = plan.columns // plan.cluster
    size = 256 * len(models)
    buffer = ctypes.create_string_buffer(size + 64)
    start = -ctypes.addressof(buffer) % 64
    maps = (ctypes.c_char * size).from_buffer(buffer, start)
    address = ctypes.addressof(maps)
    for number, model in enumerate(models):
        cuda_driver.describe_tiles(address + 256 * number, model.hidden_TD, (_ROWS, _DEPTH))
        cuda_driver.describe_tiles(address + 256 * number + 128, model.weight_VD, (part, _DEPTH))
    return maps, buffer


def _arguments(
    models: Sequence[Projection],
    biases: Sequence[torch.Tensor | None],
    out: torch.Tensor,
    vocabulary: int,
    plan: Plan,
) -> ctypes.Structure:
    """Fill ``Params`` of the kernel's source."""
    count = len(models)
    integers = ("T", "V", "n_tiles", "tiles_per", "splits", "n_rows", "group", "unused")

    class Params(ctypes.Structure):
        _fields_ = [
            ("bias", ctypes.c_void_p * count),
            ("out", ctypes.c_void_p),
            *((name, ctypes.c_int) for name in integers),
            ("k_steps", ctypes.c_int * count),
            *((name, ctypes.c_float * count) for name in ("scale", "cap_in", "cap_out")),
        ]

    filled = Params(out=out.data_ptr(), T=out.shape[2], V=vocabulary)
    filled.n_tiles, filled.tiles_per = -(-vocabulary // plan.columns), plan.tiles_per
    filled.splits, filled.group = plan.stretches, plan.group
    filled.n_rows = _blocks(out.shape[2], plan.cluster)
    for number, model in enumerate(models):
        bias = biases[number]
        filled.bias[number] = None if bias is None else bias.data_ptr()
        filled.k_steps[number] = -(-model.hidden_TD.shape[1] // _DEPTH)
        filled.scale[number], filled.cap_in[number], filled.cap_out[number] = _factors(model)
    return filled


def _factors(model: Projection) -> tuple[float, float, float]:
    """Scale of the logits, of the argument of the cap's exponential, and the cap; in log 2."""
    unit = 1.0 / math.log(2.0)
    if model.softcap is None:
        return model.scale * unit, 0.0, 0.0
    return model.scale * unit, 2.0 * model.scale * unit / model.softcap, model.softcap * unit


def _contiguous_bias(model: Projection) -> torch.Tensor | None:
    return None if model.bias_V is None else model.bias_V.float().contiguous()


def _unpack(out: torch.Tensor, number: int) -> RowSums:
    """Fields of the reference and of one candidate, from log 2 to nats."""
    import torch

    unit = math.log(2.0)
    own = _COMMON_FIELDS + _OWN_FIELDS * number
    integers = out.view(torch.int32)
    return RowSums(
        reference_max=out[:, 0].double() * unit,
        reference_mass=out[:, 1],
        reference_weighted=out[:, 2].double() * unit,
        reference_top=integers[:, 3],
        candidate_max=out[:, own].double() * unit,
        candidate_mass=out[:, own + 1],
        difference=out[:, own + 2].double() * unit,
        excess=out[:, own + 3],
        candidate_weighted=out[:, own + 4].double() * unit,
        candidate_top=integers[:, own + 5],
    )
