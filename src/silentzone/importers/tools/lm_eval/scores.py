"""Whether the items add up to what the results file says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from silentzone.importers.problems import listed, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from silentzone.importers.item_metrics import Metric
    from silentzone.importers.problems import Problems
    from silentzone.importers.tools.lm_eval.answers import FilterAnswers
    from silentzone.importers.tools.lm_eval.results import Results

_TOLERANCE: Final = 1e-9


def check_counts(
    by_filter: Mapping[str, FilterAnswers], results: Results, task: str, problems: Problems
) -> None:
    """Note where rows are fewer than the results file says."""
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


def check_sums(
    by_filter: Mapping[str, FilterAnswers],
    results: Results,
    task: str,
    chosen: str,
    problems: Problems,
) -> None:
    """Note where rows score otherwise than the results file says.

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
    for name, answers in by_filter.items():
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
