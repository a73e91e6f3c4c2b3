"""Time and peak memory of reading tables made by others, each in a process of its own.

Run from the repository root: ``python -m benchmarks.table_reading``.
"""

from __future__ import annotations

import csv
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

MODELS = 41
ITEMS = 20_000
TABLE_ROWS = 100_000
REPEATS = 3
COLUMNS = (
    "model,benchmark,item_id,score,cluster,repeat,status,confidence,prediction,margin,divergence"
)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        for path in _write(Path(name)):
            for repeat in range(REPEATS):
                done = subprocess.run(
                    [sys.executable, "-m", "benchmarks.table_reading", path],
                    check=True,
                    capture_output=True,
                    text=True,
                )
                print(
                    f"{path.name}, {path.stat().st_size / 1e6:.0f} MB, run {repeat + 1}: "
                    f"{done.stdout.strip()}"
                )


def _write(folder: Path) -> list[Path]:
    import pyarrow.csv
    import pyarrow.parquet

    rng = np.random.default_rng(1)
    paths = [folder / f"items.{kind}" for kind in ("csv", "parquet", "jsonl")]
    with paths[0].open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS.split(","))
        for model in range(MODELS):
            columns = (
                rng.integers(0, 2, ITEMS),
                rng.random(ITEMS),
                rng.normal(size=ITEMS),
                rng.exponential(0.01, ITEMS),
            )
            writer.writerows(
                (
                    *(f"model-{model}", f"bench-{item // 4000}", f"item-{item:06d}", score),
                    *(f"doc-{item // 10}", 0, "ok", confidence, "ABCD"[item % 4]),
                    *(margin, divergence),
                )
                for item, (score, confidence, margin, divergence) in enumerate(
                    zip(*columns, strict=True)
                )
            )
    table = pyarrow.csv.read_csv(paths[0])
    pyarrow.parquet.write_table(table, paths[1])
    with paths[2].open("w") as file:
        file.writelines(
            json.dumps(row) + "\n" for batch in table.to_batches() for row in batch.to_pylist()
        )
    return [*paths, _write_cohort(folder / "cohort.csv", rng)]


def _write_cohort(path: Path, rng: np.random.Generator) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        prefixes = ("bits_per_weight", "file_bytes", "fidelity.a", "fidelity.b", "score.c")
        writer.writerow(["name", *prefixes, "score.d", "n_items.c"])
        for row in range(TABLE_ROWS):
            writer.writerow([f"m{row}", 4.5, 4_500_000_000, *rng.random(4), 1000])
    return path


def read(path: Path) -> None:
    from silentzone.importers.kinds import detect_kind

    begin = time.perf_counter()
    if detect_kind(path) == "table":
        from silentzone.importers.cohort_table import read_cohort_table

        read_cohort_table(path)
    else:
        from silentzone.importers.items_table import read_items_table

        read_items_table(path)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    wall, cpu = time.perf_counter() - begin, time.process_time()
    print(f"{wall:.2f} s to read, {cpu:.2f} s CPU of the whole process, peak {peak / 1e9:.2f} GB")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        read(Path(sys.argv[1]))
    else:
        main()
