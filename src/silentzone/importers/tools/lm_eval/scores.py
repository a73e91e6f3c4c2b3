"""Which metric is an item's score, and whether the items add up to what the results file says.

Array shapes: n items.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from silentzone.errors import NothingToCompareError, TableError
from silentzone.importers.problems import listed, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from silentzone.importers.problems import Problems
    from silentzone.importers.tools.lm_eval.answers import FilterAnswers, Metric
    from silentzone.importers.tools.lm_eval.results import Results

USUAL: Final = "acc_norm"
"""Taken of several metrics unless the user names one: the one that published tables of tasks with
choices of different length show."""
_TOLERANCE: Final = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """The metric that counts, and its values."""

    metric: str
    values: NDArray[np.float64]
    """Of shape (n,), NaN where a row has none."""
    notes: tuple[str, ...] = ()


def choose_score(wanted: str | None, answers: FilterAnswers, results: Results, task: str) -> Score:
    """Choose the metric that is an item's score.

    Parameters
    ----------
    wanted : str or None
        Name of a metric. A task that has only one takes that one, whatever is wanted.
    answers : FilterAnswers
    results : Results
    task : str

    Raises
    ------
    TableError
        If no metric is a proportion per item, if the wanted one is none, or if there are several
        and none is wanted or usual.
    """
    reasons = {
        name: _unusable(metric, is_lower_better=results.is_lower_better(task, name))
        for name, metric in answers.metrics.items()
    }
    usable = [name for name, reason in reasons.items() if reason is None]
    left_out = [f"`{name}` ({reason})" for name, reason in reasons.items() if reason]
    if wanted in reasons and wanted not in usable:
        raise TableError(
            f"`{wanted}` of task `{task}` is no score of an item: {reasons[wanted]}",
            hint=f"these are: {listed(usable)}" if usable else None,
        )
    if not usable:
        raise NothingToCompareError(
            f"no metric of task `{task}` is a proportion per item: {listed(left_out) or 'none'}",
            hint="models are compared item by item; a number over all items has no items",
        )
    others = listed(f"`{name}`" for name, reason in reasons.items() if reason)
    notes = [f"metrics that are no score of an item: {others}"] if others else []
    if len(usable) == 1:
        metric = usable[0]
        if wanted not in {None, metric}:
            notes.append(f"no metric `{wanted}`; the only one, `{metric}`, counts")
    elif wanted in usable:
        metric = str(wanted)
    elif wanted is None and USUAL in usable:
        metric = USUAL
        rest = listed(f"`{name}`" for name in usable if name != USUAL)
        notes.append(f"`{USUAL}` counts; {rest} can be named with --metric instead")
    else:
        means = ", ".join(
            f"`{name}` (mean {np.nanmean(np.array(answers.metrics[name].values)):.4f})"
            for name in usable
        )
        unknown = f"no metric {shown(wanted)}, but" if wanted is not None else "several metrics:"
        raise TableError(
            f"task `{task}` has {unknown} {means}",
            hint=f"say which is an item's score: --metric {usable[0]}",
        )
    values = np.array(answers.metrics[metric].values, dtype=np.float64)
    return Score(metric=metric, values=values, notes=tuple(notes))


def _unusable(metric: Metric, *, is_lower_better: bool) -> str | None:
    """Say why a metric is no score of an item; null where it is."""
    if metric.other is not None:
        return f"{metric.other} per item, which only gives a number over all items"
    values = np.array(metric.values, dtype=np.float64)
    if np.isnan(values).all():
        return "no item has a value"
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    if low < 0.0 or high > 1.0:
        return f"it runs from {low:g} to {high:g}; a score lies in [0, 1]"
    return "lower is better" if is_lower_better else None


def check_sums(
    by_filter: Mapping[str, FilterAnswers],
    results: Results,
    task: str,
    chosen: str,
    problems: Problems,
) -> None:
    """Note where rows are fewer, or score otherwise, than the results file says.

    Parameters
    ----------
    by_filter : mapping
        Every filter's answers.
    results : Results
    task : str
    chosen : str
        Metric that is checked even where the results file does not say that it is a mean.
    problems : Problems
    """
    missing = [name for name in results.filters(task) if name not in by_filter]
    if missing:
        problems.add(
            f"has no row of filter {listed(map(shown, missing))}, which `{results.name}` scores; "
            "the file is not whole"
        )
    counts = {name: answers.n_rows for name, answers in by_filter.items()}
    if len(set(counts.values())) > 1:
        each = ", ".join(f"{shown(name)} {count:,}" for name, count in counts.items())
        problems.add(f"has not as many rows of every filter ({each}); the file is not whole")
    expected = results.number_of_items(task)
    for name, answers in by_filter.items():
        scored = max((one.n_present for one in answers.metrics.values()), default=0)
        if expected is not None and expected not in {answers.n_rows, scored}:
            problems.add(
                f"has {answers.n_rows:,} rows of filter {shown(name)}, and `{results.name}` says "
                f"that {expected:,} items were scored; the file is not whole"
            )
        for metric, values in answers.metrics.items():
            is_mean = results.is_mean(task, metric)
            if is_mean or (is_mean is None and metric == chosen):
                _check_mean(metric, name, values, results, task, problems)


def _check_mean(
    metric: str, filter_name: str, found: Metric, results: Results, task: str, problems: Problems
) -> None:
    stated = results.stated(task, metric, filter_name)
    if stated is None or found.other is not None or not found.n_present:
        return
    n_left_out = found.n_nan if results.aggregation(task, metric) == "nanmean" else 0
    count = found.n_present - n_left_out
    if found.n_nan > n_left_out or not count:
        mean = float("nan")
    else:
        mean = float(np.nansum(np.array(found.values))) / count
    if np.isnan(mean) and np.isnan(stated):
        return
    if not abs(mean - stated) <= _TOLERANCE:
        problems.add(
            f"the mean of `{metric}` over its {count:,} rows of filter {shown(filter_name)} is "
            f"{mean:.10g}, and `{results.name}` says {stated:.10g}; rows are missing or were "
            "edited, or the two files are of different runs"
        )
