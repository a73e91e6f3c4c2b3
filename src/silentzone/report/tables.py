"""The result tables of the page: cohort -> view models."""

# ruff: noqa: RUF001 -- typographic signs are what a reader sees

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from silentzone.report import numbers
from silentzone.report.cohort import NOT_MEASURED, Cohort
from silentzone.report.escaping import labels, shorten, visible
from silentzone.report.numbers import finite
from silentzone.report.reading import (
    COMPOSITE,
    FULL,
    HEADLINE_METRIC,
    Quantity,
    Raw,
    bounds,
    quantity,
    rows,
    texts,
)
from silentzone.report.views import Cell, Notes, Table, make_table, number_cell, text_cell

if TYPE_CHECKING:
    from collections.abc import Iterator

    from silentzone.report.reading import Model

Column = tuple[str, Callable[[str], Quantity], Callable[[float], str]]
"""Header, quantity by model name, and how it is written."""


def score_title(name: str) -> str:
    """Name of a score as the page writes it."""
    part, _, benchmark = name.partition(":")
    if part in {"volume", "direction", "net", "harm", "gain"} and benchmark:
        return f"{part}, {score_title(benchmark)}"
    return "composite" if name == COMPOSITE else shorten(visible(name), 44)


def candidates(cohort: Cohort) -> Table:
    """Return the main table: one row per model."""
    notes = Notes()
    scores = cohort.score_names
    rows_ = [
        [
            text_cell(model.label, strong=model.is_pick, detail=_role(model)),
            _size(model),
            _bits(model, notes),
            *_kld_cells(cohort, model, notes),
            *(notes.cell(cohort.score(model.name, score), numbers.percent) for score in scores),
        ]
        for model in cohort.models
    ]
    corpus = score_title(cohort.corpus or "no corpus")
    return make_table(
        "candidates",
        f"Every model, largest file first. Fidelity on “{corpus}”; interval below each value.",
        ("model", "size", "bits per weight", "mean KLD, nats", "own noise floor", "top-1 agreement",
         *(score_title(score) for score in scores)),
        rows_,
        notes,
    )  # fmt: skip


def _role(model: Model) -> str | None:
    role = "reference" if model.is_reference else "the pick" if model.is_pick else None
    status = None if model.status == "complete" else model.status
    return ", ".join(part for part in (role, status) if part) or None


def _size(model: Model) -> Cell:
    size = finite(model.raw.get("file_bytes"))
    memory = finite(model.raw.get("memory_bytes"))
    detail = None if memory is None else f"{numbers.file_size(memory)} in memory"
    return number_cell(numbers.DASH if size is None else numbers.file_size(size), detail)


def _bits(model: Model, notes: Notes) -> Cell:
    bits = finite(model.raw.get("bits_per_weight"))
    if bits is None:
        return notes.missing("bits per weight could not be read from the file")
    return number_cell(numbers.decimal(bits))


def _kld_cells(cohort: Cohort, model: Model, notes: Notes) -> Iterator[Cell]:
    """KLD, floor, agreement; what a model lacks is explained by its own failure first."""
    if model.is_reference:
        for _ in range(3):
            yield notes.missing("the reference is what the others are measured against")
        return
    failure = model.raw.get("failure")
    why = visible(failure) if failure else "not measured"
    if not cohort.fidelity.get((model.name, cohort.corpus or "")):
        for _ in range(3):
            yield notes.missing(why)
        return
    yield notes.cell(cohort.metric(model.name, cohort.corpus), numbers.significant)
    yield _floor_cell(cohort, model.name, cohort.corpus or "", notes)
    agreement = cohort.metric(model.name, cohort.corpus, "top1_agreement")
    yield notes.cell(agreement, numbers.percent)


def _floor_cell(cohort: Cohort, model: str, corpus: str, notes: Notes) -> Cell:
    floor = cohort.floors.get((model, corpus))
    if floor is None or floor.used is None:
        return notes.missing((floor.statement if floor else None) or "no floor was measured")
    return number_cell(numbers.significant(floor.used))


def net(cohort: Cohort) -> Table:
    """Net change per candidate and benchmark, paired with the reference item by item."""
    benchmarks = list(dict.fromkeys(benchmark for _, benchmark in cohort.decomposition))
    columns = [(score_title(b), decomposed(cohort, b, "net"), numbers.points) for b in benchmarks]
    return model_table(
        cohort,
        "net",
        "Net change against the reference in percentage points, paired item by item; positive is"
        " better.",
        columns,
    )


def decomposed(cohort: Cohort, benchmark: str, part: str) -> Callable[[str], Quantity]:
    """Volume, direction or net of a model by name, on one benchmark."""

    def find(model: str) -> Quantity:
        row = cohort.decomposition.get((model, benchmark))
        if row is None:
            return NOT_MEASURED
        return {"volume": row.volume, "direction": row.direction, "net": row.net}[part]

    return find


def model_table(cohort: Cohort, identity: str, caption: str, columns: Sequence[Column]) -> Table:
    """Chosen numbers, one row per candidate."""
    notes = Notes()
    rows_ = [
        [
            text_cell(model.label, strong=model.is_pick),
            *(notes.cell(find(model.name), how) for _, find, how in columns),
        ]
        for model in cohort.candidates
    ]
    headers = ("model", *(title for title, _, _ in columns))
    return make_table(identity, caption, headers, rows_, notes)


def fidelity(cohort: Cohort) -> Table:
    """Every metric of every candidate on every corpus."""
    notes = Notes()
    keys = list(dict.fromkeys(key for found in cohort.fidelity.values() for key in found))
    label = {model.name: model.label for model in cohort.models}
    rows_ = [
        [
            text_cell(label.get(model, visible(model))),
            text_cell(visible(corpus), detail=_unless_complete(cohort, model, corpus)),
            *(notes.cell(cohort.metric(model, corpus, key), metric_writer(key)) for key in keys),
            _floor_cell(cohort, model, corpus, notes),
        ]
        for model, corpus in cohort.fidelity
    ]
    return make_table(
        "fidelity",
        "All fidelity metrics, per model and corpus.",
        ("model", "corpus", *(metric_title(key) for key in keys), "own noise floor"),
        rows_,
        notes,
    )


def _unless_complete(cohort: Cohort, model: str, corpus: str) -> str | None:
    status = cohort.fidelity_status[(model, corpus)]
    return None if status == "complete" else status


def metric_writer(key: str) -> Callable[[float], str]:
    """How values of a metric are written."""
    proportion = key in {"top1_agreement", "top5_containment", "tv_mean"}
    return numbers.percent if proportion else numbers.significant


def metric_title(key: str) -> str:
    """Name of a metric in a table header."""
    return visible(key).replace("_", " ").replace("kld", "KLD").replace("ppl", "perplexity")


def decomposition(cohort: Cohort) -> Table:
    """Harm, gain, volume, direction, net per candidate and benchmark."""
    notes = Notes()
    label = {model.name: model.label for model in cohort.models}
    rows_ = []
    for (model, benchmark), row in cohort.decomposition.items():
        churn = cohort.churn.get((model, benchmark))
        rows_.append(
            [
                text_cell(label.get(model, visible(model))),
                text_cell(score_title(benchmark)),
                *(
                    notes.missing(
                        "a mean over benchmarks counts no items"
                        if benchmark == COMPOSITE
                        else "not recorded"
                    )
                    if value is None
                    else number_cell(numbers.count(value))
                    for value in (row.items, row.harm, row.gain)
                ),
                notes.cell(row.volume, numbers.percent),
                notes.missing("no item was asked again")
                if churn is None
                else notes.cell(churn, numbers.percent),
                notes.cell(row.direction, numbers.coefficient),
                notes.cell(row.net, numbers.points),
            ]
        )
    return make_table(
        "decomposition",
        "What changed, item by item: harm is an item the reference got right and the candidate"
        " wrong, gain the reverse.",
        ("model", "benchmark", "items", "harm", "gain", "volume", "churn floor", "direction",
         "net"),
        rows_,
        notes,
    )  # fmt: skip


def relations(cohort: Cohort) -> Table:
    """Every relation, with all that is needed to judge it."""
    notes = Notes()
    shown = [
        row
        for row in cohort.relations
        if row.get("score") == COMPOSITE
        or (row.get("metric") == HEADLINE_METRIC and row.get("corpus") in (cohort.corpus, None))
    ]
    simulated = any(row.get("expected") is not None for row in shown)
    expected = "expected ρ" if simulated else "expected ρ (not simulated yet)"
    return make_table(
        "relations",
        "Rank correlation of every metric with the composite, and of mean KLD with every score:"
        " raw as the field prints it, aligned so that positive means the metric ranks well."
        + _elsewhere(len(cohort.relations) - len(shown)),
        ("metric", "corpus", "score", "zone", "n", "Spearman ρ", "aligned", "p", "attainable |ρ|",
         expected, "smallest |ρ| this n can show"),
        [_relation_row(row, notes) for row in shown],
        notes,
    )  # fmt: skip


def _elsewhere(count: int) -> str:
    """Return where the rows are that a page cannot hold."""
    return f" {numbers.count(count)} more are in analysis.json." if count > 0 else ""


def _relation_row(row: Raw, notes: Notes) -> list[Cell]:
    lower, upper = bounds(row.get("interval"))
    rho = Quantity(
        value=finite(row.get("spearman")), lower=lower, upper=upper,
        cautions=_relation_cautions(row), confidence=None,
    )  # fmt: skip
    pvalue = finite(row.get("pvalue"))
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
        else number_cell(numbers.probability(pvalue), visible(row.get("pvalue_method") or "")),
        _plain(row.get("attainable"), numbers.decimal, notes),
        notes.missing("no range to expect was computed")
        if row.get("expected") is None
        else number_cell(written_range(row.get("expected"))),
        _plain(row.get("minimum_detectable"), numbers.decimal, notes),
    ]


def _relation_cautions(row: Raw) -> tuple[str, ...]:
    cautions = texts(row.get("cautions"))
    if row.get("spearman") is None and not cautions:
        return ("no correlation could be computed",)
    if row.get("interval") is None and not cautions:
        return ("no interval could be computed",)
    return cautions


def written_range(raw: object) -> str:
    """Return a range, one number, or ranges by name, as `low to high`.

    Examples
    --------
    >>> written_range([-0.61, -0.2]), written_range(None)
    ('−0.61 to −0.20', '–')
    """
    if isinstance(raw, dict):
        if {"low", "high"} <= raw.keys():
            return written_range([raw["low"], raw["high"]])
        inside = (f"{visible(key)}: {written_range(value)}" for key, value in raw.items())
        return "; ".join(inside) or numbers.DASH
    lower, upper = bounds(raw)
    if lower is not None and upper is not None:
        return f"{numbers.coefficient(lower)} to {numbers.coefficient(upper)}"
    value = finite(raw)
    return numbers.DASH if value is None else numbers.coefficient(value)


def zone_title(zone: object) -> str:
    """Name of a zone in words."""
    return "full cohort" if zone == FULL else f"{visible(zone)} zone"


def _plain(raw: object, how: Callable[[float], str], notes: Notes) -> Cell:
    """Return a number that may come with or without an interval of its own."""
    found = quantity(raw)
    if found.value is None:
        return notes.missing("could not be computed" if raw is None else "; ".join(found.cautions))
    return Cell(text=found.written(how), detail=found.interval(how), is_number=True)


def _whole(raw: object) -> str:
    value = finite(raw)
    return numbers.DASH if value is None else numbers.count(value)


def distinguishable(cohort: Cohort) -> tuple[Table, Table]:
    """Pairs told apart per corpus, and who cannot be told from whom on the first."""
    totals: dict[str, dict[bool | None, int]] = {}
    close: dict[str, list[str]] = {}
    names = [model.name for model in cohort.models]
    label = dict(zip(names, labels(names), strict=True))
    for row in rows(cohort.raw, "distinguishable"):
        corpus, apart = str(row.get("corpus")), row.get("is_distinguishable")
        counts = totals.setdefault(corpus, {True: 0, False: 0, None: 0})
        counts[apart if isinstance(apart, bool) else None] += 1
        if corpus == cohort.corpus and apart is False:
            pair = (str(row.get("first")), str(row.get("second")))
            for one, other in (pair, pair[::-1]):
                close.setdefault(one, []).append(label.get(other, visible(other)))
    summary = make_table(
        "distinguishable",
        "Pairs of candidates whose mean KLD differs by more than the larger of their own noise"
        " floors, not adjusted for the number of pairs.",
        ("corpus", "pairs", "told apart", "not told apart with these windows", "unknown"),
        [
            [
                text_cell(visible(corpus)),
                *(number_cell(numbers.count(n)) for n in (sum(counts.values()), counts[True],
                                                          counts[False], counts[None])),
            ]
            for corpus, counts in totals.items()
        ],
    )  # fmt: skip
    detail = make_table(
        "not-distinguishable",
        f"Candidates not told apart by mean KLD with these windows on “{visible(cohort.corpus)}”.",
        ("model", "not told apart from"),
        [
            [text_cell(model.label), text_cell(", ".join(close[model.name]))]
            for model in cohort.candidates
            if model.name in close
        ],
    )
    return summary, detail


def verdicts(cohort: Cohort) -> Table:
    """Every question asked of the headline metric, with its answer."""
    asked = list(rows(cohort.raw, "verdicts"))
    shown = [row for row in asked if row.get("metric") == HEADLINE_METRIC]
    return make_table(
        "verdicts",
        "Every question asked of mean KLD, with the verdict and what it rests on."
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
