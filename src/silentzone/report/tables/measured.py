"""Tables of models: sizes, fidelity, scores and what changed item by item."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from silentzone.records.escaping import labels, visible
from silentzone.report import numbers
from silentzone.report.cohort import NOT_MEASURED, Cohort
from silentzone.report.places import items_link
from silentzone.report.reading import COMPOSITE, Quantity
from silentzone.report.views import Cell, Notes, Table, make_table, number_cell, text_cell
from silentzone.report.words import metric_axis, metric_title, metric_writer, on_corpus, score_title
from silentzone.store.answers import finite, rows

if TYPE_CHECKING:
    from silentzone.report.cohort import Harm
    from silentzone.report.reading import Model

Column = tuple[str, Callable[[str], Quantity], Callable[[float], str]]
"""Header, quantity by model name, and how it is written."""
_NOT_AGAIN = "no item was asked again"


def candidates(cohort: Cohort) -> Table:
    """Return the main table: one row per model; a column that nothing fills is left out."""
    notes = Notes()
    title, _ = metric_axis(cohort.headline)
    corpus = cohort.corpus
    agreement = "top1_agreement"
    has_agreement = agreement != cohort.headline and any(
        agreement in found for found in cohort.fidelity.values()
    )
    # A study says why it lacks a floor; a table never has one.
    has_floors = cohort.source is None or any(f.used is not None for f in cohort.floors.values())
    columns: list[tuple[bool, str, Callable[[Model], Cell]]] = [
        (any(m.gigabytes is not None for m in cohort.models), "size", _size),
        (any(m.bits_per_weight is not None for m in cohort.models), "bits per weight",
         lambda model: _bits(model, notes)),
        (bool(cohort.fidelity), title.removesuffix(" (log scale)"),
         lambda model: _metric_cell(cohort, model, cohort.headline, notes)),
        (has_floors, "own noise floor", lambda model: _measured_floor(cohort, model, notes)),
        (has_agreement, "top-1 agreement",
         lambda model: _metric_cell(cohort, model, agreement, notes)),
    ]  # fmt: skip
    filled = [(header, cell) for is_filled, header, cell in columns if is_filled]
    scores = cohort.score_names
    rows_ = [
        [
            text_cell(model.label, strong=model.is_pick, detail=_role(model)),
            *(cell(model) for _, cell in filled),
            *(notes.cell(cohort.score(model.name, score), numbers.percent) for score in scores),
        ]
        for model in cohort.models
    ]
    return make_table(
        "candidates",
        f"Every model, largest file first. Fidelity{on_corpus(corpus)}; interval below each value."
        if cohort.fidelity
        else "Every model, largest file first; interval below each value.",
        ("model", *(header for header, _ in filled), *(score_title(score) for score in scores)),
        rows_,
        notes,
    )


def _role(model: Model) -> str | None:
    role = "reference" if model.is_reference else "the pick" if model.is_pick else None
    status = None if model.status == "complete" else model.status
    return ", ".join(part for part in (role, model.cache, status) if part) or None


def _size(model: Model) -> Cell:
    size = finite(model.raw.get("file_bytes"))
    memory = finite(model.raw.get("memory_bytes"))
    detail = None if memory is None else f"{numbers.file_size(memory)} in memory"
    return number_cell(numbers.DASH if size is None else numbers.file_size(size), detail)


def _bits(model: Model, notes: Notes) -> Cell:
    bits = model.bits_per_weight
    if bits is None:
        return notes.missing("bits per weight are not known")
    return number_cell(numbers.decimal(bits))


def _metric_cell(cohort: Cohort, model: Model, key: str, notes: Notes) -> Cell:
    why = _why_no_fidelity(cohort, model)
    if why is not None:
        return notes.missing(why)
    return notes.cell(cohort.metric(model.name, cohort.corpus, key), metric_writer(key))


def _measured_floor(cohort: Cohort, model: Model, notes: Notes) -> Cell:
    why = _why_no_fidelity(cohort, model)
    if why is not None:
        return notes.missing(why)
    return _floor_cell(cohort, model.name, cohort.corpus or "", notes)


def _why_no_fidelity(cohort: Cohort, model: Model) -> str | None:
    """Why a model has no fidelity at all; its own failure comes first."""
    if model.is_reference:
        return "the reference is what the others are measured against"
    if cohort.fidelity.get((model.name, cohort.corpus or "")):
        return None
    failure = model.raw.get("failure")
    return visible(failure) if failure else "not measured"


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
            text_cell(model.label, strong=model.is_pick, link=items_link(cohort, model=model.name)),
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


def decomposition(cohort: Cohort) -> Table:
    """Harm, gain, volume, direction, net per candidate and benchmark, and what stands beside."""
    notes = Notes()
    label = {model.name: model.label for model in cohort.models}
    # Scores without items have nets alone, and those have a table of their own.
    known = [row.volume.value for row in cohort.decomposition.values()]
    found = {} if all(value is None for value in known) else cohort.decomposition
    optional: list[tuple[bool, str, Callable[[Harm], Cell]]] = [
        (any(row.excess_volume for row in found.values()), "excess volume over churn",
         lambda row: _optional(row.excess_volume, numbers.points, _NOT_AGAIN, notes)),
        (any(row.split_repeat for row in found.values()), "volume between repeats",
         lambda row: _optional(row.split_repeat, numbers.percent, "items have no repeats", notes)),
        (any(row.answers_changed for row in found.values()), "answers changed",
         lambda row: _optional(row.answers_changed, numbers.percent, "not known", notes)),
        (any(row.wrong_to_wrong is not None for row in found.values()), "wrong to another wrong",
         lambda row: notes.missing("not known") if row.wrong_to_wrong is None
         else number_cell(numbers.count(row.wrong_to_wrong))),
    ]  # fmt: skip
    beside = [(header, cell) for is_filled, header, cell in optional if is_filled]
    rows_ = []
    for (model, benchmark), row in found.items():
        no_count = (
            "a mean over benchmarks counts no items" if benchmark == COMPOSITE else "not recorded"
        )
        rows_.append(
            [
                text_cell(label.get(model, visible(model))),
                text_cell(score_title(benchmark)),
                *(
                    notes.missing(no_count) if value is None else number_cell(numbers.count(value))
                    for value in (row.items, row.harm, row.gain)
                ),
                notes.cell(row.volume, numbers.percent),
                _optional(
                    cohort.churn.get((model, benchmark)),
                    numbers.percent,
                    _NOT_AGAIN,
                    notes,
                ),
                notes.cell(row.direction, numbers.coefficient),
                notes.cell(row.net, numbers.points),
                *(cell(row) for _, cell in beside),
            ]
        )
    return make_table(
        "decomposition",
        "What changed, item by item: harm is an item the reference got right and the candidate"
        " wrong, gain the reverse.",
        ("model", "benchmark", "items", "harm", "gain", "volume", "churn floor", "direction",
         "net", *(header for header, _ in beside)),
        rows_,
        notes,
    )  # fmt: skip


def _optional(found: Quantity | None, how: Callable[[float], str], why: str, notes: Notes) -> Cell:
    return notes.missing(why) if found is None else notes.cell(found, how)


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
        f"Pairs of candidates whose {cohort.headline_words} differs by more than the larger of"
        " their own noise floors, not adjusted for the number of pairs.",
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
        f"Candidates not told apart by {cohort.headline_words} with these windows"
        f"{on_corpus(cohort.corpus)}.",
        ("model", "not told apart from"),
        [
            [text_cell(model.label), text_cell(", ".join(close[model.name]))]
            for model in cohort.candidates
            if model.name in close
        ],
    )
    return summary, detail
