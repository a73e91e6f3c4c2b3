"""What divergences along the choices cost a benchmark pass: the same items with and without.

Four passes over the same items, taking turns: a candidate's scores alone, its scores with the
comparison, the reference's scores alone, its scores with the trace kept. Each is the whole of what
a study does, from tokenizing to the stored part, the model loaded. With one thread, processor time
is the work itself, whoever else is on the machine. Run from the repository root::

    OPENBLAS_NUM_THREADS=1 python -m benchmarks.item_divergence F16.gguf Q8_0.gguf
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import passes
from tests.golden.llama_perplexity.made_text import made_text

from silentzone.backends.base import EngineSettings
from silentzone.measure.item_trace import ItemTraceRun
from silentzone.measure.items import measure_items
from silentzone.measure.prompts import ItemComparison
from silentzone.metrics.kernels import set_threads
from silentzone.records.items import ChoiceItem
from silentzone.records.parts import PartKey
from silentzone.records.tables import PROMPTS
from silentzone.store.folder import StudyFolder

if TYPE_CHECKING:
    from silentzone.backends.base import LogitBackend
    from silentzone.metrics.head import OutputHead

CONTEXT = 2048
PAIRS = {"candidate": ("scores", "with the comparison"), "reference": ("scores", "with the trace")}


def made_items(items: int, sentences: int, choices: int) -> list[ChoiceItem]:
    """Items like PIQA's: a goal of some sentences, then one sentence per choice."""
    text = [part + "." for part in made_text().replace("\n\n", " ").split(". ")]
    made = []
    for item in range(items):
        taken = [text[(item * 7 + k) % len(text)] for k in range(sentences + choices)]
        ends = tuple(f" {end}" for end in taken[sentences:])
        made.append(
            ChoiceItem(
                item_id=str(item),
                prompt=f"Goal: {' '.join(taken[:sentences])}\nAnswer:",
                choices=ends,
                gold=0,
                lengths=tuple(len(end) - 1 for end in ends),
            )
        )
    return made


class Passes:
    """The passes over some items, each into a part of its own of one study folder."""

    def __init__(self, items: list[ChoiceItem], head: OutputHead, folder: StudyFolder) -> None:
        self._items = items
        self._head = head
        self.folder = folder
        self._count = 0

    def scores(self, backend: LogitBackend) -> dict[str, Any]:
        """Ask the items, and nothing more."""
        return measure_items(backend, self._items, "raw", CONTEXT, lambda _done: None)

    def kept(self, backend: LogitBackend) -> dict[str, Any]:
        """Ask the items and store the trace."""
        key = PartKey.of("item_trace", run=self._next())
        with ItemTraceRun(backend.model, self._head, self.folder, "own", key) as run:
            return measure_items(backend, self._items, "raw", CONTEXT, lambda _done: None, run)

    def compared(self, backend: LogitBackend) -> dict[str, Any]:
        """Ask the items, compare with the trace and store the table."""
        trace = self.folder.item_trace("own")
        assert trace is not None, "the reference comes first"
        comparison = ItemComparison(trace, self._head, self._items)
        columns = measure_items(
            backend, self._items, "raw", CONTEXT, lambda _done: None, comparison
        )
        key = PartKey.of("prompts", run=self._next())
        self.folder.write_table(PROMPTS, "own", "candidate", comparison.table(), key)
        return columns

    def _next(self) -> int:
        self._count += 1
        return self._count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("reference", type=Path)
    parser.add_argument("candidate", type=Path)
    parser.add_argument("--items", type=int, default=48)
    parser.add_argument("--sentences", type=int, default=2, help="of a prompt")
    parser.add_argument("--choices", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    set_threads(options.threads)
    settings = EngineSettings(threads=options.threads)
    head = passes.ENGINE.output_head(options.reference)
    assert head is not None, "the reference's head has no exact form"
    items = made_items(options.items, options.sentences, options.choices)
    times: dict[tuple[str, str], list[float]] = {}
    with tempfile.TemporaryDirectory() as name:
        runs = Passes(items, head, StudyFolder(Path(name) / "study").create())
        for role, path in (("reference", options.reference), ("candidate", options.candidate)):
            model = passes.ENGINE.read_model(path, path.stem)
            with passes.ENGINE.open(path, model, settings) as backend:
                more = runs.kept if role == "reference" else runs.compared
                plain = PAIRS[role][0]
                first, scores = more(backend), runs.scores(backend)  # compiles, makes contexts
                assert first == scores, "looking on must change no score"
                for _ in range(options.repeats):
                    for way, run in ((plain, runs.scores), (PAIRS[role][1], more)):
                        begin = time.process_time()
                        run(backend)
                        times.setdefault((role, way), []).append(time.process_time() - begin)
        report(runs, items, times)


def report(
    runs: Passes, items: list[ChoiceItem], times: dict[tuple[str, str], list[float]]
) -> None:
    trace = runs.folder.item_trace("own")
    assert trace is not None
    stored = sum(path.stat().st_size for path in trace.path.iterdir())
    print(f"{len(items)} items, {len(trace.rows) / len(items):.1f} tokens of choices each")
    print(f"the trace: {trace.form}, {stored:,} bytes; {trace.header['form_reason']}")
    print(f"rebuilt logits: {trace.rebuild_error}")
    rows: list[tuple[str, ...]] = []
    for role, ways in PAIRS.items():
        for way in ways:
            pairs = zip(times[role, way], times[role, ways[0]], strict=True)
            ratio = statistics.median(own / other for own, other in pairs)
            rows.append((role, way, passes.spread(times[role, way]), f"{ratio:.2f}"))
    print("seconds of processor time: median (smallest-largest)")
    passes.table(("pass", "way", "seconds", "ratio"), rows)


if __name__ == "__main__":
    main()
