"""Time and peak memory of exporting a study's answers, each format in a process of its own.

Run from the repository root: ``python -m benchmarks.table_writing``.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

MODELS = 41
ITEMS = 20_000
POSITIONS = 150_000
FORMATS = ("items-table", "flipeval", "tables")
REPEATS = 2


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        study = Path(name) / "study"
        _write(study)
        for form in FORMATS:
            for repeat in range(REPEATS):
                out = Path(name) / f"{form}-{repeat}"
                done = subprocess.run(
                    [sys.executable, "-m", "benchmarks.table_writing", form, study, out],
                    check=True,
                    capture_output=True,
                    text=True,
                )
                files = [out] if out.is_file() else list(out.rglob("*.*"))
                size = sum(path.stat().st_size for path in files if path.is_file())
                print(f"{form}, {size / 1e6:.0f} MB, run {repeat + 1}: {done.stdout.strip()}")
                for path in files:
                    path.unlink(missing_ok=True) if path.is_file() else None


def _write(root: Path) -> None:
    """Answers of every model to one benchmark, and the positions of four models on one corpus."""
    from silentzone.records.parts import PartKey
    from silentzone.records.tables import ITEMS as ANSWERS
    from silentzone.records.tables import TOKENS
    from silentzone.store.folder import StudyFolder

    folder = StudyFolder(root).create()
    rng = np.random.default_rng(1)
    names = [f"model-{place}" for place in range(MODELS)]
    models = [{"name": name, "sha256": name.ljust(64, "0")} for name in names]
    folder.write_manifest(
        {
            "reference": models[0],
            "candidates": models[1:],
            "corpora": [{"name": "text"}],
            "benchmarks": [{"name": "quiz"}],
        }
    )
    nothing = [None] * ITEMS
    columns: dict[str, object] = {one.name: nothing for one in ANSWERS.columns}
    columns |= {
        "item_id": [f"item-{place:06d}" for place in range(ITEMS)],
        "repeat": np.zeros(ITEMS, np.int32),
        "status": ["ok"] * ITEMS,
        "prediction": ["ABCD"[place % 4] for place in range(ITEMS)],
        "prompt_sha256": [f"{place:064x}" for place in range(ITEMS)],
    }
    for model in models:
        drawn = {
            "score": rng.integers(0, 2, ITEMS).astype(float),
            "confidence": rng.random(ITEMS),
            "margin": rng.normal(size=ITEMS),
        }
        key = PartKey.of(ANSWERS.name, model_sha256=model["sha256"])
        folder.write_table(ANSWERS, "quiz", model["name"], {**columns, **drawn}, key)
    for model in models[1:5]:
        values = {
            one.name: rng.random(POSITIONS) if one.kind == "float64" else np.ones(POSITIONS, bool)
            for one in TOKENS.columns
            if one.kind in {"float64", "bool"}
        }
        values |= {
            one.name: np.arange(POSITIONS, dtype=np.int32)
            for one in TOKENS.columns
            if one.kind == "int32"
        }
        key = PartKey.of(TOKENS.name, candidate_sha256=model["sha256"])
        folder.write_table(
            TOKENS, "text", model["name"], {**values, "status": ["ok"] * POSITIONS}, key
        )


def write(form: str, study: Path, out: Path) -> None:
    from silentzone.cli.main import run_command_line

    begin = time.perf_counter()
    code = run_command_line(["export", form, str(study), "--out", str(out), "--quiet"])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    wall, cpu = time.perf_counter() - begin, time.process_time()
    print(f"{wall:.2f} s, {cpu:.2f} s CPU of the whole process, peak {peak / 1e9:.2f} GB")
    sys.exit(code)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        write(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        main()
