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
from silentzone.analysis.audit import Evidence, no_listener
from silentzone.analysis.benchmarks import score_evidence
from silentzone.analysis.engines import warn_of_engines
from silentzone.analysis.floors import distinguishable_pairs
from silentzone.analysis.identities import (
    benchmark_as_json,
    corpus_as_json,
    engine_as_json,
    model_as_json,
    require_manifest,
)
from silentzone.analysis.lanes import lane_sections, warn_of_idle
from silentzone.analysis.measured import Measured, of_lane
from silentzone.analysis.metric_axes import metric_axes
from silentzone.analysis.remarks import Remarks, count_exclusions, same_files, warn, warn_of_copies
from silentzone.analysis.spread_rows import spread_rows
from silentzone.records.models import SERVING
from silentzone.store.answers import SCHEMA_VERSION
from silentzone.store.current import CurrentParts

if TYPE_CHECKING:
    from collections.abc import Callable

    from silentzone.analysis.as_json import JsonObject
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
    parts = CurrentParts.of(folder, manifest)
    unfinished = settings.audit.unfinished
    models = of_lane(manifest["candidates"], SERVING)
    own = Measured.read(parts, manifest, models, rng_seed=rng_seed, unfinished=unfinished)
    names, positions, benchmarks = own.names, own.positions, own.benchmarks
    scores = score_evidence(benchmarks, rng_seed)
    metrics = tuple(
        axis
        for corpus in positions
        for axis in metric_axes(corpus, own.context_length(corpus.corpus))
    )
    count_exclusions(positions, benchmarks, remarks)
    own.count_missing(remarks)
    warn_of_copies((manifest["reference"], *models), remarks)
    warn(manifest, positions, benchmarks, remarks)
    warn_of_idle(own, remarks)
    lanes = lane_sections(parts, manifest, remarks, rng_seed=rng_seed, unfinished=unfinished)
    warn_of_engines(manifest, lanes, remarks)
    for kind, group, name in sorted(parts.stale):
        remarks.exclude(f"{kind} of {name} on {group}", 1, "measured on another file of this name")
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
        "candidates": own.models_as_json(),
        "corpora": [corpus_as_json(one) for one in manifest["corpora"]],
        "benchmarks": [
            benchmark_as_json(one, benchmarks.entries[one["name"]])
            for one in manifest["benchmarks"]
        ],
        "engine": engine_as_json(manifest["engine"]),
        "fidelity": own.fidelity_rows(),
        "kld_spread": spread_rows(positions, own.floors),
        "distinguishable": [
            row
            for corpus in positions
            for row in distinguishable_pairs(corpus, own.floors[corpus.corpus], names)
        ],
        **score_sections(benchmarks, scores, own.churn(), names),
        **audit_sections(evidence, settings, on_share),
        **item_sections(benchmarks, evidence, settings),
        "decision": decision,
        "lanes": lanes,
        "cautions": remarks.cautions,
        "exclusions": remarks.exclusions,
        "failures": list(manifest.get("failures", [])),
    }
