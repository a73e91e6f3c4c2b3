"""The sections of a made-up audit: variants, zone widths, prompts, router, signed shift, pairs."""

# ruff: noqa: E501 -- rows of data read better whole

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

METRICS = {
    "aggregation": (
        "kld_mean", "kld_median", "kld_geomean", "kld_trimmed_mean", "kld_p90", "kld_p95", "kld_p99",
        "kld_p999", "kld_max", "kld_rms", "kld_share_above", "kld_entropy_weighted",
    ),
    "divergence": ("reverse_kld_mean", "js_mean", "tv_mean"),
    "perplexity": ("ppl_ratio", "ln_ppl_ratio", "ppl_delta", "abs_ln_ppl_ratio"),
    "delta p": ("delta_p_mean", "delta_p_rms"),
    "agreement": ("top1_agreement", "top5_containment"),
}  # fmt: skip
GAINS = {"delta_p_mean", "top1_agreement", "top5_containment"}
ZONES = ("full", "equivalence", "band", "fidelity")
WIDTHS = {
    "equivalence": ("points", (0.5, 1.0, 1.5, 2.0, 3.0, 5.0), 1.5),
    "band": ("points", (0.5, 1.0, 2.0, 3.0, 5.0, 8.0), 2.0),
    "band_errors": ("standard errors", (0.5, 1.0, 2.0, 3.0, 4.0), 2.0),
    "fidelity": ("share", (0.2, 0.35, 0.5, 0.65, 0.8, 1.0), 0.5),
}

Row = dict[str, Any]


def estimate(
    value: float | None, half: float | None, *cautions: str, method: str = "bootstrap"
) -> Row:
    """An Estimate whose interval reaches `half` to either side."""
    known = value is not None and half is not None
    return {
        "value": value, "standard_error": half / 1.96 if half is not None and known else None,
        "interval": [value - half, value + half] if known else None, "method": method,  # type: ignore[operator]
        "n_observations": 640, "n_clusters": 40, "confidence": 0.95, "cautions": list(cautions),
    }  # fmt: skip


def add(found: dict[str, Any], names: list[str], seed: int) -> None:
    """Fill every section the audit adds, in place; `names` are the candidates measured."""
    rng = np.random.default_rng(seed + 1)
    corpora = [row["name"] for row in found["corpora"]]
    benchmarks = [row["name"] for row in found["benchmarks"]]
    found["source"] = {"kind": "study", "files": ["study.toml"]}
    found["composites"] = _composites(benchmarks)
    for row in found["relations"]:
        row.update(_relation_extras(row))
    found["variants"] = _variants(corpora, len(names), rng)
    found["variant_summaries"] = _summaries(found["variants"], len(names))
    found["sensitivity"] = _sensitivity(corpora[0], len(names))
    found["volume_direction"] = [_volume_direction(corpora[0], zone, len(names)) for zone in ZONES]
    for row in found["decomposition"]:
        row.update(_decomposition_extras(row))
    found["copies"] = [_copies(names, corpora[0])] if len(names) > 3 else []
    found["prompts"] = _prompts(benchmarks, names, rng)
    found["router"] = [_router(name, i) for i, name in enumerate(("all", *benchmarks))]
    found["signed_shift"] = _signed_shift(len(names))
    found["headline"] = {"metric": "kld_mean", "corpus": corpora[0]}
    found["signed_shift_summary"] = {
        "works": True,
        "sentence": "The signed shift of 200 items orders the candidates by net on the other half"
        " about as well as 800 items of net itself do.",
    }
    net = {
        row["model"]: row["net"]["value"]
        for row in found["decomposition"]
        if row["benchmark"] == "composite"
    }
    found["decision"].update(_decision_extras(names, net))


def _composites(benchmarks: list[str]) -> list[Row]:
    left_out = {"benchmark": benchmarks[-1], "why": "the reference is not shown to be above chance"}
    return [
        {"name": "composite", "definition": "macro mean of the benchmarks", "benchmarks": benchmarks,
         "left_out": [], "why_empty": None},
        {"name": "composite_normalised", "definition": "mean of (score - chance) / (reference - chance)",
         "benchmarks": benchmarks[:-1], "left_out": [left_out], "why_empty": None},
        {"name": "composite_rank", "definition": "mean rank over the benchmarks", "benchmarks": [],
         "left_out": [left_out], "why_empty": "ranks need two benchmarks"},
    ]  # fmt: skip


def _relation_extras(row: Row) -> Row:
    near = row["zone"] != "full"
    rho = row["spearman"]
    shapes = [
        {"shape": shape, "median": middle, "interval": [middle - 0.4, min(middle + 0.3, 1.0)]}
        for shape, middle in (("isotonic", 0.28), ("linear", 0.61), ("logarithmic", 0.47))
    ]
    return {
        "kendall_pvalue": 0.4 if near else 0.0002, "kendall_pvalue_method": "normal, ties corrected",
        "pvalue_holm": 0.0012 if row["score"] == "piqa" else None,
        "measurement": {"standard_error": 0.09, "interval": [rho - 0.17, min(rho + 0.17, 1.0)],
                        "method": "windows and items drawn again, candidates held"},
        "disattenuated": None if row["attainable"] is None else
        {"value": rho / row["attainable"], "interval": [-1.2, 0.9], "method": "bootstrap",
         "cautions": ["not cut to 1"]},
        "expected": {"low": 0.28, "high": 0.61, "pvalue": 0.021, "n_simulations": 2000, "shapes": shapes,
                     "cautions": []} if near else None,
    }  # fmt: skip


def _variants(corpora: list[str], n: int, rng: np.random.Generator) -> list[Row]:
    found = []
    for zone in ZONES:
        for family, metrics in METRICS.items():
            for metric in metrics:
                for corpus in corpora:
                    lacking = metric == "kld_max" and corpus == corpora[-1]
                    centre = 0.8 if zone == "full" else 0.12
                    aligned = float(np.clip(rng.normal(centre, 0.12), -0.95, 0.97))
                    sign = 1 if metric in GAINS else -1
                    ends = sorted(sign * min(max(aligned + h, -1), 1) for h in (-0.35, 0.25))
                    members = n if zone == "full" else max(3, n // 2)
                    found.append({
                        "metric": metric, "words": f"{metric.replace('_', ' ')} in words",
                        "family": family, "corpus": corpus, "context_length": 512,
                        "score": "composite", "zone": zone, "n": members,
                        "spearman": None if lacking else sign * aligned,
                        "aligned": None if lacking else aligned,
                        "interval": None if lacking else ends,
                        "pvalue": None if lacking else 0.0004 if zone == "full" else 0.41,
                        "pvalue_method": "permutation, 9999 shuffles",
                        "pvalue_maxt": None if lacking else 0.002 if aligned > 0.6 else 0.9,
                        "cautions": ["an infinite divergence"] if lacking else [],
                    })  # fmt: skip
    return found


def _summaries(variants: list[Row], n: int) -> list[Row]:
    found = []
    for zone in ZONES:
        own = [row for row in variants if row["zone"] == zone]
        escape = [row for row in own if (row["pvalue_maxt"] or 1.0) < 0.05]
        found.append({
            "score": "composite", "zone": zone, "n": n if zone == "full" else max(3, n // 2),
            "n_variants": len(own), "n_resamples": 9999, "method": "Westfall-Young maxT",
            "escape": [{"metric": row["metric"], "corpus": row["corpus"]} for row in escape],
            "sentence": f"{len(escape)} of {len(own)} variants rank the composite in the {zone} zone"
            " once the number of variants is paid for.",
        })  # fmt: skip
    return found


def _sensitivity(corpus: str, n: int) -> list[Row]:
    found = []
    for definition, (unit, widths, default) in WIDTHS.items():
        for i, width in enumerate(widths):
            members = round(n * (i + 1) / len(widths)) if i else 2
            aligned = None if members < 3 else -0.1 + 0.16 * i
            half = 0.9 / np.sqrt(max(members - 2, 1))
            found.append({
                "metric": "kld_mean", "corpus": corpus, "score": "composite",
                "definition": definition, "width": width, "unit": unit,
                "is_default": width == default, "n": members,
                "spearman": None if aligned is None else -aligned, "aligned": aligned,
                "interval": None if aligned is None or members < 8
                else [max(-aligned - half, -1.0), min(-aligned + half, 1.0)],
                "expected": None if aligned is None else [0.1 + 0.1 * i, 0.4 + 0.1 * i],
                "attainable": None if i < 2 else 0.7,
                "cautions": ["2 candidates have no order"] if aligned is None else [],
            })  # fmt: skip
    return found


def _volume_direction(corpus: str, zone: str, n: int) -> Row:
    near = zone != "full"
    parts = (
        ("volume", 0.94, 0.97, "follows"),
        ("direction", 0.08 if near else 0.4, 0.41 if near else 0.8, "cannot tell"),
        ("net", 0.13 if near else 0.86, None if near else 0.95, "does not follow" if near else "follows"),
    )  # fmt: skip
    sign = {"volume": 1, "direction": -1, "net": -1}
    return {
        "corpus": corpus, "metric": "kld_mean", "score": "composite", "zone": zone,
        "n": max(3, n // 2) if near else n,
        "parts": [
            {"part": part, "spearman": sign[part] * aligned, "aligned": aligned,
             "interval": sorted((sign[part] * (aligned - 0.3), sign[part] * min(aligned + 0.2, 1.0))),
             "attainable": attainable, "word": word}
            for part, aligned, attainable, word in parts
        ],
        "sentence": f"In the {zone} zone mean KLD follows how much changed; whether it follows the"
        " direction cannot be told.",
    }  # fmt: skip


def _decomposition_extras(row: Row) -> Row:
    if row["benchmark"] == "composite":
        nothing = dict.fromkeys(
            ("excess_volume", "churn", "split_repeat", "wrong_to_wrong", "answers_changed")
        )
        return {**nothing}
    volume = row["volume"]["value"]
    return {
        "excess_volume": estimate(volume - 0.011, 0.008), "churn": estimate(0.011, 0.006),
        "split_repeat": None, "wrong_to_wrong": 7, "answers_changed": estimate(volume + 0.014, 0.01),
    }  # fmt: skip


def _copies(names: list[str], corpus: str) -> Row:
    return {
        "models": [names[0], names[1]], "what": "the same content (SHA-256)",
        "effect": [{"metric": "kld_mean", "corpus": corpus, "score": "composite", "zone": "full",
                    "n": len(names), "spearman": -0.86, "n_without": len(names) - 1, "spearman_without": -0.84}],
    }  # fmt: skip


def _bins(kind: str, strength: float) -> list[Row]:
    edges = (
        [0.0, 0.0004, 0.002, 0.008, 0.04, 0.9]
        if kind == "divergence"
        else [0.2, 0.5, 0.8, 0.9, 0.97, 1.0]
    )
    found = []
    for i, (low, high) in enumerate(pairwise(edges)):
        step = i if kind == "divergence" else len(edges) - 2 - i
        share = 0.015 * (1 + strength * step)
        found.append(
            {"low": low, "high": high, "n": 400, "failed_share": estimate(share, 0.4 * share)}
        )
    return found


def _prompts(benchmarks: list[str], names: list[str], rng: np.random.Generator) -> list[Row]:
    found = []
    for benchmark in benchmarks:
        for model in ("all", *names[:3]):
            weak = float(np.clip(rng.normal(0.62, 0.03), 0, 1))
            predictors = [
                ("divergence", "KLD along the prompt's own answer", weak, 0.8),
                ("reference_confidence", "the reference's confidence", 0.91, 4.0),
                ("reference_margin", "the reference's margin", 0.9, 4.0),
                ("confidence_and_divergence", "confidence and KLD together", 0.915, 4.0),
            ]
            found.append({
                "benchmark": benchmark, "model": model, "n_items": 6000, "n_failed": 320, "n_passed": 5680,
                "population": "items the reference passed",
                "predictors": [
                    {"predictor": name, "words": words, "auroc": estimate(auroc, 0.03),
                     "calibration": [] if name == "confidence_and_divergence" else _bins(name, strength)}
                    for name, words, auroc, strength in predictors
                ],
                "geometric_mean_ratio": estimate(1.14, 0.06), "n_zero": 12,
                "zero_rule": "a KLD of zero counts as half the smallest positive one",
                "added": None if model != "all" else
                {"auroc_gain": estimate(0.004, 0.006), "coefficient": estimate(0.11, 0.12),
                 "pvalue": 0.08, "pvalue_method": "Wald, clustered by item"},
                "cautions": ["few failures"] if model != "all" else [],
                "sentence": f"On {benchmark} KLD tells failed from passed prompts little better than a"
                f" coin ({weak:.2f}); the reference's confidence does so well (0.91).",
            })  # fmt: skip
    return found


def _router(benchmark: str, index: int) -> Row:
    empty = index == 3
    rules = (
        ("lower_kld", "trust the lower KLD", 0.47), ("lower_mean_kld", "always the lower mean KLD", 0.53),
        ("higher_confidence", "trust the higher confidence", 0.71), ("better_model", "always the better model", 0.56),
    )  # fmt: skip
    return {
        "benchmark": benchmark, "pairs": 120, "items": 0 if empty else 310, "decisions": 0 if empty else 5200,
        "rules": [
            {"rule": rule, "words": words, "ties": 3,
             "accuracy": estimate(None, None, "the models never disagree") if empty
             else estimate(value + 0.01 * index, 0.03)}
            for rule, words, value in rules
        ],
        "comparisons": [] if empty else [
            {"rule": "lower_kld", "against": "chance", "difference": estimate(-0.03, 0.03)},
            {"rule": "lower_kld", "against": "lower_mean_kld", "difference": estimate(-0.06, 0.02)},
            {"rule": "lower_kld", "against": "higher_confidence", "difference": estimate(-0.24, 0.04)},
        ],
        "cautions": ["no disagreement to decide"] if empty else [],
        "sentence": "Trusting the lower KLD is right on 47 % of the prompts on which two models disagree.",
    }  # fmt: skip


def _signed_shift(n: int) -> list[Row]:
    words = {
        "signed_shift": "signed gold-margin shift", "kld_mean": "mean KLD", "net": "net on the same half",
        "weighted_signed_shift": "the same, weighted to the boundary",
    }  # fmt: skip
    found: list[Row] = []
    for zone in ("full", "equivalence"):
        for i, items in enumerate((50, 100, 200, 400, 735)):
            for k, (predictor, text) in enumerate(words.items()):
                scale = 1.0 if zone == "full" else 0.5
                value = -0.2 if predictor == "kld_mean" else scale * (0.35 + 0.12 * i + 0.02 * k)
                lacking = items == 50 and predictor == "net"
                found.append({
                    "benchmark": "composite", "zone": zone, "n": n, "items": items,
                    "predictor": predictor, "words": text, "target": "net on the other half",
                    "rho": estimate(None, None, "net is equal for all on so few items") if lacking
                    else estimate(min(value, 0.97), 0.15, method="central 95 % over 200 splits"),
                    "cautions": [],
                })  # fmt: skip
    return found


def _decision_extras(names: list[str], level: dict[str, float]) -> Row:
    top = max(level, key=lambda name: level[name])
    pairs = []
    for i, first in enumerate(names):
        for second in names[i + 1 :]:
            difference = level[first] - level[second]
            unknown = names[-1] in {first, second} and i % 5 == 0
            pairs.append({
                "first": first, "second": second,
                "difference": estimate(None, None, "no common items") if unknown else estimate(difference, 0.006),
                "pvalue": None if unknown else 0.001, "pvalue_holm": None if unknown else 0.03,
                "is_distinguishable": None if unknown else abs(difference) > 0.007,
            })  # fmt: skip
    rest = {
        name: level[name] - max(v for other, v in level.items() if other != name) for name in names
    }
    inside = [name for name in names if rest[name] > -0.006]
    return {
        "method": "fixed sequence", "bits_per_weight_budget": 6.0, "file_bytes_budget": 120_000_000,
        "best": {
            "set": inside, "method": "multiple comparisons with the best, joint item bootstrap",
            "n_resamples": 10000,
            "comparisons": [
                {"model": name, "difference": estimate(rest[name], 0.006), "in_set": name in inside}
                for name in names
            ],
            "sentence": f"{len(inside)} candidates cannot be told from the best with these items.",
        },
        "pairs": pairs,
        "yardstick": {"model": top, "difference": estimate(0.004, 0.006),
                      "sentence": f"{top} scores above the reference, so it is a second yardstick."},
        "predicted": [{"model": "Q2_K", "kld_mean": 0.06, "volume": estimate(0.041, 0.01),
                       "items_needed": 2300, "why": "it has no benchmark; volume predicted from KLD"}],
    }  # fmt: skip
