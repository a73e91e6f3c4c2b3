"""Scores per benchmark item, read from a study and aligned to the reference's items.

Array shapes: n items of the reference that have a score, r rows of one model's table.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from silentzone.analysis.protocols import require_same_protocol
from silentzone.errors import ProtocolMismatchError
from silentzone.records.tables import ITEMS
from silentzone.stats.clusters import ClusterPartition

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from silentzone.store.current import CurrentParts
    from silentzone.store.tables import StoredTable

OK = "ok"
UNFINISHED = ("truncated", "timeout")
"""Statuses of answers that a limit of the study cut off."""
WRONG = "wrong"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AnswerRows:
    """One model's answers to a benchmark as they were recorded: one row per item and repeat."""

    item_ids: Sequence[str]
    is_ok: NDArray[np.bool_]
    """Status ok and a score there, of shape (r,)."""
    statuses: Sequence[str]
    """Of the rows; empty where all are ok."""
    scores: NDArray[np.float64]
    """Of shape (r,); meaningful where ``is_ok``."""
    prompts: Sequence[str] | None
    """SHA-256 of what was asked; null where nobody recorded it."""
    clusters: Sequence[str | None] | None
    repeats: NDArray[np.int64]
    predictions: Sequence[str | None] | None
    confidence: NDArray[np.float64] | None
    """NaN where missing."""
    margin: NDArray[np.float64] | None
    divergence: NDArray[np.float64] | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ModelAnswers:
    """One model's answers, item by item in the order of the reference's items."""

    scores: NDArray[np.float64]
    """Mean over repeats, of shape (n,); NaN where the model has no score."""
    split: NDArray[np.float64] | None
    """Absolute difference of the means of even and of odd repeats; null without repeats."""
    predictions: NDArray[np.object_] | None
    """Of the first repeat; None where missing."""
    confidence: NDArray[np.float64] | None
    """Mean over repeats; NaN where missing."""
    margin: NDArray[np.float64] | None
    divergence: NDArray[np.float64] | None
    """Mean KLD from the reference along the item's own tokens, nats; NaN where missing."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BenchmarkScores:
    """All models on one benchmark, item by item."""

    benchmark: str
    item_ids: tuple[str, ...]
    clusters: ClusterPartition
    reference: NDArray[np.float64]
    """Of shape (n,); every item has a reference score."""
    candidates: Mapping[str, NDArray[np.float64]]
    """Each of shape (n,), NaN where that candidate has no score."""
    answers: Mapping[str, ModelAnswers]
    """By model, the reference included."""
    excluded: Mapping[str, Mapping[str, int]]
    """Items left out, by model (the reference included) and status."""
    counted_wrong: Mapping[str, int] = field(default_factory=dict)
    """Answers that were cut off and count as wrong, by model; those with none are not named."""

    def pairs(
        self, candidate: str
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], ClusterPartition]:
        """Give reference and candidate on the items both have, with their clusters."""
        scores = self.candidates[candidate]
        mask = ~np.isnan(scores)
        return self.reference[mask], scores[mask], self.clusters.select(mask)


def read_benchmark(
    parts: CurrentParts,
    benchmark: str,
    reference: str,
    candidates: Sequence[str],
    unfinished: str,
) -> BenchmarkScores | None:
    """Scores of every model on a benchmark; null where the reference was not asked.

    ``unfinished`` is the audit's rule for answers that were cut off.

    Raises
    ------
    ProtocolMismatchError
        If tables disagree in protocol, or two models were asked an item in other words.
    """
    if not parts.has_table(ITEMS, benchmark, reference):
        return None
    names = [name for name in candidates if parts.has_table(ITEMS, benchmark, name)]
    own = parts.read_table(ITEMS, benchmark, reference)
    rows = {reference: _rows(own)}
    for name in names:
        table = parts.read_table(ITEMS, benchmark, name)
        keys = {reference: own.key, name: table.key}
        require_same_protocol(keys, where=f"`{benchmark}`")
        rows[name] = _rows(table)
    return align_answers(benchmark, reference, rows, unfinished)


def align_answers(
    benchmark: str, reference: str, rows: Mapping[str, AnswerRows], unfinished: str
) -> BenchmarkScores:
    """Lay every model's answers beside the reference's, item by item.

    Parameters
    ----------
    benchmark, reference : str
    rows : mapping of str to AnswerRows
        By model; the reference must be among them.
    unfinished : {"leave out", "wrong"}
        What becomes of answers that were cut off.

    Raises
    ------
    ProtocolMismatchError
        If two models were asked an item in other words.
    """
    counted_wrong: dict[str, int] = {}
    if unfinished == WRONG:
        counted_wrong = {name: _cut_off(one) for name, one in rows.items() if _cut_off(one)}
        rows = {name: _with_wrong(one) for name, one in rows.items()}
    own = rows[reference]
    item_ids = tuple(
        dict.fromkeys(item for item, ok in zip(own.item_ids, own.is_ok, strict=True) if ok)
    )
    places = {item: place for place, item in enumerate(item_ids)}
    answers = {}
    excluded: dict[str, Mapping[str, int]] = {}
    for name, one in rows.items():
        codes = np.array([places.get(item, -1) for item in one.item_ids], dtype=np.intp)
        answers[name] = _aligned(one, codes, len(item_ids))
        left_out = _without_score(one)
        if name != reference:
            _require_same_prompts(own, one, (reference, name, benchmark))
            left_out += _unpaired(own, one, places)
        excluded[name] = {status: count for status, count in left_out.items() if count}
    return BenchmarkScores(
        benchmark=benchmark,
        item_ids=item_ids,
        clusters=_clusters(own, item_ids),
        reference=answers[reference].scores,
        candidates={name: one.scores for name, one in answers.items() if name != reference},
        answers=answers,
        excluded=excluded,
        counted_wrong=counted_wrong,
    )


def _cut_off(rows: AnswerRows) -> int:
    return sum(status in UNFINISHED for status in rows.statuses)


def _with_wrong(rows: AnswerRows) -> AnswerRows:
    """Let answers that were cut off count as wrong."""
    if not _cut_off(rows):
        return rows
    is_cut_off = np.isin(np.array(rows.statuses), UNFINISHED)
    return replace(
        rows,
        is_ok=rows.is_ok | is_cut_off,
        scores=np.where(is_cut_off, 0.0, rows.scores),
        statuses=["" if cut else one for one, cut in zip(rows.statuses, is_cut_off, strict=True)],
    )


def _rows(table: StoredTable) -> AnswerRows:
    scores, is_there = table.floats("score")
    is_ok = is_there & table.matches("status", OK)
    return AnswerRows(
        item_ids=[item or "" for item in table.strings("item_id")],
        is_ok=is_ok,
        statuses=() if is_ok.all() else [status or "" for status in table.strings("status")],
        scores=scores,
        prompts=[prompt or "" for prompt in table.strings("prompt_sha256")],
        clusters=table.strings("cluster_id"),
        repeats=table.integers("repeat")[0],
        predictions=table.strings("prediction"),
        confidence=table.floats("confidence")[0],
        margin=table.floats("margin")[0],
        divergence=None,
    )


def _aligned(rows: AnswerRows, codes: NDArray[np.intp], n_items: int) -> ModelAnswers:
    usable = rows.is_ok & (codes >= 0)
    predictions = None
    if rows.predictions is not None:
        predictions = np.full(n_items, None, dtype=object)
        backwards = np.flatnonzero(usable)[::-1]
        # The first repeat comes last and so has the last word.
        for row in backwards[np.argsort(-rows.repeats[backwards], kind="stable")].tolist():
            predictions[codes[row]] = rows.predictions[row]
    return ModelAnswers(
        scores=_means(rows.scores, usable, codes, n_items),
        split=_split(rows, usable, codes, n_items),
        predictions=predictions,
        confidence=_optional_means(rows.confidence, usable, codes, n_items),
        margin=_optional_means(rows.margin, usable, codes, n_items),
        divergence=_optional_means(rows.divergence, usable, codes, n_items),
    )


def _means(
    values: NDArray[np.float64], usable: NDArray[np.bool_], codes: NDArray[np.intp], n_items: int
) -> NDArray[np.float64]:
    own = codes[usable]
    sums = np.bincount(own, values[usable], minlength=n_items)
    counts = np.bincount(own, minlength=n_items)
    means: NDArray[np.float64] = np.full(n_items, np.nan)
    np.divide(sums, counts, out=means, where=counts > 0)
    return means


def _optional_means(
    values: NDArray[np.float64] | None,
    usable: NDArray[np.bool_],
    codes: NDArray[np.intp],
    n_items: int,
) -> NDArray[np.float64] | None:
    if values is None:
        return None
    known = usable & np.isfinite(values)
    return _means(values, known, codes, n_items) if known.any() else None


def _split(
    rows: AnswerRows, usable: NDArray[np.bool_], codes: NDArray[np.intp], n_items: int
) -> NDArray[np.float64] | None:
    is_odd = rows.repeats % 2 == 1
    if not (usable & is_odd).any():
        return None
    halves = [_means(rows.scores, usable & half, codes, n_items) for half in (~is_odd, is_odd)]
    return np.abs(halves[0] - halves[1])


def _without_score(rows: AnswerRows) -> Counter[str]:
    """Items of which no row has a score, by status."""
    if rows.is_ok.all():
        return Counter()
    scored = {item for item, ok in zip(rows.item_ids, rows.is_ok, strict=True) if ok}
    missing = {
        rows.item_ids[row]: rows.statuses[row]
        for row in np.flatnonzero(~rows.is_ok).tolist()
        if rows.item_ids[row] not in scored
    }
    named = (status if status and status != OK else "score missing" for status in missing.values())
    return Counter(named)


def _unpaired(own: AnswerRows, rows: AnswerRows, places: Mapping[str, int]) -> Counter[str]:
    """Items of the reference or the candidate that do not enter the comparison."""
    if rows.item_ids == own.item_ids and rows.is_ok.all() and own.is_ok.all():
        return Counter()
    asked = set(rows.item_ids)
    scored = {item for item, ok in zip(rows.item_ids, rows.is_ok, strict=True) if ok}
    return Counter(
        {
            "not asked of the candidate": sum(item not in asked for item in set(own.item_ids)),
            "no reference score": sum(item not in places for item in scored),
        }
    )


def _require_same_prompts(own: AnswerRows, rows: AnswerRows, names: tuple[str, str, str]) -> None:
    if own.prompts is None or rows.prompts is None:
        return
    if rows.item_ids == own.item_ids and rows.prompts == own.prompts:
        return
    asked = dict(zip(own.item_ids, own.prompts, strict=True))
    for item, prompt in zip(rows.item_ids, rows.prompts, strict=True):
        if asked.get(item, prompt) != prompt:
            raise ProtocolMismatchError(
                f"item `{item}` of `{names[2]}` must be put to `{names[0]}` and `{names[1]}` in "
                f"the same words; their prompts differ.",
                hint="run the benchmark again for both",
            )


def _clusters(own: AnswerRows, item_ids: Sequence[str]) -> ClusterPartition:
    if own.clusters is None or all(label is None for label in own.clusters):
        return ClusterPartition.singletons(len(item_ids), unit="item")
    known = dict(zip(own.item_ids, own.clusters, strict=True))
    # An item without a cluster stands alone; the prefix keeps the two kinds of name apart.
    named = [
        f"item {item}" if known[item] is None else f"cluster {known[item]}" for item in item_ids
    ]
    return ClusterPartition.of(np.array(named), unit="item cluster")
