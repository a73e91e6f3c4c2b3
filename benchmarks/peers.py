"""Choices and written answers beside llama-cpp-python's own API and lm-eval's GGUF path.

The same model, items and number of threads in every way; the ways take turns. Choices (PIQA):
what a study does; ``Llama(logits_all=True)`` with every choice decoded whole; lm-eval's ``gguf``
model. Written answers: 8 at a time; ``Llama.create_completion``; lm-eval's ``generate_until``.
Said are the rates, by the clock and by processor time (the server's included), and in how many
items the answer is ours. The floor is what our own pass spends inside ``llama_decode``. Run
from the repository root, alone on the machine::

    python -m benchmarks.peers F16.gguf --server-python SERVER/bin/python

lm-eval's ``gguf`` model talks to llama-cpp-python's server, which needs packages this project does
not. Make an environment for it, with the wheel that ``make setup`` has compiled::

    python -m venv SERVER
    SERVER/bin/pip install --find-links WHEELS 'llama-cpp-python[server]==0.3.36'

where WHEELS is the folder of the wheel in ``~/.cache/silentzone/wheels``. lm-eval itself is taken
from this environment (extra ``lm-eval``). Without ``--server-python`` that way is left out.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import socket
import statistics
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import llama_cpp
import numpy as np
import requests
from benchmarks import passes
from benchmarks.generation import made_requests

from silentzone.backends.base import ContinuationRequest, EngineSettings
from silentzone.backends.llama_cpp.context import Context
from silentzone.benchmarks.built_in import Draw
from silentzone.benchmarks.pairs import tokenize_item
from silentzone.benchmarks.registry import find_benchmark
from silentzone.metrics.kernels import log_likelihood, set_threads
from silentzone.studies.assets import fetch_asset

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from silentzone.backends.base import LogitBackend, TextBackend

CONTEXT = 512
SERVER_TOKENS = 16
"""What llama-cpp-python's server writes where no number is given, and lm-eval gives none."""


@contextlib.contextmanager
def served(python: Path, model: Path, threads: int) -> Iterator[tuple[str, int]]:
    """Server of one model: its address and process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        str(python), "-m", "llama_cpp.server", "--model", str(model), "--port", str(port),
        "--n_ctx", str(CONTEXT), "--n_threads", str(threads), "--n_threads_batch", str(threads),
        "--logits_all", "true", "--flash_attn", "true", "--verbose", "false",
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            with contextlib.suppress(requests.ConnectionError):
                requests.get(f"{address}/v1/models", timeout=5).close()
                break
            if process.poll() is not None:
                raise SystemExit(f"the server ended at once: try {' '.join(command)}")
            time.sleep(0.2)
        yield address, process.pid
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def inside_llama_cpp() -> Iterator[list[float]]:
    """Seconds of this process in ``llama_decode``, where our own engine calls it."""
    seconds, submit = [0.0], Context._submit

    def timed(self: Context, native_batch: Any, where: str) -> None:
        begin = time.perf_counter()
        submit(self, native_batch, where)
        seconds[0] += time.perf_counter() - begin

    Context._submit = timed
    try:
        yield seconds
    finally:
        Context._submit = submit


def processor_seconds(server: int | None) -> float:
    """Processor time of this process and the server."""
    if server is None:
        return time.process_time()
    fields = Path(f"/proc/{server}/stat").read_text().rpartition(")")[2].split()
    ticks = int(fields[11]) + int(fields[12])
    return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")


class Choices:
    """Items with choices in every way: log-likelihoods per item."""

    def __init__(self, backend: LogitBackend, peer: llama_cpp.Llama, count: int) -> None:
        draw = Draw(folder=fetch_asset("benchmark-items"), items=count, seed=1)
        self.items = find_benchmark("piqa").read(draw)[0][:count]
        tokens = [
            tokenize_item(
                lambda text: backend.tokenize(text, add_bos=True), item, context_length=CONTEXT
            )
            for item in self.items
        ]
        self.requests = [ContinuationRequest(one.prompt, one.continuations) for one in tokens]
        self._backend, self._peer = backend, peer

    def ours(self) -> list[list[float]]:
        """As a study asks."""
        found: list[list[float]] = [[] for _ in self.requests]
        for part in self._backend.continuation_logits(self.requests):
            tokens = self.requests[part.request].continuations[part.continuation]
            found[part.request].append(log_likelihood(part.logits_NV, tokens))
        return found

    def own_api(self) -> list[list[float]]:
        """Every choice decoded whole, all logits read."""
        found = []
        for request in self.requests:
            values = []
            for end in request.continuations:
                self._peer.reset()
                self._peer.eval(np.concatenate((request.prompt, end)).tolist())
                first = len(request.prompt) - 1
                rows = llama_cpp.Llama.logits_to_logprobs(
                    self._peer.scores[first : first + len(end)]
                )
                values.append(float(rows[np.arange(len(end)), end].sum()))
            found.append(values)
        return found

    def lm_eval(self, address: str) -> list[list[float]]:
        """Ask lm-eval's own model, which reads the server's answers."""
        pairs = [(item.prompt, choice) for item in self.items for choice in item.choices]
        given = iter(gguf_model(address).loglikelihood(asked(pairs), disable_tqdm=True))
        return [[next(given)[0] for _ in item.choices] for item in self.items]

    def agreement(self, found: list[list[float]], wanted: list[list[float]]) -> tuple[str, ...]:
        """Items with the same choice, largest distance in nats, share of right answers."""
        own, other = np.array(found), np.array(wanted)
        same = (own.argmax(axis=1) == other.argmax(axis=1)).sum()
        gold = np.array([item.gold for item in self.items])
        right = (own.argmax(axis=1) == gold).mean()
        return f"{same} of {len(own)}", f"{np.abs(own - other).max():.1e}", f"{right:.2f}"


class Texts:
    """Questions answered in writing in every way: the texts, and the tokens they took."""

    def __init__(self, backend: TextBackend, peer: llama_cpp.Llama, count: int) -> None:
        self.requests = made_requests(backend, count, SERVER_TOKENS)
        self._backend, self._peer = backend, peer

    def ours(self) -> list[str]:
        """As a study writes, eight at a time."""
        found = self._backend.generate(self.requests, context_length=CONTEXT, slots=8)
        ordered = sorted(found, key=lambda one: one.request)
        return [one.text.strip() for one in ordered]

    def own_api(self) -> list[str]:
        """One completion after the other."""
        return [
            self._peer.create_completion(
                request.prompt.tolist(), max_tokens=SERVER_TOKENS, temperature=0.0,
                repeat_penalty=1.0,
            )["choices"][0]["text"].strip()
            for request in self.requests
        ]  # fmt: skip

    def lm_eval(self, address: str) -> list[str]:
        """Ask lm-eval's own model, which asks the server."""
        prompts = [
            self._peer.detokenize(request.prompt.tolist(), special=True).decode()
            for request in self.requests
        ]
        pairs = [(prompt, {"until": ["<|im_end|>"]}) for prompt in prompts]
        return [str(text) for text in gguf_model(address).generate_until(asked(pairs), True)]

    def agreement(self, found: list[str], wanted: list[str]) -> tuple[str, ...]:
        """Texts that are the same."""
        same = sum(a == b for a, b in zip(found, wanted, strict=True))
        return f"{same} of {len(found)}", "-", "-"


def gguf_model(address: str) -> Any:
    from lm_eval.models.gguf import GGUFLM

    return GGUFLM(base_url=address, max_length=CONTEXT)


def asked(pairs: list[Any]) -> list[SimpleNamespace]:
    return [SimpleNamespace(args=pair) for pair in pairs]


def compare(
    name: str, kind: Choices | Texts, address: str | None, server: int | None, repeats: int
) -> None:
    ways: dict[str, Callable[[], Any]] = {
        "silentzone": kind.ours,
        "llama-cpp-python": kind.own_api,
    }
    if address is not None:
        ways["lm-eval, gguf"] = lambda: kind.lm_eval(address)
    spent: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
    found: dict[str, Any] = {}
    inside: list[float] = []
    kind.ours()  # compiles and makes the context
    for _ in range(repeats):
        for way, run in ways.items():
            begin, used = time.perf_counter(), processor_seconds(server)
            with inside_llama_cpp() as decoding:
                found[way] = run()
            seconds = processor_seconds(server) - used
            spent[way].append((time.perf_counter() - begin, seconds))
            if way == "silentzone":
                inside.append(decoding[0] / spent[way][-1][0])
    rows, ours = [], spent["silentzone"]
    for way, times in spent.items():
        ratios = [
            statistics.median(own[k] / base[k] for own, base in zip(times, ours, strict=True))
            for k in (0, 1)
        ]
        rate = [len(kind.requests) / seconds for seconds, _ in times]
        says = kind.agreement(found[way], found["silentzone"])
        rows.append((way, passes.spread(rate), *(f"{ratio:.2f}" for ratio in ratios), *says))
    print(f"\n{name}: {len(kind.requests)} items; times are ratios to ours")
    header = (
        "way", "items/s", "time", "processor time", "answers as ours", "nats apart", "right"
    )  # fmt: skip
    passes.table(header, rows)
    print(f"of our time {statistics.median(inside):.0%} is llama_decode")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--server-python", type=Path)
    parser.add_argument("--items", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    options = parser.parse_args()
    set_threads(options.threads)
    model = passes.ENGINE.read_model(options.model, options.model.stem)
    settings = EngineSettings(threads=options.threads)
    peer = llama_cpp.Llama(
        str(options.model), n_ctx=CONTEXT, n_threads=options.threads,
        n_threads_batch=options.threads, flash_attn=True, logits_all=True, verbose=False,
    )  # fmt: skip
    python = options.server_python
    with contextlib.ExitStack() as stack:
        address, server = None, None
        if python is not None:
            address, server = stack.enter_context(served(python, options.model, options.threads))
        backend = stack.enter_context(passes.ENGINE.open(options.model, model, settings))
        print(f"{model.name}, {options.threads} threads, adds BOS: {backend.adds_bos}")
        compare("choices", Choices(backend, peer, options.items), address, server, options.repeats)
        compare("texts", Texts(backend, peer, options.items), address, server, options.repeats)
    peer.close()


if __name__ == "__main__":
    main()
