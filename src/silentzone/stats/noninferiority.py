"""Non-inferiority of paired scores by the score test, which keeps its error where Wald's does not.

A difference of -margin needs a volume of at least the margin. Wald's error, taken from the data,
forgets that: of 600 items with 2 harms and no gain it claims a loss below 1 %, which under a true
loss of 1 % happens six times in a hundred. The score test takes the error under the null instead.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scipy import optimize
from scipy import stats as distributions

from silentzone.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from silentzone.stats.paired import Decomposition


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedPart:
    """Paired differences of one benchmark, candidate - reference, as a test needs them."""

    net: float
    standard_error: float
    """Clustered."""
    n_items: int
    counts: tuple[float, float] | None
    """Harm and gain, observed or expected; null for graded scores, whose error is taken as seen."""

    def mirrored(self) -> PairedPart:
        """Give the same part with candidate and reference exchanged."""
        return PairedPart(
            net=-self.net,
            standard_error=self.standard_error,
            n_items=self.n_items,
            counts=None if self.counts is None else self.counts[::-1],
        )

    def at_zero(self) -> PairedPart:
        """Give the part as it would be expected at this volume if the true net were zero."""
        half = None if self.counts is None else sum(self.counts) / 2.0
        return PairedPart(
            net=0.0,
            standard_error=self.standard_error,
            n_items=self.n_items,
            counts=None if half is None else (half, half),
        )

    @staticmethod
    def of(part: Decomposition) -> PairedPart | None:
        """Part of a benchmark's decomposition; null where its standard error is unknown."""
        net, volume = part.net, part.volume.value
        if net.value is None or not net.standard_error:
            return None
        # Only where every difference is 0 or 1 does their number give the volume.
        discordant = part.harm + part.gain
        is_binary = volume is not None and math.isclose(
            volume * part.n_items, discordant, abs_tol=1e-6
        )
        return PairedPart(
            net=net.value,
            standard_error=net.standard_error,
            n_items=part.n_items,
            counts=(part.harm, part.gain) if is_binary else None,
        )


def restricted_variance(harm: float, gain: float, n_items: int, net: float) -> float:
    """Variance of the net of independent 0/1 pairs, most likely where the true net is given.

    Parameters
    ----------
    harm, gain : float
        Items only the reference, only the candidate got right; observed, or expected by a plan.
    n_items : int
    net : float
        Supposed true net, in [-1, 1].

    Returns
    -------
    float
        Of the mean over ``n_items``; never below (|net| - net^2) / n_items.

    References
    ----------
    .. [1] Tango (1998), Equivalence test and confidence interval for the difference in
       proportions for the paired-sample design, Statistics in Medicine 17, 891-908, eq. 7.

    Examples
    --------
    >>> round(100 * restricted_variance(0, 0, 100, -0.01), 6)  # a loss of 1 % is a volume of 1 %
    0.0099
    """
    if net > 0.0:
        harm, gain, net = gain, harm, -net
    loss = min(1.0, -net)
    same = n_items - harm - gain
    linear = harm * (1.0 - loss) + gain * (1.0 - 3.0 * loss) - 2.0 * same * loss
    root = math.sqrt(linear * linear + 8.0 * n_items * gain * loss * (1.0 - loss))
    restricted_gain = max(0.0, (linear + root) / (4.0 * n_items))
    return max(0.0, 2.0 * restricted_gain + loss - loss * loss) / n_items


def score_error(value: float, parts: Sequence[PairedPart], net: float) -> float:
    """Give the standard error of the mean net over parts, supposing its true value.

    Parameters
    ----------
    value : float
        Observed mean net.
    parts : sequence of PairedPart
        Independent of each other.
    net : float
        Supposed true mean net; every part is moved by the same step to reach it.
    """
    step = net - value
    variances = [_variance(part, part.net + step) for part in parts]
    return math.sqrt(sum(variances)) / len(parts)


def noninferiority_pvalue(
    value: float, parts: Sequence[PairedPart], margin: float, *, degrees_of_freedom: float
) -> float:
    """One-sided p of the claim that the true mean net lies above -margin.

    Parameters
    ----------
    value : float
        Observed mean net, candidate - reference.
    parts : sequence of PairedPart
        The benchmarks it is the mean of.
    margin : float
        Positive, a proportion.
    degrees_of_freedom : float
        Of Student's t.

    Raises
    ------
    InputError
        If the margin is not positive or there is no part.

    Examples
    --------
    >>> quiet = PairedPart(net=-2 / 600, standard_error=0.0033, n_items=600, counts=(2, 0))
    >>> round(noninferiority_pvalue(-2 / 600, [quiet], 0.01, degrees_of_freedom=599), 3)
    0.051
    """
    if not margin > 0.0 or not parts:
        raise InputError(f"`margin` must be positive and `parts` not empty; margin is {margin}.")
    reach, error = value + margin, score_error(value, parts, -margin)
    if error == 0.0:  # a margin of 1: nothing can be worse
        return 0.0 if reach > 0.0 else 1.0
    return float(distributions.t.sf(reach / error, degrees_of_freedom))


def noninferiority_bound(
    value: float, parts: Sequence[PairedPart], *, alpha: float, degrees_of_freedom: float
) -> float:
    """Lower bound of the mean net: non-inferior at alpha at every margin beyond it.

    In [-1, value]; the inverse of `noninferiority_pvalue`.
    """
    critical = float(distributions.t.isf(alpha, degrees_of_freedom))

    def excess(loss: float) -> float:
        return value + loss - critical * score_error(value, parts, -loss)

    if excess(1.0) <= 0.0:
        return -1.0
    return -float(optimize.brentq(excess, -value, 1.0, xtol=1e-14))


def inferiority_bound(
    value: float, parts: Sequence[PairedPart], *, alpha: float, degrees_of_freedom: float
) -> float:
    """Upper bound of the mean net, by the same test with the models exchanged."""
    return -noninferiority_bound(
        -value,
        [part.mirrored() for part in parts],
        alpha=alpha,
        degrees_of_freedom=degrees_of_freedom,
    )


def _variance(part: PairedPart, net: float) -> float:
    """Squared error of one part at a supposed net, not below the observed.

    Clusters inflate it as they inflate the observed one. The observed one, with its floor for rare
    differences, is what protects a mean over benchmarks whose loss is all in the smallest.
    """
    observed = part.standard_error**2
    if part.counts is None:
        return observed
    harm, gain = part.counts
    n = part.n_items
    volume = (harm + gain) / n
    adjusted = (gain - harm) / (n + 2)
    independent = max(
        (volume - part.net**2) / max(n - 1, 1),
        ((harm + gain + 2) / (n + 2) - adjusted**2) / (n + 2),  # as in paired_difference
    )
    design_effect = max(1.0, observed / independent)
    return max(observed, design_effect * restricted_variance(harm, gain, n, net))
