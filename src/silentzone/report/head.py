"""The head of the page: the questions with their answers, and the key numbers."""

# ruff: noqa: RUF001 -- typographic signs are what a reader sees

from __future__ import annotations

from typing import TYPE_CHECKING

from silentzone.records.escaping import visible
from silentzone.report import numbers
from silentzone.report.cohort import Cohort, headline_verdicts
from silentzone.report.reading import COMPOSITE, FULL
from silentzone.report.views import Answer, Fact
from silentzone.report.words import (
    coefficient_words,
    expected_words,
    on_corpus,
    opening,
    relation_detail,
    zone_title,
)
from silentzone.store.answers import Raw, finite, rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_MOST_NAMED = 4
_TONES = {"informative": "good", "silent": "bad", "cannot tell": "open"}


def answers(cohort: Cohort) -> tuple[Answer, ...]:
    """Return the two questions of the page's head: which one, and whether KLD speaks of scores."""
    return (_which(cohort), _does_it_speak(cohort))


def _which(cohort: Cohort) -> Answer:
    decision = cohort.raw["decision"]
    pick = next((model.label for model in cohort.models if model.is_pick), None)
    sentence = decision.get("sentence")
    return Answer(
        question="Which quant may be deployed?",
        answer=pick or _no_pick(decision),
        tone="good" if pick else "open",
        sentence=visible(sentence) if sentence else _why_undecided(cohort),
        reasons=(),
    )


def _no_pick(decision: Raw) -> str:
    sentence = decision.get("sentence")
    if not sentence or str(sentence).startswith("No decision"):
        return "No decision"
    # What is shown to be good enough and has no size cannot be the smallest.
    is_shown = any(step.get("passes") is True for step in rows(decision, "steps"))
    return "Some, of unknown size" if is_shown else "None shown safe"


def _why_undecided(cohort: Cohort) -> str:
    if cohort.reference is None:
        return (
            "No model is marked as the reference, so no candidate can be shown to be as good as it."
        )
    if not cohort.benchmarks:
        return "There is no benchmark, and fidelity alone does not say what a candidate loses."
    return "No decision was recorded."


def _does_it_speak(cohort: Cohort) -> Answer:
    metric = cohort.headline_words
    question = f"Does {metric} say anything about the score near the baseline?"
    found = headline_verdicts(cohort.raw, cohort.headline)
    if not found:
        return Answer(
            question=question,
            answer="Cannot tell",
            tone="open",
            sentence=f"There is no verdict on {metric} near the baseline{_why_silent(cohort)}.",
            reasons=(),
        )
    first = found[0]
    word = str(first.get("verdict"))
    relation = cohort.relation(COMPOSITE, str(first.get("zone")), first.get("corpus"))
    has_rho = relation is not None and finite(relation.get("spearman")) is not None
    return Answer(
        question=question,
        answer=word.capitalize() if word in _TONES else "Cannot tell",
        tone=_TONES.get(word, "open"),
        sentence=f"{_over_all(cohort, first)}{visible(first.get('sentence'))}",
        reasons=_other_readings(first, found[1:]),
        detail=coefficient_words(relation) if relation is not None and has_rho else None,
    )


def _over_all(cohort: Cohort, first: Raw) -> str:
    """Verdict over the whole cohort, to stand before the one near the baseline."""
    verdict = next(
        (
            row.get("verdict")
            for row in rows(cohort.raw, "verdicts")
            if row.get("zone") == FULL
            and all(row.get(key) == first.get(key) for key in ("metric", "corpus", "score"))
        ),
        None,
    )
    relation = cohort.relation(COMPOSITE, FULL, first.get("corpus"))
    if verdict is None or relation is None or finite(relation.get("spearman")) is None:
        return ""
    return f"Over the whole cohort: {visible(verdict)} ({coefficient_words(relation)}). "


def _why_silent(cohort: Cohort) -> str:
    if not cohort.benchmarks:
        return ", because there is no benchmark"
    if not cohort.fidelity and not cohort.relations:
        return ", because there is no fidelity metric"
    if cohort.reference is None:
        return ", because no model is marked as the reference"
    return ""


def _other_readings(first: Raw, others: Sequence[Raw]) -> tuple[str, ...]:
    """Where other zones and corpora come to another verdict, one line per verdict."""
    by_verdict: dict[str, list[str]] = {}
    for row in others:
        if row.get("verdict") != first.get("verdict"):
            where = f"{zone_title(row.get('zone'))}{on_corpus(row.get('corpus'))}"
            by_verdict.setdefault(visible(row.get("verdict")), []).append(where)
    return tuple(
        f"Other readings, {verdict}: {', '.join(places[:_MOST_NAMED])}"
        + (f" and {len(places) - _MOST_NAMED} more." if len(places) > _MOST_NAMED else ".")
        for verdict, places in by_verdict.items()
    )


def facts(cohort: Cohort) -> Iterator[Fact]:
    """Yield the key numbers below the answers."""
    yield _candidates(cohort)
    items = [finite(row.get("items")) or 0 for row in rows(cohort.raw, "benchmarks")]
    if sum(items) > 0:
        yield Fact(
            name="Benchmark items",
            value=numbers.count(sum(items)),
            detail=f"{len(items)} benchmark{'s' if len(items) > 1 else ''}",
        )
    positions = [finite(row.get("positions")) or 0 for row in rows(cohort.raw, "corpora")]
    if sum(positions) > 0:
        yield Fact(
            name="Scored positions",
            value=numbers.count(sum(positions)),
            detail=f"{len(positions)} corp{'ora' if len(positions) > 1 else 'us'}, per model",
        )
    for zone in cohort.zones:
        relation = cohort.relation(COMPOSITE, zone)
        if relation is not None:
            rho = finite(relation.get("spearman"))
            expected = expected_words(relation)
            yield Fact(
                name=f"{opening(cohort.headline_words)} and composite, {zone_title(zone)}",
                value=numbers.DASH if rho is None else f"ρ {numbers.coefficient(rho)}",
                detail=relation_detail(relation) + (f", {expected}" if expected else ""),
            )
    if cohort.raw["decision"]:
        yield _budget(cohort.raw["decision"])


def _candidates(cohort: Cohort) -> Fact:
    states = [model.status for model in cohort.candidates]
    incomplete = [f"{states.count(s)} {s}" for s in ("partial", "failed") if s in states]
    complete = "all measured completely"
    if cohort.source is not None:
        complete = "with a reference" if cohort.reference else "no reference among them"
    return Fact(
        name="Candidates",
        value=numbers.count(len(states)),
        detail=", ".join(incomplete) or complete,
    )


def _budget(decision: Raw) -> Fact:
    """Every budget that was set, and how many candidates fit into all of them."""
    memory, file_bytes, bits = (
        finite(decision.get(key))
        for key in ("memory_budget_bytes", "file_bytes_budget", "bits_per_weight_budget")
    )
    named = [
        *([] if memory is None else [(numbers.file_size(memory), "in memory")]),
        *([] if file_bytes is None else [(numbers.file_size(file_bytes), "on disk")]),
        *([] if bits is None else [(f"{bits:g}", "bits per weight")]),
    ]
    fits = decision.get("fits") or ()
    if not named:
        return Fact(name="Budget", value="none set", detail=f"{len(fits)} candidates fit")
    (value, unit), *others = named
    also = "".join(f", {amount} {what}" for amount, what in others)
    return Fact(name="Budget", value=value, detail=f"{unit}{also}; {len(fits)} candidates fit")
