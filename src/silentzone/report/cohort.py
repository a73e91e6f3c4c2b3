"""The analysis indexed by model: what charts and tables both look up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from silentzone.report.escaping import visible
from silentzone.report.numbers import finite
from silentzone.report.reading import (
    COMPOSITE,
    FULL,
    HEADLINE_METRIC,
    Model,
    Quantity,
    Raw,
    check,
    models,
    quantity,
    rows,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

NOT_MEASURED = Quantity(
    value=None, lower=None, upper=None, cautions=("not measured",), confidence=None
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """What a model differs from itself on one corpus."""

    used: float | None
    uneven_batch: Quantity
    token_by_token: Quantity
    statement: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Harm:
    """Item by item, one candidate against the reference on one benchmark."""

    items: float | None
    harm: float | None
    gain: float | None
    volume: Quantity
    direction: Quantity
    net: Quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohort:
    """One study by model name."""

    raw: Raw
    models: tuple[Model, ...]
    corpora: tuple[str, ...]
    benchmarks: tuple[str, ...]
    has_composite: bool
    fidelity: Mapping[tuple[str, str], Mapping[str, Quantity]]
    """By model and corpus, then by metric key."""
    fidelity_status: Mapping[tuple[str, str], str]
    floors: Mapping[tuple[str, str], Floor]
    scores: Mapping[tuple[str, str], Quantity]
    """By model and benchmark, the composite among them."""
    churn: Mapping[tuple[str, str], Quantity]
    decomposition: Mapping[tuple[str, str], Harm]
    relations: tuple[Raw, ...]
    zone: str | None
    """The zone the report speaks of: that of the headline verdict."""

    @property
    def reference(self) -> Model:
        """The model everything is measured against."""
        return self.models[0]

    @property
    def candidates(self) -> tuple[Model, ...]:
        """Largest file first."""
        return self.models[1:]

    @property
    def corpus(self) -> str | None:
        """The corpus of the headline numbers: the study's first."""
        return self.corpora[0] if self.corpora else None

    @property
    def score_names(self) -> tuple[str, ...]:
        """Composite first when there is one, then the benchmarks."""
        return (COMPOSITE, *self.benchmarks) if self.has_composite else self.benchmarks

    @property
    def interval_name(self) -> str:
        """`95 % interval`, or `interval` when the scores do not share one confidence."""
        levels = {q.confidence for q in self.scores.values() if q.confidence is not None}
        return f"{100 * levels.pop():g} % interval" if len(levels) == 1 else "interval"

    def metric(self, model: str, corpus: str | None, key: str = HEADLINE_METRIC) -> Quantity:
        """Return a fidelity metric, or a quantity that says it was not measured."""
        return self.fidelity.get((model, corpus or ""), {}).get(key, NOT_MEASURED)

    def score(self, model: str, benchmark: str) -> Quantity:
        """Return a score, or a quantity that says it was not measured."""
        return self.scores.get((model, benchmark), NOT_MEASURED)

    def relation(
        self, score: str, zone: str, corpus: str | None, metric: str = HEADLINE_METRIC
    ) -> Raw | None:
        """Return the relation asked for, or null when the study has none."""
        wanted = {"metric": metric, "score": score, "zone": zone}
        for relation in self.relations:
            same = all(relation.get(key) == value for key, value in wanted.items())
            if same and relation.get("corpus") in (corpus, None):
                return relation
        return None

    def zone_members(self) -> frozenset[str]:
        """Names of the candidates in the zone the report speaks of."""
        if self.zone is None:
            return frozenset()
        found = self.relation(COMPOSITE, self.zone, self.corpus)
        return frozenset(found.get("members") or ()) if found else frozenset()


def index(analysis: object) -> Cohort:
    """Index an analysis by model.

    Raises
    ------
    TableError
        If the analysis has another layout than schema 1.
    """
    raw = check(analysis)
    fidelity = {(r["model"], r["corpus"]): r for r in _keyed(raw, "fidelity", "corpus")}
    scores = {(r["model"], r["benchmark"]): r for r in _keyed(raw, "scores", "benchmark")}
    decomposition = _keyed(raw, "decomposition", "benchmark")
    return Cohort(
        raw=raw,
        models=models(raw),
        corpora=tuple(str(row.get("name")) for row in rows(raw, "corpora")),
        benchmarks=tuple(str(row.get("name")) for row in rows(raw, "benchmarks")),
        has_composite=any(key[1] == COMPOSITE for key in scores),
        fidelity={
            key: {name: quantity(value) for name, value in (row.get("metrics") or {}).items()}
            for key, row in fidelity.items()
        },
        fidelity_status={key: visible(row.get("status")) for key, row in fidelity.items()},
        floors={key: _floor(row.get("floor") or {}) for key, row in fidelity.items()},
        scores={key: quantity(row.get("score")) for key, row in scores.items()},
        churn={
            key: quantity(row["churn_floor"])
            for key, row in scores.items()
            if row.get("churn_floor") is not None
        },
        decomposition={(r["model"], r["benchmark"]): _harm(r) for r in decomposition},
        relations=tuple(rows(raw, "relations")),
        zone=_headline_zone(raw),
    )


def headline_verdicts(raw: Raw) -> tuple[Raw, ...]:
    """Verdicts on the headline metric near the baseline, the study's first corpus first.

    Within a corpus the order is the study's, but a zone that could not be formed comes last.
    """
    computed = {
        (row.get("corpus"), row.get("zone"))
        for row in rows(raw, "relations")
        if row.get("metric") == HEADLINE_METRIC
        and row.get("score") == COMPOSITE
        and finite(row.get("spearman")) is not None
    }
    corpora = [row.get("name") for row in rows(raw, "corpora")]
    found = [
        row
        for row in rows(raw, "verdicts")
        if row.get("metric") == HEADLINE_METRIC
        and row.get("score") == COMPOSITE
        and row.get("zone") not in (FULL, None)
    ]

    def place(row: Raw) -> tuple[int, bool]:
        corpus = row.get("corpus")
        order = corpora.index(corpus) if corpus in corpora else -1
        return order, (corpus, row.get("zone")) not in computed

    return tuple(sorted(found, key=place))


def _headline_zone(raw: Raw) -> str | None:
    found = headline_verdicts(raw)
    return str(found[0]["zone"]) if found else None


def _keyed(raw: Raw, section: str, second: str) -> list[Raw]:
    return [
        row
        for row in rows(raw, section)
        if isinstance(row.get("model"), str) and isinstance(row.get(second), str)
    ]


def _floor(raw: Raw) -> Floor:
    statement = raw.get("statement")
    return Floor(
        used=finite(raw.get("used")),
        uneven_batch=quantity(raw.get("uneven_batch")),
        token_by_token=quantity(raw.get("token_by_token")),
        statement=None if statement is None else visible(statement),
    )


def _harm(raw: Raw) -> Harm:
    return Harm(
        items=finite(raw.get("items")),
        harm=finite(raw.get("harm")),
        gain=finite(raw.get("gain")),
        volume=quantity(raw.get("volume")),
        direction=quantity(raw.get("direction")),
        net=quantity(raw.get("net")),
    )
