"""Peak memory of a reference and a candidate pass over a model with 262,144 vocabulary entries.

Each pass is a process of its own. They are compared with two things: a process that only loads
the model, and the size of one window's logits, several of which a careless pass would hold at
once. The candidate is the same file: this is about memory, and its KLD is the rebuild error. Run
from the repository root::

    python -m benchmarks.large_vocabulary [--engine transformers]
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import passes

from silentzone.backends.base import EngineSettings
from silentzone.records.tables import TOKENS
from silentzone.store.folder import StudyFolder

PASSES = ("load", "reference", "candidate")


def run_pass(name: str, path: Path, text: Path, place: Path, options: argparse.Namespace) -> None:
    """Run one pass in this process and print what it took as JSON."""
    passes.use_engine(options.engine)
    reference = passes.ENGINE.read_model(path, "reference")
    corpus = passes.corpus_job(reference, text, options.windows)
    folder = StudyFolder(place).create()
    begin = time.perf_counter()
    if name == "load":
        with passes.ENGINE.open(path, reference, EngineSettings(threads=options.threads)):
            pass
    elif name == "reference":
        passes.reference_pass(path, reference, corpus, folder, options.threads)
    else:
        model = passes.ENGINE.read_model(path, "candidate")
        passes.candidate_pass(path, model, path, reference, corpus, folder, options.threads)
    seconds = time.perf_counter() - begin
    peak = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"seconds": seconds, "peak_bytes": peak}))


def report(place: Path, measured: dict[str, dict[str, float]], vocabulary: int) -> None:
    folder = StudyFolder(place)
    trace = folder.trace("text")
    window = 4 * vocabulary * trace.positions_per_window
    stored = sum(path.stat().st_size for path in trace.path.iterdir())
    print(f"{vocabulary:,} vocabulary entries, {trace.window_count} windows of 512 tokens")
    print(f"logits of one window's scored positions: {window / 1e6:.0f} MB")
    print(f"trace: {trace.form} ({trace.header['form_reason']}), {stored / 1e6:.2f} MB")
    print(f"rebuild error: {trace.rebuild_error}")
    kld, _ = folder.read_table(TOKENS, "text", "candidate").floats("kl_divergence")
    print(f"KLD of the file against itself: mean {kld.mean():.1e}, largest {kld.max():.1e} nats")
    base = measured["load"]["peak_bytes"]
    rows = [
        (
            name,
            f"{took['peak_bytes'] / 1e6:.0f} MB",
            f"{(took['peak_bytes'] - base) / window:+.2f}",
            f"{took['seconds']:.1f} s",
        )
        for name, took in measured.items()
    ]
    passes.table(("pass", "peak RSS", "beyond load, in windows", "time"), rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, help="default: gemma-3-270m, fetched")
    parser.add_argument("--engine", default="llama_cpp", choices=("llama_cpp", "transformers"))
    parser.add_argument("--text", type=Path, help="default: a made text of 8 windows")
    parser.add_argument("--windows", type=int, default=3)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--pass", dest="only", choices=PASSES, help=argparse.SUPPRESS)
    parser.add_argument("--study", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only:
        run_pass(options.only, options.model, options.text, options.study, options)
        return
    path = options.model
    if path is None:
        from silentzone.studies.assets import fetch_asset

        path = fetch_asset("gemma-3-270m")
    with tempfile.TemporaryDirectory() as scratch:
        text = passes.text_file(options.text, Path(scratch))
        place = Path(scratch) / "study"
        call = [sys.executable, "-m", "benchmarks.large_vocabulary", "--model", str(path)]
        call += ["--text", str(text), "--study", str(place), "--windows", str(options.windows)]
        call += ["--threads", str(options.threads), "--engine", options.engine]
        measured = {}
        for name in PASSES:
            done = subprocess.run([*call, "--pass", name], check=True, stdout=subprocess.PIPE)
            measured[name] = json.loads(done.stdout.splitlines()[-1])
        report(place, measured, passes.ENGINE.read_model(path, "model").vocabulary_size)


if __name__ == "__main__":
    main()
