"""The analysis indexed by model: what charts and tables both look up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from silentzone.records.escaping import visible
from silentzone.report.reading import (
    COMPOSITE,
    COMPOSITES,
    FULL,
    HEADLINE_METRIC,
    Model,
    Quantity,
    models,
    quantity,
    texts,
)
from silentzone.report.words import metric_title
from silentzone.store.answers import Raw, check, finite, rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

NOT_MEASURED = Quantity(
    value=None, lower=None, upper=None, cautions=("not measured",), confidence=None
)

_OF_LANES = ("candidates", "fidelity", "kld_spread", "scores", "decomposition")
"""Sections that every lane has of its own."""
_RANKED = ("relations", "verdicts", "variants", "distinguishable", "lanes")
"""Sections that lay candidates beside each other."""


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
    excess_volume: Quantity | None
    """Volume minus the churn floor; null where no item was asked again."""
    split_repeat: Quantity | None
    answers_changed: Quantity | None
    """Share of items with another answer, right or wrong; null where answers are not known."""
    wrong_to_wrong: float | None
    adjusted_pvalue: float | None
    """That the net is zero, Holm over all candidates and benchmarks; null where not known."""


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
    headline: str
    """The fidelity metric the page speaks of: mean KLD, where there is one."""
    churn: Mapping[tuple[str, str], Quantity]
    decomposition: Mapping[tuple[str, str], Harm]
    relations: tuple[Raw, ...]
    zone: str | None
    """The zone the report speaks of: that of the headline verdict."""
    has_items: bool = False
    """Whether single items can be looked at on this page."""

    @property
    def reference(self) -> Model | None:
        """The model everything is measured against; null in a table that marks none."""
        return next((model for model in self.models if model.is_reference), None)

    @property
    def candidates(self) -> tuple[Model, ...]:
        """Largest file first."""
        return tuple(model for model in self.models if not model.is_reference)

    @property
    def corpus(self) -> str | None:
        """The corpus of the headline numbers: the study's first; null where none is named."""
        return self.corpora[0] if self.corpora else None

    @property
    def headline_words(self) -> str:
        """The headline metric as a sentence has it."""
        return metric_title(self.headline)

    @property
    def title(self) -> str:
        """Name of the study, and what it was made from where that is no study folder."""
        name = visible(self.raw["study"].get("name") or "unnamed study")
        said = self.source is None or name in texts(self.raw["source"].get("files"))
        return name if said else f"{name} ({self.source})"

    @property
    def source(self) -> str | None:
        """What other than a study folder the analysis was made from, with the files; or null."""
        kind = self.raw["source"].get("kind")
        if kind in (None, "study"):
            return None
        files = ", ".join(texts(self.raw["source"].get("files")))
        return visible(kind) + (f": {files}" if files else "")

    @property
    def zones(self) -> tuple[str, ...]:
        """The full cohort and, where one could be formed, the zone the report speaks of."""
        return (FULL,) if self.zone is None else (FULL, self.zone)

    def is_headline(
        self, row: Raw, score: str | None = COMPOSITE, corpus: str | None = None
    ) -> bool:
        """Whether a row is of the headline metric on its corpus, and of the score if one is given.

        A row without a corpus stands for the only one there is.
        """
        return (
            row.get("metric") == self.headline
            and (row.get("corpus") or None) in (corpus or self.corpus, None)
            and score in (None, row.get("score"))
        )

    def short_labels(self) -> Mapping[str, str]:
        """Label of every model in drawings, by name."""
        return {model.name: model.short for model in self.models}

    @property
    def score_names(self) -> tuple[str, ...]:
        """Composite first when there is one, then the benchmarks."""
        return (COMPOSITE, *self.benchmarks) if self.has_composite else self.benchmarks

    @property
    def interval_name(self) -> str:
        """`95 % interval`, or `interval` when the scores do not share one confidence."""
        levels = {q.confidence for q in self.scores.values() if q.confidence is not None}
        return f"{100 * levels.pop():g} % interval" if len(levels) == 1 else "interval"

    def metric(self, model: str, corpus: str | None, key: str | None = None) -> Quantity:
        """Return a fidelity metric, the headline one if none is named, or why there is none."""
        found = self.fidelity.get((model, corpus or ""), {})
        return found.get(key or self.headline, NOT_MEASURED)

    def score(self, model: str, benchmark: str) -> Quantity:
        """Return a score, or a quantity that says it was not measured."""
        return self.scores.get((model, benchmark), NOT_MEASURED)

    def against_reference(self, model: str, benchmark: str) -> float | None:
        """Return a model's score less the reference's, over the items both answered."""
        if self.reference is not None and model == self.reference.name:
            return 0.0
        found = self.decomposition.get((model, benchmark))
        return None if found is None else found.net.value

    def relation(self, score: str, zone: str, corpus: str | None = None) -> Raw | None:
        """Return the relation of the headline metric, on its own corpus if none is named."""
        return next(
            (
                row
                for row in self.relations
                if row.get("zone") == zone and self.is_headline(row, score, corpus)
            ),
            None,
        )

    def zone_members(self) -> frozenset[str]:
        """Names of the candidates in the zone the report speaks of."""
        if self.zone is None:
            return frozenset()
        found = self.relation(COMPOSITE, self.zone)
        return frozenset(found.get("members") or ()) if found else frozenset()


def index(analysis: object, *, has_items: bool = False) -> Cohort:
    """Index an analysis by model; ``has_items`` says whether single items can be looked at.

    Raises
    ------
    TableError
        If the analysis has another layout than schema 2.
    """
    raw = check(analysis)
    fidelity = {
        (r["model"], str(r.get("corpus") or "")): r
        for r in rows(raw, "fidelity")
        if isinstance(r.get("model"), str)
    }
    scores = {(r["model"], r["benchmark"]): r for r in _keyed(raw, "scores")}
    headline = _headline_metric(raw)
    return Cohort(
        raw=raw,
        models=models(raw),
        corpora=_corpora(raw, headline),
        benchmarks=_benchmarks(raw, scores),
        has_composite=any(key[1] == COMPOSITE for key in scores),
        fidelity={
            key: {name: quantity(value) for name, value in (row.get("metrics") or {}).items()}
            for key, row in fidelity.items()
        },
        fidelity_status={key: visible(row.get("status")) for key, row in fidelity.items()},
        floors={key: _floor(row.get("floor") or {}) for key, row in fidelity.items()},
        scores={key: quantity(row.get("score")) for key, row in scores.items()},
        headline=headline,
        churn=_churn(raw, scores),
        decomposition={
            (r["model"], r["benchmark"]): _harm(r) for r in _keyed(raw, "decomposition")
        },
        relations=tuple(rows(raw, "relations")),
        zone=_headline_zone(raw, headline),
        has_items=has_items,
    )


def lane_cohorts(raw: Raw) -> Iterator[tuple[Raw, Cohort]]:
    """Yield every section of ``lanes`` with its candidates as a cohort that ranks nothing."""
    for section in rows(raw, "lanes"):
        own = {name: section.get(name) or [] for name in _OF_LANES}
        yield section, index({**raw, **own, **dict.fromkeys(_RANKED, ()), "decision": {}})


def _churn(raw: Raw, scores: Mapping[tuple[str, str], Raw]) -> dict[tuple[str, str], Quantity]:
    """Churn floor by model and benchmark, from whichever section has it."""
    found = {key: row.get("churn_floor") for key, row in scores.items()}
    for row in _keyed(raw, "decomposition"):
        if row.get("churn") is not None:
            found[(row["model"], row["benchmark"])] = row["churn"]
    return {key: quantity(value) for key, value in found.items() if value is not None}


def _headline_metric(raw: Raw) -> str:
    """Return the analysis's own choice, else mean KLD, else the first KLD or the first metric."""
    chosen = raw["headline"].get("metric")
    if chosen:
        return str(chosen)
    asked = (row.get("metric") for name in ("relations", "verdicts") for row in rows(raw, name))
    measured = (key for row in rows(raw, "fidelity") for key in row.get("metrics") or {})
    found = list(dict.fromkeys(str(name) for name in (*asked, *measured) if name))
    if HEADLINE_METRIC in found or not found:
        return HEADLINE_METRIC
    return next((name for name in found if name.startswith("kld")), found[0])


def _corpora(raw: Raw, headline: str) -> tuple[str, ...]:
    """Names of the corpora, the headline's first.

    A table may have no section of them while its metrics still name some.
    """
    listed = [row.get("name") for row in rows(raw, "corpora")]
    named = [
        row.get("corpus") for row in rows(raw, "relations") if row.get("metric") == headline
    ] + [row.get("corpus") for row in rows(raw, "fidelity")]
    every = (raw["headline"].get("corpus"), *(listed or named))
    return tuple(dict.fromkeys(str(name) for name in every if name))


def _benchmarks(raw: Raw, scores: Mapping[tuple[str, str], Raw]) -> tuple[str, ...]:
    listed = [str(row.get("name")) for row in rows(raw, "benchmarks")]
    return tuple(listed or dict.fromkeys(name for _, name in scores if name not in COMPOSITES))


def headline_verdicts(raw: Raw, metric: str = HEADLINE_METRIC) -> tuple[Raw, ...]:
    """Verdicts on the headline metric near the baseline, the study's first corpus first.

    Within a corpus the order is the study's, but a zone that could not be formed comes last.
    """
    computed = {
        (row.get("corpus"), row.get("zone"))
        for row in rows(raw, "relations")
        if row.get("metric") == metric
        and row.get("score") == COMPOSITE
        and finite(row.get("spearman")) is not None
    }
    corpora = _corpora(raw, metric)
    found = [
        row
        for row in rows(raw, "verdicts")
        if row.get("metric") == metric
        and row.get("score") == COMPOSITE
        and row.get("zone") not in (FULL, None)
    ]

    def place(row: Raw) -> tuple[int, bool]:
        corpus = row.get("corpus")
        order = corpora.index(corpus) if corpus in corpora else -1
        return order, (corpus, row.get("zone")) not in computed

    return tuple(sorted(found, key=place))


def _headline_zone(raw: Raw, metric: str) -> str | None:
    found = headline_verdicts(raw, metric)
    return str(found[0]["zone"]) if found else None


def _keyed(raw: Raw, section: str) -> list[Raw]:
    return [
        row
        for row in rows(raw, section)
        if isinstance(row.get("model"), str) and isinstance(row.get("benchmark"), str)
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
        **{
            key: None if raw.get(key) is None else quantity(raw[key])
            for key in ("excess_volume", "split_repeat", "answers_changed")
        },
        wrong_to_wrong=finite(raw.get("wrong_to_wrong")),
        adjusted_pvalue=finite(raw.get("net_pvalue_holm")),
    )
