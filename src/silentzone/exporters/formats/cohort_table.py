"""Our own cohort table, CSV: what ``silentzone analyze`` and ``silentzone import`` read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from silentzone.exporters.csv_text import csv_text
from silentzone.exporters.writing import Exported, ExportOptions, TextFormat
from silentzone.records.escaping import spreadsheet_text
from silentzone.store.answers import finite

if TYPE_CHECKING:
    from collections.abc import Iterable

    from silentzone.exporters.study import Model, Number, Study


def _render(study: Study, options: ExportOptions) -> Exported:
    corpora = list(study.corpora)
    if options.corpus is not None:
        corpora = [study.corpus_asked(options.corpus)[0]]
    columns = _fidelity_columns(study, corpora)
    benchmarks = [
        name
        for name in study.benchmarks
        if any(study.score(model.name, name).value is not None for model in study.models)
    ]
    rows: list[dict[str, str]] = [
        {
            **_model_cells(model),
            **_fidelity_cells(study, model, columns, len(corpora)),
            **_score_cells(study, model, benchmarks),
        }
        for model in study.models
    ]
    headings = list(dict.fromkeys(heading for row in rows for heading in row))
    text = csv_text([headings, *([row.get(one, "") for one in headings] for row in rows)])
    # A NUL may stand in a name and makes a text file binary.
    return Exported(chunks=[text.replace("\0", "\\u0000")])


def _fidelity_columns(study: Study, corpora: Iterable[str]) -> list[tuple[str, str]]:
    """Corpus and metric of every column that some model has a value in, in the study's order."""
    found: dict[tuple[str, str], None] = {}
    for corpus in corpora:
        for model in study.models:
            row = study.fidelity.get((model.name, corpus), {})
            for key in row.get("metrics") or {}:
                if study.metric(model.name, corpus, key).value is not None:
                    found[corpus, key] = None
    return list(found)


def _model_cells(model: Model) -> dict[str, str]:
    return {
        "name": spreadsheet_text(model.name),
        "is_reference": "true" if model.is_reference else "",
        "bits_per_weight": _cell(model.bits_per_weight),
        "file_bytes": "" if model.file_bytes is None else str(model.file_bytes),
    }


def _fidelity_cells(
    study: Study, model: Model, columns: list[tuple[str, str]], n_corpora: int
) -> dict[str, str]:
    cells = {}
    for corpus, key in columns:
        name = key if n_corpora == 1 else f"{key}@{corpus}"
        number = study.metric(model.name, corpus, key)
        cells[f"fidelity.{name}"] = _cell(number.value)
        cells[f"fidelity_se.{name}"] = _error(number)
    return cells


def _score_cells(study: Study, model: Model, benchmarks: list[str]) -> dict[str, str]:
    cells = {}
    for name in benchmarks:
        number = study.score(model.name, name)
        items = finite(study.scores.get((model.name, name), {}).get("items"))
        cells[f"score.{name}"] = _cell(number.value)
        cells[f"score_se.{name}"] = _error(number)
        has_items = number.value is not None and items is not None
        cells[f"n_items.{name}"] = str(int(items or 0)) if has_items else ""
        cells[f"chance.{name}"] = _cell(finite(study.benchmarks[name].get("chance")))
    return cells


def _cell(value: float | None) -> str:
    # repr gives back the very number when it is read.
    return "" if value is None else repr(value)


def _error(number: Number) -> str:
    """Give a standard error; one of 0 says that no spread was seen, which is not known."""
    return _cell(number.standard_error) if number.standard_error else ""


FORMAT = TextFormat(
    name="cohort-table",
    title="our cohort table, CSV: one row per model; `silentzone analyze` reads it",
    render=_render,
)
