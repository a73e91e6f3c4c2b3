"""Read a details file and the results file of its run.

Array shapes: n items.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from silentzone.errors import TableError
from silentzone.importers.item_metrics import Score, choose_score, number_of
from silentzone.importers.json_documents import plain_text
from silentzone.importers.problems import shown
from silentzone.importers.reading import Bundle, Format, ImportOptions, source_of
from silentzone.importers.tools.lighteval.answers import Answers
from silentzone.importers.tools.lighteval.details import read_details
from silentzone.importers.tools.lighteval.files import (
    Results,
    about_of,
    find_details,
    named,
    read_results,
    settings_of,
)
from silentzone.records.imported import Imported, ItemAnswers, ModelFacts

NAME: Final = "lighteval"
_TOLERANCE: Final = 1e-9
_MEANS: Final = ("mean", "nanmean")


def _read(bundle: Bundle, options: ImportOptions) -> Imported:
    path = bundle.main
    if plain_text(path.name) != path.name:
        raise TableError(f"`{shown(path.name)}` is no name in UTF-8", hint="rename the file")
    said = named(path)
    results = read_results(bundle.companions[0], said.task) if bundle.companions else Results()
    answers = Answers()
    for place, row in read_details(path):
        try:
            answers.add(row)
        except ValueError as error:
            raise TableError(f"`{path.name}` row {place}: {error}") from error
    try:
        answers.finish()
    except ValueError as error:
        raise TableError(f"`{path.name}`: {error}") from error
    score = choose_score(
        options.metric,
        answers.metrics,
        said.task,
        lower_is_better={
            name
            for name in answers.metrics
            if results.metric(name).get("higher_is_better") is False
        },
    )
    notes = [*answers.notes, *score.notes]
    if results.name is None:
        notes.append(
            "no results file of this run was found: that the answers are whole, and with which "
            "settings they were made, is not known"
        )
    _check_means(path.name, answers, results, score.metric)
    model = options.model or _model_name(results, bundle)
    found = ItemAnswers(
        model=model,
        benchmark=options.benchmark or said.benchmark,
        settings={**settings_of(results, said.shots), "metric": score.metric},
        about=about_of(results, said.date),
        sources=tuple(source_of(one, NAME) for one in (path, *bundle.companions)),
        **_items(answers, score, results, notes),
    )
    return Imported(
        items=(found,),
        models=(ModelFacts(name=model, is_reference=model == options.reference),),
        notes=tuple(f"task `{said.task}`: {note}" for note in notes),
    )


def _model_name(results: Results, bundle: Bundle) -> str:
    """Name of the model: what the results file says, else the folder details lie in."""
    said = results.general.get("model_name")
    if isinstance(said, str) and said.strip():
        text = plain_text(said.strip().rstrip("/")) or said
        return text.rpartition("/")[2] if text.startswith(("/", ".", "~")) else text
    return bundle.main.resolve().parent.parent.name or bundle.main.stem


def _check_means(name: str, answers: Answers, results: Results, chosen: str) -> None:
    """Refuse answers that do not add up to the run's own scores."""
    expected = results.config.get("effective_num_docs")
    n_rows = len(answers.item_ids)
    if isinstance(expected, int) and expected > 0 and expected != n_rows:
        raise TableError(
            f"`{name}` has {n_rows:,} rows, and `{results.name}` says that {expected:,} questions "
            "were asked; the file is not whole"
        )
    for metric, found in answers.metrics.items():
        said = results.metric(metric).get("corpus_level_fn")
        is_mean = said in _MEANS or (said is None and metric == chosen)
        value = results.scores.get(metric)
        stated = None if value is None else number_of(value)
        if not is_mean or found.other is not None or stated is None:
            continue
        # A question without the metric is left out of its mean; one with NaN makes it NaN.
        total = float(np.nansum(np.array(found.values)))
        mean = math.nan if found.n_nan else total / max(found.n_present, 1)
        both_nan = math.isnan(mean) and math.isnan(stated)
        if not both_nan and not abs(mean - stated) <= _TOLERANCE:
            raise TableError(
                f"`{name}`: the mean of `{metric}` over its {found.n_present:,} rows is "
                f"{mean:.10g}, and `{results.name}` says {stated:.10g}; rows are missing, or the "
                "two files are of different runs",
                hint="copy both files again from where lighteval wrote them",
            )


def _items(answers: Answers, score: Score, results: Results, notes: list[str]) -> dict[str, Any]:
    """Columns of the items; adds to the notes what was left out or counted."""
    statuses = ["score missing" if is_missing else "ok" for is_missing in np.isnan(score.values)]
    values = score.values.copy()
    for row in answers.non_finite:
        statuses[row], values[row] = "non_finite", np.nan
    if answers.non_finite:
        notes.append(
            f"{len(answers.non_finite):,} items have a log-probability that is NaN or infinite; "
            "lighteval scores them, here they have no score"
        )
    n_missing = statuses.count("score missing")
    if n_missing:
        notes.append(f"{n_missing:,} items have no value of `{score.metric}`")
    rule = str(results.metric(score.metric).get("sample_level_fn"))
    judged = answers.judge(score, rule)
    has_choices = any(one is not None for one in answers.log_likelihoods)
    if has_choices and (judged is None or judged.margin is None):
        notes.append(
            f"margins are left out: no known rule gives every value of `{score.metric}` from the "
            "log-probabilities"
        )
        judged = None
    predictions = answers.predictions
    if judged is not None:
        predictions = [
            str(index) if index >= 0 else text
            for index, text in zip(judged.predictions.tolist(), predictions, strict=True)
        ]
    return {
        "item_ids": tuple(answers.item_ids),
        "scores": values,
        "statuses": tuple(statuses),
        "repeats": np.zeros(len(values), dtype=np.int32),
        "predictions": _unless_empty(predictions),
        "targets": _unless_empty(answers.targets),
        "choice_log_likelihoods": tuple(answers.log_likelihoods) if has_choices else None,
        "margin": None if judged is None else judged.margin,
        "confidence": None if judged is None else judged.confidence,
        "prompt_sha256": tuple(answers.prompts),
        "target_sha256": tuple(answers.target_hashes),
        "output_tokens": np.array(answers.output_tokens, dtype=np.int32)
        if max(answers.output_tokens, default=-1) >= 0
        else None,
    }


def _unless_empty(texts: list[str | None]) -> tuple[str | None, ...] | None:
    return tuple(texts) if any(one is not None for one in texts) else None


FORMAT = Format(
    name=NAME,
    title="lighteval: details_*.parquet (--save-details) with results_*.json",
    find=find_details,
    read=_read,
    options=("model", "benchmark", "reference", "metric"),
)
