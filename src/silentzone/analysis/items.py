"""Scores per benchmark item, read from a study and aligned to the reference's items."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from silentzone.analysis.protocols import require_same_protocol
from silentzone.errors import ProtocolMismatchError
from silentzone.records.tables import CHURN, ITEMS
from silentzone.stats.clusters import ClusterPartition
from silentzone.stats.estimates import null_estimate, with_cautions
from silentzone.stats.proportions import proportion_estimate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from silentzone.analysis.current import CurrentParts
    from silentzone.stats.results import Estimate
    from silentzone.store.tables import StoredTable

OK = "ok"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ModelItems:
    """One model's answers to a benchmark, by item id."""

    scores: Mapping[str, float]
    """Items with status ok; the mean over repeats."""
    prompts: Mapping[str, str]
    """SHA-256 of what was asked."""
    clusters: Mapping[str, str | None]
    excluded: Mapping[str, int]
    """Items without a score, by status."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BenchmarkScores:
    """All models on one benchmark, item by item, in the order of the reference's items."""

    benchmark: str
    item_ids: tuple[str, ...]
    clusters: ClusterPartition
    reference: NDArray[np.float64]
    """Of shape (n,); every item has a reference score."""
    candidates: Mapping[str, NDArray[np.float64]]
    """Each of shape (n,), NaN where that candidate has no score."""
    excluded: Mapping[str, Mapping[str, int]]
    """Items left out, by model (the reference included) and status."""

    def pairs(
        self, candidate: str
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], ClusterPartition]:
        """Give reference and candidate on the items both have, with their clusters."""
        scores = self.candidates[candidate]
        mask = ~np.isnan(scores)
        return self.reference[mask], scores[mask], self.clusters.select(mask)


def read_benchmark(
    parts: CurrentParts, benchmark: str, reference: str, candidates: Sequence[str]
) -> BenchmarkScores | None:
    """Scores of every model on a benchmark; null where the reference was not asked.

    Raises
    ------
    ProtocolMismatchError
        If tables disagree in protocol, or two models were asked an item in other words.
    """
    if not parts.has_table(ITEMS, benchmark, reference):
        return None
    names = [name for name in candidates if parts.has_table(ITEMS, benchmark, name)]
    table = parts.read_table(ITEMS, benchmark, reference)
    reference_key, own = table.key, _model_items(table)
    item_ids = tuple(own.scores)
    scores: dict[str, NDArray[np.float64]] = {}
    excluded: dict[str, Mapping[str, int]] = {reference: own.excluded}
    for name in names:
        table = parts.read_table(ITEMS, benchmark, name)
        keys = {reference: reference_key, name: table.key}
        require_same_protocol(keys, where=f"`{benchmark}`")
        answers = _model_items(table)
        _require_same_prompts(own, answers, (reference, name, benchmark))
        scores[name] = np.array([answers.scores.get(item, np.nan) for item in item_ids])
        excluded[name] = _left_out(own, answers)
    return BenchmarkScores(
        benchmark=benchmark,
        item_ids=item_ids,
        clusters=_clusters(own, item_ids),
        reference=np.array([own.scores[item] for item in item_ids], dtype=np.float64),
        candidates=scores,
        excluded=excluded,
    )


def churn_floor(parts: CurrentParts, benchmark: str, model: str) -> Estimate | None:
    """Share of items whose score changed when the same model was asked again; null if not asked.

    Where nothing changed the estimate has no value: so few items bound a share, they give none.
    """
    if not parts.has_table(CHURN, benchmark, model):
        return None
    table = parts.read_table(CHURN, benchmark, model)
    is_ok = np.array([text == OK for text in table.strings("status")], dtype=np.bool_)
    before, has_before = table.floats("score")
    after, has_after = table.floats("score_again")
    usable = is_ok & has_before & has_after
    moved = np.abs(after[usable] - before[usable])
    if len(moved) and not moved.any():
        return null_estimate(
            "share of items that changed",
            f"nothing changed in {len(moved)} items asked again",
            n_observations=len(moved),
        )
    share = proportion_estimate(moved, ClusterPartition.singletons(len(moved), unit="item"))
    return with_cautions(share, f"from {len(moved)} items asked again")


def _model_items(table: StoredTable) -> ModelItems:
    values, is_there = table.floats("score")
    columns = (table.strings(name) for name in ("item_id", "status", "prompt_sha256", "cluster_id"))
    sums: dict[str, list[float]] = {}
    prompts: dict[str, str] = {}
    clusters: dict[str, str | None] = {}
    missing: dict[str, str] = {}
    for row, (item, status, prompt, cluster) in enumerate(zip(*columns, strict=True)):
        item_id = item or ""
        prompts[item_id], clusters[item_id] = prompt or "", cluster
        if status == OK and is_there[row]:
            sums.setdefault(item_id, []).append(float(values[row]))
        else:
            missing[item_id] = status if status and status != OK else "score missing"
    return ModelItems(
        scores={item: sum(found) / len(found) for item, found in sums.items()},
        prompts=prompts,
        clusters=clusters,
        excluded=dict(Counter(status for item, status in missing.items() if item not in sums)),
    )


def _left_out(own: ModelItems, answers: ModelItems) -> dict[str, int]:
    """Items of the reference or the candidate that do not enter the comparison."""
    excluded = Counter(answers.excluded)
    not_asked = sum(item not in answers.prompts for item in own.prompts)
    unpaired = sum(item not in own.scores for item in answers.scores)
    excluded.update({"not asked of the candidate": not_asked, "no reference score": unpaired})
    return {status: count for status, count in excluded.items() if count}


def _require_same_prompts(
    own: ModelItems, answers: ModelItems, names: tuple[str, str, str]
) -> None:
    for item, prompt in answers.prompts.items():
        if own.prompts.get(item, prompt) != prompt:
            raise ProtocolMismatchError(
                f"item `{item}` of `{names[2]}` must be put to `{names[0]}` and `{names[1]}` in "
                f"the same words; their prompts differ.",
                hint="run the benchmark again for both",
            )


def _clusters(own: ModelItems, item_ids: Sequence[str]) -> ClusterPartition:
    labels = [own.clusters[item] for item in item_ids]
    if all(label is None for label in labels):
        return ClusterPartition.singletons(len(labels), unit="item")
    # An item without a cluster stands alone; the prefix keeps the two kinds of name apart.
    named = [
        f"item {item}" if label is None else f"cluster {label}"
        for item, label in zip(item_ids, labels, strict=True)
    ]
    return ClusterPartition.of(np.array(named), unit="item cluster")
