"""Choices of a row: their log-likelihoods, and how far the gold is ahead by every metric's rule.

lm-eval keeps log-likelihoods and scores, but not what led from the ones to the others: what was
divided by, whether the gold stands there as index or text. The rules are known, and whether one
holds is shown by the scores it gives.

Array shapes: n rows.
"""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from silentzone.store.compact import compact_lists

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Sequence

    from numpy.typing import NDArray

MUTUAL: Final = "acc_mutual_info"
RULES: Final[dict[str, Callable[[str], int] | None]] = {
    "acc": None,
    "acc_norm": len,
    "acc_bytes": lambda text: len(text.encode(errors="replace")),
    MUTUAL: None,
}
"""Metrics that compare choices, and the length of a choice each divides by."""

_BLOCK_ROWS: Final = 16_384
_GREEDY: Final = (True, False, "True", "False")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """Choices of one row."""

    log_likelihoods: tuple[float, ...]
    """Nats, one per choice."""
    unconditional: tuple[float, ...] = ()
    """The same without the prompt, where lm-eval asked for them."""
    texts: tuple[str, ...] | None = None
    """Without the delimiter in front; null where what tells the choices apart is the prompt."""


def choices_of(row: dict[str, Any], delimiter: str) -> Choices | None:
    """Choices of a row; null where the row is of another kind."""
    values = _log_likelihoods(row.get("filtered_resps"))
    if values is None and isinstance(row.get("resps"), list):
        first = [one[0] if isinstance(one, list) and one else None for one in row["resps"]]
        values = _log_likelihoods(first)
    if values is None:
        return None
    texts = _continuations(row.get("arguments"), len(values))
    unconditional: tuple[float, ...] = ()
    if MUTUAL in row and len(values) % 2 == 0:
        half = len(values) // 2
        values, unconditional = values[:half], values[half:]
        texts = None if texts is None else texts[:half]
    return Choices(
        log_likelihoods=values,
        unconditional=unconditional,
        texts=None if texts is None else _without(texts, delimiter),
    )


def _log_likelihoods(pairs: object) -> tuple[float, ...] | None:
    """Log-likelihoods of two or more pairs of one and whether it was greedy; null otherwise."""
    if not isinstance(pairs, list) or len(pairs) < 2:
        return None
    values = []
    for pair in pairs:
        if not isinstance(pair, list) or len(pair) != 2 or isinstance(pair[0], bool):
            return None
        if pair[1] not in _GREEDY:
            return None
        try:
            values.append(float(pair[0]))
        except (TypeError, ValueError, OverflowError):
            return None
    return tuple(values)


def _continuations(arguments: object, count: int) -> tuple[str, ...] | None:
    """Texts behind the prompt, one per choice; null where there are none or all are one."""
    if isinstance(arguments, dict):
        pairs = [
            list(one.values()) if isinstance(one, dict) else None for one in arguments.values()
        ]
    elif isinstance(arguments, list):
        pairs = [one if isinstance(one, list) else None for one in arguments]
    else:
        return None
    texts = tuple(
        pair[1] for pair in pairs if pair is not None and len(pair) > 1 and isinstance(pair[1], str)
    )
    return texts if len(texts) == count and len(set(texts)) > 1 else None


def _without(texts: tuple[str, ...], delimiter: str) -> tuple[str, ...]:
    if delimiter and all(text.startswith(delimiter) for text in texts):
        return tuple(text[len(delimiter) :] for text in texts)
    return texts


def golds_of(target: object, choices: Choices) -> tuple[int, int]:
    """Index of the gold if ``target`` is its index, and if it is its text; -1 where it is not."""
    if isinstance(target, int):
        return (target if 0 <= target < len(choices.log_likelihoods) else -1), -1
    text = str(target)
    index = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else -1
    by_text = -1
    if choices.texts is not None and text in choices.texts:
        by_text = choices.texts.index(text)
    return (index if index < len(choices.log_likelihoods) else -1), by_text


class ChoiceColumn:
    """Choices of all rows, as compact as they can be kept: one value behind the other."""

    def __init__(self) -> None:
        self.counts = array("I")
        """Choices of each row; 0 where it has none that can be judged."""
        self.values = array("d")
        self.unconditional = array("d")
        """As many as values, or none."""
        self.lengths = {name: array("I") for name, length in RULES.items() if length is not None}
        """As many as values, 0 where not known; or none where no row has the metric."""
        self.golds = (array("i"), array("i"))
        """Of each row, by its two readings."""

    def add_nothing(self) -> None:
        """Add a row without choices."""
        self.counts.append(0)
        for golds in self.golds:
            golds.append(-1)

    def add(self, choices: Choices, target: object, metrics: Container[str]) -> None:
        """Add a row with choices whose log-likelihoods are finite."""
        n_before, count = len(self.values), len(choices.log_likelihoods)
        self.counts.append(count)
        self.values.extend(choices.log_likelihoods)
        for golds, gold in zip(self.golds, golds_of(target, choices), strict=True):
            golds.append(gold)
        if MUTUAL in metrics and len(choices.unconditional) == count:
            self.unconditional.extend(array("d", [math.nan]) * (n_before - len(self.unconditional)))
            self.unconditional.extend(choices.unconditional)
        for name, lengths in self.lengths.items():
            length = RULES[name]
            if name in metrics and choices.texts is not None and length is not None:
                lengths.extend(array("I", [0]) * (n_before - len(lengths)))
                lengths.extend(map(length, choices.texts))

    def by_row(self) -> Sequence[Sequence[float] | None]:
        """Log-likelihoods row by row; null where a row has none."""
        return compact_lists(self.values, self.counts)

    def judge(self, metric: str, scores: NDArray[np.float64]) -> Judged | None:
        """Follow the rule of a metric.

        Parameters
        ----------
        metric : str
            One of `RULES`.
        scores : numpy.ndarray
            Of shape (n,), what lm-eval wrote; NaN where a row has none.

        Returns
        -------
        Judged or None
            Null where no row has what the rule needs.
        """
        counts = np.frombuffer(self.counts or b"", dtype=np.uint32)
        predictions = np.full(len(counts), -1, dtype=np.int32)
        confidence = np.full(len(counts), np.nan)
        of_two = np.full(len(counts), -1, dtype=np.int32)
        for rows, table in self._tables(counts, metric):
            best = table.argmax(axis=1)
            predictions[rows] = best
            largest = table.max(axis=1, initial=-np.inf)
            confidence[rows] = 1.0 / np.exp(table - largest[:, None]).sum(axis=1)
            if table.shape[1] == 2:
                is_right, is_wrong = scores[rows] == 1.0, scores[rows] == 0.0
                of_two[rows] = np.select([is_right, is_wrong], [best, 1 - best], -1)
        is_judged = (predictions >= 0) & ~np.isnan(scores)
        if not is_judged.any():
            return None
        readings = (*(np.frombuffer(one, dtype=np.int32) for one in self.golds), of_two)
        golds = _explaining(predictions, readings, is_judged, scores)
        margin = None
        if golds is not None:
            margin = np.full(len(counts), np.nan)
            for rows, table in self._tables(counts, metric):
                margin[rows] = _margins(table, golds[rows])
            margin[~is_judged] = np.nan
        return Judged(predictions=predictions, confidence=confidence, margin=margin)

    def _tables(
        self, counts: NDArray[np.uint32], metric: str
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float64]]]:
        """Rows of as many choices and their values, in blocks so that they do not add up."""
        starts = np.cumsum(counts, dtype=np.int64) - counts
        for count in np.unique(counts[counts > 1]).tolist():
            of_count = np.flatnonzero(counts == count)
            for first in range(0, len(of_count), _BLOCK_ROWS):
                rows = of_count[first : first + _BLOCK_ROWS]
                table = self._decisive(metric, starts[rows, None] + np.arange(count))
                is_known = np.isfinite(table).all(axis=1)
                yield rows[is_known], table[is_known]

    def _decisive(self, metric: str, places: NDArray[np.int64]) -> NDArray[np.float64]:
        """Values whose largest is the answer by a metric; NaN where a row lacks what it needs."""
        values = _at(self.values, places)
        if metric == MUTUAL:
            return values - _at(self.unconditional, places)
        if metric not in self.lengths:
            return values
        lengths = _at(self.lengths[metric], places)
        return values / np.where(lengths > 0.0, lengths, np.nan)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Judged:
    """What the rule of a metric gives, of shape (n,) each."""

    predictions: NDArray[np.int32]
    """-1 where there is none."""
    confidence: NDArray[np.float64]
    margin: NDArray[np.float64] | None
    """Null where no reading of the golds, or more than one, gives every score."""


def _at(values: array[float] | array[int], places: NDArray[np.int64]) -> NDArray[np.float64]:
    """Values at some places, so that no copy of all is made; NaN behind the last."""
    found = np.full(places.shape, np.nan)
    is_there = places < len(values)
    if len(values):
        found[is_there] = np.asarray(values)[places[is_there]]
    return found


def _margins(table: NDArray[np.float64], golds: NDArray[np.int32]) -> NDArray[np.float64]:
    """Value of the gold minus the best other; NaN where the gold is not known."""
    rows = np.arange(len(table))
    others = table.copy()
    others[rows, golds] = -np.inf
    return np.where(golds >= 0, table[rows, golds] - others.max(axis=1, initial=-np.inf), np.nan)


def _explaining(
    predictions: NDArray[np.int32],
    readings: tuple[NDArray[np.int32], ...],
    is_judged: NDArray[np.bool_],
    scores: NDArray[np.float64],
) -> NDArray[np.int32] | None:
    """Golds by the reading that gives every score; null where none does, or more than one.

    The index and the text of a choice can be the same sign ("2" among "1", "2", "3"). Where both
    readings give the scores and are not the same, nobody can say which is right. That there are
    two choices, so that the score tells the gold, helps only where neither is possible.
    """
    *stated, of_two = [
        golds
        if np.all(((golds >= 0) & ((predictions == golds) == (scores == 1.0))) | ~is_judged)
        else None
        for golds in readings
    ]
    holding = [golds for golds in stated if golds is not None]
    if not holding:
        return of_two
    is_one = all(np.array_equal(one[is_judged], holding[0][is_judged]) for one in holding)
    return holding[0] if is_one else None
