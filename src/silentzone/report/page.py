"""Analysis -> the whole page as one frozen view model."""

# ruff: noqa: RUF001 -- typographic signs are what a reader sees

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from silentzone.report import figures, numbers, tables
from silentzone.report.cohort import Cohort, headline_verdicts, index
from silentzone.report.escaping import shorten, visible
from silentzone.report.methods import METHODS
from silentzone.report.numbers import finite
from silentzone.report.points import coefficient_words, relation_detail
from silentzone.report.reading import COMPOSITE, FULL, Raw, quantity, rows, texts
from silentzone.report.tables import score_title, zone_title
from silentzone.report.views import (
    Answer,
    Cell,
    Fact,
    Notes,
    Page,
    Table,
    make_table,
    number_cell,
    text_cell,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_TONES = {"informative": "good", "silent": "bad", "cannot tell": "open"}


def build_page(analysis: object) -> Page:
    """Everything the page says.

    Parameters
    ----------
    analysis : object
        What ``analysis.json`` of schema 1 holds.

    Returns
    -------
    Page
        Texts made visible and numbers rounded; nothing is escaped, the template does that.

    Raises
    ------
    TableError
        If the analysis has another schema version or layout.
    """
    cohort = index(analysis)
    study = cohort.raw["study"]
    version = visible(study.get("package_version", "unknown"))
    made = visible(study.get("created_at", "unknown"))
    return Page(
        title=shorten(visible(study.get("name") or "unnamed study"), 120),
        subtitle=f"silentzone {version}, {made}",
        answers=answers(cohort),
        facts=tuple(_facts(cohort)),
        decision=_decision_tables(cohort),
        figures=figures.build(cohort),
        results=(
            tables.candidates(cohort),
            tables.net(cohort),
            tables.verdicts(cohort),
            tables.relations(cohort),
            tables.decomposition(cohort),
            *tables.distinguishable(cohort),
            tables.fidelity(cohort),
        ),
        materials=(_benchmarks(cohort.raw), _corpora(cohort.raw)),
        identities=(_models(cohort), _engine(cohort)),
        limits=_limits(cohort.raw),
        cautions=texts(cohort.raw.get("cautions")),
        methods=METHODS,
        command=visible(study.get("command") or "not recorded"),
    )


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


def _facts(cohort: Cohort) -> Iterator[Fact]:
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


def _decision_tables(cohort: Cohort) -> tuple[Table, ...]:
    decision, notes = cohort.raw["decision"], Notes()
    label = {model.name: model.label for model in cohort.models}
    margin, guard = finite(decision.get("margin")), finite(decision.get("guard_margin"))
    alpha = finite(decision.get("alpha"))
    terms = (
        f"margin {numbers.DASH if margin is None else numbers.margin(margin)} on the composite, "
        f"{numbers.DASH if guard is None else numbers.margin(guard)} on every benchmark, one-sided"
        f" alpha {numbers.DASH if alpha is None else f'{alpha:g}'}"
    )
    steps = [
        [
            text_cell(label.get(str(step.get("model")), visible(step.get("model")))),
            notes.cell(quantity(step.get("composite")), numbers.points),
            _bound(step.get("lower_bound"), margin, notes),
            text_cell(_guards(step)),
            text_cell("passes" if step.get("passes") else "does not pass", strong=True),
            text_cell(visible(step.get("reason") or "")),
        ]
        for step in rows(decision, "steps")
    ]
    undecided = [
        [
            text_cell(label.get(str(row.get("model")), visible(row.get("model")))),
            text_cell(visible(row.get("why") or "")),
            number_cell(
                numbers.DASH
                if finite(row.get("items_needed")) is None
                else numbers.count(finite(row.get("items_needed")) or 0)
            ),
        ]
        for row in rows(decision, "undecided")
    ]
    return (
        make_table(
            "steps", f"Candidates in the order they were tested: {terms}.",
            ("candidate", "composite, difference", "at least", "benchmarks that do not hold",
             "outcome", "why"), steps, notes,
        ),
        make_table(
            "undecided", "Still open, and the items over the composite's benchmarks that would give"
            " an 80 % chance of showing it; the reason says what that supposes.",
            ("candidate", "why", "items needed"), undecided,
        ),
    )  # fmt: skip


def _bound(raw: object, margin: float | None, notes: Notes) -> Cell:
    """Bound with as many decimals as tell it from the margin it is held to."""
    value = finite(raw)
    if value is None:
        return notes.missing("no bound could be computed")
    edge = -(margin or 0.0)
    apart = (n for n in range(1, 9) if numbers.points(value, n) != numbers.points(edge, n))
    return number_cell(numbers.points(value, next(apart, 1)))


def _guards(step: Raw) -> str:
    guards = list(rows(step, "guards"))
    failing = [
        score_title(str(guard.get("benchmark"))) for guard in guards if not guard.get("passes")
    ]
    return ", ".join(failing) or (f"none of {len(guards)}" if guards else "none was set")


def _benchmarks(raw: Raw) -> Table:
    notes = Notes()
    made = []
    for row in rows(raw, "benchmarks"):
        chance = finite(row.get("chance"))
        enters = "yes" if row.get("enters_composite") else "no"
        made.append(
            [
                text_cell(
                    visible(row.get("name")), detail=visible(row.get("description") or "") or None
                ),
                text_cell(visible(row.get("source") or "not recorded")),
                text_cell(visible(row.get("licence") or "not recorded")),
                text_cell(visible(row.get("headline") or "not recorded")),
                number_cell(numbers.count(finite(row.get("items")) or 0)),
                notes.missing("not recorded")
                if chance is None
                else number_cell(numbers.percent(chance)),
                text_cell(enters, detail=visible(row["why_not"]) if row.get("why_not") else None),
            ]
        )
    return make_table(
        "benchmarks", "Benchmarks.",
        ("benchmark", "source", "licence", "scored", "items", "chance", "in the composite"),
        made, notes,
    )  # fmt: skip


def _corpora(raw: Raw) -> Table:
    keys = ("context_length", "first_scored", "windows", "positions", "documents")
    return make_table(
        "corpora", "Corpora.",
        ("corpus", *(key.replace("_", " ") for key in keys), "SHA-256 of the text"),
        [
            [
                text_cell(
                    visible(row.get("name")), detail=visible(row.get("description") or "") or None
                ),
                *(
                    number_cell(
                        numbers.DASH if finite(row.get(key)) is None
                        else numbers.count(finite(row.get(key)) or 0)
                    )
                    for key in keys
                ),
                text_cell(visible(row.get("text_sha256") or "not recorded")),
            ]
            for row in rows(raw, "corpora")
        ],
    )  # fmt: skip


def _models(cohort: Cohort) -> Table:
    return make_table(
        "models", "Models: full names, files, provenance as the files state it.",
        ("model", "format", "bytes", "status", "note", "provenance"),
        [
            [
                text_cell(visible(model.name), detail="reference" if model.is_reference else None),
                text_cell(visible(model.raw.get("weight_format") or "unknown")),
                number_cell(numbers.count(finite(model.raw.get("file_bytes")) or 0)
                            if model.raw.get("file_bytes") is not None else numbers.DASH),
                text_cell(model.status, detail=visible(model.raw.get("failure") or "") or None),
                text_cell("; ".join((*texts(model.raw.get("note")),
                                     *texts(model.raw.get("cautions")))) or "none"),
                text_cell(_pairs(model.raw.get("provenance"))),
            ]
            for model in cohort.models
        ],
    )  # fmt: skip


def _pairs(raw: object) -> str:
    if not isinstance(raw, Mapping) or not raw:
        return "none recorded"
    return "; ".join(f"{visible(key)} = {visible(value)}" for key, value in raw.items())


def _engine(cohort: Cohort) -> Table:
    engine, study, decision = (cohort.raw[key] for key in ("engine", "study", "decision"))
    settings = engine.get("settings")
    found = {
        "engine": engine.get("name"),
        "engine version": engine.get("version"),
        "engine build": engine.get("build"),
        "device": engine.get("device"),
        **{f"engine setting {key}": value for key, value in dict(settings or {}).items()},
        "seed": study.get("seed"),
        "created at": study.get("created_at"),
        "silentzone version": study.get("package_version"),
        "margin": decision.get("margin"),
        "guard margin": decision.get("guard_margin"),
        "alpha": decision.get("alpha"),
        "memory budget, bytes": decision.get("memory_budget_bytes"),
    }
    return make_table(
        "engine", "Engine, seed and settings.", ("setting", "value"),
        [
            [text_cell(visible(key)), text_cell("none" if v is None else visible(v))]
            for key, v in found.items()
        ],
    )  # fmt: skip


def _limits(raw: Raw) -> tuple[Table, ...]:
    label = {row["name"]: visible(row["name"]) for row in rows(raw, "candidates")}
    return (
        make_table(
            "exclusions", "What was left out.", ("what", "count", "why"),
            [
                [text_cell(visible(row.get("what"))),
                 number_cell(numbers.DASH if finite(row.get("count")) is None
                             else numbers.count(finite(row.get("count")) or 0)),
                 text_cell(visible(row.get("why") or ""))]
                for row in rows(raw, "exclusions")
            ],
        ),
        make_table(
            "failures", "What failed.", ("model", "part", "cause"),
            [
                [text_cell(label.get(str(row.get("model")), visible(row.get("model")))),
                 text_cell(visible(row.get("part") or "")),
                 text_cell(visible(row.get("cause") or ""))]
                for row in rows(raw, "failures")
            ],
        ),
    )  # fmt: skip
