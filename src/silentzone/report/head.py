"""The head of the page: the questions with their answers, and the key numbers."""

# ruff: noqa: RUF001 -- typographic signs are what a reader sees

from __future__ import annotations

from typing import TYPE_CHECKING

from silentzone.report import numbers
from silentzone.report.cohort import Cohort, headline_verdicts
from silentzone.report.escaping import visible
from silentzone.report.numbers import finite
from silentzone.report.reading import COMPOSITE, FULL, rows
from silentzone.report.views import Answer, Fact
from silentzone.report.words import coefficient_words, relation_detail, zone_title

if TYPE_CHECKING:
    from collections.abc import Iterator

_TONES = {"informative": "good", "silent": "bad", "cannot tell": "open"}


def answers(cohort: Cohort) -> tuple[Answer, ...]:
    """Return the two questions of the page's head: which one, and whether KLD speaks of scores."""
    return (_which(cohort), _does_kld_speak(cohort))


def _which(cohort: Cohort) -> Answer:
    decision = cohort.raw["decision"]
    pick = next((model.label for model in cohort.models if model.is_pick), None)
    sentence = decision.get("sentence")
    return Answer(
        question="Which quant may be deployed?",
        answer=pick
        or ("No decision" if str(sentence).startswith("No decision") else "None shown safe"),
        tone="good" if pick else "open",
        sentence=visible(sentence) if sentence else "The study recorded no decision.",
        reasons=(),
    )


def _does_kld_speak(cohort: Cohort) -> Answer:
    question = "Does mean KLD say anything about the score near the baseline?"
    found = headline_verdicts(cohort.raw)
    if not found:
        why = "" if cohort.benchmarks else ", because it has no benchmark"
        return Answer(
            question=question,
            answer="Cannot tell",
            tone="open",
            sentence=f"The study holds no verdict on mean KLD near the baseline{why}.",
            reasons=(),
        )
    first = found[0]
    word = str(first.get("verdict"))
    relation = cohort.relation(COMPOSITE, str(first.get("zone")), str(first.get("corpus")))
    has_rho = relation is not None and finite(relation.get("spearman")) is not None
    others = [row for row in found[1:] if row.get("verdict") != first.get("verdict")]
    return Answer(
        question=question,
        answer=word.capitalize() if word in _TONES else "Cannot tell",
        tone=_TONES.get(word, "open"),
        sentence=visible(first.get("sentence")),
        reasons=tuple(
            f"Another reading ({zone_title(row.get('zone'))}, "
            f"{visible(row.get('corpus') or 'all')}): {visible(row.get('verdict'))}."
            for row in others
        ),
        detail=coefficient_words(relation) if relation is not None and has_rho else None,
    )


def facts(cohort: Cohort) -> Iterator[Fact]:
    """Yield the key numbers below the answers."""
    states = [model.status for model in cohort.candidates]
    incomplete = [f"{states.count(s)} {s}" for s in ("partial", "failed") if s in states]
    yield Fact(
        name="Candidates",
        value=numbers.count(len(states)),
        detail=", ".join(incomplete) or "all measured completely",
    )
    items = [finite(row.get("items")) or 0 for row in rows(cohort.raw, "benchmarks")]
    if items:
        yield Fact(
            name="Benchmark items",
            value=numbers.count(sum(items)),
            detail=f"{len(items)} benchmark{'s' if len(items) > 1 else ''}",
        )
    positions = [finite(row.get("positions")) or 0 for row in rows(cohort.raw, "corpora")]
    if positions:
        yield Fact(
            name="Scored positions",
            value=numbers.count(sum(positions)),
            detail=f"{len(positions)} corp{'ora' if len(positions) > 1 else 'us'}, per model",
        )
    for zone in (FULL, cohort.zone):
        relation = None if zone is None else cohort.relation(COMPOSITE, zone, cohort.corpus)
        if relation is not None:
            rho = finite(relation.get("spearman"))
            yield Fact(
                name=f"KLD and composite, {zone_title(zone)}",
                value=numbers.DASH if rho is None else f"ρ {numbers.coefficient(rho)}",
                detail=relation_detail(relation),
            )
    budget = finite(cohort.raw["decision"].get("memory_budget_bytes"))
    fits = cohort.raw["decision"].get("fits") or ()
    yield Fact(
        name="Memory budget",
        value="none set" if budget is None else numbers.file_size(budget),
        detail=f"{len(fits)} candidates fit",
    )
