"""Records as mlx-kld 0.1.1 writes them: its own aggregation, schema check and writer, no MLX.

    pip install --no-deps mlx-kld==0.1.1 && pip install numpy safetensors
    python make_records.py

The divergences are made here from a seed, because scoring needs MLX; everything from the first
average to the last byte of the file is the tool's.
"""

import json
import pathlib

import numpy as np
from mlx_kld._io import write_json_atomic
from mlx_kld.kld_math import Aggregator
from mlx_kld.report import build_locked_json, results_json_path, validate_locked_schema

HERE = pathlib.Path(__file__).parent
WINDOWS, POSITIONS = 12, 16
TEACHER = "org/Tiny-bf16"
BUCKETS = [(16, 24), (24, None)]


def record(name, level, *, seed, sequences=True, broken=False, nonfinite=0, **student):
    rng = np.random.default_rng(seed)
    window = np.repeat(np.arange(WINDOWS), POSITIONS).reshape(WINDOWS, POSITIONS)
    per_window = rng.lognormal(0.0, 0.6, (WINDOWS, 1))
    kld = level * per_window * rng.gamma(0.5, 2.0, (WINDOWS, POSITIONS))
    if broken:
        kld = np.full_like(kld, np.nan)
    kld.ravel()[:nonfinite] = np.inf
    top1 = rng.random(kld.shape) > 3 * level
    top5 = top1 | (rng.random(kld.shape) > level)
    position = np.broadcast_to(np.arange(16, 32), kld.shape)
    total = Aggregator()
    total.update(kld, top1, top5, position, window if sequences else None)
    change = rng.normal(-level / 10, level, kld.size)
    total.update_delta_p(change, window.ravel() if sequences else None)
    total.update_floor(np.full(kld.size, 0.0018))
    metrics = total.finalize(BUCKETS)
    calibration = {
        "corpus": "made/text:tiny",
        "num_samples": WINDOWS,
        "max_seq_len": 32,
        "seed": 123,
        "top_k": 64,
        "score_window": [16, 32],
        "long_context": False,
        "corpus_tokens_hash": "0123456789abcdef",
    }
    path = student.pop("path")
    report = {
        "teacher": {
            "path": TEACHER,
            "revision": None,
            "precision": "bfloat16",
            "tokenizer_hash": "00" * 32,
        },
        "student": {
            "path": path,
            "format": "gguf",
            "size_bytes": 1_000_000,
            "effective_bpw": 4.5,
            "n_params": 1_777_777,
            "quantization": {"kind": "gguf", "arch": "llama", "codecs": {"q4_k": 7}},
            "provenance": None,
            **student,
        },
        "tokenizer": {
            "mode": "hf-source",
            "identical": True,
            "encoding_parity": True,
            "diffs": [],
            "forced": False,
            "stream_is_students": True,
        },
        "calibration": calibration,
        "kld": {"se": None, "floor_mean": None, **metrics["kld"]},
        "delta_p": metrics["delta_p"],
        "agreement": metrics["agreement"],
        "tokens_scored": metrics["tokens_scored"],
        "tokens_dropped_nonfinite": metrics["tokens_dropped_nonfinite"],
        "elapsed_seconds": 1.5,
        "scorer_version": "mlx-kld 0.1.1",
        "timestamp": "2026-11-26T00:00:00+00:00",
        "by_position": metrics["by_position"],
        "kld_histogram": metrics["kld_histogram"],
        "cache": {"dir": "cache", "status": "HIT", "top_k": 64},
    }
    payload = build_locked_json(report)
    validate_locked_schema(payload)
    place = results_json_path(HERE, TEACHER, pathlib.Path(path), calibration, "hf-source")
    write_json_atomic(HERE / f"{name}.json", payload)
    values = kld[np.isfinite(kld)].astype(np.float32).astype(np.float64)
    return {
        "file": f"{name}.json",
        "own name": place.name,
        "mean": float(values.mean()) if values.size else None,
        "tokens": int(values.size),
    }


def main():
    checks = [
        record("q4", 0.02, seed=1, path="models/Tiny-Q4_K_M.gguf"),
        record(
            "q8",
            0.002,
            seed=2,
            path="models/Tiny-Q8_0.gguf",
            size_bytes=1_900_000,
            effective_bpw=8.5,
        ),
        record("independent", 0.02, seed=3, sequences=False, path="models/Tiny-Q5_K_M.gguf"),
        record("nonfinite", 0.02, seed=4, nonfinite=5, path="models/Tiny-Q3_K_S.gguf"),
        record("broken", 0.02, seed=5, broken=True, path="models/Tiny-IQ1_S.gguf"),
        record(
            "teacher",
            0.0018,
            seed=6,
            path=TEACHER,
            format="mlx",
            size_bytes=3_555_554,
            effective_bpw=16.0,
            quantization={"kind": "none", "dtype": "bfloat16"},
        ),
    ]
    (HERE / "expected.json").write_text(json.dumps(checks, indent=1) + "\n")


main()
