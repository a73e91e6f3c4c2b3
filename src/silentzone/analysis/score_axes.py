"""Axes of the scores: benchmarks, composites, and their volume, direction and net.

A score ranks candidates by their paired difference to the reference, which is the order of their
scores wherever all were asked the same items.
Array shapes: M models, G clusters, T replicates (two halves per split, then the draws).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import rankdata

from silentzone.analysis.axes import DECIMALS, Axis, Noise
from silentzone.analysis.replicates import N_DRAWS, N_SPLITS
from silentzone.analysis.scores import COMPOSITE
from silentzone.analysis.seeds import seeded
from silentzone.stats.reliability import random_halves
from silentzone.stats.resampling import bootstrap_sums

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from silentzone.analysis.items import BenchmarkScores

PARTS = ("volume", "direction", "net")
NORMALISED, RANK = "composite_normalised", "composite_rank"
COMPOSITES = (COMPOSITE, NORMALISED, RANK)
N_RESAMPLES = 10_000
_TOO_FEW = "fewer than two items or clusters: nothing to draw again"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BenchmarkReplicates:
    """One benchmark from halves and draws of its items, jointly for all candidates."""

    models: tuple[str, ...]
    net: NDArray[np.float64]
    """Mean difference to the reference, of shape (M, T); the whole sample in column 0."""
    volume: NDArray[np.float64]
    reference: NDArray[np.float64]
    """Score of the reference, of shape (T,)."""

    @staticmethod
    def of(scores: BenchmarkScores, seed: int) -> BenchmarkReplicates | None:
        """Replicates of every candidate on the items it shares with the reference.

        Null with fewer than two clusters. A draw that holds none of a candidate's items leaves it
        where the whole sample is; a half that holds none has no value.
        """
        models = tuple(
            name for name, values in scores.candidates.items() if not np.isnan(values).all()
        )
        clusters = scores.clusters
        if not models or clusters.n_clusters < 2:
            return None
        columns, which = _cluster_columns(scores, models)
        rng = seeded(seed, "items", scores.benchmark)
        halves = random_halves(clusters.n_clusters, N_SPLITS, rng=rng).astype(np.float64)
        whole, first = columns.sum(axis=1)[None], halves @ columns.T
        drawn = bootstrap_sums(np.ascontiguousarray(columns.T), N_RESAMPLES, rng=rng)
        sums = np.concatenate([whole, first, whole - first, drawn]).T
        n = len(models)
        sizes = sums[2 * n : -2][which]
        return BenchmarkReplicates(
            models=models,
            net=_means(sums[:n], sizes),
            volume=_means(sums[n : 2 * n], sizes),
            reference=sums[-2] / sums[-1],
        )

    @property
    def draws(self) -> NDArray[np.float64]:
        """Deviations of the net in every bootstrap draw, of shape (M, B)."""
        return self.net[:, 1 + 2 * N_SPLITS :] - self.net[:, :1]

    def select(self, models: Sequence[str]) -> BenchmarkReplicates:
        """Keep some of the candidates, in the order given."""
        rows = [self.models.index(name) for name in models]
        return BenchmarkReplicates(
            models=tuple(models),
            net=self.net[rows],
            volume=self.volume[rows],
            reference=self.reference,
        )


def _cluster_columns(
    scores: BenchmarkScores, models: Sequence[str]
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Add up per cluster: differences, their sizes, items of every absence, the reference.

    Returns
    -------
    columns : ndarray of shape (2 M + U + 2, G)
        U kinds of absence: mostly one, where every candidate has the same items.
    which : ndarray of shape (M,)
        Kind of each candidate.
    """
    clusters = scores.clusters
    matrix = np.stack([scores.candidates[name] for name in models])
    is_there = ~np.isnan(matrix)
    difference = np.where(is_there, matrix - scores.reference, 0.0)
    kinds, which = np.unique(is_there, axis=0, return_inverse=True)
    rows = (
        *difference,
        *np.abs(difference),
        *kinds.astype(np.float64),
        scores.reference,
        np.ones(len(scores.reference)),
    )
    return np.stack([clusters.sums(row) for row in rows]), which.reshape(-1)


def _means(sums: NDArray[np.float64], sizes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Means of every replicate; equal ones equal to the last bit."""
    means: NDArray[np.float64] = np.full_like(sums, np.nan)
    np.divide(sums, sizes, out=means, where=sizes > 0.5)
    draws = means[:, 1 + 2 * N_SPLITS :]
    draws[:] = np.where(np.isnan(draws), means[:, :1], draws)
    # Equal scores reach the same float by different sums; rounding keeps their tie.
    return np.round(means, DECIMALS)


def benchmark_axes(
    name: str,
    values: Mapping[str, Mapping[str, float]],
    replicates: BenchmarkReplicates | None,
) -> dict[str, Axis]:
    """Axes of one benchmark, or of the composite, by name: ``x``, ``volume:x``, and so on.

    Parameters
    ----------
    name : str
    values : mapping of str to mapping of str to float
        By part, then candidate.
    replicates : BenchmarkReplicates or None
    """
    parts = {} if replicates is None else _parts(replicates)
    models = () if replicates is None else replicates.models
    axes = {
        f"{part}:{name}": _axis(
            f"{part}:{name}", part == "volume", values[part], models, parts.get(part)
        )
        for part in PARTS
    }
    return {name: _axis(name, False, values["net"], models, parts.get("net")), **axes}


def macro_replicates(
    entering: Sequence[BenchmarkReplicates | None],
) -> BenchmarkReplicates | None:
    """Replicates of the macro mean over benchmarks; null where one of them has none."""
    found = _common(entering)
    if found is None:
        return None
    return BenchmarkReplicates(
        models=found[0].models,
        net=np.mean([one.net for one in found], axis=0),
        volume=np.mean([one.volume for one in found], axis=0),
        reference=np.mean([one.reference for one in found], axis=0),
    )


def normalised_axis(
    entering: Sequence[BenchmarkReplicates | None], chances: Sequence[float]
) -> Axis:
    """Mean over benchmarks of the difference as a share of what the reference has over chance."""
    found = _common(entering)
    if found is None:
        return _axis(NORMALISED, False, {}, (), None)
    replicates = np.mean(
        [
            one.net / np.maximum(one.reference - chance, 1e-9)
            for one, chance in zip(found, chances, strict=True)
        ],
        axis=0,
    )
    return _from_replicates(NORMALISED, found[0].models, replicates)


def rank_axis(entering: Sequence[BenchmarkReplicates | None]) -> Axis:
    """Mean over benchmarks of a candidate's rank among the candidates, the best the highest."""
    found = _common(entering)
    if found is None:
        return _axis(RANK, False, {}, (), None)
    # Ranks of every draw are costly and only the first draws are used.
    used = slice(0, 1 + 2 * N_SPLITS + N_DRAWS)
    replicates = np.mean([rankdata(one.net[:, used], axis=0) for one in found], axis=0)
    return _from_replicates(RANK, found[0].models, replicates)


def _common(
    entering: Sequence[BenchmarkReplicates | None],
) -> list[BenchmarkReplicates] | None:
    found = [one for one in entering if one is not None]
    if not found or len(found) < len(entering):
        return None
    models = [name for name in found[0].models if all(name in one.models for one in found)]
    return [one.select(models) for one in found] if models else None


def _parts(replicates: BenchmarkReplicates) -> dict[str, NDArray[np.float64]]:
    direction = np.full_like(replicates.net, np.nan)
    is_there = replicates.volume > 0.0
    np.divide(replicates.net, replicates.volume, out=direction, where=is_there)
    return {
        "volume": replicates.volume,
        "direction": np.round(direction, DECIMALS),
        "net": replicates.net,
    }


def _from_replicates(name: str, models: tuple[str, ...], replicates: NDArray[np.float64]) -> Axis:
    values = dict(zip(models, replicates[:, 0].tolist(), strict=True))
    return _axis(name, False, values, models, np.round(replicates, DECIMALS))


def _axis(
    name: str,
    is_loss: bool,
    values: Mapping[str, float],
    models: tuple[str, ...],
    replicates: NDArray[np.float64] | None,
) -> Axis:
    rows = [k for k, model in enumerate(models) if model in values]
    noise = None
    if replicates is not None and rows:
        own = replicates[rows]
        first = 1 + N_SPLITS
        draws = own[:, 1 + 2 * N_SPLITS :]
        noise = Noise(
            models=tuple(models[k] for k in rows),
            # A draw in which nothing differs has no direction: it stays where the sample is.
            deviations=np.nan_to_num(draws - own[:, :1], nan=0.0),
            halves=(own[:, 1:first], own[:, first : first + N_SPLITS]),
        )
    return Axis(
        name=name,
        is_loss=is_loss,
        values=values,
        noise=noise,
        why_no_noise=None if noise else _TOO_FEW,
    )
