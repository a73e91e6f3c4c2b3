"""Ratios over pairs of models, with errors clustered by item and by model at once.

A decision belongs to an item and to two models. Two decisions are dependent if they share the item
(or its cluster) or one of the models.
Array shapes: M models, n items, G clusters of items; a block holds the pairs of one model with all
later ones, B = M - 1 - first.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from silentzone.stats.estimates import FEW_CLUSTERS, critical_t, null_estimate, within
from silentzone.stats.results import Estimate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from silentzone.stats.clusters import ClusterPartition

FEWEST_MODELS = 5


class PairTally:
    """Sums of whole-numbered votes and of decisions, by pair, model and cluster of items.

    Parameters
    ----------
    n_models : int
    clusters : ClusterPartition
        Of the n items. Blocks must have their items in the order of ``clusters.codes`` sorted,
        see ``item_order``.

    Notes
    -----
    What is kept is enough for the error of the ratio of the two sums: nothing has the size of
    pairs x items.
    """

    def __init__(self, n_models: int, clusters: ClusterPartition) -> None:
        self.n_models, self.clusters = n_models, clusters
        sizes = clusters.sizes
        self._starts = None if clusters.has_only_singletons else np.cumsum(sizes) - sizes
        shape = (n_models, clusters.n_clusters)
        self.votes_MG: NDArray[np.int32] = np.zeros(shape, dtype=np.int32)
        self.decisions_MG: NDArray[np.int32] = np.zeros(shape, dtype=np.int32)
        self.n_pairs = 0
        """Pairs with at least one decision."""
        self.n_ties = 0
        """Decisions with a vote of 0."""
        self._squares = np.zeros(3)

    def add(self, first: int, votes_Bn: NDArray[np.int8], decisions_Bn: NDArray[np.int8]) -> None:
        """Add the pairs of model ``first`` with all later models.

        Parameters
        ----------
        first : int
        votes_Bn : ndarray of shape (B, n), int8
            0 where nothing is decided.
        decisions_Bn : ndarray of shape (B, n), int8
            1 where the pair has a decision on the item, else 0.
        """
        self.n_pairs += int(decisions_Bn.any(axis=1).sum())
        self.n_ties += int(np.count_nonzero(decisions_Bn)) - int(np.count_nonzero(votes_Bn))
        votes, decisions = self._by_cluster(votes_Bn), self._by_cluster(decisions_Bn)
        for block, by_cluster in ((votes, self.votes_MG), (decisions, self.decisions_MG)):
            by_cluster[first] += block.sum(axis=0, dtype=np.int32)
            by_cluster[first + 1 :] += block
        for place, (one, other) in enumerate(
            ((votes, votes), (votes, decisions), (decisions, decisions))
        ):
            self._squares[place] += np.einsum("bg,bg->", one, other, dtype=np.int64)

    @property
    def n_decisions(self) -> int:
        """Decisions over all pairs and items."""
        return int(self.decisions_MG.sum(dtype=np.int64)) // 2

    @property
    def n_models_deciding(self) -> int:
        """Models with at least one decision."""
        return int((self.decisions_MG > 0).any(axis=1).sum())

    @property
    def ratio(self) -> float:
        """Sum of votes over number of decisions; only where there is a decision."""
        return float(self.votes_MG.sum(dtype=np.int64)) / 2.0 / self.n_decisions

    def square_sum(self, ratio: float) -> float:
        """Sum over pairs and clusters of (votes - ratio x decisions)^2."""
        votes, both, decisions = self._squares
        return float(votes - 2.0 * ratio * both + ratio**2 * decisions)

    def _by_cluster(self, block: NDArray[np.int8]) -> NDArray[np.int8] | NDArray[np.int32]:
        if self._starts is None:
            return block
        return np.add.reduceat(block, self._starts, axis=1, dtype=np.int32)


@dataclass(frozen=True, slots=True, kw_only=True)
class DyadError:
    """Variance of a ratio over pairs of models, in its two parts."""

    by_cluster: float
    """Items drawn again, the models held."""
    by_model: float
    """What drawing the models again adds; never negative."""
    degrees_of_freedom: float


def item_order(clusters: ClusterPartition) -> NDArray[np.intp]:
    """Order of the items in which those of one cluster are neighbours."""
    return np.argsort(clusters.codes, kind="stable")


def share_estimate(tally: PairTally, *, label: str, confidence: float = 0.95) -> Estimate:
    """Share of decisions that are right, in [0, 1], from votes of +1 right, 0 tie and -1 wrong."""
    return within(_ratio_estimate(tally, 0.5, label, confidence), 0.0, 1.0)


def difference_estimate(tally: PairTally, *, label: str, confidence: float = 0.95) -> Estimate:
    """Difference of two shares, in [-1, 1], from the differences of their votes."""
    return within(_ratio_estimate(tally, 0.0, label, confidence), -1.0, 1.0)


def dyad_error(tally: PairTally) -> DyadError | None:
    """Variance of the ratio of votes to decisions, by cluster of items and by model.

    Returns
    -------
    DyadError or None
        ``None`` without a decision or with one cluster. With fewer than five models, or where all
        decisions are one model's, the part by model is zero: so few do not show how models differ.

    Notes
    -----
    Let u be the residual (vote - ratio x decision) / decisions of one decision. The part by item is
    G/(G-1) sum_g u_g^2. The part by model is the jackknife variance over models, each left out with
    all of its pairs, less what it shares with the part by item: sum_ig u_ig^2 - sum_ijg u_ijg^2,
    the pairs of decisions that share a model *and* the item (a dyad's own is in the first sum
    twice) [1]_ [2]_. A negative rest is cut to zero. The plain sum over decisions that share a
    model, in place of the jackknife, shows with eight models half of their variance. Degrees of
    freedom are Satterthwaite's over G - 1 and (M - 1)/2: a decision belongs to two models.

    References
    ----------
    .. [1] Aronow, Samii and Assenova (2015), Cluster-robust variance estimation for dyadic data,
       Political Analysis 23, 564-577.
    .. [2] Cameron, Gelbach and Miller (2011), Robust inference with multiway clustering, Journal of
       Business and Economic Statistics 29, 238-249, eq. 2.13.
    """
    n, n_clusters = tally.n_decisions, tally.clusters.n_clusters
    if n == 0 or n_clusters < 2:
        return None
    residual_MG = (tally.votes_MG - tally.ratio * tally.decisions_MG) / n
    # Every decision belongs to two models, so sums over models count it twice.
    by_item = residual_MG.sum(axis=0) / 2.0
    by_cluster = n_clusters / (n_clusters - 1) * float(by_item @ by_item)
    jackknife = _model_jackknife(tally)
    if jackknife is None:
        return DyadError(by_cluster=by_cluster, by_model=0.0, degrees_of_freedom=n_clusters - 1.0)
    shared = float((residual_MG**2).sum()) - tally.square_sum(tally.ratio) / n**2
    by_model = max(0.0, jackknife - shared)
    df_model = (tally.n_models_deciding - 1) / 2.0
    weight = by_cluster**2 / (n_clusters - 1) + by_model**2 / df_model
    df = (by_cluster + by_model) ** 2 / weight if weight > 0.0 else n_clusters - 1.0
    return DyadError(by_cluster=by_cluster, by_model=by_model, degrees_of_freedom=df)


def _model_jackknife(tally: PairTally) -> float | None:
    n_models = tally.n_models_deciding
    votes, decisions = tally.votes_MG.sum(axis=1), tally.decisions_MG.sum(axis=1)
    is_deciding, left = decisions > 0, tally.n_decisions - decisions
    if n_models < FEWEST_MODELS or not (left > 0).all():
        return None
    ratios = (votes.sum() / 2.0 - votes[is_deciding]) / left[is_deciding]
    deviations = ratios - ratios.mean()
    return (n_models - 1) / n_models * float(deviations @ deviations)


def _ratio_estimate(tally: PairTally, half: float, label: str, confidence: float) -> Estimate:
    """Half the ratio plus ``half``: votes run from -1 to 1 where a share runs from 0 to 1."""
    unit, n = tally.clusters.unit, tally.n_decisions
    has_models = tally.n_models_deciding >= FEWEST_MODELS
    by = f"by {unit} and by model (dyads)" if has_models else f"by {unit} only"
    method = f"{label}, clustered {by}, t"
    if n == 0:
        return null_estimate(method, "no decision", confidence=confidence)
    value, error, cautions = half + tally.ratio / 2.0, dyad_error(tally), _cautions(tally)
    standard_error, interval = None, None
    if error is None or error.by_cluster + error.by_model <= 1e-26:
        cautions = (*cautions, f"the {unit}s do not differ: their spread is unknown")
    else:
        standard_error = math.sqrt(error.by_cluster + error.by_model) / 2.0
        reach = critical_t(confidence, error.degrees_of_freedom) * standard_error
        interval = (value - reach, value + reach)
    return Estimate(
        value=value,
        standard_error=standard_error,
        interval=interval,
        method=method,
        n_observations=n,
        n_clusters=tally.clusters.n_clusters,
        confidence=confidence,
        cautions=cautions,
    )


def _cautions(tally: PairTally) -> tuple[str, ...]:
    found = []
    if tally.n_models_deciding < FEWEST_MODELS:
        found.append(
            f"{tally.n_models_deciding} models, fewer than {FEWEST_MODELS}: the interval holds "
            f"for these models on other {tally.clusters.unit}s, not for other models"
        )
    if tally.clusters.n_clusters < FEW_CLUSTERS:
        n_clusters, unit = tally.clusters.n_clusters, tally.clusters.unit
        found.append(
            f"{n_clusters} {unit}s, fewer than {FEW_CLUSTERS}: the interval is approximate"
        )
    return tuple(found)
