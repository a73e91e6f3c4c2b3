"""Which of a task's numbers is the score of an item, and whether it can be one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from silentzone.errors import BenchmarkError
from silentzone.harness import library

if TYPE_CHECKING:
    from collections.abc import Sequence

    from silentzone.records.harness import HarnessEntry

# Their aggregate is a mean of values per item that are no proportions.
_NO_PROPORTION = {"likelihood": "a pair of gold and log-likelihoods", "bypass": "nothing"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreRule:
    """Filter and metric behind the score."""

    filter: str
    metric: str
    higher_is_better: bool

    def score(self, value: object, item_id: str) -> float:
        """Score of an item from the metric's value.

        Raises
        ------
        BenchmarkError
            If the value is no proportion.
        """
        number = _number(value)
        if number is None or not 0.0 <= number <= 1.0:
            raise BenchmarkError(
                f"metric `{self.metric}` gives {value!r:.100} for document {item_id}; a score of "
                "an item must lie in [0, 1]",
                hint="take another metric of the task",
            )
        return number if self.higher_is_better else 1.0 - number


def pick_score(task: Any, entry: HarnessEntry, doc: object, requests: int) -> ScoreRule:  # noqa: ANN401
    """Take filter and metric as asked for, or the only ones.

    Parameters
    ----------
    task : object of lm-evaluation-harness
    entry : HarnessEntry
    doc : object
        One of its documents, and ``requests`` how many requests ask it.

    Raises
    ------
    BenchmarkError
        If there are several and none is named, the named one is not there, or the metric is not a
        mean over items.
    """
    filters = [one.name for one in task._filters]
    chosen_filter = _pick(entry.filter, filters, "filter", entry.task)
    metrics = _metrics(task, doc, requests)
    reasons = {metric: _refusal(task, metric) for metric in metrics}
    usable = [metric for metric in metrics if reasons[metric] is None]
    if entry.metric is None and not usable:
        told = "; ".join(f"`{metric}` {reasons[metric]}" for metric in metrics)
        raise BenchmarkError(f"the task `{entry.task}` has no metric that scores an item: {told}")
    offered = usable if entry.metric is None else metrics
    metric = _pick(entry.metric, offered, "metric", entry.task)
    if reasons[metric] is not None:
        others = f"; its other metrics: {', '.join(usable)}" if usable else ""
        raise BenchmarkError(
            f"metric `{metric}` of the task `{entry.task}` {reasons[metric]}, so there is no score "
            "per item",
            hint=f"a benchmark here is a mean over items{others}",
        )
    better = task.higher_is_better().get(metric, True)
    return ScoreRule(
        filter=chosen_filter, metric=metric, higher_is_better=True if better is None else better
    )


def _pick(asked: str | None, there: Sequence[str], what: str, task: str) -> str:
    names = ", ".join(f"`{name}`" for name in there)
    if asked is None:
        if len(there) == 1:
            return there[0]
        raise BenchmarkError(
            f"the task `{task}` has {len(there)} {what}s: {names}",
            hint=f'name the one to score by, for example `{what} = "{there[0]}"`',
        )
    if asked not in there:
        raise BenchmarkError(f"the task `{task}` has no {what} `{asked}`; it has {names}")
    return asked


def _metrics(task: Any, doc: object, requests: int) -> list[str]:  # noqa: ANN401
    """Names of what is computed per item, seen by scoring an answer that means nothing.

    A function of the task's own may give other names than its file does.
    """
    results: list[object]
    if task.OUTPUT_TYPE == "generate_until":
        results = [""]
    else:
        results = [(-1.0 - index, False) for index in range(requests)]
    try:
        with library.quiet():
            return list(task.process_results(doc, results))
    except Exception:  # it may well not understand such an answer
        return list(task.aggregation())


def _refusal(task: Any, metric: str) -> str | None:  # noqa: ANN401
    registry = library.load("lm_eval.api.registry")
    if metric in _NO_PROPORTION:
        return f"is {_NO_PROPORTION[metric]} for each item"
    aggregation = task.aggregation().get(metric)
    means = [registry.get_aggregation(name) for name in ("mean", "nanmean")]
    if aggregation is None or aggregation in means:
        return None
    name = getattr(aggregation, "__name__", str(aggregation))
    return f"is computed from all items together (`{name}`)"


def _number(value: object) -> float | None:
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None
