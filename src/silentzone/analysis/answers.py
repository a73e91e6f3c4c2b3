"""The sections of ``analysis.json`` that a study, a cohort table and an items table share."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from silentzone.analysis.audit import AuditRule, Evidence, audit, headline
from silentzone.analysis.benchmarks import Benchmarks, ScoreEvidence, composite_rows_of
from silentzone.analysis.changes import decomposition_rows
from silentzone.analysis.churn import churn_floor
from silentzone.analysis.contenders import Contender, rule_of
from silentzone.analysis.decision import decide
from silentzone.analysis.scores import composite_rows, score_rows
from silentzone.analysis.table_scores import TableBenchmarks, table_contenders
from silentzone.records.config import AuditEntry, DecisionEntry

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from silentzone.analysis.as_json import JsonObject
    from silentzone.analysis.axes import RankedMetric
    from silentzone.analysis.churn import ChurnRows
    from silentzone.analysis.remarks import Remarks

SCHEMA_VERSION = 2


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
    """Sections ``composites``, ``scores`` and ``decomposition``.

    Parameters
    ----------
    benchmarks : Benchmarks
    evidence : ScoreEvidence
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
        "composites": composite_rows_of(benchmarks, evidence.why_not_normalised),
        "scores": rows,
        "decomposition": decomposition_rows(benchmarks, churn),
    }


def audit_sections(evidence: Evidence, settings: Settings) -> dict[str, Any]:
    """Sections of the audit, and which metric the headline speaks of."""
    first = headline(evidence.metrics)
    if not evidence.has_scores:
        sections = dict.fromkeys(
            ("relations", "verdicts", "variants", "variant_summaries", "sensitivity",
             "volume_direction", "copies"),
        )  # fmt: skip
        found: dict[str, Any] = {name: [] for name in sections}
    else:
        found = dict(audit(evidence, settings.audit_rule).as_json())
    return {
        "headline": None if first is None else {"metric": first.metric, "corpus": first.corpus},
        "audit_settings": asdict(settings.audit),
        **found,
    }


def decision_section(
    models: Sequence[JsonObject],
    benchmarks: Benchmarks,
    settings: Settings,
    remarks: Remarks,
) -> JsonObject:
    """Section ``decision``.

    Parameters
    ----------
    models : sequence of dict
        Candidates with ``name``, ``file_bytes``, ``bits_per_weight`` and ``memory_bytes``.
    benchmarks : Benchmarks
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
    return decide(contenders, rule, why_impossible=benchmarks.why_no_composite)


def table_decision_section(
    benchmarks: TableBenchmarks, settings: Settings, remarks: Remarks
) -> JsonObject:
    """Section ``decision`` of a cohort table, whose errors are unpaired."""
    rule = rule_of(asdict(settings.decision))
    if rule.memory_budget_bytes is not None:
        remarks.cautions.append("a table states no memory: under a memory budget nothing fits")
    return decide(table_contenders(benchmarks), rule, why_impossible=benchmarks.why_no_composite)


def metrics_of(metrics: Sequence[RankedMetric], metric: str) -> dict[str, float]:
    """Values of a metric on the first corpus it was measured on, by candidate."""
    first = next((one for one in metrics if one.metric == metric), None)
    return {} if first is None else dict(first.axis.values)


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
