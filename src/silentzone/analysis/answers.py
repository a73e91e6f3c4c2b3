"""The sections of ``analysis.json`` that a study, a cohort table and an items table share."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from silentzone.analysis.audit import AuditRule, Evidence, audit, headline, no_listener
from silentzone.analysis.benchmarks import Benchmarks, ScoreEvidence, composite_rows_of
from silentzone.analysis.best import all_pairs, best_set, compared_models, yardstick
from silentzone.analysis.changes import decomposition_rows
from silentzone.analysis.churn import churn_floor
from silentzone.analysis.contenders import Contender, rule_of
from silentzone.analysis.decision import decide
from silentzone.analysis.item_divergence import prompt_data
from silentzone.analysis.plan import predicted_items
from silentzone.analysis.prompts import prompt_rows
from silentzone.analysis.router import router_rows
from silentzone.analysis.scores import composite_rows, score_rows
from silentzone.analysis.seeds import seeded
from silentzone.analysis.signed_shift import signed_shift_section
from silentzone.analysis.table_scores import TableBenchmarks, table_contenders
from silentzone.analysis.zones import FULL, form_zone
from silentzone.records.config import AuditEntry, DecisionEntry

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from silentzone.analysis.as_json import JsonObject
    from silentzone.analysis.axes import RankedMetric
    from silentzone.analysis.churn import ChurnRows
    from silentzone.analysis.remarks import Remarks

NO_ITEM_SECTIONS: dict[str, Any] = {
    "prompts": [],
    "router": [],
    "signed_shift": [],
    "signed_shift_summary": {"sentence": "A table without items has no margins.", "works": None},
}
"""Sections of a table that has scores and no items."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the user accepts, and how zones are drawn."""

    decision: DecisionEntry = field(default_factory=DecisionEntry)
    audit: AuditEntry = field(default_factory=AuditEntry)

    @staticmethod
    def of_config(config: Mapping[str, Any]) -> Settings:
        """Read the settings a study was run with; an option it does not know has its default."""
        return Settings(
            decision=DecisionEntry(**config["decision"]),
            audit=AuditEntry(**config.get("audit", {})),
        )

    @property
    def audit_rule(self) -> AuditRule:
        """Rule of the audit; the equivalence zone takes the decision's margin and alpha."""
        return AuditRule(margin=self.decision.margin, alpha=self.decision.alpha, entry=self.audit)


def score_sections(
    benchmarks: Benchmarks,
    evidence: ScoreEvidence,
    churn: Mapping[tuple[str, str], ChurnRows],
    names: Sequence[str],
) -> dict[str, list[JsonObject]]:
    """Sections ``composites``, ``scores`` and ``decomposition``; see :func:`item_changes`."""
    return {
        "composites": composite_rows_of(benchmarks, evidence.why_not_normalised),
        **item_changes(benchmarks, churn, names),
    }


def item_changes(
    benchmarks: Benchmarks, churn: Mapping[tuple[str, str], ChurnRows], names: Sequence[str]
) -> dict[str, list[JsonObject]]:
    """Sections ``scores`` and ``decomposition``: each candidate beside the reference.

    Parameters
    ----------
    benchmarks : Benchmarks
    churn : mapping of (benchmark, model) to ChurnRows
        Items asked again.
    names : sequence of str
        Candidates in the order in which they are listed.
    """
    rows: list[JsonObject] = []
    for scores in benchmarks.scores:
        estimates = benchmarks.estimates[scores.benchmark]
        again = {
            name: churn_floor(churn[scores.benchmark, name])
            for name in estimates
            if (scores.benchmark, name) in churn
        }
        rows += score_rows(scores, estimates, again)
    entering = [benchmarks.estimates[name] for name in benchmarks.entering]
    if benchmarks.scores:
        rows += composite_rows([benchmarks.reference, *names], entering)
    return {
        "scores": rows,
        "decomposition": decomposition_rows(benchmarks, churn),
    }


def audit_sections(
    evidence: Evidence, settings: Settings, on_share: Callable[[float], None] = no_listener
) -> dict[str, Any]:
    """Sections of the audit, and which metric the headline speaks of."""
    first = headline(evidence.metrics)
    if not evidence.has_scores:
        sections = dict.fromkeys(
            ("relations", "verdicts", "variants", "variant_summaries", "sensitivity",
             "volume_direction", "copies"),
        )  # fmt: skip
        found: dict[str, Any] = {name: [] for name in sections}
    else:
        found = dict(audit(evidence, settings.audit_rule, on_share=on_share).as_json())
    return {
        "headline": None if first is None else {"metric": first.metric, "corpus": first.corpus},
        "audit_settings": asdict(settings.audit),
        **found,
    }


def item_sections(
    benchmarks: Benchmarks,
    evidence: Evidence,
    settings: Settings,
) -> dict[str, Any]:
    """Sections that look at single items: prompts, router and the signed shift of margins.

    Parameters
    ----------
    benchmarks : Benchmarks
    evidence : Evidence
        Of the same cohort; its headline metric is what a router may go by.
    settings : Settings
    """
    means = mean_divergence(evidence.metrics)
    data = [prompt_data(one, benchmarks.reference, means) for one in benchmarks.scores]
    rows, summary = signed_shift_section(
        data,
        seed=evidence.seed,
        entering=benchmarks.entering,
        zones=_zone_members(evidence, settings),
    )
    return {
        "prompts": prompt_rows(data, seed=evidence.seed),
        "router": router_rows(data),
        "signed_shift": rows,
        "signed_shift_summary": summary,
    }


def decision_section(
    models: Sequence[JsonObject],
    benchmarks: Benchmarks,
    scores: ScoreEvidence,
    evidence: Evidence,
    settings: Settings,
    remarks: Remarks,
) -> JsonObject:
    """Section ``decision``: the pick, what cannot be told from the best, and every pair.

    Parameters
    ----------
    models : sequence of dict
        Candidates with ``name``, ``file_bytes``, ``bits_per_weight`` and ``memory_bytes``.
    benchmarks : Benchmarks
    scores : ScoreEvidence
        Whose draws are used again.
    evidence : Evidence
    settings : Settings
    remarks : Remarks
        Told what of the models is not known.
    """
    rule = rule_of(asdict(settings.decision))
    contenders = [_contender(one, benchmarks) for one in models]
    unknown = [one.name for one in contenders if one.memory_bytes is None]
    if rule.memory_budget_bytes is not None and unknown:
        remarks.cautions.append(
            f"the memory of {len(unknown)} candidates is not known; they do not count as fitting: "
            + ", ".join(unknown)
        )
    decision = decide(contenders, rule, why_impossible=benchmarks.why_no_composite)
    names = [one.name for one in contenders]
    compared = compared_models(
        [one for one in benchmarks.scores if one.benchmark in benchmarks.entering],
        names,
        benchmarks.reference,
        rng=seeded(evidence.seed, "best"),
        draws=_composite_draws(scores, names),
    )
    first = headline(evidence.metrics)
    pick = decision["pick"]
    return {
        **decision,
        "best": None if compared is None else best_set(compared, pick=pick),
        "pairs": [] if compared is None else all_pairs(compared),
        "yardstick": None
        if compared is None
        else yardstick(compared, rng=seeded(evidence.seed, "yardstick"), pick=pick),
        "predicted": predicted_items(
            contenders,
            mean_divergence(evidence.metrics),
            rule,
            corpus="the first corpus" if first is None else first.corpus,
        ),
    }


def table_decision_section(
    benchmarks: TableBenchmarks, settings: Settings, remarks: Remarks
) -> JsonObject:
    """Section ``decision`` of a cohort table, whose errors are unpaired."""
    rule = rule_of(asdict(settings.decision))
    if rule.memory_budget_bytes is not None:
        remarks.cautions.append("a table states no memory: under a memory budget nothing fits")
    decision = decide(
        table_contenders(benchmarks), rule, why_impossible=benchmarks.why_no_composite
    )
    if benchmarks.entering:
        remarks.cautions.append(
            "a table holds no items: candidates are not compared with each other, nor is the set "
            "that cannot be told from the best"
        )
    return {**decision, "best": None, "pairs": [], "yardstick": None, "predicted": []}


def mean_divergence(metrics: Sequence[RankedMetric]) -> dict[str, float]:
    """Mean KLD of the candidates on the first corpus that has it."""
    first = next((one for one in metrics if one.metric == "kld_mean"), None)
    return {} if first is None else dict(first.axis.values)


def _zone_members(evidence: Evidence, settings: Settings) -> dict[str, tuple[str, ...]]:
    """Members of every zone near the reference that can be formed, by the headline metric."""
    first = headline(evidence.metrics)
    if first is None:
        return {}
    formed = (
        form_zone(rule, first.axis, evidence.outcomes, evidence.candidates)
        for rule in settings.audit_rule.zones()
        if rule.kind != FULL
    )
    return {one.name: one.members for one in formed if one.members}


def _composite_draws(scores: ScoreEvidence, names: Sequence[str]) -> NDArray[np.float64] | None:
    """Joint deviations of the composites that were drawn already; null where not all have one."""
    composite = scores.composite
    if composite is None or any(name not in composite.models for name in names):
        return None
    return composite.select(names).draws


def _contender(model: JsonObject, benchmarks: Benchmarks) -> Contender:
    name = str(model["name"])
    return Contender(
        name=name,
        file_bytes=model.get("file_bytes"),
        memory_bytes=model.get("memory_bytes"),
        bits_per_weight=model.get("bits_per_weight"),
        composite=benchmarks.composites.get(name),
        guards={
            benchmark: benchmarks.parts[benchmark][name]
            for benchmark in benchmarks.entering
            if name in benchmarks.parts[benchmark]
        },
        why_no_composite=benchmarks.why_not_measured(name),
    )
