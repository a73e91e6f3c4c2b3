"""Build time and size of the report of a made-up audit of 41 candidates on four corpora.

Run from the repository root: ``python -m benchmarks.report_build``.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from tests.unit.report import synthetic

CANDIDATES = 41
RELATIONS = 5_000
"""An audit holds a relation per metric, corpus, score and zone; the page shows a part of them."""
REPEATS = 3


def main() -> None:
    analysis = synthetic.analysis(candidates=CANDIDATES)
    own = [row for row in analysis["relations"] if row["metric"] == "kld_p99"]
    more = range((RELATIONS - len(analysis["relations"])) // len(own) + 1)
    analysis["relations"] += [{**row, "metric": f"metric_{i}"} for i in more for row in own]
    begin = time.perf_counter()
    from silentzone.report import write_report

    print(f"import: {time.perf_counter() - begin:.2f} s")
    with tempfile.TemporaryDirectory() as folder:
        for repeat in range(REPEATS):
            begin, begin_cpu = time.perf_counter(), time.process_time()
            path = write_report(analysis, Path(folder))
            print(
                f"build {repeat + 1}: {time.perf_counter() - begin:.2f} s wall,"
                f" {time.process_time() - begin_cpu:.2f} s CPU"
            )
        print(
            f"{CANDIDATES} candidates, {len(analysis['relations'])} relations,"
            f" {len(analysis['variants'])} variants: {path.stat().st_size / 1e6:.2f} MB"
        )


if __name__ == "__main__":
    main()
