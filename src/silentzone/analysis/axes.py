"""The axes of a cohort that relations are drawn between, with the halves they split into.

Array shapes: M models, n observations, G clusters, R splits.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from silentzone.analysis.fidelity import METRICS
from silentzone.analysis.scores import COMPOSITE, CompositeDifference
from silentzone.stats.reliability import (
    Reliability,
    half_quantiles,
    half_ratios,
    random_halves,
    split_half_reliability,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from silentzone.analysis.items import BenchmarkScores
    from silentzone.analysis.positions import CorpusPositions
    from silentzone.stats.clusters import ClusterPartition
    from silentzone.stats.paired import Decomposition
    from silentzone.stats.results import Estimate

N_SPLITS = 200
DECIMALS = 12
RELATED_METRICS = ("kld_mean", "kld_median", "kld_p99", "top1_agreement", "ln_ppl_ratio", "js_mean")
_QUANTILES = {"kld_median": 0.5, "kld_p99": 0.99}
PARTS = ("volume", "direction", "net")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Axis:
    """One number per candidate, and the same from halves of the data."""

    name: str
    is_loss: bool
    """Whether it grows when the candidate is worse."""
    values: Mapping[str, float]
    """By candidate; those without a value are not in it."""
    why_empty: str | None = None
    """Why no candidate has a value, where that is one reason for all."""
    half_models: tuple[str, ...] = ()
    halves: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None
    """Two halves of shape (M, R), rows as in ``half_models``."""
    known: dict[tuple[str, ...], Reliability] = field(default_factory=dict)
    """Reliabilities worked out already, by members."""

    def reliability(self, members: Sequence[str]) -> Reliability:
        """Split-half reliability among the members."""
        key = tuple(members)
        if key not in self.known:
            self.known[key] = self._reliability(key)
        return self.known[key]

    def _reliability(self, members: tuple[str, ...]) -> Reliability:
        if self.halves is None or any(name not in self.half_models for name in members):
            reason = f"{self.name} cannot be split into halves"
            return Reliability(value=None, half_correlation=None, n_splits=0, cautions=(reason,))
        rows = [self.half_models.index(name) for name in members]
        return split_half_reliability(self.halves[0][rows], self.halves[1][rows])


def seeded(seed: int, *names: str) -> np.random.Generator:
    """Make the generator of one random step, the same whatever else is computed."""
    codes = (zlib.crc32(name.encode("utf-8", "surrogatepass")) for name in names)
    return np.random.default_rng([seed % 2**63, *codes])


def metric_axes(
    positions: CorpusPositions, fidelity: Mapping[str, Mapping[str, Estimate]], seed: int
) -> dict[str, Axis]:
    """Axes of the fidelity metrics on one corpus, by metric.

    Parameters
    ----------
    positions : CorpusPositions
    fidelity : mapping of str to mapping of str to Estimate
        By model, then metric.
    seed : int
        Of the study; splits are shared by all metrics of a corpus.
    """
    axes = {}
    for metric in RELATED_METRICS:
        found = {name: fidelity[name][metric].value for name in positions.models}
        values = {name: value for name, value in found.items() if value is not None}
        names = tuple(values)
        axes[metric] = Axis(
            name=f"{metric} on {positions.corpus}",
            is_loss=METRICS[metric].is_loss is True,
            values=values,
            half_models=names,
            halves=_metric_halves(positions, metric, names, seed),
        )
    return axes


def score_axes(
    benchmarks: Sequence[BenchmarkScores],
    parts: Mapping[str, Mapping[str, Decomposition]],
    composites: Mapping[str, CompositeDifference],
    entering: Sequence[str],
    seed: int,
    *,
    why_no_composite: str | None = None,
) -> dict[str, Axis]:
    """Axes of the scores, by name: composite, benchmarks, and their volume, direction and net.

    A score ranks candidates by their paired difference to the reference, which is the order of
    their scores wherever all were asked the same items.
    """
    halves = {
        scores.benchmark: _BenchmarkHalves.of(scores, seeded(seed, "items", scores.benchmark))
        for scores in benchmarks
    }
    axes = {COMPOSITE: _score_axis(COMPOSITE, "net", composites, [halves[n] for n in entering])}
    for name, own in halves.items():
        axes[name] = _score_axis(name, "net", parts[name], [own])
    for name in (*halves, COMPOSITE):
        used = [halves[name]] if name != COMPOSITE else [halves[n] for n in entering]
        source = parts[name] if name != COMPOSITE else composites
        for part in PARTS:
            axes[f"{part}:{name}"] = _score_axis(f"{part}:{name}", part, source, used)
    for name in (COMPOSITE, *(f"{part}:{COMPOSITE}" for part in PARTS)):
        if why_no_composite is not None:
            axes[name] = replace(axes[name], why_empty=why_no_composite)
    return axes


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _BenchmarkHalves:
    """Net and volume of every candidate in both halves of one benchmark's items."""

    models: tuple[str, ...]
    net: tuple[NDArray[np.float64], NDArray[np.float64]]
    volume: tuple[NDArray[np.float64], NDArray[np.float64]]

    @staticmethod
    def of(scores: BenchmarkScores, rng: np.random.Generator) -> _BenchmarkHalves | None:
        """Halves of the items that every candidate with items has; null if there are too few."""
        models = tuple(
            name for name, values in scores.candidates.items() if not np.isnan(values).all()
        )
        if not models:
            return None
        matrix = np.stack([scores.candidates[name] for name in models])
        mask = np.asarray(np.isfinite(matrix).all(axis=0))
        clusters = scores.clusters.select(mask)
        if clusters.n_clusters < 2:
            return None
        difference = matrix[:, mask] - scores.reference[mask]
        sizes = np.broadcast_to(
            clusters.sizes.astype(np.float64), (len(models), clusters.n_clusters)
        )
        first = random_halves(clusters.n_clusters, N_SPLITS, rng=rng)
        net = _cluster_sums(difference, clusters)
        volume = _cluster_sums(np.abs(difference), clusters)
        return _BenchmarkHalves(
            models=models,
            net=(half_ratios(net, sizes, first), half_ratios(net, sizes, ~first)),
            volume=(half_ratios(volume, sizes, first), half_ratios(volume, sizes, ~first)),
        )


def _score_axis(
    name: str,
    part: str,
    source: Mapping[str, Decomposition] | Mapping[str, CompositeDifference],
    halves: Sequence[_BenchmarkHalves | None],
) -> Axis:
    values: dict[str, float] = {}
    for model, result in source.items():
        estimate: Estimate = getattr(result, part)
        if estimate.value is not None:
            values[model] = estimate.value
    found = [own for own in halves if own is not None]
    usable = bool(found) and len(found) == len(halves)
    models = tuple(m for m in values if all(m in own.models for own in found)) if usable else ()
    return Axis(
        name=name,
        is_loss=part == "volume",
        values=values,
        half_models=models,
        halves=_part_halves(part, models, found) if models else None,
    )


def _part_halves(
    part: str, models: tuple[str, ...], halves: Sequence[_BenchmarkHalves]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Macro means over the benchmarks in each half; direction is their ratio."""
    sides = []
    for side in (0, 1):
        net, volume = (
            np.mean(
                [
                    values[side][[own.models.index(name) for name in models]]
                    for own, values in ((own, getattr(own, which)) for own in halves)
                ],
                axis=0,
            )
            for which in ("net", "volume")
        )
        if part == "direction":
            ratio = np.divide(net, volume, out=np.full_like(net, np.nan), where=volume > 0.0)
            sides.append(ratio)
        else:
            sides.append(net if part == "net" else volume)
    # Equal scores reach the same float by different sums; rounding keeps their tie.
    return np.round(sides[0], DECIMALS), np.round(sides[1], DECIMALS)


def _metric_halves(
    positions: CorpusPositions, metric: str, names: tuple[str, ...], seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    mask = positions.common(names)
    clusters = positions.clusters.select(mask)
    if not names or clusters.n_clusters < 2:
        return None
    arrays = [
        np.stack([positions.models[name].columns[column][mask] for name in names])
        for column in METRICS[metric].columns
    ]
    matrix = arrays[1] - arrays[0] if len(arrays) == 2 else arrays[0]
    first = random_halves(
        clusters.n_clusters, N_SPLITS, rng=seeded(seed, "windows", positions.corpus)
    )
    if metric in _QUANTILES:
        fraction = _QUANTILES[metric]
        if not np.isfinite(matrix).all():
            return None
        return (
            half_quantiles(matrix, fraction, clusters, first),
            half_quantiles(matrix, fraction, clusters, ~first),
        )
    sums = _cluster_sums(matrix, clusters)
    sizes = np.broadcast_to(clusters.sizes.astype(np.float64), sums.shape)
    return half_ratios(sums, sizes, first), half_ratios(sums, sizes, ~first)


def _cluster_sums(
    matrix_Mn: NDArray[np.float64], clusters: ClusterPartition
) -> NDArray[np.float64]:
    return np.stack([clusters.sums(row) for row in matrix_Mn])
