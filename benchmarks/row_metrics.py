"""The metrics of rows of logits beside a plain copy of the same rows, in one run.

Each step is timed in turn with a copy of the two matrices by as many threads, so that neighbours on
the machine weigh on both; printed are medians of the rounds, bytes of the two matrices per second,
and the ratio to the copy. Run from the repository root::

    python -m benchmarks.row_metrics
"""

from __future__ import annotations

import argparse
import json
import statistics
import threading
import time

import numba
import numpy as np

from silentzone.metrics.kernels import compare_rows, describe_rows, set_threads

VOCABULARIES = (49_152, 151_936, 262_144)
ROW_BYTES = 128 * 2**20
"""Bytes of one matrix: far more than any cache holds."""


@numba.njit(parallel=True, cache=False)
def _copy(source_TV, target_TV):
    for t in numba.prange(source_TV.shape[0]):
        for v in range(source_TV.shape[1]):
            target_TV[t, v] = source_TV[t, v]


def rows(vocabulary, displacement=0.05, spread=3.0):
    rng = np.random.default_rng(1)
    count = ROW_BYTES // 4 // vocabulary
    reference = rng.standard_normal((count, vocabulary), dtype=np.float32) * np.float32(spread)
    noise = rng.standard_normal(reference.shape, dtype=np.float32) * np.float32(displacement)
    return reference, reference + noise, rng.integers(0, vocabulary, count).astype(np.int32)


def seconds(run):
    """Wall time, and processor time of all threads divided by their number."""
    wall, processor = time.perf_counter(), time.process_time()
    run()
    spent = time.process_time() - processor
    return time.perf_counter() - wall, spent / numba.get_num_threads()


def measure(vocabulary, threads, rounds):
    set_threads(threads)
    reference, candidate, observed = rows(vocabulary)
    described = describe_rows(reference, observed)
    targets = np.empty_like(reference), np.empty_like(candidate)

    def copy():
        _copy(reference, targets[0])
        _copy(candidate, targets[1])

    ways = {
        "copy": copy,
        "compare": lambda: compare_rows(reference, candidate, observed, described),
        "describe": lambda: describe_rows(reference, observed),
    }
    times = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, run in ways.items():
            spent = seconds(run)
            if number:
                times[name].append(spent)
    moved = {"copy": 2, "compare": 2, "describe": 1}
    medians = {
        name: [statistics.median(one[k] for one in each) for k in (0, 1)]
        for name, each in times.items()
    }
    for name, (wall, processor) in medians.items():
        size = moved[name] * reference.nbytes
        copied = moved[name] / 2 * medians["copy"][1]
        yield {
            "vocabulary": vocabulary,
            "threads": threads,
            "way": name,
            "gb_per_s": round(size / wall / 1e9, 2),
            "gb_per_processor_s_and_thread": round(size / processor / threads / 1e9, 2),
            "ns_per_entry": round(1e9 * processor * threads / reference.size, 2),
            "processor_time_to_copy": round(processor / copied, 2),
        }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--vocabularies", type=int, nargs="+", default=VOCABULARIES)
    options = parser.parse_args()
    print("largest number of threads", numba.config.NUMBA_NUM_THREADS, threading.active_count())
    for vocabulary in options.vocabularies:
        for threads in options.threads:
            for row in measure(vocabulary, threads, options.rounds):
                print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
