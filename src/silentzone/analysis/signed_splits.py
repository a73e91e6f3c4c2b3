"""Predictors of a candidate's net change from one half of the items, and net on the other half.

Array shapes: M candidates, n items, G clusters, R splits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from silentzone.analysis.prompt_data import PromptData

SHIFT, WEIGHTED, NET = "signed_shift", "weighted_signed_shift", "net"
KLD, ITEM_KLD = "kld_mean", "item_kld_mean"
SUBSETS = (25, 50, 100, 200, 400, 800, 1600)
DECIMALS = 12

Predictors = dict[str, "NDArray[np.float64]"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Splits:
    """One benchmark in random orders of its clusters; the first half of each makes predictors."""

    data: PromptData
    order_RG: NDArray[np.int32]
    names: tuple[str, ...]
    """Predictors made of items, a block of M rows each in ``sums``."""
    sums: NDArray[np.float64]
    """Weighted sums by cluster, then the weights, of shape (2 x names x M, G)."""

    @staticmethod
    def of(data: PromptData, n_splits: int, rng: np.random.Generator) -> Splits:
        """Draw the splits and add up every predictor inside the clusters."""
        clusters = data.clusters
        tiled = np.tile(np.arange(clusters.n_clusters, dtype=np.int32), (n_splits, 1))
        parts = _parts(data)
        blocks = [values for values, _ in parts.values()] + [w for _, w in parts.values()]
        return Splits(
            data=data,
            order_RG=rng.permuted(tiled, axis=1),
            names=tuple(parts),
            sums=np.stack([clusters.sums(row) for block in blocks for row in block]),
        )

    @property
    def n_first(self) -> int:
        """Clusters of the first half."""
        return self.data.clusters.n_clusters // 2

    @property
    def n_half(self) -> int:
        """Items of the first half, on average over splits."""
        return round(len(self.data) * self.n_first / self.data.clusters.n_clusters)

    def halves(self) -> tuple[Predictors, NDArray[np.float64]]:
        """Predictors on the first half by name, and net on the second, each of shape (M, R)."""
        is_first = np.zeros(self.order_RG.shape)
        np.put_along_axis(is_first, self.order_RG[:, : self.n_first], 1.0, axis=1)
        first = self.sums @ is_first.T
        whole = self.sums.sum(axis=1, keepdims=True)
        predictors, target = self._ratios(first), self._ratios(whole - first)[NET]
        means = self.data.mean_divergence
        column = np.array([[means.get(name, np.nan)] for name in self.data.models])
        predictors[KLD] = np.broadcast_to(column, target.shape)
        return predictors, target

    def subset(self, n_items: int) -> Predictors:
        """Predictors on the first clusters of the first half that hold so many items."""
        order = self.order_RG[:, : self.n_first]
        sizes = self.data.clusters.sizes[order]
        # A cluster is taken while those before it hold fewer items than asked for.
        taken = np.cumsum(sizes, axis=1) - sizes < n_items
        ends = np.concatenate([[0], np.cumsum(taken.sum(axis=1))])
        chosen = csr_array(
            (np.ones(ends[-1]), order[taken], ends),
            shape=(len(order), self.data.clusters.n_clusters),
        )
        return self._ratios((chosen @ self.sums.T).T)

    def _ratios(self, sums: NDArray[np.float64]) -> Predictors:
        top, bottom = np.split(sums, 2)
        # The whole less a half leaves rounding where there is no weight.
        ratio = np.divide(top, bottom, out=np.full_like(top, np.nan), where=bottom > 1e-9)
        # Equal means reach the same float by different sums; rounding keeps their tie.
        blocks: list[NDArray[np.float64]] = np.split(np.round(ratio, DECIMALS), len(self.names))
        return dict(zip(self.names, blocks, strict=True))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Judged:
    """Predictors of one benchmark, or of the composite, beside what they should rank."""

    name: str
    models: tuple[str, ...]
    n_clusters: int
    n_half: int
    """Items of a first half."""
    target: NDArray[np.float64]
    """Net on the second half, of shape (M, R)."""
    predictors: Mapping[str, NDArray[np.float64]]
    """From the first half, of shape (M, R)."""
    subsets: Mapping[int, Mapping[str, NDArray[np.float64]]]
    """From so many items of it."""
    cautions: tuple[str, ...] = ()


def judged(splits: Splits) -> Judged:
    """Predictors and target of one benchmark."""
    predictors, target = splits.halves()
    return Judged(
        name=splits.data.benchmark,
        models=splits.data.models,
        n_clusters=splits.data.clusters.n_clusters,
        n_half=splits.n_half,
        target=target,
        predictors=predictors,
        subsets={size: splits.subset(size) for size in SUBSETS if size < splits.n_half},
    )


def composite(
    splits: Sequence[Splits], own: Sequence[Judged], name: str, cautions: tuple[str, ...]
) -> Judged:
    """Macro mean over benchmarks, each split by itself.

    A shift is first divided by the median |margin| of the reference on its benchmark, so that one
    with long answers does not outweigh the others. Few items are shared out in proportion to the
    benchmarks' sizes.
    """
    models = tuple(m for m in own[0].models if all(m in other.models for other in own))
    n_half = sum(split.n_half for split in splits)

    def macro(parts: Sequence[Mapping[str, NDArray[np.float64]]]) -> Predictors:
        shared = [key for key in parts[0] if all(key in part for part in parts)]
        return {
            key: np.mean(
                [_rows(part[key], s, models) / _scale(key, s) for part, s in pairs], axis=0
            )
            for key in shared
            for pairs in [list(zip(parts, splits, strict=True))]
        }

    return Judged(
        name=name,
        models=models,
        n_clusters=sum(other.n_clusters for other in own),
        n_half=n_half,
        target=macro([{NET: other.target} for other in own])[NET],
        predictors=macro([other.predictors for other in own]),
        subsets={
            size: macro(
                [split.subset(max(1, round(size * split.n_half / n_half))) for split in splits]
            )
            for size in SUBSETS
            if size < n_half
        },
        cautions=cautions,
    )


def boundary_weights(reference_margin: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weight of each item by how near the reference is to answering otherwise, of shape (n,).

    exp(-|margin| / s), s the median |margin|: an answer changes only where the margin is of the
    size of the shift, so a shift where the reference is far from its boundary says little. Made of
    the reference alone: no candidate chooses its own weights. NaN where the margin is.
    """
    size, scale = np.abs(reference_margin), margin_scale(reference_margin)
    weights: NDArray[np.float64] = np.exp(-size / scale) if scale > 0.0 else np.ones_like(size)
    return np.where(np.isnan(size), np.nan, weights)


def margin_scale(reference_margin: NDArray[np.float64]) -> float:
    """Median |margin| of the reference, nats; 0 where no margin is known."""
    known = np.abs(reference_margin[np.isfinite(reference_margin)])
    return float(np.median(known)) if len(known) else 0.0


def _parts(data: PromptData) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Values times weights, and weights, by predictor, each of shape (M, n)."""
    assert data.margin is not None
    assert data.reference_margin is not None
    shift = data.margin - data.reference_margin
    ones, weights = np.ones_like(shift), boundary_weights(data.reference_margin)
    found = {
        SHIFT: (shift, ones),
        WEIGHTED: (shift, np.broadcast_to(weights, shift.shape)),
        NET: (data.scores - data.reference_score, ones),
    }
    if data.divergence is not None:
        found[ITEM_KLD] = (data.divergence, ones)
    result = {}
    for name, (values, weight) in found.items():
        known = np.isfinite(values) & np.isfinite(weight)
        own = np.where(known, weight, 0.0)
        result[name] = (np.where(known, values, 0.0) * own, own)
    return result


def _rows(
    matrix: NDArray[np.float64], splits: Splits, models: Sequence[str]
) -> NDArray[np.float64]:
    rows: NDArray[np.float64] = matrix[[splits.data.models.index(name) for name in models]]
    return rows


def _scale(name: str, splits: Splits) -> float:
    if name not in {SHIFT, WEIGHTED} or splits.data.reference_margin is None:
        return 1.0
    return margin_scale(splits.data.reference_margin) or 1.0
