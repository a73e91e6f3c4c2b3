"""The whole analysis of a study folder: everything ``analysis.json`` says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from silentzone.analysis.answers import (
    Settings,
    audit_sections,
    decision_section,
    item_sections,
    score_sections,
)
from silentzone.analysis.as_json import JsonObject, estimate_as_json
from silentzone.analysis.audit import Evidence, no_listener
from silentzone.analysis.benchmarks import Benchmarks, judge_benchmarks, score_evidence
from silentzone.analysis.churn import ChurnRows, read_churn
from silentzone.analysis.floors import Floor, distinguishable_pairs, floor_as_json, model_floor
from silentzone.analysis.identities import (
    benchmark_as_json,
    corpus_as_json,
    engine_as_json,
    model_as_json,
    require_manifest,
)
from silentzone.analysis.item_divergence import with_divergence
from silentzone.analysis.items import BenchmarkScores, read_benchmark
from silentzone.analysis.metric_axes import metric_axes
from silentzone.analysis.positions import CorpusPositions, read_corpus, read_floors
from silentzone.analysis.remarks import Remarks, count_exclusions, same_files, warn, warn_of_copies
from silentzone.analysis.scores import require_benchmark_name
from silentzone.analysis.spread_rows import spread_rows
from silentzone.store.answers import SCHEMA_VERSION
from silentzone.store.current import CurrentParts

if TYPE_CHECKING:
    from collections.abc import Callable

    from silentzone.store.folder import StudyFolder


def analyze_study(
    folder: StudyFolder,
    *,
    rng_seed: int,
    settings: Settings | None = None,
    on_share: Callable[[float], None] = no_listener,
) -> JsonObject:
    """Every answer a study folder holds, as the object of ``analysis.json``.

    Parameters
    ----------
    folder : StudyFolder
        Only its manifest and tables are read.
    rng_seed : int
        Decides the random splits and draws; the same folder and seed give the same object.
    settings : Settings, optional
        Margins, budgets and zones; left out, those the study was run with.
    on_share : callable, optional
        Told how much of the work is done, as a share of 1.

    Returns
    -------
    dict
        Schema 2 of ``docs/analysis-json.md``. What could not be computed is null with a caution.

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
    settings = settings or Settings.of_config(manifest["config"])
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
    corpora = _corpora(parts, manifest, names, rng_seed)
    benchmarks = _benchmarks(parts, manifest, names, settings.audit.unfinished)
    floors = _floors(parts, manifest, (reference, *names))
    scores = score_evidence(benchmarks, rng_seed)
    metrics = tuple(one for corpus, length in corpora for one in metric_axes(corpus, length))
    positions = [corpus for corpus, _ in corpora]
    count_exclusions(positions, benchmarks, remarks)
    _count_missing(manifest, positions, benchmarks, names, remarks)
    for kind, group, name in sorted(parts.stale):
        remarks.exclude(f"{kind} of {name} on {group}", 1, "measured on another file of this name")
    warn_of_copies((manifest["reference"], *models), remarks)
    warn(manifest, positions, benchmarks, remarks)
    evidence = Evidence(
        candidates=tuple(names),
        metrics=metrics,
        scores=scores.axes,
        outcomes=benchmarks.outcomes(),
        benchmarks=tuple(one.benchmark for one in benchmarks.scores),
        seed=rng_seed,
        copies=same_files(models),
    )
    decision = decision_section(models, benchmarks, scores, evidence, settings, remarks)
    return {
        "schema_version": SCHEMA_VERSION,
        "source": {"kind": "study", "files": []},
        "study": dict(manifest["study"]),
        "reference": model_as_json(manifest["reference"], missing=()),
        "candidates": [
            model_as_json(one, missing=_missing(one["name"], manifest, positions, benchmarks))
            for one in models
        ],
        "corpora": [corpus_as_json(one) for one in manifest["corpora"]],
        "benchmarks": [
            benchmark_as_json(one, benchmarks.entries[one["name"]])
            for one in manifest["benchmarks"]
        ],
        "engine": engine_as_json(manifest["engine"]),
        "fidelity": _fidelity_rows(manifest, names, positions, floors),
        "kld_spread": spread_rows(positions, floors),
        "distinguishable": [
            row
            for corpus in positions
            for row in distinguishable_pairs(corpus, floors[corpus.corpus], names)
        ],
        **score_sections(benchmarks, scores, _churn(parts, benchmarks), names),
        **audit_sections(evidence, settings, on_share),
        **item_sections(benchmarks, evidence, settings),
        "decision": decision,
        "cautions": remarks.cautions,
        "exclusions": remarks.exclusions,
        "failures": list(manifest.get("failures", [])),
    }


def _benchmarks(
    parts: CurrentParts, manifest: JsonObject, names: list[str], unfinished: str
) -> Benchmarks:
    reference = str(manifest["reference"]["name"])
    found: dict[str, BenchmarkScores | None] = {}
    for one in manifest["benchmarks"]:
        name = str(one["name"])
        require_benchmark_name(name, "study.toml")
        scores = read_benchmark(parts, name, reference, names, unfinished)
        found[name] = None if scores is None else with_divergence(parts, scores, reference)
    chances = {str(one["name"]): float(one["chance"]) for one in manifest["benchmarks"]}
    return judge_benchmarks(found, chances, reference, names)


def _corpora(
    parts: CurrentParts, manifest: JsonObject, names: list[str], seed: int
) -> list[tuple[CorpusPositions, int | None]]:
    """Every corpus with at least one candidate, and its context length."""
    found = []
    for one in manifest["corpora"]:
        corpus = read_corpus(parts, str(one["name"]), names, seed)
        if corpus is not None:
            found.append((corpus, one["plan"]["context_length"]))
    return found


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


def _churn(parts: CurrentParts, benchmarks: Benchmarks) -> dict[tuple[str, str], ChurnRows]:
    """Items asked again, by benchmark and model, the reference included."""
    found = {}
    for scores in benchmarks.scores:
        for model in (benchmarks.reference, *scores.candidates):
            rows = read_churn(parts, scores.benchmark, model)
            if rows is not None:
                found[scores.benchmark, model] = rows
    return found


def _fidelity_rows(
    manifest: JsonObject,
    names: list[str],
    corpora: list[CorpusPositions],
    floors: dict[str, dict[str, Floor]],
) -> list[JsonObject]:
    by_corpus = {corpus.corpus: corpus.models for corpus in corpora}
    rows = []
    for corpus in (str(one["name"]) for one in manifest["corpora"]):
        for name in names:
            own = by_corpus.get(corpus, {}).get(name)
            fidelity = {} if own is None else own.fidelity
            rows.append(
                {
                    "model": name,
                    "corpus": corpus,
                    "status": "not measured" if own is None else "complete",
                    "metrics": {key: estimate_as_json(value) for key, value in fidelity.items()},
                    "floor": floor_as_json(floors[corpus][name]),
                }
            )
    return rows


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
