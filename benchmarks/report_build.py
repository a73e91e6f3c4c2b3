"""Build time, size and opening time of the report of a made-up audit of 41 candidates.

Four corpora, and 20,000 changed answers with prompts of 400 characters and four choices: as many as
a report ever holds. Opening is the time of a headless Chromium until the items can be filtered,
less that of an empty page.

Run from the repository root: ``python -m benchmarks.report_build``.
"""

from __future__ import annotations

import random
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.end_to_end.browser import CHROMIUM, browse
from tests.unit.report import synthetic

CANDIDATES = 41
CHANGES = 20_000
RELATIONS = 5_000
"""An audit holds a relation per metric, corpus, score and zone; the page shows a part of them."""
REPEATS = 3
WORDS = Path(__file__).read_text("utf-8").split()


def main() -> None:
    analysis = synthetic.analysis(candidates=CANDIDATES)
    own = [row for row in analysis["relations"] if row["metric"] == "kld_p99"]
    more = range((RELATIONS - len(analysis["relations"])) // len(own) + 1)
    analysis["relations"] += [{**row, "metric": f"metric_{i}"} for i in more for row in own]
    flips = _flips([model["name"] for model in analysis["candidates"]])
    begin = time.perf_counter()
    from silentzone.report import write_report

    print(f"import: {time.perf_counter() - begin:.2f} s")
    with tempfile.TemporaryDirectory() as folder:
        for repeat in range(REPEATS):
            begin, begin_cpu = time.perf_counter(), time.process_time()
            path = write_report(analysis, Path(folder) / "report", flips)
            print(
                f"build {repeat + 1}: {time.perf_counter() - begin:.2f} s wall,"
                f" {time.process_time() - begin_cpu:.2f} s CPU"
            )
        figures = list((path.parent / "figures").glob("*.svg"))
        print(
            f"{CANDIDATES} candidates, {len(analysis['relations'])} relations,"
            f" {len(analysis['variants'])} variants, {len(flips['changes'])} changed answers:"
            f" {path.stat().st_size / 1e6:.2f} MB, {len(figures)} drawings as SVG and PNG"
        )
        if CHROMIUM:
            _open(path, Path(folder))


def _open(path: Path, folder: Path) -> None:
    empty = folder / "empty.html"
    empty.write_text("<!DOCTYPE html><title>empty</title>")
    seconds: dict[str, list[float]] = {"empty": [], "report": []}
    for repeat in range(REPEATS):
        for name, page in (("empty", empty), ("report", path)):
            begin = time.perf_counter()
            dom, _ = browse(page, folder / f"profile-{name}-{repeat}")
            seconds[name].append(time.perf_counter() - begin)
        assert f"{CHANGES} changed answers" in dom
    middle = {name: statistics.median(values) for name, values in seconds.items()}
    print(
        f"opening: {middle['report'] - middle['empty']:.2f} s more than an empty page"
        f" ({middle['report']:.2f} and {middle['empty']:.2f} s, medians of {REPEATS})"
    )


def _flips(models: list[str]) -> dict[str, Any]:
    rng = random.Random(1)  # noqa: S311 - made-up words

    def text(characters: int) -> str:
        return " ".join(rng.choices(WORDS, k=characters // 6))[:characters]

    questions, changes = [], []
    for k in range(CHANGES):
        answer = {
            "score": 1.0,
            "prediction": "0",
            "log_likelihoods": [round(-rng.expovariate(0.02), 4) for _ in range(4)],
            "text": None,
        }
        questions.append(
            {
                "benchmark": k % 3, "item": f"item-{k:05d}", "cluster": None, "prompt": text(400),
                "choices": [text(60) for _ in range(4)], "gold": "0", "rule": "choice",
                "reference": answer, "harmed": 1, "gained": 0, "candidates": len(models),
            }
        )  # fmt: skip
        changes.append(
            {
                "question": k, "model": k % len(models), "kind": "harm", **answer,
                "log_likelihoods": [round(-rng.expovariate(0.02), 4) for _ in range(4)],
                "score": 0.0, "prediction": "1", "divergence": rng.random(), "shared_tokens": None,
            }
        )  # fmt: skip
    return {
        "schema_version": 1,
        "reference": "F16",
        "models": models,
        "benchmarks": [{"name": name, "items": CHANGES} for name in ("a", "b", "c")],
        "questions": questions,
        "changes": changes,
        "left_out": [],
    }


if __name__ == "__main__":
    main()
