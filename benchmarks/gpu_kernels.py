"""Metrics from hidden states on the GPU beside what torch can do with the same numbers.

The floor is the two 16-bit products alone, through cuBLAS, whole and in chunks of 1,024 positions.
Beside it: eager torch and a short ``torch.compile`` version, both with float32 logits in chunks of
1,024. The ways take turns in blocks of runs; printed are medians and ratios to the floor. Errors
are those of the mean divergence against float64 on 64 of the positions. Run from the repository
root on a machine with a CUDA GPU::

    python -m benchmarks.gpu_kernels
"""

from __future__ import annotations

import argparse
import json
import statistics

import torch

from silentzone.gpu import hopper
from silentzone.gpu.compare import compare_hidden
from silentzone.gpu.projection import Projection

SHAPES = ((2048, 248_320), (5120, 131_072), (640, 262_144))
CHUNK = 1024


def models(width, vocabulary, positions, noise=0.05, spread=3.0, count=1):
    generator = torch.Generator("cuda").manual_seed(0)

    def draw(*shape):
        return torch.randn(*shape, device="cuda", generator=generator)

    hidden, weight = draw(positions, width), draw(vocabulary, width) * (spread / width**0.5)
    reference = Projection(hidden.bfloat16(), weight.bfloat16())
    candidates = []
    for _ in range(count):
        moved = (hidden + noise * draw(positions, width)).bfloat16()
        changed = weight.clone()
        changed += draw(vocabulary, width) * (noise * spread / width**0.5)
        candidates.append(Projection(moved, changed.bfloat16()))
    observed = torch.randint(0, vocabulary, (positions,), device="cuda", generator=generator)
    return reference, candidates, observed


def divergence(reference_logits, candidate_logits):
    log_p = torch.log_softmax(reference_logits, -1)
    d = torch.log_softmax(candidate_logits, -1) - log_p
    return (log_p.exp() * (torch.expm1(d) - d)).sum(-1)


def product(model, rows):
    return torch.mm(model.hidden_TD[rows], model.weight_VD.T, out_dtype=torch.float32)


def in_chunks(reference, candidate, way):
    parts = [slice(at, at + CHUNK) for at in range(0, len(reference.hidden_TD), CHUNK)]
    return torch.cat([way(product(reference, rows), product(candidate, rows)) for rows in parts])


def floor(reference, candidate, rows):
    """Both products into a buffer made before; nothing is read back."""
    out = torch.empty(
        rows, len(reference.weight_VD), device="cuda", dtype=reference.hidden_TD.dtype
    )

    def run():
        for at in range(0, len(reference.hidden_TD), rows):
            torch.mm(reference.hidden_TD[at : at + rows], reference.weight_VD.T, out=out)
            torch.mm(candidate.hidden_TD[at : at + rows], candidate.weight_VD.T, out=out)

    return run


def milliseconds(run):
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    run()
    end.record()
    end.synchronize()
    return start.elapsed_time(end)


def sustained(run):
    """Median of a block of runs, its first third not counted.

    The card runs against its power limit: a way that follows a less demanding one would start on
    higher clocks than it can keep.
    """
    return statistics.median([milliseconds(run) for _ in range(12)][4:])


def extra_gibibytes(run):
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    run()
    return (torch.cuda.max_memory_allocated() - before) / 2**30


def compare(width, vocabulary, positions, rounds):
    reference, (candidate,), observed = models(width, vocabulary, positions)
    compiled = torch.compile(divergence, dynamic=False)
    whole_floor = floor(reference, candidate, positions)
    ways = {
        "two products, whole": whole_floor,
        "two products, chunks of 1,024": floor(reference, candidate, CHUNK),
        "fused, all metrics": lambda: (
            compare_hidden(reference, [candidate], observed)[0].kl_divergence
        ),
        "torch.compile, float32 logits": lambda: in_chunks(reference, candidate, compiled),
        "in pieces with torch, all metrics": lambda: (
            compare_hidden(reference, [candidate], observed, dtype=torch.float32)[0].kl_divergence
        ),
        "eager, float32 logits": lambda: in_chunks(reference, candidate, divergence),
    }
    times = {name: [] for name in ways}
    for _ in range(rounds):
        for name, run in ways.items():
            times[name].append(sustained(run))
    few = torch.arange(0, positions, max(1, positions // 64), device="cuda")
    exact = compare_hidden(
        *(
            Projection(reference.hidden_TD[few], reference.weight_VD),
            [Projection(candidate.hidden_TD[few], candidate.weight_VD)],
            observed[few],
        ),
        dtype=torch.float64,
    )[0].kl_divergence.mean()
    rows = []
    for name, run in ways.items():
        middle = statistics.median(times[name])
        row = {
            "width": width,
            "vocabulary": vocabulary,
            "way": name,
            "ms": round(middle, 2),
            "range": [round(min(times[name]), 2), round(max(times[name]), 2)],
            "to_whole_floor": ratio(times, name, "two products, whole"),
            "to_chunked_floor": ratio(times, name, "two products, chunks of 1,024"),
            "tflops": round(4e-9 * positions * width * vocabulary / middle),
        }
        if not name.startswith("two"):
            row["extra_gib"] = round(extra_gibibytes(run), 3)
            row["relative_error"] = float(f"{abs(float(run()[few].mean() / exact) - 1):.1e}")
        rows.append(row)
    return rows


def ratio(times, name, floor_name):
    """Median of the rounds' own ratios: neighbours in time share the card's clocks."""
    each = [a / b for a, b in zip(times[name], times[floor_name], strict=True)]
    return round(statistics.median(each), 3)


def shared(width, vocabulary, positions, rounds, count=3):
    """Several candidates with one product of the reference, beside the same one at a time."""
    reference, candidates, observed = models(width, vocabulary, positions, count=count)
    alone = floor(reference, candidates[0], positions)
    ways = {
        "together": lambda: compare_hidden(reference, candidates, observed),
        "apart": lambda: [compare_hidden(reference, [one], observed) for one in candidates],
        "two_products": alone,
    }
    times = {name: [] for name in ways}
    for _ in range(rounds):
        for name, run in ways.items():
            times[name].append(sustained(run))
    middle = {name: round(statistics.median(each), 2) for name, each in times.items()}
    return {
        "width": width,
        "vocabulary": vocabulary,
        "candidates": count,
        **{f"{name}_ms": spent for name, spent in middle.items()},
        "to_floor": round(middle["together"] / (middle["two_products"] * (count + 1) / 2), 3),
    }


def precision(positions=2048):
    """Relative error of the mean where it is hard: near the baseline, sharp rows, odd sizes."""
    cases = (
        # noise on hidden states and head, share of hidden values moved by one step of bf16, spread
        ("quantized", 640, 262_144, 0.05, 0.0, 3.0),
        ("near the baseline", 640, 262_144, 0.0, 0.07, 3.0),
        ("nearer", 640, 262_144, 0.0, 0.01, 3.0),
        ("sharp rows", 640, 262_144, 0.0, 0.1, 12.0),
        ("odd vocabulary", 768, 50_257, 0.0, 0.07, 3.0),
        ("wide", 5120, 131_072, 0.0, 0.07, 3.0),
        ("unrelated", 640, 262_144, 2.0, 0.0, 3.0),
    )
    for name, width, vocabulary, noise, share, spread in cases:
        reference, (other,), observed = models(width, vocabulary, positions, noise, spread)
        step = torch.rand(positions, width, device="cuda") < share
        moved = (other.hidden_TD.view(torch.int16) + step.short()).view(torch.bfloat16)
        other = Projection(moved, other.weight_VD)
        fused = compare_hidden(reference, [other], observed)[0]
        exact = compare_hidden(reference, [other], observed, dtype=torch.float64)[0]
        products = in_chunks(reference, other, lambda r, c: divergence(r.double(), c.double()))
        mean = float(exact.kl_divergence.mean())
        rows, seen = fused.kl_divergence / exact.kl_divergence - 1, exact.kl_divergence > 1e-9
        yield {
            "case": name,
            "width": width,
            "vocabulary": vocabulary,
            "mean_kl": float(f"{mean:.3e}"),
            "relative_error": relative(fused.kl_divergence, mean),
            "of_cublas_logits_in_float64": relative(products, mean),
            "largest_of_a_row": float(f"{float(rows[seen].abs().max()):.1e}"),
            "top1_differs": int((fused.candidate_top1 != exact.candidate_top1).sum()),
        }


def relative(values, mean):
    return float(f"{abs(float(values.double().mean()) / mean - 1):.1e}")


def sweep(width, vocabulary, positions, rounds):
    """Time other plans than the chosen one."""
    reference, (candidate,), _ = models(width, vocabulary, positions)
    tiles = -(-vocabulary // 192)
    chosen = hopper.choose_plan(positions, vocabulary, 2 * width, 132, columns=192)
    print(json.dumps({"width": width, "chosen": str(chosen)}))
    plans = {}
    for stretches, group in ((8, 16), (33, 16), (33, 8), (66, 8), (33, 4), (99, 4), (4, 32)):
        per = -(-tiles // stretches)
        plans[stretches, group] = hopper.Plan(192, per, -(-tiles // per), group, 2)
    times = {key: [] for key in plans}
    for _ in range(rounds):
        for key, plan in plans.items():
            times[key].append(
                sustained(
                    lambda plan=plan: hopper.sum_rows(reference, [candidate], vocabulary, plan)
                )
            )
    for key, spent in times.items():
        middle = round(statistics.median(spent), 2)
        print(json.dumps({"stretches": key[0], "group": key[1], "ms": middle}))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--positions", type=int, default=8192)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sweep", action="store_true", help="time other plans of the kernel")
    options = parser.parse_args()
    print(torch.cuda.get_device_name(), "torch", torch.__version__)
    for width, vocabulary in SHAPES:
        if options.sweep:
            sweep(width, vocabulary, options.positions, options.rounds)
            continue
        for row in compare(width, vocabulary, options.positions, options.rounds):
            print(json.dumps(row), flush=True)
        print(json.dumps(shared(width, vocabulary, options.positions, options.rounds)), flush=True)
    if not options.sweep:
        for row in precision():
            print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
