"""Our candidate pass beside llama-perplexity --kl-divergence on the same windows.

Both are whole processes: start, model load, decoding, every metric, and what is left behind (a
Parquet table of 14 values per position here, printed averages there). Neither hashes the model.
The two alternate, after one run of each that is not counted. What they are compared with is the
tool itself at the same ``-b``, ``-ub`` and ``-t``. Run from the repository root, alone on the
machine::

    python -m benchmarks.candidate_pass --tool LLAMA_PERPLEXITY F16.gguf Q8_0.gguf Q4_0.gguf
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from benchmarks import passes

from silentzone.backends.base import EngineSettings
from silentzone.execution.processes import run_in_worker
from silentzone.measure.candidate import PositionRows, TraceReader, windows_of
from silentzone.measure.protocol import tokens_key
from silentzone.measure.session import TASK
from silentzone.measure.trace_rows import row_blocks
from silentzone.metrics.kernels import compare_rows, set_threads
from silentzone.records.tables import TOKENS
from silentzone.store.folder import StudyFolder

SWEPT = 4
"""Times that a comparison reads T x V float32: argmax, the first sweep, the second over both."""
COPIED_BYTES = 2**28


class Sides:
    """The two programs, on one reference and one text."""

    def __init__(self, options: argparse.Namespace, scratch: Path) -> None:
        self.tool, self.threads, self.scratch = options.tool, options.threads, scratch
        self.reference_path = options.reference
        self.reference = passes.ENGINE.read_model(options.reference, "reference")
        self.text = passes.text_file(options.text, scratch)
        self.corpus = passes.corpus_job(self.reference, self.text, options.windows)
        self.folder = StudyFolder(scratch / "study").create()
        self.base = scratch / "base.dat"
        self.call = [str(self.tool.absolute()), "-c", "512", "-b", "2048", "-ub", "512"]
        self.call += ["-t", str(self.threads), "--kl-divergence-base", str(self.base)]

    def prepare(self) -> None:
        """Run the reference through both."""
        text = ["-f", str(self.text), "--chunks", str(self.corpus.windows)]
        self._run([*self.call, "-m", str(self.reference_path), *text])
        passes.reference_pass(
            self.reference_path, self.reference, self.corpus, self.folder, self.threads
        )
        trace = self.folder.trace(self.corpus.name)
        stored = sum(path.stat().st_size for path in trace.path.iterdir())
        base = self.base.stat().st_size
        print(f"{trace.window_count} windows of 512, {trace.form}: {trace.header['form_reason']}")
        print(f"reference on disk: {stored:,} bytes here, {base:,} there ({base / stored:.0f} x)")

    def theirs(self, path: Path) -> tuple[float, float]:
        """Seconds and mean KLD of the tool."""
        begin = time.perf_counter()
        printed = self._run([*self.call, "-m", str(path), "--kl-divergence"])
        seconds = time.perf_counter() - begin
        found = re.search(r"Mean +KLD: +(-?[\d.]+)", printed)
        assert found is not None, printed[-2000:]
        return seconds, float(found[1])

    def ours(self, path: Path, run: str) -> tuple[float, float]:
        """Seconds and mean KLD of a worker process as a study starts it."""
        model = passes.ENGINE.read_model(path, run)
        job = passes.candidate_job(
            path, model, self.reference_path, self.reference, self.corpus, self.folder, self.threads
        )
        begin = time.perf_counter()
        result = run_in_worker(TASK, job.to_json(), what=f"measuring {run}")
        seconds = time.perf_counter() - begin
        assert not result["failures"], result["failures"]
        kld, _ = self.folder.read_table(TOKENS, self.corpus.name, run).floats("kl_divergence")
        return seconds, float(kld.mean())

    @staticmethod
    def _run(call: list[str]) -> str:
        done = subprocess.run(call, check=True, capture_output=True, timeout=600)
        return done.stdout.decode("utf-8", "replace")


def beside_each_other(sides: Sides, candidates: list[Path], repeats: int) -> None:
    rows = []
    for path in candidates:
        theirs, ours = [], []
        for repeat in range(repeats + 1):
            first, kld_theirs = sides.theirs(path)
            second, kld_ours = sides.ours(path, f"{path.stem} {repeat}")
            if repeat:
                theirs.append(first)
                ours.append(second)
        ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
        cells = (passes.spread(theirs), passes.spread(ours), passes.spread(ratios))
        rows.append((path.stem, *cells, f"{kld_theirs:.6f}", f"{kld_ours:.6f}"))
    print(f"\nwhole processes, seconds: median (smallest-largest) of {repeats}, alternating")
    header = ("candidate", "llama-perplexity", "silentzone", "ratio", "KLD there", "KLD here")
    passes.table(header, rows)


def shares(sides: Sides, path: Path) -> None:
    """Where the time of one pass goes, in this process, the compiled code warm."""
    set_threads(sides.threads)
    model = passes.ENGINE.read_model(path, f"{path.stem} shares")
    trace = sides.folder.trace(sides.corpus.name)
    head = passes.ENGINE.output_head(sides.reference_path) if trace.form == "hidden" else None
    reader, rows = TraceReader(trace, head), PositionRows()
    spent = dict.fromkeys(("decode", "rebuild", "metrics", "storage"), 0.0)
    with passes.ENGINE.open(path, model, EngineSettings(threads=sides.threads)) as backend:
        key = tokens_key(model, sides.reference, sides.corpus, backend.info)
        mark = time.perf_counter()

        def until_now(part: str) -> None:
            nonlocal mark
            now = time.perf_counter()
            spent[part] += now - mark
            mark = now

        tokens = windows_of(reader, range(trace.window_count))
        for window in backend.window_logits(tokens, reader.plan):
            until_now("decode")
            logits = np.ascontiguousarray(window.logits_TV)
            for block in row_blocks(*logits.shape):
                part = slice(window.start + block.start, window.start + block.stop)
                rebuilt = reader.logits(window.index, part)
                until_now("rebuild")
                described = reader.described(window.index, part)
                observed = reader.observed(window.index)[part]
                metrics = compare_rows(rebuilt, logits[block], observed, described)
                until_now("metrics")
                rows.add(reader, window.index, metrics, described, part)
                until_now("storage")
        sides.folder.write_table(TOKENS, sides.corpus.name, model.name, rows.table(), key)
        until_now("storage")
    total = sum(spent.values())
    print(f"\nshares of one pass of {path.stem}, model loaded: {total:.2f} s")
    table = [
        (part, f"{seconds:.2f} s", f"{seconds / total:.0%}") for part, seconds in spent.items()
    ]
    passes.table(("part", "time", "share"), table)
    swept = SWEPT * 4 * len(rebuilt) * trace.vocabulary_size * trace.window_count
    bandwidth = copy_bandwidth(sides.threads)
    kernel = swept / spent["metrics"]
    print(
        f"metrics read {kernel / 1e9:.1f} GB/s; a copy moves {bandwidth / 1e9:.1f} GB/s with "
        f"{sides.threads} threads ({kernel / bandwidth:.0%})"
    )


def copy_bandwidth(threads: int) -> float:
    """Bytes read and written per second by a plain copy, the best of five."""
    source = np.ones(COPIED_BYTES // 4, np.float32)
    target = np.empty_like(source)
    parts = [
        slice(k * len(source) // threads, (k + 1) * len(source) // threads) for k in range(threads)
    ]
    seconds = []
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(6):
            begin = time.perf_counter()
            list(pool.map(lambda part: np.copyto(target[part], source[part]), parts))
            seconds.append(time.perf_counter() - begin)
    return 2 * COPIED_BYTES / min(seconds[1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tool", type=Path, required=True, help="llama-perplexity")
    parser.add_argument("--text", type=Path, help="default: a made text of 8 windows")
    parser.add_argument("--windows", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("reference", type=Path)
    parser.add_argument("candidates", type=Path, nargs="+")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        sides = Sides(options, Path(scratch))
        sides.prepare()
        beside_each_other(sides, options.candidates, options.repeats)
        shares(sides, options.candidates[0])


if __name__ == "__main__":
    main()
