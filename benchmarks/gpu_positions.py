"""All stored metrics from hidden states: time, memory and precision of the bounded way on a GPU.

The floor is the two 16-bit products alone, in chunks of 1,024 positions; beside it the fused
kernel, which gives the divergence, entropies and likelihoods alone. Run from the repository root on
a machine with a CUDA GPU::

    python -m benchmarks.gpu_positions
"""

from __future__ import annotations

import argparse
import json
import statistics

import torch
from benchmarks.gpu_kernels import CHUNK, SHAPES, extra_gibibytes, floor, models, sustained

from silentzone.gpu import cuda_rows
from silentzone.gpu.compare import compare_hidden
from silentzone.gpu.positions import compare_positions, fill_block
from silentzone.gpu.projection import Projection

NAMES = ("kl_divergence", "reverse_kl_divergence", "js_divergence", "total_variation")


def measure(width, vocabulary, options):
    reference, candidates, observed = models(
        width, vocabulary, options.positions, count=options.candidates
    )
    bounds = [limit << 20 for limit in options.mebibytes]
    ways = {"two products": floor(reference, candidates[0], CHUNK)}
    ways["fused kernel, some metrics"] = lambda: compare_hidden(reference, candidates[:1], observed)
    for limit in bounds:
        ways[f"all metrics, {limit >> 20} MiB"] = lambda limit=limit: compare_positions(
            reference, candidates[:1], observed, memory_bytes=limit
        )
    ways[f"all metrics, {options.candidates} candidates"] = lambda: compare_positions(
        reference, candidates, observed
    )
    times = {name: [] for name in ways}
    for _ in range(options.rounds):
        for name, run in ways.items():
            times[name].append(sustained(run))
    base = statistics.median(times["two products"])
    for name, run in ways.items():
        middle = statistics.median(times[name])
        row = {"width": width, "vocabulary": vocabulary, "way": name, "ms": round(middle, 1)}
        row["range"] = [round(min(times[name]), 1), round(max(times[name]), 1)]
        row["to_floor"] = round(middle / base, 2)
        if name != "two products":
            row["extra_gib"] = round(extra_gibibytes(run), 3)
        print(json.dumps(row), flush=True)
    print(json.dumps(precision(reference, candidates[0], observed)), flush=True)


def stages(width, vocabulary, rows, columns=65_536):
    """Milliseconds of what one block of positions consists of."""
    reference, (candidate,), observed = models(width, vocabulary, rows)
    block, other = (torch.empty(rows, vocabulary, device="cuda") for _ in range(2))
    part = slice(0, rows)
    fill_block(block, reference, part, columns)
    fill_block(other, candidate, part, columns)
    own, theirs = (cuda_rows.describe_block(one, observed, columns) for one in (block, other))
    ways = {
        "product": lambda: fill_block(block, reference, part, columns),
        "describe": lambda: cuda_rows.describe_block(block, observed, columns),
        "top five by torch": lambda: block.topk(5, dim=1),
        "compare": lambda: cuda_rows.sum_block(block, other, own, theirs, columns),
    }
    times = {name: round(sustained(run), 3) for name, run in ways.items()}
    print(json.dumps({"width": width, "vocabulary": vocabulary, "rows": rows, **times}))


def precision(reference, candidate, observed, count=256):
    """Relative errors of means against float64, and positions whose counts differ."""
    few = [Projection(one.hidden_TD[:count], one.weight_VD) for one in (reference, candidate)]
    found, exact = (
        compare_positions(few[0], few[1:], observed[:count], dtype=dtype)[0]
        for dtype in (None, torch.float64)
    )
    errors = {
        name: float(f"{float(getattr(found, name).mean() / getattr(exact, name).mean() - 1):.1e}")
        for name in NAMES
    }
    for name in ("top1_match", "top5_overlap", "reference_top1_rank"):
        errors[f"{name}_differs"] = int((getattr(found, name) != getattr(exact, name)).sum())
    return {"mean_kl": float(exact.kl_divergence.mean()), **errors}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--positions", type=int, default=8192)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--candidates", type=int, default=3)
    parser.add_argument("--mebibytes", type=int, nargs="+", default=[128, 500, 1024])
    parser.add_argument("--rows", type=int, nargs="+", default=[128, 256], help="of a block")
    options = parser.parse_args()
    print(torch.cuda.get_device_name(), "torch", torch.__version__)
    for width, vocabulary in SHAPES:
        measure(width, vocabulary, options)
        for rows in options.rows:
            stages(width, vocabulary, rows)


if __name__ == "__main__":
    main()
