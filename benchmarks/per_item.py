"""What is said per item, at 41 candidates and 20,000 items: seconds and peak memory.

Run from the repository root, alone on the machine::

    python -m benchmarks.per_item [--candidates 41] [--items 20000]
"""

from __future__ import annotations

import argparse
import time
import tracemalloc
from typing import TYPE_CHECKING

import numpy as np

from silentzone.analysis.prompt_data import PromptData
from silentzone.analysis.prompts import prompt_rows
from silentzone.analysis.router import router_rows
from silentzone.analysis.signed_shift import signed_shift_section
from silentzone.stats.clusters import ClusterPartition

if TYPE_CHECKING:
    from collections.abc import Callable


def synthetic(n_models: int, n_items: int) -> PromptData:
    """Candidates from near the reference to far from it, biased a little, on two-way questions."""
    rng = np.random.default_rng(1)
    noise = np.exp(np.linspace(-2.5, 0.5, n_models))[:, None]
    reference = rng.normal(1.2, 2.0, n_items)
    moved = noise * rng.normal(size=(n_models, n_items)) + rng.normal(0, 0.1, (n_models, 1))
    names = tuple(f"candidate {number}" for number in range(n_models))

    def confidence(margin):
        return 1.0 / (1.0 + np.exp(-np.abs(margin) + rng.normal(size=margin.shape)))

    return PromptData(
        benchmark="synthetic",
        item_ids=tuple(map(str, range(n_items))),
        clusters=ClusterPartition.singletons(n_items, unit="item"),
        reference_score=(reference > 0.0).astype(np.float64),
        reference_confidence=confidence(reference),
        reference_margin=reference,
        models=names,
        scores=(reference + moved > 0.0).astype(np.float64),
        divergence=0.02 * moved**2 + 1e-4 * rng.exponential(size=moved.shape),
        confidence=confidence(reference + moved),
        margin=reference + moved,
        mean_divergence=dict(zip(names, (noise[:, 0] ** 2).tolist(), strict=True)),
    )


def measured(name: str, work: Callable[[], object]) -> None:
    begin, begin_cpu = time.perf_counter(), time.process_time()
    work()
    seconds, cpu = time.perf_counter() - begin, time.process_time() - begin_cpu
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    print(f"{name:14s} {seconds:6.2f} s  ({cpu:.2f} s of processor)  peak {peak / 2**20:5.0f} MiB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--candidates", type=int, default=41)
    parser.add_argument("--items", type=int, default=20_000)
    options = parser.parse_args()
    data = [synthetic(options.candidates, options.items)]
    print(f"{options.candidates} candidates, {options.items:,} items")
    measured("prompts", lambda: prompt_rows(data, seed=1))
    measured("router", lambda: router_rows(data))
    measured("signed shift", lambda: signed_shift_section(data, seed=1))


if __name__ == "__main__":
    main()
