"""What is known about each item of a benchmark, for the reference and every candidate.

Array shapes: M candidates, n items.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from silentzone.errors import InputError, ShapeError
from silentzone.stats.clusters import ClusterPartition

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

PASS_MARK = 0.5
PASS_RULE = f"an item counts as passed from a score of {PASS_MARK:g}"
ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PromptData:
    """One benchmark, item by item; NaN is a value that is missing."""

    benchmark: str
    item_ids: tuple[str, ...]
    clusters: ClusterPartition
    """Of the n items."""
    reference_score: NDArray[np.float64]
    """Of shape (n,)."""
    reference_confidence: NDArray[np.float64] | None
    """Probability the reference gave its answer, in [0, 1], of shape (n,)."""
    reference_margin: NDArray[np.float64] | None
    """Log-likelihood of the gold answer minus that of the best other, nats, of shape (n,)."""
    models: tuple[str, ...]
    scores: NDArray[np.float64]
    """Of shape (M, n)."""
    divergence: NDArray[np.float64] | None
    """Mean D_KL(reference || candidate) along the item's own tokens, nats, of shape (M, n)."""
    confidence: NDArray[np.float64] | None
    """As ``reference_confidence``, of the candidates, of shape (M, n)."""
    margin: NDArray[np.float64] | None
    """As ``reference_margin``, of the candidates, of shape (M, n)."""
    mean_divergence: Mapping[str, float] = field(default_factory=dict)
    """Mean KLD of a candidate on the headline corpus, nats; those without are not in it."""

    def __post_init__(self) -> None:
        n, n_models = len(self.item_ids), len(self.models)
        if len(self.clusters) != n:
            raise ShapeError(f"`clusters` must hold {n} items, it holds {len(self.clusters)}.")
        for name in ("reference_score", "reference_confidence", "reference_margin"):
            _require(getattr(self, name), (n,), name, self.benchmark)
        for name in ("scores", "divergence", "confidence", "margin"):
            _require(getattr(self, name), (n_models, n), name, self.benchmark)
        if len(set(self.models)) < n_models:
            raise InputError(f"`models` of `{self.benchmark}` must differ, one stands there twice.")

    def __len__(self) -> int:
        return len(self.item_ids)

    @property
    def reference_passed(self) -> NDArray[np.bool_]:
        """Items the reference passed, of shape (n,); a missing score is not passed."""
        passed: NDArray[np.bool_] = self.reference_score >= PASS_MARK
        return passed

    def mean_item_divergence(self) -> dict[str, float]:
        """Mean of the items' divergence, over the items every candidate with any has."""
        if self.divergence is None:
            return {}
        known = ~np.isnan(self.divergence)
        rows = np.asarray(known.any(axis=1))
        shared = np.asarray(known[rows].all(axis=0))
        if not rows.any() or not shared.any():
            return {}
        means = self.divergence[:, shared].mean(axis=1)
        return {name: float(means[row]) for row, name in enumerate(self.models) if rows[row]}


def stacked(data: Sequence[PromptData]) -> PromptData:
    """Put the items of several benchmarks side by side, under the name ``all``.

    Clusters stay inside their benchmark; a candidate without a benchmark is missing on its items;
    a quantity no benchmark has is null.

    Raises
    ------
    InputError
        If there is no benchmark.
    """
    if not data:
        raise InputError("`data` must hold at least one benchmark.")
    models = tuple(dict.fromkeys(name for own in data for name in own.models))
    offsets = np.cumsum([0, *(own.clusters.n_clusters for own in data)])
    codes = [own.clusters.codes + offset for own, offset in zip(data, offsets, strict=False)]
    units = {own.clusters.unit for own in data}
    clusters = ClusterPartition(
        np.concatenate(codes).astype(np.intp),
        int(offsets[-1]),
        units.pop() if len(units) == 1 else "item cluster",
    )

    def joined(name: str) -> NDArray[np.float64] | None:
        parts = [getattr(own, name) for own in data]
        if all(part is None for part in parts):
            return None
        is_matrix = not name.startswith("reference")
        pairs = zip(data, parts, strict=True)
        return np.concatenate(
            [_placed(own, part, models if is_matrix else None) for own, part in pairs], axis=-1
        )

    scores, reference_score = joined("scores"), joined("reference_score")
    assert scores is not None
    assert reference_score is not None
    return PromptData(
        benchmark=ALL,
        item_ids=tuple(item for own in data for item in own.item_ids),
        clusters=clusters,
        reference_score=reference_score,
        reference_confidence=joined("reference_confidence"),
        reference_margin=joined("reference_margin"),
        models=models,
        scores=scores,
        divergence=joined("divergence"),
        confidence=joined("confidence"),
        margin=joined("margin"),
        mean_divergence={name: v for own in data for name, v in own.mean_divergence.items()},
    )


def _placed(
    own: PromptData, values: NDArray[np.float64] | None, models: tuple[str, ...] | None
) -> NDArray[np.float64]:
    """Values of one benchmark with a row for each of the models, NaN where it has none."""
    if models is None:
        return np.full(len(own), np.nan) if values is None else values
    result = np.full((len(models), len(own)), np.nan)
    if values is not None:
        result[[models.index(name) for name in own.models]] = values
    return result


def _require(
    values: NDArray[np.float64] | None, shape: tuple[int, ...], name: str, benchmark: str
) -> None:
    if values is not None and values.shape != shape:
        raise ShapeError(
            f"`{name}` of `{benchmark}` must have shape {shape}, it has shape {values.shape}."
        )
