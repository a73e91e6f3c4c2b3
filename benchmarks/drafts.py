"""Written answers tried out on the reference's own: time, and how many texts stay the same.

The reference writes greedy answers; the candidate then writes its own in two ways that take turns:
plainly, and with the reference's tokens as drafts. Said are the ratio of plain to drafted time, by
the clock and by the processor, how many drafted answers have the very tokens of plain ones, and
what a draft could save at best: the share of a candidate's tokens before its first difference from
the reference. Beside it stands the same rate for plain answers at another number of slots, which
is what the shape of a batch does without any draft. Run from the repository root, alone on the
machine::

    python -m benchmarks.drafts F16.gguf Q8_0.gguf Q4_K_M.gguf
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from benchmarks import passes
from benchmarks.generation import CONTEXT, made_requests

from silentzone.backends.base import EngineSettings

if TYPE_CHECKING:
    from silentzone.backends.base import TextBackend, TextRequest

Tokens = list[list[int]]


def opened(path: Path, threads: int) -> TextBackend:
    model = passes.ENGINE.read_model(path, path.stem)
    return passes.ENGINE.open(path, model, EngineSettings(threads=threads))


def write(backend: TextBackend, requests: list[TextRequest], slots: int) -> Tokens:
    found = backend.generate(requests, context_length=CONTEXT, slots=slots)
    return [one.tokens.tolist() for one in sorted(found, key=lambda one: one.request)]


def shared_tokens(first: list[int], second: list[int]) -> int:
    """Tokens before the first difference."""
    pairs = zip(first, second, strict=False)
    return next((k for k, (a, b) in enumerate(pairs) if a != b), min(len(first), len(second)))


def equal(first: Tokens, second: Tokens) -> str:
    return f"{sum(a == b for a, b in zip(first, second, strict=True))} of {len(first)}"


def compared(
    backend: TextBackend, requests: list[TextRequest], drafts: Tokens, slots: int, repeats: int
) -> tuple[str, ...]:
    """One row of the table, without the model's name."""
    drafted = [
        dataclasses.replace(request, draft=np.array(tokens, np.int32))
        for request, tokens in zip(requests, drafts, strict=True)
    ]
    other = write(backend, requests, 1 if slots > 1 else 8)
    clock, processor = [], []
    texts: list[Tokens] = []
    for _ in range(repeats):
        spent = []
        texts = []
        for asked in (requests, drafted):
            begin, used = time.perf_counter(), time.process_time()
            texts.append(write(backend, asked, slots))
            spent.append((time.perf_counter() - begin, time.process_time() - used))
        clock.append(spent[0][0] / spent[1][0])
        processor.append(spent[0][1] / spent[1][1])
    plain, tried = texts
    total = sum(map(len, plain))
    common = sum(shared_tokens(a, b) for a, b in zip(plain, drafts, strict=True))
    return (
        str(slots),
        passes.spread(clock),
        f"{statistics.median(processor):.2f}",
        f"{common / total:.0%}",
        equal(tried, plain),
        equal(other, plain),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("reference", type=Path)
    parser.add_argument("candidates", type=Path, nargs="+")
    parser.add_argument("--items", type=int, default=64)
    parser.add_argument("--max-tokens", type=int, default=48)
    parser.add_argument("--slots", type=int, nargs="+", default=[8, 1])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    options = parser.parse_args()
    with opened(options.reference, options.threads) as backend:
        requests = made_requests(backend, options.items, options.max_tokens)
        drafts = write(backend, requests, 8)
    rows = []
    for path in options.candidates:
        with opened(path, options.threads) as backend:
            rows += [
                (path.stem, *compared(backend, requests, drafts, slots, options.repeats))
                for slots in options.slots
            ]
    print("speed of drafted answers to plain ones: median (smallest-largest)")
    header = (
        "candidate", "slots", "by the clock", "by processor time", "tokens shared",
        "drafted = plain", "plain = plain, other slots",
    )  # fmt: skip
    passes.table(header, rows)


if __name__ == "__main__":
    main()
