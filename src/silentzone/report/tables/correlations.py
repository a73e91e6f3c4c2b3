"""Tables of correlations and of the verdicts that rest on them."""

# ruff: noqa: RUF001 -- typographic signs are what a reader sees

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from silentzone.records.escaping import visible
from silentzone.report import numbers
from silentzone.report.reading import COMPOSITE, FULL, Quantity, bounds, quantity, texts
from silentzone.report.views import Cell, Notes, Table, make_table, number_cell, text_cell
from silentzone.report.words import (
    aligned_interval,
    expected_range,
    metric_title,
    on_corpus,
    score_title,
    written_range,
    zone_title,
)
from silentzone.store.answers import Raw, finite, rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from silentzone.report.cohort import Cohort

_WELL_KNOWN = ("kld_mean", "kld_p99", "ln_ppl_ratio", "top1_agreement")


def verdicts(cohort: Cohort) -> Table:
    """Every question asked of the headline metric, with its answer."""
    asked = list(rows(cohort.raw, "verdicts"))
    shown = [row for row in asked if row.get("metric") == cohort.headline]
    return make_table(
        "verdicts",
        f"Every question asked of {cohort.headline_words}, with the verdict and what it rests on."
        + _elsewhere(len(asked) - len(shown)),
        ("question", "corpus", "score", "zone", "verdict", "in words"),
        [
            [
                text_cell(visible(row.get("question"))),
                text_cell(visible(row.get("corpus") or "all")),
                text_cell(score_title(str(row.get("score")))),
                text_cell(zone_title(row.get("zone"))),
                text_cell(visible(row.get("verdict")), strong=True),
                text_cell(
                    visible(row.get("sentence")),
                    detail="; ".join(texts(row.get("reasons"))) or None,
                ),
            ]
            for row in shown
        ],
    )


def relations(cohort: Cohort) -> Table:
    """Relations of the headline metrics, with all that is needed to judge each."""
    notes = Notes()
    shown = [row for row in cohort.relations if _is_shown(cohort, row)]
    return make_table(
        "relations",
        f"Rank correlation of {cohort.headline_words} with every score"
        f"{on_corpus(cohort.corpus)}, and of the best-known other metrics with the composite: raw"
        " as the field prints it, aligned so that positive means the metric ranks well. Expected is"
        " what the relation over the full cohort leads to in the zone, on the aligned scale."
        + _elsewhere(len(cohort.relations) - len(shown)),
        ("metric", "corpus", "score", "zone", "n", "Spearman ρ", "aligned", "p", "Holm p",
         "expected, aligned", "attainable |ρ|", "disattenuated ρ", "measurement error of ρ",
         "smallest |ρ| this n can show"),
        [_relation_row(row, notes) for row in shown],
        notes,
    )  # fmt: skip


def _is_shown(cohort: Cohort, row: Raw) -> bool:
    """Whether the page holds a relation: there may be thousands, one per metric, corpus, score."""
    if cohort.is_headline(row, score=None):
        return True
    return row.get("score") == COMPOSITE and (row.get("metric") in {cohort.headline, *_WELL_KNOWN})


def _elsewhere(count: int) -> str:
    """Return where the rows are that a page cannot hold."""
    return f" {numbers.count(count)} more are in analysis.json." if count > 0 else ""


def _relation_row(row: Raw, notes: Notes) -> list[Cell]:
    lower, upper = bounds(row.get("interval"))
    rho = Quantity(
        value=finite(row.get("spearman")), lower=lower, upper=upper,
        cautions=_relation_cautions(row), confidence=None,
    )  # fmt: skip
    pvalue, holm = finite(row.get("pvalue")), finite(row.get("pvalue_holm"))
    return [
        text_cell(metric_title(str(row.get("metric")))),
        text_cell(visible(row.get("corpus") or "all")),
        text_cell(score_title(str(row.get("score")))),
        text_cell(zone_title(row.get("zone")), detail=visible(row.get("definition") or "") or None),
        number_cell(_whole(row.get("n"))),
        notes.cell(rho, numbers.coefficient),
        _plain(row.get("aligned"), numbers.coefficient, notes),
        notes.missing("no p-value was computed")
        if pvalue is None
        else number_cell(numbers.probability(pvalue), _pvalue_method(row)),
        notes.missing("adjusted over benchmarks only, for each benchmark")
        if holm is None
        else number_cell(numbers.probability(holm)),
        _expected(row, notes),
        _plain(row.get("attainable"), numbers.decimal, notes),
        _plain(row.get("disattenuated"), numbers.coefficient, notes),
        _measurement(row.get("measurement"), notes),
        _plain(row.get("minimum_detectable"), numbers.decimal, notes),
    ]


def aligned_cell(row: Raw, notes: Notes, why: str) -> Cell:
    """Return the aligned coefficient of a row with its interval on the same scale."""
    lower, upper = aligned_interval(row)
    value = finite(row.get("aligned"))
    cautions = texts(row.get("cautions"))
    if value is None:
        cautions = cautions or (why,)
    elif lower is None and not cautions:
        cautions = ("no interval could be computed",)
    rho = Quantity(value=value, lower=lower, upper=upper, cautions=cautions, confidence=None)
    return notes.cell(rho, numbers.coefficient)


def variant_summaries(cohort: Cohort) -> Table:
    """Return what all variants together show, per score and zone."""
    return make_table(
        "variant-summaries",
        "Measurement variants judged together, for every score and zone.",
        ("score", "zone", "n", "variants", "stand out", "resamples", "method", "in words"),
        [
            [
                text_cell(score_title(str(row.get("score")))),
                text_cell(zone_title(row.get("zone"))),
                *(number_cell(_whole(row.get(key))) for key in ("n", "n_variants")),
                number_cell(numbers.count(len(row.get("escape") or ()))),
                number_cell(_whole(row.get("n_resamples"))),
                text_cell(visible(row.get("method") or "")),
                text_cell(visible(row.get("sentence") or "")),
            ]
            for row in rows(cohort.raw, "variant_summaries")
        ],
    )


def copies(cohort: Cohort) -> Table:
    """Return models of the same content, and what counting them once would change."""
    label = {model.name: model.label for model in cohort.models}
    made = []
    for row in rows(cohort.raw, "copies"):
        named = ", ".join(label.get(str(name), visible(name)) for name in row.get("models") or ())
        for effect in rows(row, "effect"):
            with_all, without = (
                finite(effect.get(key)) for key in ("spearman", "spearman_without")
            )
            made.append(
                [
                    text_cell(named, detail=visible(row.get("what") or "") or None),
                    text_cell(metric_title(str(effect.get("metric")))),
                    text_cell(visible(effect.get("corpus") or "all")),
                    text_cell(score_title(str(effect.get("score")))),
                    text_cell(zone_title(effect.get("zone"))),
                    *(
                        number_cell(
                            numbers.DASH if rho is None else numbers.coefficient(rho),
                            f"n = {_whole(effect.get(n))}",
                        )
                        for rho, n in ((with_all, "n"), (without, "n_without"))
                    ),
                ]
            )
    return make_table(
        "copies",
        "Models of the same content: each counts in every relation. The effect of counting one.",
        ("models", "metric", "corpus", "score", "zone", "ρ with all", "ρ with one of them"),
        made,
    )


def _pvalue_method(row: Raw) -> str:
    """Return how p was made, and what shuffling the candidates gives beside it."""
    method, shuffled = (
        visible(row.get("pvalue_method") or ""),
        finite(row.get("pvalue_permutation")),
    )
    return method if shuffled is None else f"{method}; shuffled {numbers.probability(shuffled)}"


def _expected(row: Raw, notes: Notes) -> Cell:
    raw = row.get("expected")
    lower, upper = expected_range(raw)
    if row.get("zone") == FULL:
        return notes.missing("the full cohort is where the relation to expect comes from")
    if lower is None or upper is None:
        cautions = texts(raw.get("cautions")) if isinstance(raw, Mapping) else ()
        return notes.missing("; ".join(cautions) or "no range to expect was computed")
    pvalue = finite(raw.get("pvalue")) if isinstance(raw, Mapping) else None
    detail = None if pvalue is None else f"p of so little {numbers.probability(pvalue)}"
    return Cell(text=written_range(lower, upper), detail=detail, is_number=True)


def _measurement(raw: object, notes: Notes) -> Cell:
    """Spread of rho when windows and items are drawn again and the candidates stay."""
    error = finite(raw.get("standard_error")) if isinstance(raw, Mapping) else None
    if error is None:
        return notes.missing("windows and items could not be drawn again")
    lower, upper = bounds(raw.get("interval") if isinstance(raw, Mapping) else None)
    detail = None if lower is None or upper is None else written_range(lower, upper)
    return number_cell(f"± {numbers.decimal(error)}", detail)


def _relation_cautions(row: Raw) -> tuple[str, ...]:
    cautions = texts(row.get("cautions"))
    if row.get("spearman") is None and not cautions:
        return ("no correlation could be computed",)
    if row.get("interval") is None and not cautions:
        return ("no interval could be computed",)
    return cautions


def _plain(raw: object, how: Callable[[float], str], notes: Notes) -> Cell:
    """Return a number that may come with or without an interval of its own."""
    found = quantity(raw)
    if found.value is None:
        return notes.missing("could not be computed" if raw is None else "; ".join(found.cautions))
    return Cell(text=found.written(how), detail=found.interval(how), is_number=True)


def _whole(raw: object) -> str:
    value = finite(raw)
    return numbers.DASH if value is None else numbers.count(value)
