"""Peak memory and time of passes over windows of 512 tokens and over one of 32,768.

Each pass is a process of its own, over the same number of tokens; the candidate is the reference's
file with a quantized cache, so its KLD by the place in the window says what the cache loses (its
kernel is a slower one on a CPU: with ``--own-cache`` it keeps F16, and its KLD is nothing). The
attention of a long window takes time by the square of its length, its logits do not: with
``--layers`` the model is cut to its first layers, which keeps what this is about, the memory of
the logits, and makes no sense of the text. Run from the repository root::

    python -m benchmarks.long_context MODEL.gguf TEXT [--layers 2]
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import gguf
from benchmarks import passes

from silentzone.analysis.spread import position_spread
from silentzone.backends.base import EngineSettings
from silentzone.backends.llama_cpp.kv_cache import kv_cache_bytes
from silentzone.records.tables import TOKENS
from silentzone.stats.clusters import ClusterPartition
from silentzone.store.folder import StudyFolder

PASSES = ("load", "reference", "candidate")
CACHE = {"cache_k": "q8_0", "cache_v": "q4_0"}


def cut_model(source: Path, target: Path, layers: int) -> Path:
    """Write a model of the first layers of another one."""
    reader = gguf.GGUFReader(source)
    architecture = reader.fields["general.architecture"].contents()
    writer = gguf.GGUFWriter(target, architecture)
    for field in reader.fields.values():
        if field.name.startswith("GGUF.") or field.name == "general.architecture":
            continue
        value = field.contents()
        if field.name == f"{architecture}.block_count":
            value = layers
        inner = field.types[-1] if field.types[0] == gguf.GGUFValueType.ARRAY else None
        writer.add_key_value(field.name, value, field.types[0], sub_type=inner)
    for tensor in reader.tensors:
        block = re.match(r"blk\.(\d+)\.", tensor.name)
        if block is None or int(block[1]) < layers:
            writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return target


def run_pass(name: str, context: int, place: Path, options: argparse.Namespace) -> None:
    """Run one pass in this process and print what it took as JSON."""
    path, threads = options.model, options.threads
    reference = passes.ENGINE.read_model(path, "reference")
    corpus = replace(
        passes.corpus_job(reference, options.text, options.tokens // context),
        context_length=context,
        first_scored=context // 2,
    )
    folder = StudyFolder(place).create()
    begin = time.perf_counter()
    if name == "load":
        with passes.ENGINE.open(path, reference, EngineSettings(threads=threads)):
            pass
    elif name == "reference":
        passes.reference_pass(path, reference, corpus, folder, threads)
    else:
        cache = {} if options.own_cache else CACHE
        model = replace(reference, name="candidate", **cache)
        passes.candidate_pass(path, model, path, reference, corpus, folder, threads)
    seconds = time.perf_counter() - begin
    peak = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"seconds": seconds, "peak_bytes": peak}))


def run_alone(name: str, context: int, place: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Run one pass in a process of its own."""
    command = [
        sys.executable, "-m", "benchmarks.long_context", str(options.model), str(options.text),
        "--tokens", str(options.tokens), "--threads", str(options.threads),
        *(["--own-cache"] if options.own_cache else []),
        "--only", name, str(context), str(place),
    ]  # fmt: skip
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def by_depth(folder: StudyFolder) -> None:
    """Print the mean KLD of the candidate by the place in the window."""
    table = folder.read_table(TOKENS, "text", "candidate")
    kld, _ = table.floats("kl_divergence")
    confidence, _ = table.floats("reference_top1_probability")
    depth = table.integers("position")[0]
    clusters = ClusterPartition.of(table.integers("window")[0], unit="window")
    spread = position_spread(kld, confidence, depth, clusters)
    passes.table(
        ("positions", "mean KLD, nats"),
        [
            (f"{one.low:,.0f} to {one.high - 1:,.0f}", f"{one.kld.value:.2e}")
            for one in spread.depth
        ],
    )


def measure(context: int, place: Path, options: argparse.Namespace) -> list[tuple[str, ...]]:
    """Run the passes at one context length; a row each."""
    model = passes.ENGINE.read_model(options.model, "reference")
    logits = 4 * model.vocabulary_size * (context - 1 - context // 2)
    rows = []
    loaded = 0
    for name in PASSES:
        found = run_alone(name, context, place, options)
        loaded = loaded or found["peak_bytes"]
        types = CACHE if name == "candidate" and not options.own_cache else {}
        cache = kv_cache_bytes(options.model, max(context, 2048), **types)
        rows.append(
            (
                f"{context:,}", name, f"{found['seconds']:.0f} s",
                f"{found['peak_bytes'] / 2**20:,.0f} MiB",
                f"{(found['peak_bytes'] - loaded) / 2**20:,.0f} MiB",
                f"{(cache or 0) / 2**20:,.0f} MiB", f"{logits / 2**20:,.0f} MiB",
            )
        )  # fmt: skip
        print(*rows[-1], file=sys.stderr, flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("text", type=Path)
    parser.add_argument("--contexts", type=int, nargs="+", default=[512, 32_768])
    parser.add_argument("--tokens", type=int, default=32_768)
    parser.add_argument("--layers", type=int)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--own-cache", action="store_true", help="let the candidate keep F16")
    parser.add_argument("--only", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only is not None:
        name, context, place = options.only
        run_pass(name, int(context), Path(place), options)
        return
    with tempfile.TemporaryDirectory() as scratch:
        if options.layers is not None:
            cut = Path(scratch) / "cut.gguf"
            options.model = cut_model(options.model, cut, options.layers)
        rows: list[tuple[str, ...]] = []
        for context in options.contexts:
            place = Path(scratch) / str(context)
            rows += measure(context, place, options)
            print(f"\nKLD by the place in windows of {context:,} tokens")
            by_depth(StudyFolder(place))
        trained = passes.ENGINE.read_model(options.model, "model").training_context_length
        print(f"\n{options.tokens:,} tokens a pass; the model was trained on {trained:,}")
        header = ("window", "pass", "time", "peak memory", "above the model's", "KV cache",
                  "logits of one window")  # fmt: skip
        passes.table(header, rows)


if __name__ == "__main__":
    main()
