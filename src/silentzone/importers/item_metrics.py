"""Values of several metrics per item, and which of them is an item's score.

Array shapes: n items.
"""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from silentzone.errors import NothingToCompareError, TableError
from silentzone.importers.problems import listed, shown

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from numpy.typing import NDArray

USUAL: Final = "acc_norm"
"""Taken of several metrics unless the user names one: the one that published tables of tasks with
choices of different length show."""


class Metric:
    """Values of one metric."""

    def __init__(self, n_before: int) -> None:
        self.values = array("d", [math.nan]) * n_before
        self.n_present = 0
        self.n_nan = 0
        self.other: str | None = None
        """What a value is that is no number."""

    def add(self, value: object, n_before: int) -> None:
        """Add the value of a row; null is one that is missing."""
        self.pad(n_before)
        self.n_present += 1
        number = number_of(value)
        if number is None:
            self.other = self.other or f"a {type(value).__name__}"
        elif math.isnan(number):
            self.n_nan += 1
        self.values.append(math.nan if number is None else number)

    def pad(self, n_rows: int) -> None:
        """Put a missing value for every row without one."""
        missing = n_rows - len(self.values)
        if missing:
            self.values.extend(array("d", [math.nan]) * missing)


def number_of(value: object) -> float | None:
    """Give a value as a number: NaN for null, null for what is no number."""
    if value is None:
        return math.nan
    if not isinstance(value, (bool, int, float)):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """The metric that counts, and its values."""

    metric: str
    values: NDArray[np.float64]
    """Of shape (n,), NaN where a row has none."""
    notes: tuple[str, ...] = ()


def choose_score(
    wanted: str | None, metrics: Mapping[str, Metric], task: str, *, lower_is_better: Container[str]
) -> Score:
    """Choose the metric that is an item's score.

    Parameters
    ----------
    wanted : str or None
        Name of a metric. A task that has only one takes that one, whatever is wanted.
    metrics : mapping
        By name.
    task : str
    lower_is_better : container of str
        Metrics that are no scores for that reason.

    Raises
    ------
    TableError
        If no metric is a proportion per item, if the wanted one is none, or if there are several
        and none is wanted or usual.
    """
    reasons = {
        name: _unusable(metric, is_lower_better=name in lower_is_better)
        for name, metric in metrics.items()
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
            f"`{name}` (mean {np.nanmean(np.array(metrics[name].values)):.4f})" for name in usable
        )
        unknown = f"no metric {shown(wanted)}, but" if wanted is not None else "several metrics:"
        raise TableError(
            f"task `{task}` has {unknown} {means}",
            hint=f"say which is an item's score: --metric {usable[0]}",
        )
    values = np.array(metrics[metric].values, dtype=np.float64)
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
