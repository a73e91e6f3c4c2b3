"""The keys of each section of a study.toml, and what each may hold."""

from __future__ import annotations

from typing import Final

from silentzone.studies.config_fields import Field

STUDY: Final = {"name": Field(str), "seed": Field(int, low=0, high=2**63 - 1)}
MODEL: Final = {
    "name": Field(str),
    "path": Field(str),
    "note": Field(str),
    "engine": Field(str),
}
CACHE: Final = {"cache_k": Field(str), "cache_v": Field(str)}
CANDIDATES: Final = {**MODEL, **CACHE, "glob": Field(str), "same_weights": Field(bool)}
CORPUS: Final = {
    "name": Field(str),
    "path": Field(str),
    "context_length": Field(int, low=16, high=2**24),
    "windows": Field(int, low=1, high=2**31 - 1, all_allowed=True),
    "select": Field(str, choices=("first", "spread")),
    "documents": Field(str, choices=("none", "files", "headings")),
    "first_scored": Field(int, low=1, high=2**24),
}
BENCHMARK: Final = {
    "name": Field(str),
    "items": Field(int, low=1, high=2**31 - 1, all_allowed=True),
    "path": Field(str),
    "score": Field(str, choices=("raw", "normalized")),
    "divergence": Field(bool),
    "at_chance": Field(str, choices=("stop", "go on")),
    "kind": Field(str, choices=("choice", "generate", "lm-eval")),
}
OF_CHOICES: Final = ("score", "divergence", "at_chance")
GENERATION: Final = {
    "max_tokens": Field(int, low=1, high=1_000_000),
    "temperature": Field(float, low=0, high=100),
    "top_k": Field(int, low=0, high=2**31 - 1),
    "top_p": Field(float, low=0, high=1),
    "repeats": Field(int, low=1, high=10_000),
    "timeout_seconds": Field(float, above=0, below=1e9),
    "score_truncated": Field(bool),
    "answers_at_a_time": Field(int, low=1, high=256),
    "drafted": Field(bool),
    "chat": Field(bool),
    "unsafe_code": Field(bool),
}
HARNESS: Final = {
    "task": Field(str),
    "filter": Field(str),
    "metric": Field(str),
    "num_fewshot": Field(int, low=0, high=1000),
    "code": Field(bool),
    "cluster": Field(str),
    **{
        key: GENERATION[key]
        for key in ("chat", "score_truncated", "timeout_seconds", "answers_at_a_time")
    },
}
"""Of a task of lm-evaluation-harness."""
AUDIT: Final = {
    "band": Field(float, above=0, below=1),
    "band_standard_errors": Field(float, above=0, below=100),
    "fidelity_share": Field(float, above=0, below=1),
    "fidelity_threshold": Field(float, above=0, below=1e9),
    "informative_from": Field(float, above=0, below=1),
    "attainable_from": Field(float, above=0, below=1),
    "ruled_out_from": Field(float, above=0, below=1),
    "alpha": Field(float, above=0, below=0.5),
    "perfect_order_from": Field(int, low=4, high=1000),
    "unfinished": Field(str, choices=("leave out", "wrong")),
}
DECISION: Final = {
    "margin": Field(float, above=0, below=1),
    "guard_margin": Field(float, above=0, below=1),
    "alpha": Field(float, above=0, below=0.5),
    "method": Field(str, choices=("fixed sequence", "Holm")),
    "size_budget_gb": Field(float, above=0, below=1e6),
    "bits_per_weight_budget": Field(float, above=0, below=1000),
    "memory_budget_gb": Field(float, above=0, below=1e6),
    "context_length": Field(int, low=16, high=2**24),
}
ENGINE: Final = {
    "backend": Field(str),
    "threads": Field(int, low=1, high=4096),
    "workers": Field(int, low=1, high=256),
    "batch_tokens": Field(int, low=1, high=2**20),
    "micro_batch_tokens": Field(int, low=1, high=2**20),
    "gpu_layers": Field(int, low=-1, high=10_000),
}
LOADING: Final = {
    "device": Field(str, pattern=r"auto|cpu|mps|xpu|cuda(:\d{1,3})?"),
    "dtype": Field(str, choices=("auto", "float32", "bfloat16", "float16")),
    "attention": Field(str, pattern=r"[\w|.-]{1,60}"),
    "device_map": Field(str, choices=("auto", "balanced", "balanced_low_0", "sequential")),
    "trust_remote_code": Field(bool),
    "download": Field(bool),
}
"""Written in [engine] as well; of transformers alone."""
FLOOR: Final = {
    "windows": Field(int, low=0, high=2**31 - 1),
    "corpora": Field(str, choices=("all", "first")),
    "token_by_token_positions": Field(int, low=0, high=2**31 - 1),
    "items": Field(int, low=0, high=2**31 - 1),
}
SECTIONS: Final = (
    "study", "reference", "candidates", "corpora", "benchmarks", "decision", "engine", "floor",
    "audit",
)  # fmt: skip
