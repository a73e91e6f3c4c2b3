"""Multiple-choice items per second where prompts begin alike: run once, or for every item.

Items as in `prompt_sharing`, in three sets: behind a header of examples (some 370 tokens), four
questions to a passage, and with nothing in common. Both ways take turns on one loaded model. What
sharing gains is compared with the share of tokens it saves; what it moves is the largest
difference of a logit, of a choice's log-likelihood, and the number of items whose likeliest choice
changes. The same is said of asking every item alone, as the churn floor does: no way of asking is
nearer to the truth than another. Run from the repository root, alone on the machine::

    python -m benchmarks.prefix_sharing Q8_0.gguf
    python -m benchmarks.prefix_sharing --engine transformers F16.gguf
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

import numpy as np
from benchmarks import passes
from benchmarks.prompt_sharing import made_requests

from silentzone.backends.base import BatchSplit, ContinuationRequest, EngineSettings
from silentzone.backends.prefixes import shared_prefixes
from silentzone.backends.registry import engine_named
from silentzone.metrics.kernels import log_likelihood, set_threads

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from silentzone.backends.base import LogitBackend

REGULAR, ALONE = BatchSplit(), BatchSplit(tokens_per_call=100)
WAYS = ("once", "every time")
SEEKERS = {
    "llama_cpp": "silentzone.backends.llama_cpp.groups.shared_prefixes",
    "transformers": "silentzone.backends.transformers.layouts.shared_prefixes",
}
"""Where each engine looks for what prompts begin with alike."""
Logits = list["NDArray[np.float32]"]


def few_shot(backend: LogitBackend, items: int) -> list[ContinuationRequest]:
    """Items behind the same eight examples."""
    examples = made_requests(backend, items + 8, 2, 2)[items:]
    header = np.concatenate(
        [
            part if k == 0 else part[int(backend.adds_bos) :]
            for k, one in enumerate(examples)
            for part in (one.prompt, one.continuations[0])
        ]
    )
    return [
        ContinuationRequest(np.concatenate((header[:500], one.prompt)), one.continuations)
        for one in made_requests(backend, items, 2, 2)
    ]


def passages(backend: LogitBackend, items: int) -> list[ContinuationRequest]:
    """Four short questions to each passage."""
    long = made_requests(backend, items // 4, 8, 2)
    short = made_requests(backend, items, 1, 2)
    return [
        ContinuationRequest(np.concatenate((long[k // 4].prompt, one.prompt)), one.continuations)
        for k, one in enumerate(short)
    ]


def ask(
    backend: LogitBackend, requests: list[ContinuationRequest], split: BatchSplit = REGULAR
) -> Logits:
    return [part.logits_NV.copy() for part in backend.continuation_logits(requests, split=split)]


def ask_as(
    backend: LogitBackend, requests: list[ContinuationRequest], engine: str, way: str
) -> Logits:
    if way == "once":
        return ask(backend, requests)
    with patch(SEEKERS[engine], lambda prompts: [0] * len(prompts)):
        return ask(backend, requests)


def moved(
    requests: list[ContinuationRequest], first: Logits, second: Logits
) -> tuple[str, str, str]:
    """Largest difference of a logit and of a log-likelihood, and predictions that changed."""
    logits = max(float(np.abs(a - b).max()) for a, b in zip(first, second, strict=True))
    ends = [end for one in requests for end in one.continuations]
    sums = np.array(
        [[log_likelihood(a, b) for a, b in zip(way, ends, strict=True)] for way in (first, second)]
    ).reshape(2, len(requests), -1)
    changed = int((sums[0].argmax(axis=1) != sums[1].argmax(axis=1)).sum())
    apart = float(np.abs(sums[0] - sums[1]).max())
    return f"{logits:.1e}", f"{apart:.1e}", f"{changed} of {len(requests)}"


def row(
    backend: LogitBackend,
    engine: str,
    name: str,
    requests: list[ContinuationRequest],
    repeats: int,
) -> tuple[str, ...]:
    clock, processor = [], []
    found: list[Logits] = []
    for _ in range(repeats):
        spent, found = [], []
        for way in WAYS:
            begin, used = time.perf_counter(), time.process_time()
            found.append(ask_as(backend, requests, engine, way))
            spent.append((time.perf_counter() - begin, time.process_time() - used))
        clock.append(spent[1][0] / spent[0][0])
        processor.append(spent[1][1] / spent[0][1])
    alone = ask(backend, requests, ALONE)
    tokens = sum(
        len(one.prompt) + sum(len(end) - 1 for end in one.continuations) for one in requests
    )
    saved = tokens / (tokens - sum(shared_prefixes([one.prompt for one in requests])))
    return (
        name,
        passes.spread(clock),
        f"{statistics.median(processor):.2f}",
        f"{saved:.2f}",
        " / ".join(moved(requests, *found)),
        " / ".join(moved(requests, found[1], alone)),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--engine", choices=list(SEEKERS), default="llama_cpp")
    parser.add_argument("--items", type=int, default=24)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    options = parser.parse_args()
    set_threads(options.threads)
    engine = engine_named(options.engine)
    model = engine.read_model(options.model, options.model.stem)
    settings = EngineSettings(threads=options.threads)
    with engine.open(options.model, model, settings) as backend:
        shots = few_shot(backend, options.items)
        header = shared_prefixes([one.prompt for one in shots])[-1]
        sets = {
            f"header of {header} tokens": shots,
            "4 questions a passage": passages(backend, options.items),
            "nothing in common": made_requests(backend, options.items, 2, 2),
        }
        for requests in sets.values():
            ask(backend, requests[:4])  # compiles and makes the contexts
        rows = [
            row(backend, options.engine, name, requests, options.repeats)
            for name, requests in sets.items()
        ]
    print(f"{model.name}: speed of running once to every time, median (smallest-largest)")
    print("moved: largest logit / largest log-likelihood, nats / predictions changed")
    header = ("items", "by the clock", "by processor time", "token ratio", "moved", "moved, alone")
    passes.table(header, rows)


if __name__ == "__main__":
    main()
