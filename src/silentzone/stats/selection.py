"""The best of many models: which may be it, and how good the one picked is.

Everything rests on joint draws: deviations of all models' means over the same resampled items, so
what the models share cancels in every difference. Shape letters: M models, B draws, n items,
G clusters, S splits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats as distributions

from silentzone.errors import ShapeError
from silentzone.stats.resampling import bootstrap_sums

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from silentzone.stats.pairwise import ItemDifferences, PairwiseDifferences


@dataclass(frozen=True, slots=True, kw_only=True)
class AgainstBest:
    """One model less the best of the others."""

    value: float
    """Observed."""
    interval: tuple[float, float] | None
    """Simultaneous over all models; null where an error that decides it is unknown."""
    rival: int
    """The observed best of the others."""
    may_be_best: bool


def joint_draws(
    benchmarks: Sequence[ItemDifferences], n_resamples: int, *, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Deviations of every model's mean over benchmarks, when clusters of items are drawn again.

    Parameters
    ----------
    benchmarks : sequence of ItemDifferences
        Of the same M models; each benchmark is resampled by itself.
    n_resamples : int
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of shape (M, B)
        Each model's resampled mean less its observed one. A resample that holds none of a model's
        items counts as no deviation.
    """
    deviations = 0.0
    for one in benchmarks:
        sums_MG, sizes_MG = _by_cluster(one)
        n_models = len(sums_MG)
        distinct_UG, which_M = np.unique(sizes_MG, axis=0, return_inverse=True)
        columns_GK = np.concatenate([sums_MG, distinct_UG]).T
        drawn_KB = bootstrap_sums(columns_GK, n_resamples, rng=rng).T
        drawn, sizes = drawn_KB[:n_models], drawn_KB[n_models:][which_M.reshape(-1)]
        means = sums_MG.sum(axis=1) / sizes_MG.sum(axis=1)
        ratio = np.divide(
            drawn, sizes, out=np.repeat(means[:, None], n_resamples, axis=1), where=sizes > 0.0
        )
        deviations = deviations + (ratio - means[:, None]) / len(benchmarks)
    return np.asarray(deviations)


def compare_with_best(
    values_M: NDArray[np.float64],
    draws_MB: NDArray[np.float64],
    *,
    pairs: PairwiseDifferences | None = None,
    confidence: float = 0.95,
) -> list[AgainstBest]:
    """Hsu's multiple comparisons with the best, from joint draws.

    Parameters
    ----------
    values_M : ndarray of shape (M,)
        Means of the models; larger is better.
    draws_MB : ndarray of shape (M, B)
        Their joint deviations, centred at zero.
    pairs : PairwiseDifferences, optional
        Differences, standard errors and degrees of freedom of all pairs; left out, they are
        those of the values and draws.
    confidence : float
        With which all intervals hold together and the true best is among the marked.

    Returns
    -------
    list of AgainstBest
        In the order of the models. Constrained intervals: they hold zero as an end or inside, and
        a model is marked where its unconstrained upper end is not below zero.

    Notes
    -----
    With model i as control, c_i is the quantile of max over j of (dev_j - dev_i) / sd_ij. The
    differences are studentised: near the baseline they vary a hundredfold, and without it the one
    broken model would set the width for all. Where the best is k, every theta_j - theta_k is at
    most zero, so it is lost with probability at most 1 - confidence, ties included.

    References
    ----------
    .. [1] Hsu (1984), Constrained simultaneous confidence intervals for multiple comparisons with
       the best, Annals of Statistics 12, 1136-1144.
    .. [2] Edwards and Hsu (1983), Multiple comparisons with the best treatment, JASA 78, 965-971.
    """
    n_models = len(values_M)
    if draws_MB.ndim != 2 or len(draws_MB) != n_models:
        raise ShapeError(
            f"`draws_MB` must have one row for each of {n_models} models, it has shape "
            f"{draws_MB.shape}."
        )
    differences_MM = values_M[:, None] - values_M[None, :]
    if pairs is None:
        errors_MM = np.stack([(draws_MB - one).std(axis=1) for one in draws_MB])
        freedom_MM = np.full_like(errors_MM, np.inf)
    else:
        are_paired = ~np.isnan(pairs.values_MM)  # two models may have no item in common
        differences_MM = np.where(are_paired, pairs.values_MM, differences_MM)
        errors_MM = pairs.errors_MM
        freedom_MM = pairs.degrees_of_freedom_MM
    critical_M = np.array([_critical(draws_MB, k, confidence) for k in range(n_models)])
    tails_M = distributions.norm.sf(critical_M)
    width_MM = distributions.t.isf(tails_M[:, None], freedom_MM) * errors_MM
    # An unknown error of models that do not differ cannot part them; of others, it hides how far.
    unknown = np.where(differences_MM == 0.0, 0.0, np.inf)
    width_MM = np.where(np.isnan(errors_MM), unknown, width_MM)
    np.fill_diagonal(width_MM, 0.0)
    away = ~np.eye(n_models, dtype=np.bool_)
    upper_M = np.where(away, differences_MM + width_MM, np.inf).min(axis=1)
    may_be_best = upper_M >= 0.0
    return [
        _against_best(k, differences_MM, width_MM, upper_M, may_be_best) for k in range(n_models)
    ]


def simultaneous_critical_value(draws_MB: NDArray[np.float64], *, confidence: float) -> float:
    """Half width, in standard errors, of intervals that hold for all models at once."""
    spreads = draws_MB.std(axis=1)
    moving = spreads > 0.0
    if not moving.any():
        return float(distributions.norm.ppf(0.5 + confidence / 2.0))
    largest = np.abs(draws_MB[moving] / spreads[moving, None]).max(axis=0)
    return float(np.quantile(largest, confidence, method="higher"))


def split_half_best(
    benchmarks: Sequence[ItemDifferences], n_splits: int, *, rng: np.random.Generator
) -> float | None:
    """Mean value of the model that is best on one half of the items, taken on the other half.

    Parameters
    ----------
    benchmarks : sequence of ItemDifferences
        Clusters stay whole; each benchmark is halved by itself.
    n_splits : int
        Both halves of each split choose in turn.
    rng : numpy.random.Generator

    Returns
    -------
    float or None
        Free of the optimism of picking the largest, but of a pick made on half the items. Null
        where a half holds no item of some model.
    """
    chooses: NDArray[np.float64] | float = 0.0
    judges: NDArray[np.float64] | float = 0.0
    for one in benchmarks:
        sums_MG, sizes_MG = _by_cluster(one)
        n_clusters = sums_MG.shape[1]
        order = np.argsort(rng.random((n_splits, n_clusters)), axis=1)
        half_SG = (order < n_clusters // 2).astype(np.float64)
        sizes = sizes_MG @ half_SG.T
        rest = sizes_MG.sum(axis=1)[:, None] - sizes
        if not (sizes > 0.0).all() or not (rest > 0.0).all():
            return None
        sums = sums_MG @ half_SG.T
        chooses = chooses + sums / sizes
        judges = judges + (sums_MG.sum(axis=1)[:, None] - sums) / rest
    halves = (np.asarray(chooses) / len(benchmarks), np.asarray(judges) / len(benchmarks))
    each = np.arange(n_splits)
    honest = [judge[choose.argmax(axis=0), each] for choose, judge in (halves, halves[::-1])]
    return float(np.mean(honest))


def _critical(draws_MB: NDArray[np.float64], control: int, confidence: float) -> float:
    """Quantile of the largest studentised deviation of the others from one model."""
    moved = np.delete(draws_MB, control, axis=0) - draws_MB[control]
    spreads = moved.std(axis=1)
    moving = spreads > 0.0
    if not moving.any():
        return 0.0
    largest = (moved[moving] / spreads[moving, None]).max(axis=0)
    return max(0.0, float(np.quantile(largest, confidence, method="higher")))


def _against_best(
    model: int,
    differences_MM: NDArray[np.float64],
    width_MM: NDArray[np.float64],
    upper_M: NDArray[np.float64],
    may_be_best: NDArray[np.bool_],
) -> AgainstBest:
    others = np.arange(len(upper_M)) != model
    rival = int(np.where(others, differences_MM[model], np.inf).argmin())
    rivals = np.flatnonzero(others & may_be_best)
    lower = 0.0
    if len(rivals):
        # The width is that of the rival as control, whose bound this end is.
        lower = min(0.0, float((differences_MM[model, rivals] - width_MM[rivals, model]).min()))
    upper = max(0.0, float(upper_M[model]))
    known = np.isfinite([lower, upper]).all()
    return AgainstBest(
        value=float(differences_MM[model, rival]),
        interval=(lower, upper) if known else None,
        rival=rival,
        may_be_best=bool(may_be_best[model]),
    )


def _by_cluster(
    benchmark: ItemDifferences,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give sums and counts of each model's items, of shape (M, G)."""
    values, clusters = benchmark.values_Mn, benchmark.clusters
    is_there = ~np.isnan(values)
    filled = np.where(is_there, values, 0.0)
    if clusters.has_only_singletons:
        order = np.argsort(clusters.codes)
        return filled[:, order], is_there[:, order].astype(np.float64)
    sums = np.stack([clusters.sums(row) for row in filled])
    return sums, np.stack([clusters.sums(row.astype(np.float64)) for row in is_there])
