"""What of a model's changed answers it changes against itself, and changes that no score shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from silentzone.records.tables import CHURN
from silentzone.stats.clusters import ClusterPartition
from silentzone.stats.estimates import (
    linearised_estimate,
    mean_estimate,
    null_estimate,
    with_cautions,
)
from silentzone.stats.proportions import proportion_estimate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from silentzone.analysis.items import BenchmarkScores
    from silentzone.stats.results import Estimate
    from silentzone.store.current import CurrentParts

OK = "ok"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChurnRows:
    """Items of a benchmark that one model was asked again under a perturbation."""

    item_ids: tuple[str, ...]
    moved: NDArray[np.float64]
    """Absolute change of the score, of the same length."""


def read_churn(parts: CurrentParts, benchmark: str, model: str) -> ChurnRows | None:
    """Read the items a model was asked again; null if it was not."""
    if not parts.has_table(CHURN, benchmark, model):
        return None
    table = parts.read_table(CHURN, benchmark, model)
    before, has_before = table.floats("score")
    after, has_after = table.floats("score_again")
    usable = table.matches("status", OK) & has_before & has_after
    ids = table.strings("item_id")
    return ChurnRows(
        item_ids=tuple(ids[row] or "" for row in np.flatnonzero(usable)),
        moved=np.abs(after[usable] - before[usable]),
    )


def churn_floor(rows: ChurnRows) -> Estimate:
    """Share of items whose score changed when the same model was asked again.

    Where nothing changed the estimate has no value: so few items bound a share, they give none.
    """
    n = len(rows.moved)
    if n and not rows.moved.any():
        return null_estimate(
            "share of items that changed",
            f"nothing changed in {n} items asked again",
            n_observations=n,
        )
    share = proportion_estimate(rows.moved, ClusterPartition.singletons(n, unit="item"))
    return with_cautions(share, f"from {n} items asked again")


def excess_volume(scores: BenchmarkScores, candidate: str, rows: ChurnRows) -> Estimate:
    """Volume less the churn floor, with the items that enter both counted in both.

    Null where nothing changed when the model was asked again: a floor that is not known is not
    zero. May be negative. Harm, gain, direction and net are not touched by it.
    """
    method = "volume less churn floor, paired by item"
    n_again = len(rows.moved)
    if n_again == 0 or not rows.moved.any():
        reason = f"nothing changed in {n_again} items asked again: the floor is not known"
        return null_estimate(method, reason, n_observations=n_again)
    reference, own, clusters = scores.pairs(candidate)
    if not len(own):
        return null_estimate(method, "no item has both scores")
    volume = np.abs(own - reference)
    usable = ~np.isnan(scores.candidates[candidate])
    ids = [item for item, keep in zip(scores.item_ids, usable, strict=True) if keep]
    places = {item: place for place, item in enumerate(ids)}
    kept = np.array([item in places for item in rows.item_ids])
    if not kept.any():
        return null_estimate(method, "none of the items asked again has both scores")
    codes = np.array([places[item] for item in rows.item_ids if item in places], dtype=np.intp)
    moved = rows.moved[kept]
    n, m = len(volume), len(moved)
    own_part = np.bincount(codes, moved - moved.mean(), minlength=n) * (n / m)
    influence = (volume - volume.mean()) - own_part
    result = linearised_estimate(
        float(volume.mean() - moved.mean()), influence, clusters, label=method
    )
    return with_cautions(result, f"the floor is from {m} items asked again")


def split_repeat(scores: BenchmarkScores, model: str) -> Estimate | None:
    """Mean absolute difference of a model's even and odd repeats; null where it has none.

    The same model against itself: what rates from repeated sampling add to a volume.
    """
    split = scores.answers[model].split
    if split is None:
        return None
    known = ~np.isnan(split)
    estimate = mean_estimate(split[known], scores.clusters.select(known))
    return with_cautions(estimate, "even against odd repeats of the same model")


def wrong_to_wrong(scores: BenchmarkScores, reference: str, candidate: str) -> int | None:
    """Items both models got wrong with different answers; null where answers are not known."""
    changed = _changed(scores, reference, candidate)
    if changed is None:
        return None
    different, known = changed
    wrong = (scores.reference == 0.0) & (scores.candidates[candidate] == 0.0)
    return int((different & known & wrong).sum())


def answers_changed(scores: BenchmarkScores, reference: str, candidate: str) -> Estimate | None:
    """Share of items with another answer, right or wrong; null where answers are not known."""
    changed = _changed(scores, reference, candidate)
    if changed is None or not changed[1].any():
        return None
    different, known = changed
    return proportion_estimate(different[known].astype(np.float64), scores.clusters.select(known))


def _changed(
    scores: BenchmarkScores, reference: str, candidate: str
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]] | None:
    first = scores.answers[reference].predictions
    second = scores.answers[candidate].predictions
    if first is None or second is None:
        return None
    has_both = [a is not None and b is not None for a, b in zip(first, second, strict=True)]
    known = np.array(has_both, dtype=np.bool_) & ~np.isnan(scores.candidates[candidate])
    return np.asarray(first != second, dtype=np.bool_), known
