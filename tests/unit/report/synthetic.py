"""A made-up analysis object of schema 2: every section filled.

Nulls, failures and cautions stand where real ones do.
"""

# ruff: noqa: E501 -- rows of data read better whole

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from tests.unit.report import synthetic_audit

_LADDER = (
    ("Q8_0", 8.5), ("Q6_K", 6.57), ("Q5_K_M", 5.68), ("Q5_1", 6.0), ("Q5_0", 5.5), ("Q5_K_S", 5.52), ("Q4_1", 5.0),
    ("Q4_K_M", 4.85), ("Q4_K_S", 4.58), ("IQ4_NL", 4.5), ("Q4_0", 4.55), ("IQ4_XS", 4.25), ("Q3_K_L", 4.27),
    ("Q3_K_M", 3.91), ("Q3_K_S", 3.5), ("IQ3_XXS", 3.06), ("Q2_K", 2.96),
)  # fmt: skip
CORPORA = ("wikipedia", "news", "python code", "dialogues")
BENCHMARKS = ("piqa", "arc_easy", "hellaswag")
_ITEMS = {"piqa": 500, "arc_easy": 570, "hellaswag": 400}
_CHANCE = {"piqa": 0.5, "arc_easy": 0.25, "hellaswag": 0.25}
_BASE = {"piqa": 0.712, "arc_easy": 0.634, "hellaswag": 0.451}

Analysis = dict[str, Any]


def analysis(*, candidates: int = 17, seed: int = 7) -> Analysis:
    """A study of `candidates` quants on four corpora and three benchmarks."""
    rng = np.random.default_rng(seed)
    ladder = [_LADDER[i % len(_LADDER)] for i in range(candidates)]
    quants = [
        (name if i < len(_LADDER) else f"{name}-imatrix-{i // len(_LADDER)}", bits - 0.03 * i)
        for i, (name, bits) in enumerate(ladder)
    ]
    quants.sort(key=lambda pair: -pair[1])
    reference = _model("F16", 16.0, is_quantized=False)
    models = [_model(name, bits) for name, bits in quants]
    failed = models[-1]
    failed.update(status="failed", failure="the worker was killed: out of memory at 14.2 GB")
    models[2].update(status="partial", failure="news: non-finite logits in window 17")
    loss = {
        model["name"]: 0.9 * float(np.exp(-1.05 * model["bits_per_weight"] + rng.normal(0, 0.3)))
        for model in models
    }
    found: Analysis = {
        "schema_version": 2,
        "study": {
            "name": "SmolLM2-135M, 17 quants",
            "seed": 20260601,
            "created_at": "2026-06-14T09:31:05Z",
            "package_version": "0.1.0",
            "command": "silentzone run study.toml --out smollm2-study",
        },
        "reference": reference,
        "candidates": models,
        "corpora": [_corpus(name) for name in CORPORA],
        "benchmarks": [_benchmark(name) for name in BENCHMARKS],
        "engine": {
            "name": "llama_cpp",
            "version": "0.3.36",
            "build": "b6500 (AVX2, FMA)",
            "device": "CPU, 2 threads",
            "settings": {"n_batch": 2048, "n_ubatch": 512, "threads": 2, "kv_unified": True},
        },
        "cautions": [
            "llama.cpp's CPU kernels quantize activations as well: part of each KLD is not the weights.",
            "Weights of IQ3_XXS were made without an importance matrix.",
        ],
        "exclusions": [
            {"what": "non-finite positions", "count": 128, "why": "Q5_K_M on news, window 17"},
            {"what": "items longer than the context", "count": 3, "why": "hellaswag"},
        ],
        "failures": [
            {"model": failed["name"], "part": "all", "cause": failed["failure"]},
            {"model": models[2]["name"], "part": "tokens/news", "cause": models[2]["failure"]},
        ],
    }
    alive = models[:-1]
    found["fidelity"] = [
        _fidelity(model["name"], corpus, loss[model["name"]], i, rng)
        for model in alive
        for i, corpus in enumerate(CORPORA)
    ]
    found["kld_spread"] = [
        _spread(model["name"], corpus, loss[model["name"]]) for model in alive for corpus in CORPORA
    ]
    part = (models[2]["name"], "news")
    partial = next(row for row in found["fidelity"] if (row["model"], row["corpus"]) == part)
    partial.update(status="failed", metrics={})
    found["decomposition"] = [
        _decomposition(model["name"], benchmark, loss[model["name"]], rng)
        for model in alive
        for benchmark in BENCHMARKS
    ]
    found["decomposition"] += [
        _composite_change(model["name"], found["decomposition"]) for model in alive
    ]
    found["scores"] = _scores(found["decomposition"], [m["name"] for m in alive])
    found["distinguishable"] = _pairs([m["name"] for m in alive], loss)
    found["relations"] = _relations([m["name"] for m in alive])
    found["verdicts"] = _verdicts()
    found["decision"] = _decision(found, [m["name"] for m in alive])
    synthetic_audit.add(found, [m["name"] for m in alive], seed)
    return found


def estimate(
    value: float | None,
    se: float | None,
    *cautions: str,
    low: float = -np.inf,
    high: float = np.inf,
) -> dict[str, Any]:
    """An Estimate with a normal interval cut to the possible range."""
    interval = None
    if value is not None and se is not None:
        interval = [max(value - 1.96 * se, low), min(value + 1.96 * se, high)]
    return {
        "value": value,
        "standard_error": se,
        "interval": interval,
        "method": "cluster bootstrap over documents",
        "n_observations": 8192,
        "n_clusters": 64,
        "confidence": 0.95,
        "cautions": list(cautions),
    }


def _spread(name: str, corpus: str, level: float) -> dict[str, Any]:
    """Less divergence where the reference is sure; one bin without any."""
    edges = (0.0, 0.25, 0.5, 0.75, 0.9, 0.99, 1.0)
    shares = (0.01, 0.1, 0.5, 0.9, 0.99)
    levels = [level * factor for factor in (2.0, 1.6, 1.2, 0.8, 0.3, 0.0)]
    floor = 0.0002 if corpus == CORPORA[0] else None
    bins = [
        {
            "low": low,
            "high": high,
            "kld": estimate(value, 0.1 * value, low=0.0),
            "excess": None if floor is None else value - floor,
        }
        for low, high, value in zip(edges, edges[1:], levels, strict=False)
    ]
    depth = [{**one, "low": 64.0 * k, "high": 64.0 * (k + 1)} for k, one in enumerate(bins[:5])]
    return {
        "model": name, "corpus": corpus, "floor": floor, "confidence": bins, "depth": depth,
        "quantiles": [[share, level * 10 ** (2 * share - 1)] for share in shares],
    }  # fmt: skip


def _model(name: str, bits: float, *, is_quantized: bool = True) -> dict[str, Any]:
    return {
        "name": name,
        "slug": name.lower(),
        "file_bytes": int(134_515_008 * bits / 8),
        "bits_per_weight": bits,
        "weight_format": name,
        "is_quantized": is_quantized,
        "note": "quantized with an importance matrix" if name.startswith("IQ") else None,
        "status": "complete",
        "failure": None,
        "memory_bytes": int(134_515_008 * bits / 8) + 377_000_000,
        "cautions": [],
        "provenance": {
            "sha256": _sha(name),
            "general.name": "SmolLM2 135M",
            "quantizer": "llama-quantize b6500",
        },
    }


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _corpus(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "description": f"plain text, {name}",
        "context_length": 512,
        "first_scored": 256,
        "windows": 64,
        "positions": 16320,
        "documents": 58,
        "text_sha256": _sha(name),
    }


def _benchmark(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "description": f"multiple choice: {name}",
        "source": f"{name} validation split, package asset",
        "licence": "Apache-2.0",
        "headline": "normalized",
        "items": _ITEMS[name],
        "chance": _CHANCE[name],
        "enters_composite": True,
        "why_not": None,
    }


def _fidelity(name: str, corpus: str, loss: float, index: int, rng: Any) -> dict[str, Any]:
    value = loss * (1.0, 0.8, 0.45, 1.3)[index] * float(np.exp(rng.normal(0, 0.06)))
    floor = 0.0004 + 0.02 * loss
    one = estimate(floor, floor / 8) if index == 0 else None
    agreement = float(np.exp(-1.1 * np.sqrt(value)))
    return {
        "model": name,
        "corpus": corpus,
        "status": "complete",
        "metrics": {
            "kld_mean": estimate(value, 0.04 * value, low=0),
            "kld_median": estimate(
                0.3 * value, None, "no interval: too few clusters for a quantile"
            ),
            "kld_p99": estimate(9 * value, 0.6 * value, low=0),
            "top1_agreement": estimate(agreement, 0.004, low=0, high=1),
            "ln_ppl_ratio": estimate(0.4 * value, 0.02 * value + 0.0005),
        },
        "floor": {
            "uneven_batch": estimate(0.0, None, "this perturbation changed nothing"),
            "token_by_token": one,
            "used": floor if index == 0 else None,
            "statement": None
            if index == 0
            else "token by token was measured on the first corpus only",
        },
    }


def _decomposition(name: str, benchmark: str, loss: float, rng: Any) -> dict[str, Any]:
    n = _ITEMS[benchmark]
    volume = min(0.5, 0.012 + 0.16 * np.sqrt(loss))
    tilt = float(np.clip(0.15 - 1.6 * loss, -0.8, 0.3))
    changed = int(rng.binomial(n, volume))
    gain = int(rng.binomial(changed, (1 + tilt) / 2))
    harm = changed - gain
    if name == "Q8_0" and benchmark == "piqa":
        harm = gain = 0
    total = harm + gain
    direction = (
        estimate((gain - harm) / total, 1 / np.sqrt(total), low=-1, high=1)
        if total
        else estimate(None, None, "no item changed, so there is no direction")
    )
    return {
        "model": name,
        "benchmark": benchmark,
        "items": n,
        "harm": harm,
        "gain": gain,
        "volume": estimate(total / n, np.sqrt(max(total, 1)) / n, low=0, high=1),
        "direction": direction,
        "net": estimate((gain - harm) / n, np.sqrt(max(total, 1)) / n),
    }


def _composite_change(name: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    own = [row for row in rows if row["model"] == name]
    volume = float(np.mean([row["volume"]["value"] for row in own]))
    net = float(np.mean([row["net"]["value"] for row in own]))
    return {
        "model": name,
        "benchmark": "composite",
        "items": sum(row["items"] for row in own),
        "harm": None,
        "gain": None,
        "volume": estimate(volume, 0.006, low=0, high=1),
        "direction": estimate(net / volume, 0.15, low=-1, high=1),
        "net": estimate(net, 0.007),
    }


def _scores(decomposition: list[dict[str, Any]], names: list[str]) -> list[dict[str, Any]]:
    net = {(row["model"], row["benchmark"]): row["net"]["value"] for row in decomposition}
    found = []
    for name in ["F16", *names]:
        own = {b: _BASE[b] + net.get((name, b), 0.0) for b in BENCHMARKS}
        for benchmark in (*BENCHMARKS, "composite"):
            composite = benchmark == "composite"
            value = float(np.mean(list(own.values()))) if composite else own[benchmark]
            n = sum(_ITEMS.values()) if composite else _ITEMS[benchmark]
            found.append(
                {
                    "model": name,
                    "benchmark": benchmark,
                    "score": estimate(value, float(np.sqrt(0.22 / n)), low=0, high=1),
                    "items": n,
                    "excluded": {"too_long": 3} if benchmark == "hellaswag" else {},
                    "churn_floor": None
                    if composite or name == "Q6_K"
                    else estimate(0.011, 0.004, low=0),
                }
            )
    return found


def _pairs(names: list[str], loss: dict[str, float]) -> list[dict[str, Any]]:
    found = []
    for corpus in CORPORA:
        for i, first in enumerate(names):
            for second in names[i + 1 :]:
                difference = loss[second] - loss[first]
                floor = 0.0006 + 0.02 * max(loss[first], loss[second])
                unknown = corpus == "news" and names[2] in {first, second}
                found.append(
                    {
                        "corpus": corpus,
                        "first": first,
                        "second": second,
                        "difference": estimate(
                            None if unknown else difference, None if unknown else 0.001
                        ),
                        "floor": floor,
                        "is_distinguishable": None if unknown else abs(difference) > floor,
                        "why": "one of the two was not measured"
                        if unknown
                        else "compared with the larger floor",
                    }
                )
    return found


def _relations(names: list[str]) -> list[dict[str, Any]]:
    near = names[: max(3, len(names) // 2)]
    zones = (
        ("full", "every candidate", names, 1.0),
        ("equivalence", "paired TOST inside ±2.0 % of the reference", near, 0.15),
        ("fidelity", "the half of lowest loss", near, 0.2),
    )
    found = []
    for corpus in CORPORA:
        for metric, strength in (("kld_mean", 1.0), ("kld_p99", 0.95), ("top1_agreement", -0.97)):
            for score, sign in (
                ("composite", -0.86),
                ("piqa", -0.7),
                ("volume:composite", 0.94),
                ("direction:composite", -0.4),
            ):
                for zone, definition, members, shrink in zones:
                    rho = sign * strength * shrink
                    half = min(1.96 / np.sqrt(len(members)), 0.9)
                    silent = zone != "full"
                    found.append({
                        "metric": metric, "corpus": corpus, "score": score, "zone": zone,
                        "definition": definition, "n": len(members), "members": members,
                        "spearman": rho, "aligned": abs(rho), "kendall": 0.7 * rho,
                        "pvalue": 0.36 if silent else 0.00004, "pvalue_method": "permutation, 9999 shuffles",
                        "interval": [max(-1, rho - half), min(1, rho + half)],
                        "interval_method": "joint bootstrap over items and windows",
                        "minimum_detectable": 0.7 if silent else 0.47,
                        "attainable": 0.74 if silent and not score.startswith("direction") else (None if silent else 0.97),
                        "cautions": ["the zone selects on the outcome"] if silent else [],
                    })  # fmt: skip
    return found


def _verdicts() -> list[dict[str, Any]]:
    return [
        {
            "question": "May mean KLD rank the candidates near the baseline?",
            "metric": "kld_mean",
            "corpus": corpus,
            "score": "composite",
            "zone": zone,
            "verdict": verdict,
            "sentence": sentence,
            "reasons": reasons,
        }
        for corpus in CORPORA[:2]
        for zone, verdict, sentence, reasons in (
            ("full", "informative", "Over the whole cohort mean KLD ranks the composite.", ["rho -0.86 [-1.00, -0.39]"]),
            (
                "equivalence",
                "cannot tell",
                "Among candidates near the baseline nothing shows that lower KLD means a better score.",
                ["rho -0.13 [-0.82, +0.56] with 8 candidates", "8 candidates can only show |rho| above 0.70"],
            ),
        )
    ]  # fmt: skip


def _decision(found: Analysis, names: list[str]) -> dict[str, Any]:
    composite = {
        r["model"]: r["net"] for r in found["decomposition"] if r["benchmark"] == "composite"
    }
    pick = names[7 % len(names)]
    steps = []
    for name in names[:9]:
        passes = name != names[min(8, len(names) - 1)]
        steps.append(
            {
                "model": name,
                "composite": composite[name],
                "lower_bound": -0.008 if passes else -0.024,
                "guards": [
                    {"benchmark": b, "lower_bound": -0.02, "passes": passes or b != "piqa"}
                    for b in BENCHMARKS
                ],
                "passes": passes,
                "reason": "not worse by more than the margins"
                if passes
                else "piqa may have lost more than 3.0 %",
            }
        )
    return {
        "margin": 0.015,
        "guard_margin": 0.03,
        "alpha": 0.025,
        "memory_budget_bytes": 500_000_000,
        "fits": names,
        "pick": pick,
        "steps": steps,
        "undecided": [{"model": names[-1], "why": "the interval spans the margin", "items_needed": 4100},
                      {"model": names[-2], "why": "piqa was not finished", "items_needed": None}],
        "sentence": f"Ship {pick}: the smallest file shown to lose less than 1.5 % on the composite.",
    }  # fmt: skip
