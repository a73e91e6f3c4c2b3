"""Read a samples file and the results file of its run.

Array shapes: n items.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from silentzone.errors import TableError
from silentzone.importers.item_metrics import Score, choose_score
from silentzone.importers.problems import Problems, listed, shown
from silentzone.importers.reading import Bundle, Format, ImportOptions, source_of
from silentzone.importers.text_files import first_bytes
from silentzone.importers.tools.lm_eval.answers import FilterAnswers, metric_names
from silentzone.importers.tools.lm_eval.choices import RULES
from silentzone.importers.tools.lm_eval.files import date_of, find_samples, task_of
from silentzone.importers.tools.lm_eval.hashes import hashes_of, is_text
from silentzone.importers.tools.lm_eval.results import (
    Results,
    about_of,
    model_name,
    read_results,
    settings_of,
)
from silentzone.importers.tools.lm_eval.rows import is_array, read_rows
from silentzone.importers.tools.lm_eval.scores import check_counts, check_sums
from silentzone.records.imported import Imported, ItemAnswers, ModelFacts

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

NAME: Final = "lm-eval"
_UNNAMED_FILTER: Final = "none"
_LARGEST_ID: Final = 2**62
_RESULTS: Final = re.compile(rb"(?:\xef\xbb\xbf)?\s*\{\s*\"results\"\s*:")


@dataclass(slots=True)
class _Samples:
    """All rows of a samples file."""

    path: Path
    task: str
    results: Results
    wanted: str | None
    """Filter that the user names."""
    problems: Problems
    word: str
    by_filter: dict[str, FilterAnswers] = field(default_factory=dict)
    n_rows: int = 0
    n_other_documents: int = 0
    first_other_document: int = 0
    hashed_rows: int = 0
    digest: Any = field(default_factory=hashlib.sha256)
    """Over the hashes of all rows, as lm-eval forms the hash of a task."""

    def read(self) -> None:
        """Read every row."""
        delimiter = self.results.task_config(self.task).get("target_delimiter", " ")
        if not isinstance(delimiter, str):
            delimiter = " "
        known = self.results.filters(self.task)
        for place, row in read_rows(self.path):
            self.n_rows += 1
            names = metric_names(row)
            problem = _row_problem(row, names)
            if problem is not None:
                self.problems.add(problem, place=f"{self.word} {place}")
                continue
            hashes = hashes_of(row)
            if hashes.problem is not None:
                self.problems.add(hashes.problem, place=f"{self.word} {place}")
                continue
            if hashes.is_doc_other:
                self.n_other_documents += 1
                self.first_other_document = self.first_other_document or place
            if hashes.joined is not None:
                self.hashed_rows += 1
                self.digest.update(hashes.joined.encode())
            self._answers_of(row, known).add(row, names, place, hashes, delimiter)

    def _answers_of(self, row: dict[str, Any], known: list[str]) -> FilterAnswers:
        name = row.get("filter")
        if name is None:
            if len(known) > 1:
                raise TableError(
                    f"`{self.path.name}`: the rows do not say their filter, and "
                    f"`{self.results.name}` has several: {listed(known)}",
                    hint="this version of lm-eval did not write it; run a newer one",
                )
            name = known[0] if known else _UNNAMED_FILTER
        if name not in self.by_filter:
            is_first = not self.by_filter and self.wanted not in known
            self.by_filter[name] = FilterAnswers(keeps_items=is_first or name == self.wanted)
        return self.by_filter[name]

    @property
    def is_whole(self) -> bool | None:
        """Whether the rows are those the results were made of; null where no hash tells."""
        stated = self.results.task_hash(self.task)
        if stated is None or self.hashed_rows < self.n_rows:
            return None
        return bool(self.digest.hexdigest() == stated)

    def check_hashes(self) -> tuple[str, ...]:
        """Note documents that were edited, and a file that is another than the run wrote."""
        if not self.n_rows:
            self.problems.add("holds no row")
        if self.n_other_documents and (self.n_other_documents < self.n_rows or self.n_rows == 1):
            self.problems.add(
                "the document is not the one that `doc_hash` was made of; the row was edited "
                f"({self.n_other_documents:,} of {self.n_rows:,} rows are)",
                place=f"{self.word} {self.first_other_document}",
            )
        if self.is_whole is False and not self.problems.count:
            self.problems.add(
                f"its rows are not those that `{self.results.name}` was written with (their hashes "
                "together are not its `task_hashes`); rows are missing, moved or were edited"
            )
        if self.n_other_documents == self.n_rows > 1:
            return (
                "no document has the hash that stands beside it: this task changes its documents "
                "after they are hashed; items are known by the hashes",
            )
        return ()

    def chosen(self) -> tuple[str, tuple[str, ...]]:
        """Name the filter that counts, and what there is to say about it."""
        names = list(self.by_filter)
        if self.wanted in self.by_filter:
            return str(self.wanted), ()
        if len(names) == 1:
            if self.wanted is None:
                return names[0], ()
            return names[0], (f"no filter `{self.wanted}`; the only one, `{names[0]}`, counts",)
        scores = ", ".join(f"`{name}` ({_means(self.by_filter[name])})" for name in names)
        unknown = "" if self.wanted is None else f", none of them {shown(self.wanted)}"
        raise TableError(
            f"task `{self.task}` was scored through {len(names)} filters of the same answers"
            f"{unknown}: {scores}",
            hint=f"say which of them counts: --filter {names[0]}",
        )


def _row_problem(row: dict[str, Any], metrics: list[str]) -> str | None:
    """Say why a row is none of lm-eval's; null where it is one."""
    doc_id, name = row.get("doc_id"), row.get("filter")
    if not isinstance(doc_id, int) or isinstance(doc_id, bool) or not 0 <= doc_id < _LARGEST_ID:
        return f"`doc_id` is {shown(doc_id)}, not the number of an item; is this lm-eval's?"
    if name is not None and not isinstance(name, str):
        return f"`filter` is {shown(name)}, not a name"
    missing = [one for one in metrics if one not in row]
    if missing and isinstance(row.get("metrics"), list):
        return f"lacks {listed(missing)}, which its `metrics` names"
    if not metrics:
        return "has no metric"
    if not all(map(is_text, [name or "", *metrics])):
        return "has a name that holds half of a surrogate pair, which is no text"
    return None


def _means(answers: FilterAnswers) -> str:
    texts = []
    for name, metric in answers.metrics.items():
        values = np.array(metric.values)
        if metric.other is None and not np.isnan(values).all():
            texts.append(f"{name} {np.nanmean(values):.4f}")
    return ", ".join(texts) or "no score"


def _read(bundle: Bundle, options: ImportOptions) -> Imported:
    path = bundle.main
    if not is_text(path.name):
        raise TableError(f"`{shown(path.name)}` is no name in UTF-8", hint="rename the file")
    _refuse_results_file(path)
    results = read_results(bundle.companions[0]) if bundle.companions else Results()
    task = _task(path, results)
    problems = Problems(path.name)
    samples = _Samples(
        path=path,
        task=task,
        results=results,
        wanted=options.filter,
        problems=problems,
        word="row" if is_array(path) else "line",
    )
    samples.read()
    notes: list[str] = []
    name, score = _checked(samples, options.metric, notes)
    answers = samples.by_filter[name]
    model = options.model or model_name(results) or path.resolve().parent.name or path.stem
    items = _items(samples, answers, score, notes)
    found = ItemAnswers(
        model=model,
        benchmark=options.benchmark or task,
        settings={**settings_of(results, task), "metric": score.metric, "filter": name},
        about=about_of(results, date_of(path)),
        sources=tuple(source_of(one, NAME) for one in (path, *bundle.companions)),
        **items,
    )
    notes = [f"task `{task}`: {note}" for note in notes]
    facts = ModelFacts(name=model, is_reference=model == options.reference)
    return Imported(items=(found,), models=(facts,), notes=tuple(notes))


def _checked(samples: _Samples, metric: str | None, notes: list[str]) -> tuple[str, Score]:
    """Filter and score that count, of samples that are whole; adds to the notes what is to say."""
    results, problems = samples.results, samples.problems
    notes += samples.check_hashes()
    problems.raise_if_any()
    name, filter_notes = samples.chosen()
    for one in samples.by_filter.values():
        one.finish(problems, samples.word)
    score = choose_score(
        metric,
        samples.by_filter[name].metrics,
        samples.task,
        lower_is_better=results.lower_is_better(samples.task),
    )
    check_sums(samples.by_filter, results, samples.task, score.metric, problems)
    if not samples.is_whole:
        # Where the hash tells that they are, some versions still count what --samples left out.
        check_counts(samples.by_filter, results, samples.task, problems)
    problems.raise_if_any(hint="copy both files again from where lm-eval wrote them")
    if results.name is None:
        notes.append(
            "no results file of this run lies beside the samples: that they are whole, and with "
            "which settings they were made, is not known"
        )
    notes += [*filter_notes, *score.notes]
    return name, score


def _refuse_results_file(path: Path) -> None:
    if _RESULTS.match(first_bytes(path)):
        raise TableError(
            f"`{path.name}` holds the scores of whole tasks, not of items",
            hint="give the samples_*.jsonl beside it; lm-eval writes them with --log_samples",
        )


def _task(path: Path, results: Results) -> str:
    """Name the task of a samples file."""
    tasks = results.tasks
    task = task_of(path, tasks)
    if tasks is not None and task not in tasks:
        raise TableError(
            f"`{results.name}` has no task `{task}`, which `{path.name}` is named after; it has "
            f"{listed(map(str, tasks))}",
            hint="give the samples file the name that lm-eval gave it",
        )
    return task


def _items(
    samples: _Samples, answers: FilterAnswers, score: Score, notes: list[str]
) -> dict[str, Any]:
    """Columns of the items; adds to the notes what was left out or counted."""
    statuses = ["score missing" if is_missing else "ok" for is_missing in np.isnan(score.values)]
    values = score.values.copy()
    for row in answers.non_finite:
        statuses[row], values[row] = "non_finite", np.nan
    if answers.non_finite:
        rows = sorted(answers.non_finite)
        notes.append(
            f"{len(rows):,} items have a log-likelihood that is NaN or infinite; lm-eval scores "
            f"them, here they have no score ({answers.places_of(rows, samples.word)})"
        )
    n_missing = statuses.count("score missing")
    if n_missing:
        notes.append(f"{n_missing:,} items have no value of `{score.metric}`")
    if answers.most_repeats > 1:
        notes.append(
            f"every item was answered {answers.most_repeats} times; its score is that of what the "
            "filter made of these answers"
        )
    if answers.n_cut_predictions:
        notes.append(
            f"{answers.n_cut_predictions:,} answers are longer than 1,000 characters and kept as "
            "their beginning and a hash"
        )
    margin, confidence, predictions = _by_rule(answers, score, notes)
    has_choices = any(answers.choices.counts)
    prompts = answers.prompts.column()
    return {
        "item_ids": answers.item_ids,
        "scores": values,
        "statuses": tuple(statuses),
        "repeats": np.zeros(answers.n_rows, dtype=np.int32),
        "predictions": predictions,
        "targets": _unless_empty(answers.targets),
        "choice_log_likelihoods": answers.choices.by_row() if has_choices else None,
        "margin": margin,
        "confidence": confidence,
        "prompt_sha256": None if prompts.is_empty else prompts,
        "target_sha256": _unless_empty(answers.target_hashes),
    }


def _by_rule(
    answers: FilterAnswers, score: Score, notes: list[str]
) -> tuple[NDArray[np.float64] | None, NDArray[np.float64] | None, tuple[str | None, ...] | None]:
    """Margin, confidence and prediction of items with choices, by the rule of the metric."""
    judged = answers.choices.judge(score.metric, score.values) if score.metric in RULES else None
    if judged is None:
        return None, None, _unless_empty(answers.predictions)
    if judged.margin is None:
        notes.append(
            f"margins are left out: the log-likelihoods and golds that the rows show do not give "
            f"every value of `{score.metric}`, or give it in two ways"
        )
        if score.metric != "acc":  # what was divided by is not known, so neither is the answer
            return None, None, _unless_empty(answers.predictions)
    # One text per index, not per row: there are as many rows as a gigabyte holds.
    names = [str(index) for index in range(int(judged.predictions.max()) + 1)]
    predictions = tuple(
        names[index] if index >= 0 else text
        for index, text in zip(judged.predictions.tolist(), answers.predictions, strict=True)
    )
    return judged.margin, judged.confidence, predictions


def _unless_empty(texts: list[str | None]) -> tuple[str | None, ...] | None:
    """Take a column out of its list, which is empty then: there are millions of rows."""
    found = tuple(texts) if any(one is not None for one in texts) else None
    texts.clear()
    return found


FORMAT = Format(
    name=NAME,
    title="lm-evaluation-harness: samples_*.jsonl (--log_samples) with results_*.json",
    find=find_samples,
    read=_read,
    options=("model", "benchmark", "reference", "filter", "metric"),
)
