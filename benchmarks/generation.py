"""Generated tokens per second: eight answers at a time, one at a time, llama-cpp-python's own loop.

The same greedy answers of one model in three ways that take turns: continuous batching (what a
study does), the same code with one answer at a time, and ``Llama.create_completion``. Also said is
how many answers have the very tokens of one at a time. Run from the repository root, alone on the
machine::

    python -m benchmarks.generation F16.gguf
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING

import llama_cpp
from benchmarks import passes

from silentzone.backends.base import EngineSettings, TextRequest
from silentzone.benchmarks.chat import render_chat

if TYPE_CHECKING:
    from collections.abc import Callable

    from silentzone.backends.base import TextBackend

CONTEXT = 512
PLACES = ("France", "Italy", "Japan", "Kenya", "Peru", "Norway", "Cuba", "Egypt")
FORMS = (
    "What is the capital of {}?",
    "Name three foods of {}.",
    "Write two sentences about {}.",
    "Which languages are spoken in {}?",
    "What is {} best known for?",
    "Describe the weather of {} in one sentence.",
    "Which countries lie next to {}?",
    "Write a short poem about {}.",
)


def made_requests(backend: TextBackend, count: int, max_tokens: int) -> list[TextRequest]:
    """Give questions in the model's own chat template."""
    template = backend.chat_template
    assert template is not None, "this benchmark needs a model with a chat template"
    requests = []
    for k in range(count):
        question = FORMS[k // len(PLACES) % len(FORMS)].format(PLACES[k % len(PLACES)])
        text = render_chat(
            {
                "template": template.source,
                "messages": [{"role": "user", "content": question}],
                "bos_token": template.bos_token,
                "eos_token": template.eos_token,
            }
        )["text"]
        tokens = backend.tokenize_chat(str(text))
        requests.append(TextRequest(prompt=tokens, max_tokens=max_tokens))
    return requests


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--items", type=int, default=32)
    parser.add_argument("--max-tokens", type=int, default=48)
    parser.add_argument("--slots", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    options = parser.parse_args()
    model = passes.ENGINE.read_model(options.model, options.model.stem)
    settings = EngineSettings(threads=options.threads)
    peer = llama_cpp.Llama(
        str(options.model), n_ctx=CONTEXT, n_threads=options.threads,
        n_threads_batch=options.threads, flash_attn=True, verbose=False,
    )  # fmt: skip
    with passes.ENGINE.open(options.model, model, settings) as backend:
        requests = made_requests(backend, options.items, options.max_tokens)

        def ours(slots: int) -> list[str]:
            found = list(backend.generate(requests, context_length=CONTEXT, slots=slots))
            return [one.text for one in sorted(found, key=lambda one: one.request)]

        def theirs() -> list[str]:
            return [
                peer.create_completion(
                    request.prompt.tolist(), max_tokens=request.max_tokens, temperature=0.0,
                    repeat_penalty=1.0,
                )["choices"][0]["text"]
                for request in requests
            ]  # fmt: skip

        ways = {
            f"{options.slots} at a time": lambda: ours(options.slots),
            "one at a time": lambda: ours(1),
            "llama-cpp-python": theirs,
        }
        report(backend, ways, options.repeats, len(requests))
    peer.close()


def report(
    backend: TextBackend, ways: dict[str, Callable[[], list[str]]], repeats: int, items: int
) -> None:
    rates: dict[str, list[float]] = {way: [] for way in ways}
    texts: dict[str, list[str]] = {}
    processor: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(repeats):
        for way, run in ways.items():
            begin, used = time.perf_counter(), time.process_time()
            texts[way] = run()
            seconds = time.perf_counter() - begin
            tokens = sum(len(backend.tokenize(text, add_bos=False)) for text in texts[way])
            rates[way].append(tokens / seconds)
            processor[way].append(tokens / (time.process_time() - used))
    base = "one at a time"
    rows = []
    for way in ways:
        ratios = [
            statistics.median(a / b for a, b in zip(kind[way], kind[base], strict=True))
            for kind in (rates, processor)
        ]
        equal = sum(a == b for a, b in zip(texts[way], texts[base], strict=True))
        cells = (f"{ratios[0]:.2f}", f"{ratios[1]:.2f}", f"{equal} of {items}")
        rows.append((way, passes.spread(rates[way]), *cells))
    print("generated tokens per second: median (smallest-largest); ratios are to one at a time")
    header = ("way", "tokens/s", "speed ratio", "the same by processor time", "same texts")
    passes.table(header, rows)


if __name__ == "__main__":
    main()
