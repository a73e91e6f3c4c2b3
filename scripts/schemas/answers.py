"""``analysis.json`` and ``flips.json``."""

from __future__ import annotations

from schemas.terms import (
    COUNT,
    ESTIMATE,
    ESTIMATE_DEFINITION,
    INTERVAL,
    NUMBER,
    SHARE,
    TEXT,
    TEXTS,
    YES_NO,
    Schema,
    document,
    maybe,
    of_dataclass,
    one_of,
    record,
    rows,
    said,
    table_of,
)
from silentzone.analysis import flips
from silentzone.records.config import AuditEntry
from silentzone.store.answers import SCHEMA_VERSION

_ZONE = one_of("full", "equivalence", "band", "fidelity")
_RHO = maybe({"type": "number", "minimum": -1, "maximum": 1})
_PVALUE = maybe(SHARE)
_WHERE = {"metric": TEXT, "corpus": TEXT, "score": TEXT, "zone": _ZONE}
_CORRELATION = {
    "n": said(COUNT, "candidates"),
    "spearman": said(_RHO, "raw, as printed in the field"),
    "aligned": said(_RHO, "positive where the metric ranks well"),
    "interval": maybe(INTERVAL),
}

_MODEL = said(
    record(
        name=said(TEXT, "as typed; nothing in this file is escaped"),
        slug=said(TEXT, "its name as a file name"),
        file_bytes=maybe(COUNT),
        bits_per_weight=maybe(NUMBER),
        weight_format=maybe(TEXT),
        is_quantized=maybe(YES_NO),
        note=maybe(TEXT),
        status=one_of("complete", "partial", "failed"),
        failure=maybe(TEXT),
        lane_or_absent=said(
            maybe(one_of("serving", "kv-cache", "engine")), "null where a table names none"
        ),
        engine_or_absent=said(maybe(TEXT), "engine that ran it; null the reference's"),
        cache_k_or_absent=said(maybe(TEXT), "type of the cached keys; null the engine's own"),
        cache_v_or_absent=maybe(TEXT),
        memory_bytes=said(maybe(COUNT), "weights and KV cache at the context of the budget"),
        cautions=TEXTS,
        provenance=table_of(TEXT),
    ),
    "A model of the cohort.",
)


def _measured() -> dict[str, Schema]:
    spread = rows(low=NUMBER, high=NUMBER, kld=ESTIMATE, excess=maybe(NUMBER))
    return {
        "corpora": rows(
            "Texts that fidelity was measured on.",
            name=TEXT, description=TEXT, context_length=maybe(COUNT), first_scored=maybe(COUNT),
            windows=maybe(COUNT), positions=maybe(COUNT), documents=maybe(COUNT),
            text_sha256=maybe(TEXT),
        ),
        "benchmarks": rows(
            "What the models were asked.",
            name=TEXT, description=TEXT, source=TEXT, licence=TEXT, headline=TEXT,
            items=maybe(COUNT), chance=said(maybe(SHARE), "expected score of guessing"),
            enters_composite=YES_NO, why_not=maybe(TEXT),
        ),
        "engine": record(
            name=TEXT, version=maybe(TEXT), build=maybe(TEXT), device=maybe(TEXT),
            settings=table_of(TEXT),
        ),
        "fidelity": rows(
            "How far each candidate has moved; metrics by the keys of docs/metrics.md.",
            model=TEXT, corpus=TEXT, status=TEXT, metrics=table_of(ESTIMATE),
            floor=record(
                uneven_batch=maybe(ESTIMATE), token_by_token=maybe(ESTIMATE), used=maybe(NUMBER),
                statement=TEXT,
            ),
        ),
        "kld_spread": rows(
            "KLD by the reference's confidence, by depth in the window, and its quantiles.",
            model=TEXT, corpus=TEXT, floor=maybe(NUMBER), confidence=spread, depth=spread,
            quantiles={"type": "array", "items": {"type": "array", "items": NUMBER,
                                                  "minItems": 2, "maxItems": 2}},
        ),
        "distinguishable": rows(
            "Which pairs of candidates differ by more than their floors.",
            corpus=TEXT, first=TEXT, second=TEXT, difference=ESTIMATE, floor=maybe(NUMBER),
            is_distinguishable=maybe(YES_NO), why=TEXT,
        ),
    }  # fmt: skip


def _scored() -> dict[str, Schema]:
    return {
        "composites": rows(
            name=one_of("composite", "composite_normalised", "composite_rank"), definition=TEXT,
            benchmarks=TEXTS, left_out=rows(benchmark=TEXT, why=TEXT), why_empty=maybe(TEXT),
        ),
        "scores": rows(
            model=TEXT, benchmark=TEXT, score=ESTIMATE, items=maybe(COUNT),
            excluded=table_of(COUNT), churn_floor=maybe(ESTIMATE),
        ),
        "decomposition": rows(
            "Volume, direction and net of every candidate on every benchmark.",
            model=TEXT, benchmark=TEXT, items=maybe(COUNT),
            harm=said(maybe(COUNT), "reference right, candidate wrong"),
            gain=said(maybe(COUNT), "reference wrong, candidate right"),
            volume=ESTIMATE, direction=ESTIMATE, net=ESTIMATE, net_pvalue=_PVALUE,
            net_pvalue_method=maybe(TEXT), net_pvalue_holm=_PVALUE, churn=maybe(ESTIMATE),
            excess_volume=maybe(ESTIMATE), split_repeat=maybe(ESTIMATE),
            wrong_to_wrong=maybe(COUNT), answers_changed=maybe(ESTIMATE),
        ),
    }  # fmt: skip


def _audited() -> dict[str, Schema]:
    shapes = rows(shape=TEXT, median=NUMBER, interval=INTERVAL)
    return {
        "headline": maybe(record(metric=TEXT, corpus=TEXT)),
        "audit_settings": of_dataclass(AuditEntry),
        "relations": rows(
            "Every metric against every score in every zone.",
            **_WHERE, **_CORRELATION, definition=TEXT, members=TEXTS, interval_method=TEXT,
            pvalue=_PVALUE, pvalue_method=TEXT, pvalue_permutation=_PVALUE, pvalue_holm=_PVALUE,
            kendall=_RHO, kendall_pvalue=_PVALUE, kendall_pvalue_method=TEXT,
            minimum_detectable=maybe(SHARE),
            measurement=maybe(record(standard_error=NUMBER, interval=INTERVAL, method=TEXT)),
            attainable=said(maybe(NUMBER), "largest |rho| that noise lets be seen"),
            disattenuated=maybe(
                record(value=NUMBER, interval=maybe(INTERVAL), method=TEXT, cautions=TEXTS)
            ),
            expected=maybe(
                record(low=_RHO, high=_RHO, pvalue=_PVALUE, n_simulations=COUNT, shapes=shapes,
                       cautions=TEXTS)
            ),
            cautions=TEXTS,
        ),
        "verdicts": rows(
            **_WHERE, question=TEXT, verdict=one_of("informative", "silent", "cannot tell"),
            sentence=TEXT, reasons=TEXTS,
        ),
        "variants": rows(
            **_WHERE, **_CORRELATION, words=TEXT, family=TEXT, context_length=maybe(COUNT),
            pvalue=_PVALUE, pvalue_method=TEXT, pvalue_maxt=_PVALUE, cautions=TEXTS,
        ),
        "variant_summaries": rows(
            score=TEXT, zone=_ZONE, n=COUNT, n_variants=COUNT, n_resamples=COUNT, method=TEXT,
            escape=rows(metric=TEXT, corpus=TEXT), sentence=TEXT,
        ),
        "sensitivity": rows(
            **{name: one for name, one in _WHERE.items() if name != "zone"}, **_CORRELATION,
            definition=TEXT, width=NUMBER, unit=TEXT, is_default=YES_NO, expected=maybe(INTERVAL),
            attainable=maybe(NUMBER), cautions=TEXTS,
        ),
        "volume_direction": rows(
            **_WHERE, n=COUNT,
            parts=rows(part=one_of("volume", "direction", "net"), spearman=_RHO, aligned=_RHO,
                       interval=maybe(INTERVAL), attainable=maybe(NUMBER), word=TEXT),
            sentence=TEXT,
        ),
        "copies": rows(
            models=TEXTS, what=TEXT,
            effect=rows(**_WHERE, n=COUNT, spearman=_RHO, n_without=COUNT, spearman_without=_RHO),
        ),
    }  # fmt: skip


def _prompt_by_prompt() -> dict[str, Schema]:
    predictors = rows(
        predictor=TEXT, words=TEXT, auroc=ESTIMATE,
        calibration=rows(low=NUMBER, high=NUMBER, n=COUNT, failed_share=ESTIMATE),
        calibration_by=one_of("value", "rank within each candidate"),
    )  # fmt: skip
    return {
        "prompts": rows(
            benchmark=TEXT, model=TEXT, n_items=COUNT, n_failed=COUNT, n_passed=COUNT,
            population=TEXT, predictors=predictors, geometric_mean_ratio=maybe(ESTIMATE),
            zero_rule=TEXT, n_zero=COUNT,
            added=maybe(record(auroc_gain=ESTIMATE, coefficient=ESTIMATE, pvalue=_PVALUE,
                               pvalue_method=TEXT)),
            cautions=TEXTS, sentence=TEXT,
        ),
        "router": rows(
            benchmark=TEXT, pairs=COUNT, items=COUNT, decisions=COUNT,
            rules=rows(rule=TEXT, words=TEXT, accuracy=ESTIMATE, ties=COUNT),
            comparisons=rows(rule=TEXT, against=TEXT, difference=ESTIMATE),
            cautions=TEXTS, sentence=TEXT,
        ),
        "signed_shift": rows(
            benchmark=TEXT, zone=_ZONE, n=COUNT, items=COUNT, predictor=TEXT, words=TEXT,
            rho=ESTIMATE, spearman=_RHO, target=TEXT, cautions=TEXTS,
        ),
        "signed_shift_summary": record(
            sentence=TEXT, works=maybe(YES_NO), benchmark_or_absent=maybe(TEXT),
            against_or_absent=rows(predictor=TEXT, difference=maybe(NUMBER),
                                   interval=maybe(INTERVAL)),
        ),
    }  # fmt: skip


def _decision() -> Schema:
    guards = rows(benchmark=TEXT, lower_bound=maybe(NUMBER), pvalue=_PVALUE, passes=YES_NO)
    return record(
        margin=SHARE, guard_margin=SHARE, alpha=SHARE, method=one_of("fixed sequence", "Holm"),
        test=TEXT, memory_budget_bytes=maybe(COUNT), file_bytes_budget=maybe(COUNT),
        bits_per_weight_budget=maybe(NUMBER), fits=TEXTS, unfit=rows(model=TEXT, why=TEXT),
        pick=said(maybe(TEXT), "the model that may be deployed; null where none is shown safe"),
        steps=rows(model=TEXT, composite=ESTIMATE, lower_bound=maybe(NUMBER), guards=guards,
                   pvalue=_PVALUE, pvalue_holm=_PVALUE, passes=YES_NO, reason=TEXT),
        undecided=rows(model=TEXT, why=TEXT, items_needed=maybe(COUNT)),
        sentence=TEXT,
        best=maybe(record(set=TEXTS, method=TEXT, n_resamples=COUNT, sentence=TEXT,
                          comparisons=rows(model=TEXT, difference=ESTIMATE, in_set=YES_NO))),
        pairs=rows(first=TEXT, second=TEXT, difference=ESTIMATE, pvalue=_PVALUE,
                   pvalue_holm=_PVALUE, is_distinguishable=YES_NO),
        yardstick=maybe(record(model=TEXT, difference=ESTIMATE, split_half=maybe(NUMBER),
                               pick_difference=maybe(ESTIMATE), sentence=TEXT)),
        predicted=rows(model=TEXT, kld_mean=maybe(NUMBER), volume=ESTIMATE,
                       items_needed=maybe(COUNT), items_interval=maybe(INTERVAL), why=TEXT),
    )  # fmt: skip


def _lanes() -> Schema:
    measured, scored = _measured(), _scored()
    return rows(
        "Candidates that no other section ranks, each lane by itself.",
        lane=TEXT,
        why=TEXT,
        candidates={"type": "array", "items": {"$ref": "#/$defs/model"}},
        fidelity=measured["fidelity"],
        kld_spread=measured["kld_spread"],
        scores=scored["scores"],
        decomposition=scored["decomposition"],
    )


def analysis_schema() -> Schema:
    """Give the schema of ``analysis.json``."""
    return document(
        "analysis.json: every answer (docs/analysis-json.md)",
        SCHEMA_VERSION,
        {"estimate": ESTIMATE_DEFINITION, "model": _MODEL},
        source=record(
            kind=one_of("study", "table", "items", "table and items", "imported results"),
            files=TEXTS,
        ),
        study=record(
            name=TEXT, seed=COUNT, created_at=maybe(TEXT), package_version=TEXT, command=TEXT
        ),
        reference=maybe({"$ref": "#/$defs/model"}),
        candidates={"type": "array", "items": {"$ref": "#/$defs/model"}},
        lanes_or_absent=_lanes(),
        **_measured(),
        **_scored(),
        **_audited(),
        **_prompt_by_prompt(),
        decision=_decision(),
        cautions=TEXTS,
        exclusions=rows(what=TEXT, count=COUNT, why=TEXT),
        failures=rows(model=TEXT, part=TEXT, cause=TEXT),
    )


def flips_schema() -> Schema:
    """Give the schema of ``flips.json``."""
    told = {
        "score": maybe(NUMBER),
        "prediction": maybe(TEXT),
        "log_likelihoods": said(maybe({"type": "array", "items": NUMBER}), "nats, one per choice"),
        "text": said(maybe(TEXT), f"its first {flips.LONGEST_TEXT:,} characters"),
    }
    return document(
        "flips.json: the items whose answer changed (docs/architecture.md)",
        flips.SCHEMA_VERSION,
        {},
        reference=maybe(TEXT),
        models=TEXTS,
        benchmarks=rows(name=TEXT, items=COUNT),
        questions=rows(
            benchmark=said(COUNT, "index into benchmarks"), item=TEXT, cluster=maybe(TEXT),
            prompt=maybe(TEXT), choices=maybe(TEXTS), gold=maybe(TEXT), rule=maybe(TEXT),
            reference=record(**told), harmed=COUNT, gained=COUNT, candidates=COUNT,
        ),
        changes=rows(
            question=said(COUNT, "index into questions"), model=said(COUNT, "index into models"),
            kind=one_of("harm", "gain", "other"), **told, divergence=maybe(NUMBER),
            shared_tokens=maybe(COUNT),
        ),
        left_out=rows(benchmark=COUNT, model=COUNT, count=COUNT),
    )  # fmt: skip
