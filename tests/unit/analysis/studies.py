"""A small synthetic study, written through the real store."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from silentzone.records.config import DecisionEntry, FloorEntry, ModelEntry, StudyConfig
from silentzone.records.items import BenchmarkRef
from silentzone.records.models import BackendInfo, ModelRef
from silentzone.records.parts import PartKey
from silentzone.records.tables import CHURN, FLOORS, ITEMS, TOKENS
from silentzone.records.windows import CorpusRef, WindowPlan
from silentzone.store.folder import StudyFolder

if TYPE_CHECKING:
    from pathlib import Path

FLOAT_COLUMNS = (
    "reference_nll",
    "candidate_nll",
    "kl_divergence",
    "reverse_kl_divergence",
    "js_divergence",
    "total_variation",
    "delta_p",
    "reference_entropy",
    "candidate_entropy",
    "reference_top1_probability",
)


EIGHT = ("Q64", "Q56", "Q48", "Q40", "Q32", "Q24", "Q16", "Q8")
FOUR = ("Q64", "Q56", "Q16", "Q8")
"""Enough for most claims; permutations of eight take most of an analysis."""


@dataclass
class Plan:
    """What the synthetic study holds; tests change single things."""

    names: tuple[str, ...] = EIGHT
    """Candidates, largest first; each is farther from the reference than the one before."""
    windows: int = 12
    per_window: int = 20
    items: int = 150
    benchmarks: tuple[str, ...] = ("alpha", "beta")
    chance: float = 0.25
    decision: DecisionEntry = field(
        default_factory=lambda: DecisionEntry(margin=0.2, guard_margin=0.3)
    )
    memory_bytes: dict[str, int | None] = field(default_factory=dict)
    without_tokens: tuple[str, ...] = ()
    without_items: tuple[tuple[str, str], ...] = ()
    bad_positions: dict[str, int] = field(default_factory=dict)
    bad_items: dict[str, int] = field(default_factory=dict)
    floor_of: dict[str, float] = field(default_factory=dict)
    protocol_of: dict[str, str] = field(default_factory=dict)
    prompt_of: dict[str, str] = field(default_factory=dict)
    sha256_of: dict[str, str] = field(default_factory=dict)
    """Content hash in the manifest where it is not that of the tables."""
    identical: tuple[str, ...] = ()
    clusters: bool = False
    corpora: tuple[str, ...] = ("text",)
    """Floors are written for the first."""
    floor_corpora: str = "all"
    documents: int = 0
    churn_again: tuple[float | None, ...] = (1.0, 1.0, 1.0, None)
    seed: int = 5


def model_json(name: str, size: int, plan: Plan) -> dict[str, Any]:
    ref = ModelRef(
        name=name,
        sha256=plan.sha256_of.get(name, name),
        file_bytes=size,
        parameter_count=1000,
        bits_per_weight=4.0,
        weight_format="Q4_K",
        architecture="llama",
        vocabulary_size=100,
        tokenizer_sha256="1" * 64,
        head_type="Q6_K",
        is_quantized=name != "F16",
        provenance=(("general.quantized_by", "nobody"),),
    )
    return {
        **asdict(ref),
        "note": None,
        "status": "complete",
        "failure": None,
        "memory_bytes": plan.memory_bytes.get(name, size + 10),
        "cautions": [],
    }


def position_columns(
    plan: Plan, rng: np.random.Generator, scale: float, n_bad: int
) -> dict[str, Any]:
    n = plan.windows * plan.per_window
    kld = np.exp(rng.normal(-6, 1, n)) * scale
    nll = rng.gamma(2.0, 1.0, n)
    values = dict.fromkeys(FLOAT_COLUMNS, kld)
    values |= {
        "reference_nll": nll,
        "candidate_nll": nll + rng.normal(0, 0.05, n) * np.sqrt(scale) + kld,
        "delta_p": rng.normal(0, 0.01, n) * np.sqrt(scale),
    }
    bad = np.zeros(n, dtype=bool)
    bad[:n_bad] = True
    masked = {name: np.ma.MaskedArray(array, mask=bad) for name, array in values.items()}
    match = np.ma.MaskedArray(rng.random(n) > 0.04 * scale, mask=bad)
    whole = np.ma.MaskedArray(np.ones(n, dtype=np.int32), mask=bad)
    return {
        "window": np.repeat(np.arange(plan.windows, dtype=np.int32), plan.per_window),
        "document": [k % plan.documents if plan.documents else None for k in range(n)],
        "position": np.tile(np.arange(plan.per_window, dtype=np.int32), plan.windows),
        "token_id": np.arange(n, dtype=np.int32),
        "status": ["non_finite" if is_bad else "ok" for is_bad in bad],
        **masked,
        "top1_match": match,
        "top5_match": match,
        "top5_overlap": whole,
        "reference_top1_rank": whole,
    }


def item_columns(plan: Plan, name: str, scores: np.ndarray, benchmark: str) -> dict[str, Any]:
    n = len(scores)
    n_bad = plan.bad_items.get(name, 0)
    ids = [f"{benchmark}-{k}" for k in range(n)]
    kept = [None if k < n_bad else float(score) for k, score in enumerate(scores)]
    return {
        "item_id": ids,
        "cluster_id": [f"c{k // 5}" if plan.clusters else None for k in range(n)],
        "repeat": np.zeros(n, dtype=np.int32),
        "status": ["too_long" if k < n_bad else "ok" for k in range(n)],
        "score": kept,
        "score_raw": kept,
        "score_normalized": kept,
        "prediction": ["0"] * n,
        "target": ["0"] * n,
        "choice_log_likelihoods": [[-1.0, -2.0]] * n,
        "margin": np.zeros(n),
        "confidence": np.full(n, 0.5),
        "prompt_tokens": np.ones(n, dtype=np.int32),
        "choice_tokens": np.ones(n, dtype=np.int32),
        "prompt_sha256": [plan.prompt_of.get(name, "same") + i for i in ids],
    }


def write_study(root: Path, plan: Plan) -> StudyFolder:
    """Write every table of the plan and its manifest."""
    folder = StudyFolder(root).create()
    rng = np.random.default_rng(plan.seed)
    names = plan.names
    engine = BackendInfo(
        name="fake", version="1", build="b", device="cpu", settings=(("threads", "2"),)
    )
    corpus = CorpusRef(
        name="text",
        description="words",
        text_sha256="2" * 64,
        tokens_sha256="3" * 64,
        plan=WindowPlan(
            context_length=2 * plan.per_window + 1, first_scored=plan.per_window, add_bos=True
        ),
        window_count=plan.windows,
        document_count=None,
    )
    for k, name in enumerate(names):
        if name in plan.without_tokens:
            continue
        scale = 0.0 if name in plan.identical else 0.3 * (k + 1)
        columns = position_columns(plan, rng, scale, plan.bad_positions.get(name, 0))
        key = PartKey.of(
            "tokens",
            candidate_sha256=name,
            corpus="3" * 64,
            first_scored=plan.protocol_of.get(name, "half"),
        )
        for text in plan.corpora:
            folder.write_table(TOKENS, text, name, columns, key)
    for name in ("F16", *names):
        if name in plan.floor_of:
            columns = position_columns(plan, rng, plan.floor_of[name], 0)
            columns["perturbation"] = ["uneven_batch"] * len(columns["window"])
            folder.write_table(
                FLOORS, "text", name, columns, PartKey.of("floors", model_sha256=name)
            )
    for benchmark in plan.benchmarks:
        truth = (rng.random(plan.items) < 0.7).astype(float)
        for k, name in enumerate(("F16", *names)):
            if (benchmark, name) in plan.without_items:
                continue
            share = 0.0 if name in ("F16", *plan.identical) else 0.02 * k
            flips = rng.random(plan.items) < share
            scores = np.where(flips, 1.0 - truth, truth)
            folder.write_table(
                ITEMS,
                benchmark,
                name,
                item_columns(plan, name, scores, benchmark),
                PartKey.of("items", model_sha256=name, items="4"),
            )
    churn = {
        "item_id": [f"{plan.benchmarks[0]}-{k}" for k in range(4)]
        if plan.benchmarks
        else ["a"] * 4,
        "perturbation": ["uneven_batch"] * 4,
        "status": ["ok", "ok", "ok", "failed"],
        "score": [1.0, 0.0, 1.0, None],
        "score_again": list(plan.churn_again),
        "prediction": ["0"] * 4,
        "prediction_again": ["0"] * 4,
    }
    if plan.benchmarks:
        folder.write_table(
            CHURN, plan.benchmarks[0], names[0], churn, PartKey.of("churn", model_sha256=names[0])
        )
    config = StudyConfig(
        name="s",
        seed=1,
        reference=ModelEntry(name="F16", path="r.gguf"),
        candidates=tuple(ModelEntry(name=name, path=f"{name}.gguf") for name in names),
        corpora=(),
        decision=plan.decision,
        floor=FloorEntry(corpora=plan.floor_corpora),
    )
    folder.write_manifest(
        {
            "study": {
                "name": "s",
                "seed": 1,
                "created_at": "2026-01-01T00:00:00+00:00",
                "package_version": "0.1.0",
                "command": "run",
            },
            "config": asdict(config),
            "reference": model_json("F16", 10_000, plan),
            "candidates": [model_json(name, 1000 - 50 * k, plan) for k, name in enumerate(names)],
            "corpora": [asdict(replace(corpus, name=name)) for name in plan.corpora],
            "benchmarks": [
                asdict(
                    BenchmarkRef(
                        name=name,
                        description="d",
                        source="s",
                        licence="l",
                        items_sha256="4",
                        item_count=plan.items,
                        chance=plan.chance,
                        headline="raw",
                    )
                )
                for name in plan.benchmarks
            ],
            "engine": asdict(engine),
            "failures": [],
            "timings": {},
        }
    )
    return folder
