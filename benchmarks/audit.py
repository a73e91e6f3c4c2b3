"""Time and memory of the whole audit of a large study, made up for the purpose.

Prints the seconds of ``analyze_study`` and the peak memory of the process that ran it, beside the
floor: reading the same tables and nothing else.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

CANDIDATES, POSITIONS, ITEMS, BENCHMARKS = 41, 150_000, 20_000, 4
PER_WINDOW = 255


def write_study(root: Path) -> None:
    """Make a study folder through the real store: positions and items of a known shape."""
    from silentzone.records.parts import PartKey
    from silentzone.records.tables import ITEMS as ITEM_TABLE
    from silentzone.records.tables import TOKENS
    from silentzone.store.folder import StudyFolder

    folder, rng = StudyFolder(root).create(), np.random.default_rng(7)
    names = [f"Q{k:02d}" for k in range(CANDIDATES)]
    scale = np.geomspace(0.002, 1.0, CANDIDATES)
    for name, size in zip(names, scale, strict=True):
        key = PartKey.of("tokens", candidate_sha256=name, reference_sha256="F16", corpus="text")
        folder.write_table(TOKENS, "text", name, positions(float(size), rng), key)
    per_benchmark = ITEMS // BENCHMARKS
    for number in range(BENCHMARKS):
        margin = rng.normal(0.7, 1.0, per_benchmark)
        for name, size in (("F16", 0.0), *zip(names, np.sqrt(scale), strict=True)):
            moved = margin - 0.3 * size + size * rng.normal(size=per_benchmark)
            key = PartKey.of("items", model_sha256=name, items=str(number))
            folder.write_table(ITEM_TABLE, f"b{number}", name, answers(moved, rng), key)
    folder.write_manifest(manifest(names, per_benchmark))


def positions(scale: float, rng: np.random.Generator) -> dict[str, Any]:
    windows = POSITIONS // PER_WINDOW
    n = windows * PER_WINDOW
    shared = np.repeat(rng.normal(0, 0.3, windows), PER_WINDOW)
    kld = scale * np.exp(rng.normal(-1, 1.5, n) + shared)
    nll = rng.gamma(2.0, 1.0, n)
    return {
        "window": np.repeat(np.arange(windows, dtype=np.int32), PER_WINDOW),
        "document": [None] * n,
        "position": np.tile(np.arange(PER_WINDOW, dtype=np.int32), windows),
        "token_id": np.arange(n, dtype=np.int32),
        "status": ["ok"] * n,
        "reference_nll": nll,
        "candidate_nll": np.maximum(0.0, nll + rng.normal(0, 0.3, n) * np.sqrt(scale) + kld),
        "kl_divergence": kld,
        "reverse_kl_divergence": 1.1 * kld,
        "js_divergence": np.minimum(0.25 * kld, 0.69),
        "total_variation": np.minimum(np.sqrt(kld / 2), 1.0),
        "delta_p": np.clip(rng.normal(0, 0.05, n) * np.sqrt(scale), -1, 1),
        "reference_entropy": rng.gamma(2.0, 0.8, n),
        "candidate_entropy": rng.gamma(2.0, 0.8, n),
        "reference_top1_probability": rng.uniform(0.1, 1.0, n),
        "top1_match": rng.random(n) > 0.1 * scale,
        "top5_match": rng.random(n) > 0.02 * scale,
        "top5_overlap": np.full(n, 5, dtype=np.int32),
        "reference_top1_rank": np.ones(n, dtype=np.int32),
    }


def answers(margin: np.ndarray, rng: np.random.Generator) -> dict[str, Any]:
    n = len(margin)
    score = (margin > 0).astype(float)
    return {
        "item_id": [f"item-{k}" for k in range(n)],
        "cluster_id": [None] * n,
        "repeat": np.zeros(n, dtype=np.int32),
        "status": ["ok"] * n,
        "score": score,
        "score_raw": score,
        "score_normalized": score,
        "prediction": ["0" if right else "1" for right in score],
        "target": ["0"] * n,
        "choice_log_likelihoods": [[-1.0, -2.0]] * n,
        "margin": margin,
        "confidence": 1 / (1 + np.exp(-np.abs(margin + rng.normal(0, 0.1, n)))),
        "prompt_tokens": np.ones(n, dtype=np.int32),
        "choice_tokens": np.ones(n, dtype=np.int32),
        "prompt_sha256": [f"{k:x}" for k in range(n)],
    }


def manifest(names: list[str], per_benchmark: int) -> dict[str, Any]:
    from silentzone.records.config import ModelEntry, StudyConfig

    def model(name: str, size: int) -> dict[str, Any]:
        return {
            "name": name, "sha256": name, "file_bytes": size, "bits_per_weight": 4.0,
            "weight_format": "x", "is_quantized": name != "F16", "memory_bytes": size,
        }  # fmt: skip

    config = StudyConfig(
        name="audit",
        seed=1,
        reference=ModelEntry(name="F16", path="F16.gguf"),
        candidates=tuple(ModelEntry(name=name, path=f"{name}.gguf") for name in names),
        corpora=(),
    )
    plan = {"context_length": 2 * PER_WINDOW + 2, "first_scored": PER_WINDOW + 1, "add_bos": True}
    return {
        "study": {"name": "audit", "seed": 1, "created_at": None, "package_version": "-",
                  "command": "-"},
        "config": asdict(config),
        "reference": model("F16", 10**6),
        "candidates": [model(name, 10**5 - k) for k, name in enumerate(names)],
        "corpora": [{"name": "text", "description": "", "plan": plan, "document_count": None,
                     "window_count": POSITIONS // PER_WINDOW, "text_sha256": "0"}],
        "benchmarks": [
            {"name": f"b{k}", "description": "", "source": "", "licence": "", "headline": "raw",
             "item_count": per_benchmark, "chance": 0.25}
            for k in range(BENCHMARKS)
        ],
        "engine": {"name": "-", "version": "-", "build": "-", "device": "-", "settings": []},
        "failures": [],
        "timings": {},
    }  # fmt: skip


def timed(root: Path, *, only_read: bool) -> dict[str, float]:
    """Run the audit, or the reading alone, in this process."""
    from silentzone.analysis.study import analyze_study
    from silentzone.records.tables import ITEMS as ITEM_TABLE
    from silentzone.records.tables import TOKENS
    from silentzone.store.folder import StudyFolder

    folder = StudyFolder(root)
    started = time.perf_counter()
    if only_read:
        names = [one["name"] for one in folder.manifest()["candidates"]]
        for name in names:
            folder.read_table(TOKENS, "text", name)
            for k in range(BENCHMARKS):
                folder.read_table(ITEM_TABLE, f"b{k}", name)
    else:
        analysis = analyze_study(folder, rng_seed=1)
        print(json.dumps({k: len(v) for k, v in analysis.items() if isinstance(v, list)}),
              file=sys.stderr)  # fmt: skip
    return {
        "seconds": time.perf_counter() - started,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--study", type=Path)
    parser.add_argument("--only-read", action="store_true")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    if options.study is not None:
        print(json.dumps(timed(options.study, only_read=options.only_read)))
        return
    with tempfile.TemporaryDirectory() as place:
        root = Path(place) / "study"
        write_study(root)
        print(f"{CANDIDATES} candidates, {POSITIONS:,} positions, {ITEMS:,} items")
        for flags, what in (([], "whole audit"), (["--only-read"], "reading alone")):
            command = [sys.executable, __file__, "--study", str(root), *flags]
            found = [
                json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
                for _ in range(options.repeats)
            ]
            seconds = sorted(one["seconds"] for one in found)
            peak = max(one["peak_mb"] for one in found)
            print(f"{what}: median {seconds[len(seconds) // 2]:.2f} s "
                  f"({seconds[0]:.2f}-{seconds[-1]:.2f}), peak {peak:.0f} MB")  # fmt: skip


if __name__ == "__main__":
    main()
