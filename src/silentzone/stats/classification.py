"""How well a value tells failed observations from passed ones, clustered and within strata.

Two comparisons of the same two groups: which values are larger (AUROC) and by which factor
(ratio of geometric means). Both compare failed with passed observations of one stratum only, so a
stratum that fails more often and has larger values adds nothing by that alone.
Array shapes: n observations, S strata, G clusters.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from silentzone.errors import InputError, ShapeError
from silentzone.stats.clusters import ClusterPartition
from silentzone.stats.estimates import critical_t, null_estimate
from silentzone.stats.results import Estimate

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEWEST_PER_GROUP = 5
SEPARATED = "the values separate the failed from the passed exactly: no interval"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outcomes:
    """Which observations failed, which are compared with which, and what is independent."""

    is_failed: NDArray[np.bool_]
    """Of shape (n,)."""
    strata: NDArray[np.intp]
    """0 .. S - 1, of shape (n,): observations are compared inside their stratum only."""
    clusters: ClusterPartition

    def __post_init__(self) -> None:
        shape = (len(self.clusters),)
        if self.is_failed.shape != shape or self.strata.shape != shape:
            raise ShapeError(
                f"`is_failed` and `strata` must have shape {shape} as the clusters do, "
                f"they have shapes {self.is_failed.shape} and {self.strata.shape}."
            )

    @staticmethod
    def of(is_failed: NDArray[np.bool_], clusters: ClusterPartition) -> Outcomes:
        """Outcomes of one stratum."""
        strata = np.zeros(len(is_failed), dtype=np.intp)
        return Outcomes(is_failed=is_failed, strata=strata, clusters=clusters)

    def __len__(self) -> int:
        return len(self.is_failed)

    def select(self, mask: NDArray[np.bool_] | NDArray[np.intp]) -> Outcomes:
        """Outcomes of some observations, by mask or number; clusters left empty disappear."""
        codes, unit = self.clusters.codes[mask], self.clusters.unit
        # Renumbered without sorting: a cohort has hundreds of thousands of observations.
        seen = np.zeros(self.clusters.n_clusters, dtype=np.bool_)
        seen[codes] = True
        number = np.cumsum(seen, dtype=np.intp) - 1
        return Outcomes(
            is_failed=self.is_failed[mask],
            strata=self.strata[mask],
            clusters=ClusterPartition(number[codes], int(seen.sum()), unit),
        )

    @property
    def fewest_clusters(self) -> int:
        """Clusters the rarer group occurs in: what an interval's degrees of freedom hang on."""
        return min(_n_clusters(self.clusters, group) for group in _groups(self))

    def comparable(self) -> NDArray[np.bool_]:
        """Whether the stratum of an observation has both failed and passed, of shape (n,)."""
        n_strata = int(self.strata.max(initial=-1)) + 1
        failed = np.bincount(self.strata[self.is_failed], minlength=n_strata)
        total = np.bincount(self.strata, minlength=n_strata)
        usable: NDArray[np.bool_] = (failed > 0) & (failed < total)
        return usable[self.strata]


def why_too_few(outcomes: Outcomes) -> str | None:
    """Say what is missing where a group is too small to compare, or null.

    Five observations are asked of each group, in five different clusters.
    """
    for word, group in zip(("failed", "passed"), _groups(outcomes), strict=True):
        n = int(group.sum())
        n_clusters = _n_clusters(outcomes.clusters, group)
        if n < FEWEST_PER_GROUP:
            return f"{n} {word}, fewer than {FEWEST_PER_GROUP}"
        if n_clusters < FEWEST_PER_GROUP:
            unit = outcomes.clusters.unit
            return f"{n} {word} from {n_clusters} {unit}s, fewer than {FEWEST_PER_GROUP}"
    return None


def auroc_estimate(
    values: NDArray[np.float64], outcomes: Outcomes, *, confidence: float = 0.95
) -> Estimate:
    """Share of failed-passed pairs in which the failed one has the larger value; ties count half.

    Parameters
    ----------
    values : ndarray of shape (n,)
        No NaN; infinities take their place in the order.
    outcomes : Outcomes
    confidence : float

    Returns
    -------
    Estimate
        In [0, 1]; 0.5 is no better than guessing, below 0.5 the passed have the larger values.
        Over several strata: concordant pairs inside strata over all pairs inside strata. Null with
        a caution for fewer than five failed or passed, or where all values are equal.

    Raises
    ------
    InputError
        If a value is NaN.
    ShapeError
        If values and outcomes differ in length.

    Notes
    -----
    Every observation contributes its placement value [1]_; placements are summed inside clusters
    [2]_, see ``group_error``. For one stratum without clusters this is DeLong's variance. The t
    interval is formed on the logit, its degrees of freedom are Satterthwaite's over the two groups.
    For the interval, not for ``standard_error``, the variance grows by AUROC (1 - AUROC) / (n G) of
    each group, as one more cluster of it would add: with ten failed near 0.9 the sample's own
    spread is often far too small (coverage 88 % without).

    References
    ----------
    .. [1] DeLong, DeLong and Clarke-Pearson (1988), Biometrics 44, 837-845, eq. 3-5.
    .. [2] Obuchowski (1997), Nonparametric analysis of clustered ROC curve data, Biometrics 53,
       567-578.

    Examples
    --------
    >>> from silentzone.stats.clusters import ClusterPartition
    >>> outcomes = Outcomes.of(np.repeat([True, False], 5), ClusterPartition.singletons(10))
    >>> round(auroc_estimate(np.array([9.0, 8, 7, 6, 1, 5, 4, 3, 2, 0]), outcomes).value, 2)
    0.84
    """
    label = "AUROC within strata" if outcomes.strata.any() else "AUROC"
    few = _unusable(values, outcomes)
    if few is None and np.ptp(_ranked(values)) == 0.0:
        few = "all values are equal"
    if few is not None:
        return null_estimate(label, few, n_observations=len(values), confidence=confidence)
    value, influence = auroc_influence(values, outcomes)
    return auroc_from_influence(value, influence, outcomes, label=label, confidence=confidence)


def auroc_from_influence(
    value: float,
    influence: NDArray[np.float64],
    outcomes: Outcomes,
    *,
    label: str,
    confidence: float = 0.95,
) -> Estimate:
    """Interval of ``auroc_estimate`` for an AUROC at hand, or for a mean of several."""
    if value in {0.0, 1.0}:
        return _estimate(value, None, None, label, outcomes, confidence, (SEPARATED,))
    error = group_error(influence, outcomes)
    if error is None:
        return _estimate(value, None, None, label, outcomes, confidence, (_NO_SPREAD,))
    standard_error, df = error
    spread, centre = value * (1.0 - value), math.log(value / (1.0 - value))
    more = sum(
        1.0 / (int(group.sum()) * _n_clusters(outcomes.clusters, group))
        for group in _groups(outcomes)
    )
    widened = math.sqrt(standard_error**2 + spread * more)
    half = critical_t(confidence, df) * widened / spread
    interval = (_expit(centre - half), _expit(centre + half))
    method = f"{label}, placements{_by(outcomes)}, widened t interval on the logit"
    return _estimate(value, standard_error, interval, method, outcomes, confidence, ())


def auroc_influence(
    values: NDArray[np.float64], outcomes: Outcomes
) -> tuple[float, NDArray[np.float64]]:
    """AUROC within strata and what each observation contributes to its deviation, of shape (n,).

    The contributions sum to zero; strata without both groups contribute nothing. The number of
    pairs of a stratum is part of the statistic, so its chance is in the contributions.
    """
    concordant, pairs = np.zeros(len(values)), np.zeros(len(values))
    order = np.argsort(outcomes.strata, kind="stable")
    ends = np.flatnonzero(np.diff(outcomes.strata[order], append=-1)) + 1
    for members in np.split(order, ends[:-1]):
        is_failed = outcomes.is_failed[members]
        failed, passed = members[is_failed], members[~is_failed]
        if len(failed) and len(passed):
            concordant[failed] = _counted_below(values[failed], values[passed])
            concordant[passed] = len(failed) - _counted_below(values[passed], values[failed])
            pairs[failed], pairs[passed] = len(passed), len(failed)
    total = float(pairs.sum()) / 2.0
    value = float(concordant.sum()) / 2.0 / total if total else math.nan
    return value, (concordant - value * pairs) / total


def log_ratio_estimate(
    values: NDArray[np.float64], outcomes: Outcomes, *, confidence: float = 0.95
) -> Estimate:
    """Geometric mean of the failed over that of the passed, strata held apart.

    Parameters
    ----------
    values : ndarray of shape (n,)
        Positive and finite: zeros have no logarithm and are left out, and counted, by the caller.
    outcomes : Outcomes
    confidence : float

    Returns
    -------
    Estimate
        exp of the failed-minus-passed difference of mean logarithms. Over several strata the
        differences are weighted by n_failed n_passed / n, as least squares with one intercept per
        stratum does. Null with a caution for fewer than five failed or passed.

    Raises
    ------
    InputError
        If a value is not positive and finite.
    ShapeError
        If values and outcomes differ in length.

    Notes
    -----
    Clustered delta method; for one stratum without clusters, Welch's t interval on the logarithms.
    """
    label = f"ratio of geometric means{' within strata' if outcomes.strata.any() else ''}"
    few = _unusable(values, outcomes)
    if not (np.isfinite(values) & (values > 0.0)).all():
        raise InputError(
            "`values` must be positive and finite.", hint="leave zeros out, count them"
        )
    if few is not None:
        return null_estimate(label, few, n_observations=len(values), confidence=confidence)
    difference, influence = _mean_difference(np.log(values), outcomes)
    value = math.exp(difference)
    error = group_error(influence, outcomes)
    if error is None:
        return _estimate(value, None, None, label, outcomes, confidence, (_NO_SPREAD,))
    standard_error, df = error
    half = critical_t(confidence, df) * standard_error
    interval = (math.exp(difference - half), math.exp(difference + half))
    method = f"{label}, delta method on the logarithm{_by(outcomes)}, t"
    return _estimate(value, value * standard_error, interval, method, outcomes, confidence, ())


def influence_estimate(
    value: float,
    influence: NDArray[np.float64],
    outcomes: Outcomes,
    *,
    label: str,
    confidence: float = 0.95,
) -> Estimate:
    """Estimate of a statistic of two groups, as the difference of two AUROC is, in [-1, 1]."""
    error = group_error(influence, outcomes)
    if error is None:
        return _estimate(value, None, None, label, outcomes, confidence, (_NO_SPREAD,))
    standard_error, df = error
    half = critical_t(confidence, df) * standard_error
    interval = (max(-1.0, value - half), min(1.0, value + half))
    method = f"{label}{_by(outcomes)}, t"
    return _estimate(value, standard_error, interval, method, outcomes, confidence, ())


def group_error(influence: NDArray[np.float64], outcomes: Outcomes) -> tuple[float, float] | None:
    """Clustered standard error of a contrast of two groups, and its degrees of freedom.

    A cluster's part of a group is scaled by 1/sqrt(1 - its share of the group) [1]_: without
    clusters that is n/(n-1) of each group. Each group has G - 1 degrees of freedom, G the clusters
    it occurs in: with few failed among many passed, the few decide. Null where no spread is seen.

    References
    ----------
    .. [1] Bell and McCaffrey (2002), Bias reduction in standard errors for linear regression with
       multi-stage samples, Survey Methodology 28, 169-181.
    """
    clusters = outcomes.clusters
    sums, parts = np.zeros(clusters.n_clusters), []
    for group in _groups(outcomes):
        share = clusters.sums(group.astype(np.float64)) / max(int(group.sum()), 1)
        n_clusters = int((share > 0.0).sum())
        if n_clusters < 2:
            return None
        own = clusters.sums(np.where(group, influence, 0.0)) / np.sqrt(1.0 - share)
        sums += own
        parts.append((float(np.square(own).sum()), n_clusters - 1))
    # Not sums @ sums: a threaded product of vectors this long waits longer than it works.
    standard_error = math.sqrt(float(np.square(sums).sum()))
    if not standard_error > 1e-13 * float(np.abs(influence).sum()):
        return None
    weight = sum(part**2 / df for part, df in parts)
    satterthwaite = sum(part for part, _ in parts) ** 2 / weight
    return standard_error, min(satterthwaite, clusters.n_clusters - 1.0)


_NO_SPREAD = "the values show no spread inside the groups: no interval"


def _unusable(values: NDArray[np.float64], outcomes: Outcomes) -> str | None:
    if values.shape != outcomes.is_failed.shape:
        raise ShapeError(
            f"`values` must have shape {outcomes.is_failed.shape}, it has shape {values.shape}."
        )
    if np.isnan(values).any():
        raise InputError("`values` must not hold NaN.", hint="drop missing values and count them")
    few = why_too_few(outcomes)
    if few is None and not outcomes.comparable().any():
        return "no stratum has both failed and passed"
    return few


def _mean_difference(
    values: NDArray[np.float64], outcomes: Outcomes
) -> tuple[float, NDArray[np.float64]]:
    """Least-squares coefficient of failure with one intercept per stratum, and its influence."""
    codes, failed = outcomes.strata, outcomes.is_failed.astype(np.float64)
    sizes = np.maximum(np.bincount(codes), 1)

    def centred(array: NDArray[np.float64]) -> NDArray[np.float64]:
        result: NDArray[np.float64] = array - (np.bincount(codes, weights=array) / sizes)[codes]
        return result

    contrast = centred(failed)
    scale = float(np.square(contrast).sum())
    difference = float((contrast * values).sum()) / scale
    residual = centred(values - difference * failed)
    return difference, contrast * residual / scale


def _counted_below(values: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Count for each value the others below it, equal ones by half."""
    ordered = np.sort(others)
    below = np.searchsorted(ordered, values, side="left")
    upto = np.searchsorted(ordered, values, side="right")
    counted: NDArray[np.float64] = (below + upto) / 2.0
    return counted


def _ranked(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values whose spread is finite, infinities kept apart from the largest number."""
    return np.where(np.isinf(values), np.sign(values) * np.finfo(np.float64).max / 4, values)


def _groups(outcomes: Outcomes) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    return outcomes.is_failed, ~outcomes.is_failed


def _n_clusters(clusters: ClusterPartition, group: NDArray[np.bool_]) -> int:
    seen = np.zeros(clusters.n_clusters, dtype=np.bool_)
    seen[clusters.codes[group]] = True
    return int(seen.sum())


def _by(outcomes: Outcomes) -> str:
    return f" summed by {outcomes.clusters.unit}"


def _expit(logit: float) -> float:
    return 0.5 * (1.0 + math.tanh(0.5 * logit))


def _estimate(
    value: float,
    standard_error: float | None,
    interval: tuple[float, float] | None,
    method: str,
    outcomes: Outcomes,
    confidence: float,
    cautions: tuple[str, ...],
) -> Estimate:
    return Estimate(
        value=value,
        standard_error=standard_error,
        interval=interval,
        method=method,
        n_observations=len(outcomes),
        n_clusters=outcomes.clusters.n_clusters,
        confidence=confidence,
        cautions=cautions,
    )
