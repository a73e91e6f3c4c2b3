"""Multiple-choice items per second: shared prompts, separate prompts, one choice per call.

Three ways over the same items and one loaded model, taking turns: every prompt decoded once for
all its choices and many items per call (what a study does), every choice with its own copy of
the prompt but many per call, and one prompt with one choice per call. What sharing is compared
with is the share of tokens that it saves: it cannot gain more by that alone. Run from the
repository root, alone on the machine::

    python -m benchmarks.prompt_sharing F16.gguf
    python -m benchmarks.prompt_sharing --engine transformers F16.gguf
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from benchmarks import passes
from tests.golden.llama_perplexity.made_text import made_text

from silentzone.backends.base import ContinuationRequest, EngineSettings
from silentzone.backends.registry import engine_named
from silentzone.metrics.kernels import log_likelihood, set_threads

if TYPE_CHECKING:
    from silentzone.backends.base import LogitBackend

WAYS = ("shared", "separate", "one by one")


def made_requests(
    backend: LogitBackend, items: int, sentences: int, choices: int
) -> list[ContinuationRequest]:
    """Items like PIQA's: a goal of some sentences, then one sentence per choice."""
    text = [part + "." for part in made_text().replace("\n\n", " ").split(". ")]
    requests = []
    for item in range(items):
        taken = [text[(item * 7 + k) % len(text)] for k in range(sentences + choices)]
        prompt = backend.tokenize(f"Goal: {' '.join(taken[:sentences])}\nAnswer:", add_bos=True)
        ends = [backend.tokenize(f" {end}", add_bos=False) for end in taken[sentences:]]
        requests.append(ContinuationRequest(prompt, tuple(ends)))
    return requests


def ask(backend: LogitBackend, requests: list[ContinuationRequest], way: str) -> list[float]:
    """Log-likelihoods of all choices, in order."""
    if way == "one by one":
        alone = [
            ContinuationRequest(request.prompt, (tokens,))
            for request in requests
            for tokens in request.continuations
        ]
        return [ask(backend, [request], "shared")[0] for request in alone]
    return [
        log_likelihood(part.logits_NV, requests[part.request].continuations[part.continuation])
        for part in backend.continuation_logits(requests, share_prompts=way == "shared")
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--engine", choices=("llama_cpp", "transformers"), default="llama_cpp")
    parser.add_argument("--items", type=int, default=24)
    parser.add_argument("--sentences", type=int, default=2, help="of a prompt")
    parser.add_argument("--choices", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    options = parser.parse_args()
    set_threads(options.threads)
    engine = engine_named(options.engine)
    model = engine.read_model(options.model, options.model.stem)
    settings = EngineSettings(threads=options.threads)
    rates: dict[str, list[float]] = {way: [] for way in WAYS}
    processor: dict[str, list[float]] = {way: [] for way in WAYS}
    values: dict[str, list[float]] = {}
    with engine.open(options.model, model, settings) as backend:
        requests = made_requests(backend, options.items, options.sentences, options.choices)
        for way in WAYS:
            ask(backend, requests[:4], way)  # compiles and makes the contexts
        for _ in range(options.repeats):
            for way in WAYS:
                begin, used = time.perf_counter(), time.process_time()
                values[way] = ask(backend, requests, way)
                rates[way].append(len(requests) / (time.perf_counter() - begin))
                processor[way].append(time.process_time() - used)
    report(requests, rates, processor, values)


def report(
    requests: list[ContinuationRequest],
    rates: dict[str, list[float]],
    processor: dict[str, list[float]],
    values: dict[str, list[float]],
) -> None:
    prompts = sum(len(request.prompt) for request in requests)
    copies = sum(len(request.prompt) * len(request.continuations) for request in requests)
    ends = sum(len(tokens) - 1 for request in requests for tokens in request.continuations)
    print(f"{len(requests)} items, {prompts / len(requests):.0f} tokens per prompt")
    decoded = {"shared": prompts + ends, "separate": copies + ends, "one by one": copies + ends}
    ordinary = np.array(values["separate"])
    rows = []
    for way in WAYS:
        pairs = zip(rates[way], rates["separate"], strict=True)
        ratio = statistics.median(own / other for own, other in pairs)
        used = zip(processor["separate"], processor[way], strict=True)
        by_processor = statistics.median(other / own for other, own in used)
        apart = float(np.abs(np.array(values[way]) - ordinary).max())
        saved = decoded["separate"] / decoded[way]
        ratios = (f"{value:.2f}" for value in (ratio, by_processor, saved))
        rows.append((way, passes.spread(rates[way]), *ratios, f"{apart:.1e}"))
    print("items per second: median (smallest-largest); ratios are to separate prompts")
    header = ("way", "items/s", "by the clock", "by processor time", "token ratio", "moved, nats")
    passes.table(header, rows)


if __name__ == "__main__":
    main()
