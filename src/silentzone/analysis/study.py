"""The whole analysis of a study folder: everything ``analysis.json`` says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from silentzone.analysis.as_json import JsonObject, estimate_as_json
from silentzone.analysis.axes import metric_axes, score_axes
from silentzone.analysis.contenders import Contender, DecisionRule
from silentzone.analysis.current import CurrentParts
from silentzone.analysis.decision import decide
from silentzone.analysis.fidelity import fidelity_of_model
from silentzone.analysis.floors import Floor, distinguishable_pairs, floor_as_json, model_floor
from silentzone.analysis.identities import (
    benchmark_as_json,
    corpus_as_json,
    engine_as_json,
    model_as_json,
    require_manifest,
)
from silentzone.analysis.items import BenchmarkScores, churn_floor, read_benchmark
from silentzone.analysis.positions import CorpusPositions, read_corpus, read_floors
from silentzone.analysis.relations import Relation, relations_of_corpus
from silentzone.analysis.remarks import (
    Benchmarks,
    Remarks,
    count_exclusions,
    warn,
    warn_of_copies,
)
from silentzone.analysis.scores import (
    COMPOSITE,
    Entry,
    composite_difference,
    composite_entry,
    composite_rows,
    decomposition_row,
    decompositions,
    score_estimates,
    score_rows,
)
from silentzone.analysis.verdicts import verdict
from silentzone.analysis.zones import outcome_zones
from silentzone.errors import InputError

if TYPE_CHECKING:
    from silentzone.stats.results import Estimate
    from silentzone.store.folder import StudyFolder

SCHEMA_VERSION = 1
JUDGED_SCORES = (COMPOSITE, f"volume:{COMPOSITE}", f"direction:{COMPOSITE}")


def analyze_study(folder: StudyFolder, *, rng_seed: int) -> JsonObject:
    """Every answer a study folder holds, as the object of ``analysis.json``.

    Parameters
    ----------
    folder : StudyFolder
        Only its manifest and tables are read.
    rng_seed : int
        Decides the random splits; the same folder and seed give the same object.

    Returns
    -------
    dict
        Schema 1 of ``docs/architecture.md``. What could not be computed is null with a caution.

    Raises
    ------
    ProtocolMismatchError
        If tables that must agree were measured under different protocols.
    TableError
        If the manifest or a table is damaged.
    InputError
        If a benchmark carries a name this analysis needs for itself.
    """
    manifest = folder.manifest()
    require_manifest(manifest)
    remarks = Remarks()
    reference = str(manifest["reference"]["name"])
    models = sorted(
        manifest["candidates"], key=lambda one: (-(one["file_bytes"] or 0), one["name"])
    )
    names = [str(one["name"]) for one in models]
    parts = CurrentParts(
        folder=folder,
        sha256={str(one["name"]): one["sha256"] for one in (manifest["reference"], *models)},
        reference=reference,
    )
    benchmarks = _benchmarks(parts, manifest, reference, names)
    corpora = _corpora(parts, manifest, names)
    fidelity = {
        corpus.corpus: {
            name: fidelity_of_model(own, corpus.clusters) for name, own in corpus.models.items()
        }
        for corpus in corpora
    }
    floors = _floors(parts, manifest, (reference, *names))
    rule = _rule(manifest)
    relations = (
        []
        if not benchmarks.scores
        else _relations(corpora, fidelity, benchmarks, (rule, names, rng_seed))
    )
    decision = _decision(models, benchmarks, rule, remarks)
    count_exclusions(corpora, benchmarks, remarks)
    _count_missing(manifest, corpora, benchmarks, names, remarks)
    for kind, group, name in sorted(parts.stale):
        remarks.exclude(f"{kind} of {name} on {group}", 1, "measured on another file of this name")
    warn_of_copies((manifest["reference"], *models), remarks)
    warn(manifest, corpora, benchmarks, remarks)
    return {
        "schema_version": SCHEMA_VERSION,
        "study": dict(manifest["study"]),
        "reference": model_as_json(manifest["reference"], missing=()),
        "candidates": [
            model_as_json(one, missing=_missing(one["name"], manifest, corpora, benchmarks))
            for one in models
        ],
        "corpora": [corpus_as_json(one) for one in manifest["corpora"]],
        "benchmarks": [
            benchmark_as_json(one, benchmarks.entries[one["name"]])
            for one in manifest["benchmarks"]
        ],
        "engine": engine_as_json(manifest["engine"]),
        "fidelity": _fidelity_rows(manifest, names, fidelity, floors),
        "distinguishable": [
            row
            for corpus in corpora
            for row in distinguishable_pairs(corpus, floors[corpus.corpus], names)
        ],
        "scores": _score_rows(parts, benchmarks, reference, names),
        "relations": [relation.as_json() for relation in relations],
        "decomposition": _decomposition_rows(benchmarks),
        "verdicts": [verdict(one) for one in relations if one.score in JUDGED_SCORES],
        "decision": decision,
        "cautions": remarks.cautions,
        "exclusions": remarks.exclusions,
        "failures": list(manifest.get("failures", [])),
    }


def _benchmarks(
    parts_read: CurrentParts, manifest: JsonObject, reference: str, names: list[str]
) -> Benchmarks:
    entries: dict[str, Entry] = {}
    found: list[BenchmarkScores] = []
    for one in manifest["benchmarks"]:
        name = str(one["name"])
        if name == COMPOSITE or ":" in name:
            raise InputError(
                f"benchmark `{name}` must not be called `{COMPOSITE}` or hold a colon.",
                hint="give it another name in study.toml",
            )
        scores = read_benchmark(parts_read, name, reference, names)
        entries[name] = composite_entry(scores, float(one["chance"]))
        if scores is not None:
            found.append(scores)
    parts = {scores.benchmark: decompositions(scores) for scores in found}
    entering = [scores for scores in found if entries[scores.benchmark].enters]
    composites = {name: composite_difference(name, entering, parts) for name in names}
    return Benchmarks(
        entries=entries,
        scores=found,
        estimates={scores.benchmark: score_estimates(scores, reference) for scores in found},
        parts=parts,
        composites={name: part for name, part in composites.items() if part is not None},
    )


def _corpora(parts: CurrentParts, manifest: JsonObject, names: list[str]) -> list[CorpusPositions]:
    found = (read_corpus(parts, str(one["name"]), names) for one in manifest["corpora"])
    return [corpus for corpus in found if corpus is not None]


def _floors(
    parts: CurrentParts, manifest: JsonObject, models: tuple[str, ...]
) -> dict[str, dict[str, Floor]]:
    """Floor of every model on every corpus; the first corpus stands in for what one lacks.

    Where every corpus was to be measured, one without any floor failed, and nothing stands in.
    """
    corpora = [str(one["name"]) for one in manifest["corpora"]]
    if not corpora:
        return {}
    asked = manifest["config"].get("floor")
    is_first_only = isinstance(asked, dict) and asked.get("corpora") == "first"
    own = {
        corpus: {model: read_floors(parts, corpus, model) for model in models} for corpus in corpora
    }
    first = corpora[0]
    return {
        corpus: {
            model: model_floor(
                own[corpus][model],
                own[first][model] if is_first_only or own[corpus][model] else {},
                first,
            )
            for model in models
        }
        for corpus in corpora
    }


def _relations(
    corpora: list[CorpusPositions],
    fidelity: dict[str, dict[str, dict[str, Estimate]]],
    benchmarks: Benchmarks,
    asked: tuple[DecisionRule, list[str], int],
) -> list[Relation]:
    rule, order, seed = asked
    why = benchmarks.why_no_composite
    zones = outcome_zones(
        benchmarks.composites, margin=rule.margin, alpha=rule.alpha, why_no_composite=why
    )
    scores = score_axes(
        benchmarks.scores,
        benchmarks.parts,
        benchmarks.composites,
        benchmarks.entering,
        seed,
        why_no_composite=why,
    )
    return [
        relation
        for corpus in corpora
        for relation in relations_of_corpus(
            corpus.corpus,
            metric_axes(corpus, fidelity[corpus.corpus], seed),
            scores,
            zones,
            order,
        )
    ]


def _rule(manifest: JsonObject) -> DecisionRule:
    asked = manifest["config"]["decision"]
    budget = asked["memory_budget_gb"]
    return DecisionRule(
        margin=float(asked["margin"]),
        guard_margin=float(asked["guard_margin"]),
        alpha=float(asked["alpha"]),
        memory_budget_bytes=None if budget is None else round(float(budget) * 1e9),
    )


def _decision(
    models: list[JsonObject], benchmarks: Benchmarks, rule: DecisionRule, remarks: Remarks
) -> JsonObject:
    contenders = [
        Contender(
            name=str(one["name"]),
            file_bytes=int(one["file_bytes"] or 0),
            memory_bytes=one.get("memory_bytes"),
            composite=benchmarks.composites.get(str(one["name"])),
            guards={
                benchmark: benchmarks.parts[benchmark][str(one["name"])]
                for benchmark in benchmarks.entering
                if str(one["name"]) in benchmarks.parts[benchmark]
            },
            why_no_composite=benchmarks.why_not_measured(str(one["name"])),
        )
        for one in models
    ]
    unknown = [one.name for one in contenders if one.memory_bytes is None]
    if rule.memory_budget_bytes is not None and unknown:
        remarks.cautions.append(
            f"the memory of {len(unknown)} candidates is not known; they do not count as fitting: "
            + ", ".join(unknown)
        )
    return decide(contenders, rule, why_impossible=benchmarks.why_no_composite)


def _fidelity_rows(
    manifest: JsonObject,
    names: list[str],
    fidelity: dict[str, dict[str, dict[str, Estimate]]],
    floors: dict[str, dict[str, Floor]],
) -> list[JsonObject]:
    rows = []
    for corpus in (str(one["name"]) for one in manifest["corpora"]):
        for name in names:
            metrics = fidelity.get(corpus, {}).get(name)
            rows.append(
                {
                    "model": name,
                    "corpus": corpus,
                    "status": "not measured" if metrics is None else "complete",
                    "metrics": {
                        key: estimate_as_json(value) for key, value in (metrics or {}).items()
                    },
                    "floor": floor_as_json(floors[corpus][name]),
                }
            )
    return rows


def _score_rows(
    parts: CurrentParts, benchmarks: Benchmarks, reference: str, names: list[str]
) -> list[JsonObject]:
    rows: list[JsonObject] = []
    for scores in benchmarks.scores:
        estimates = benchmarks.estimates[scores.benchmark]
        asked = {name: churn_floor(parts, scores.benchmark, name) for name in estimates}
        churn = {name: value for name, value in asked.items() if value is not None}
        rows += score_rows(scores, estimates, churn)
    entering = [benchmarks.estimates[name] for name in benchmarks.entering]
    return rows + (composite_rows([reference, *names], entering) if benchmarks.scores else [])


def _decomposition_rows(benchmarks: Benchmarks) -> list[JsonObject]:
    rows = [
        decomposition_row(model, benchmark, part)
        for benchmark, by_model in benchmarks.parts.items()
        for model, part in by_model.items()
    ]
    return rows + [
        decomposition_row(model, COMPOSITE, part) for model, part in benchmarks.composites.items()
    ]


def _missing(
    name: str, manifest: JsonObject, corpora: list[CorpusPositions], benchmarks: Benchmarks
) -> tuple[str, ...]:
    """Parts a candidate has no table for."""
    measured = {corpus.corpus for corpus in corpora if name in corpus.models}
    answered = {scores.benchmark for scores in benchmarks.scores if name in scores.candidates}
    wanted = [(f"corpus {one['name']}", one["name"] in measured) for one in manifest["corpora"]]
    wanted += [
        (f"benchmark {one['name']}", one["name"] in answered) for one in manifest["benchmarks"]
    ]
    return tuple(part for part, is_there in wanted if not is_there)


def _count_missing(
    manifest: JsonObject,
    corpora: list[CorpusPositions],
    benchmarks: Benchmarks,
    names: list[str],
    remarks: Remarks,
) -> None:
    parts: dict[str, int] = {}
    for name in names:
        for part in _missing(name, manifest, corpora, benchmarks):
            parts[part] = parts.get(part, 0) + 1
    for part, count in parts.items():
        remarks.exclude(f"candidates on {part}", count, "not measured")
