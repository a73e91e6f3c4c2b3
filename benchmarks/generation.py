"""Generated tokens per second: eight answers at a time, one at a time, and others' own loops.

The same greedy answers of one model in ways that take turns: continuous batching (what a study
does), the same code with one answer at a time, and for llama.cpp ``Llama.create_completion``, for
transformers the model's own ``generate`` on groups of as many prompts and ours on such groups. Also
said is how many answers have the very text of one at a time. Run from the repository root, alone on
the machine::

    python -m benchmarks.generation F16.gguf
    python -m benchmarks.generation --engine transformers --mixed --header 300 F16.gguf

With ``--header`` every question stands behind the same made text of so many words. For transformers
the calls of the model are counted: with so many answers under way there cannot be fewer than one
call for as many tokens.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import numpy as np
from benchmarks import passes
from tests.golden.llama_perplexity.made_text import made_text

from silentzone.backends.base import EngineSettings, TextRequest
from silentzone.backends.registry import engine_named
from silentzone.benchmarks.chat import render_chat

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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


def made_requests(
    backend: TextBackend,
    count: int,
    max_tokens: int,
    header: int = 0,
    *,
    is_mixed: bool = False,
) -> list[TextRequest]:
    """Give questions in the model's own chat template, behind so many words that all begin with."""
    template = backend.chat_template
    assert template is not None, "this benchmark needs a model with a chat template"
    begin = " ".join(made_text().split()[:header])
    requests = []
    for k in range(count):
        place, form = k % len(PLACES), k // len(PLACES)
        if is_mixed:
            place, form = k // len(FORMS), k % len(FORMS)
        question = FORMS[form % len(FORMS)].format(PLACES[place % len(PLACES)])
        text = render_chat(
            {
                "template": template.source,
                "messages": [{"role": "user", "content": f"{begin}\n\n{question}".strip()}],
                "bos_token": template.bos_token,
                "eos_token": template.eos_token,
            }
        )["text"]
        tokens = backend.tokenize_chat(str(text))
        requests.append(TextRequest(prompt=tokens, max_tokens=max_tokens))
    return requests


@contextmanager
def llama_cpp_peer(
    path: Path, threads: int, requests: list[TextRequest]
) -> Iterator[Callable[[], list[str]]]:
    import llama_cpp

    peer = llama_cpp.Llama(
        str(path), n_ctx=CONTEXT, n_threads=threads, n_threads_batch=threads, flash_attn=True,
        verbose=False,
    )  # fmt: skip
    yield lambda: [
        peer.create_completion(
            request.prompt.tolist(), max_tokens=request.max_tokens, temperature=0.0,
            repeat_penalty=1.0,
        )["choices"][0]["text"]
        for request in requests
    ]  # fmt: skip
    peer.close()


def own_generate(backend: Any, requests: list[TextRequest], slots: int) -> list[str]:
    """Answers of transformers' own loop, groups of prompts padded in front."""
    import torch

    model, ends = backend._network._model, backend._tokenizer.ends
    texts = []
    for start in range(0, len(requests), slots):
        prompts = [one.prompt for one in requests[start : start + slots]]
        width = max(map(len, prompts))
        tokens, counts = np.zeros((2, len(prompts), width), np.int64)
        for row, prompt in enumerate(prompts):
            tokens[row, width - len(prompt) :], counts[row, width - len(prompt) :] = prompt, 1
        with torch.inference_mode():
            found = model.generate(
                torch.from_numpy(tokens), attention_mask=torch.from_numpy(counts),
                max_new_tokens=requests[start].max_tokens, do_sample=False,
                eos_token_id=sorted(ends), pad_token_id=min(ends),
            )[:, width:]  # fmt: skip
        for row in found.tolist():
            own = row[: next((k for k, token in enumerate(row) if token in ends), len(row))]
            pieces = backend.token_bytes(np.array(own, np.int32))
            texts.append(b"".join(pieces).decode("utf-8", "ignore"))
    return texts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--engine", choices=("llama_cpp", "transformers"), default="llama_cpp")
    parser.add_argument("--items", type=int, default=32)
    parser.add_argument("--max-tokens", type=int, default=48)
    parser.add_argument("--header", type=int, default=0, help="words before every question")
    parser.add_argument("--mixed", action="store_true", help="long and short answers take turns")
    parser.add_argument("--slots", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    options = parser.parse_args()
    engine = engine_named(options.engine)
    model = engine.read_model(options.model, options.model.stem)
    settings = EngineSettings(threads=options.threads)
    with ExitStack() as stack:
        backend: Any = stack.enter_context(engine.open(options.model, model, settings))
        requests = made_requests(
            backend, options.items, options.max_tokens, options.header, is_mixed=options.mixed
        )
        context = CONTEXT + 2 * options.header

        def ours(slots: int) -> list[str]:
            found = list(backend.generate(requests, context_length=context, slots=slots))
            return [one.text for one in sorted(found, key=lambda one: one.request)]

        def in_groups(slots: int) -> list[str]:
            with patch("silentzone.backends.transformers.generation._FREE_SHARE", 1):
                return ours(slots)

        slots = options.slots
        ways = {f"{slots} at a time": lambda: ours(slots), "one at a time": lambda: ours(1)}
        if options.engine == "transformers":
            ways["in groups"] = lambda: in_groups(slots)
            ways["model.generate"] = lambda: own_generate(backend, requests, slots)
        else:
            peer = llama_cpp_peer(options.model, options.threads, requests)
            ways["llama-cpp-python"] = stack.enter_context(peer)
        report(backend, ways, options.repeats, len(requests))


def count_calls(backend: Any) -> list[None]:
    """Give a list that grows by one with every call of a model in transformers."""
    counted: list[None] = []
    network = getattr(backend, "_network", None)
    if network is not None:
        network._model.base_model.register_forward_hook(lambda *_: counted.append(None))
    return counted


def report(
    backend: Any, ways: dict[str, Callable[[], list[str]]], repeats: int, items: int
) -> None:
    rates: dict[str, list[float]] = {way: [] for way in ways}
    texts: dict[str, list[str]] = {}
    processor: dict[str, list[float]] = {way: [] for way in ways}
    calls: dict[str, int] = {}
    counted = count_calls(backend)
    for _ in range(repeats):
        for way, run in ways.items():
            begin, used = time.perf_counter(), time.process_time()
            counted.clear()
            texts[way] = run()
            calls[way] = len(counted)
            seconds = time.perf_counter() - begin
            tokens = sum(len(backend.tokenize(text, add_bos=False)) for text in texts[way])
            rates[way].append(tokens / seconds)
            processor[way].append(tokens / (time.process_time() - used))
    base = "one at a time"
    rows: list[tuple[str, ...]] = []
    for way in ways:
        ratios = [
            statistics.median(a / b for a, b in zip(kind[way], kind[base], strict=True))
            for kind in (rates, processor)
        ]
        equal = sum(a == b for a, b in zip(texts[way], texts[base], strict=True))
        cells = (f"{ratios[0]:.2f}", f"{ratios[1]:.2f}", f"{equal} of {items}")
        rows.append((way, passes.spread(rates[way]), *cells, str(calls[way] or "-")))
    print("generated tokens per second: median (smallest-largest); ratios are to one at a time")
    header = ("way", "tokens/s", "speed ratio", "the same by processor time", "same texts", "calls")
    passes.table(header, rows)


if __name__ == "__main__":
    main()
