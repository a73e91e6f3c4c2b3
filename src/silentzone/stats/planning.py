"""How many items would settle a question, and which margin a number of items can settle."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scipy import optimize
from scipy import stats as distributions

from silentzone.errors import InputError
from silentzone.stats.noninferiority import restricted_variance, score_error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from silentzone.stats.noninferiority import PairedPart

POWER = 0.8
_MANY = 10**9
"""Items from which an expected share is taken as exact."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemPlan:
    """Items one benchmark needs for a non-inferiority claim, with all it was assumed from."""

    items: int | None
    """Null where no number of items suffices: the assumed difference is beyond the margin."""
    margin: float
    volume: float
    assumed_difference: float
    """True net difference candidate - reference the plan supposes."""
    alpha: float
    power: float
    reason: str


def items_for_margin(
    margin: float,
    volume: float,
    *,
    assumed_difference: float = 0.0,
    alpha: float = 0.025,
    power: float = POWER,
) -> ItemPlan:
    """Items with which non-inferiority at a margin would be shown.

    Parameters
    ----------
    margin : float
        Largest acceptable loss, a positive proportion.
    volume : float
        Share of items on which candidate and reference differ, in [0, 1].
    assumed_difference : float
        True net supposed, in [-volume, volume]. It is a supposition, not an estimate: take 0 for
        "truly as good", the observed net for "truly as observed".
    alpha : float
        One-sided error.
    power : float
        Probability of showing it when the supposition holds.

    Raises
    ------
    InputError
        If a value is outside its range.

    Notes
    -----
    The textbook formula: items are independent, with variance volume - net^2 each, and the bound is
    normal. It promises too much where the volume is not far above the margin (true power 0.79 at
    five times the margin, 0.67 at once): `items_for_score_test` is what the decision's test needs.

    Examples
    --------
    >>> items_for_margin(0.01, 0.05).items
    3925
    """
    _require_ranges(margin, volume, assumed_difference)
    reach = margin + assumed_difference
    stated = f"true difference assumed {assumed_difference:+.4f}, power {power:.0%}"
    items: int | None = None
    if reach > 0.0:
        variance = volume - assumed_difference**2
        items = max(1, math.ceil(_total_z(alpha, power) ** 2 * variance / reach**2))
    else:
        stated += "; a difference beyond the margin cannot be shown to be within it"
    return ItemPlan(
        items=items,
        margin=margin,
        volume=volume,
        assumed_difference=assumed_difference,
        alpha=alpha,
        power=power,
        reason=stated,
    )


def items_for_score_test(
    margin: float,
    volume: float,
    *,
    assumed_difference: float = 0.0,
    alpha: float = 0.025,
    power: float = POWER,
    design_effect: float = 1.0,
) -> int | None:
    """Items with which the score test of non-inferiority would show it, or null.

    Parameters
    ----------
    margin, volume, assumed_difference, alpha, power
        As in `items_for_margin`.
    design_effect : float
        Variance with the benchmark's clusters over that of as many independent items.

    Returns
    -------
    int or None
        Null where no number suffices: the assumed difference is beyond the margin. At a volume of
        zero still about z_alpha^2 / margin: so many equal answers rule a loss of the margin out.

    Raises
    ------
    InputError
        If a value is outside its range.

    Notes
    -----
    n = E ((t_alpha sqrt(V0) + z_power sqrt(V1)) / (margin + d))^2, with V1 = volume - d^2 the
    variance supposed, V0 that of the likeliest null at the margin, and t on n/E - 1 df.

    Examples
    --------
    >>> items_for_score_test(0.01, 0.05), items_for_score_test(0.01, 0.0)
    (4022, 383)
    """
    _require_ranges(margin, volume, assumed_difference)
    if not design_effect > 0.0:
        raise InputError(f"`design_effect` must be positive, it is {design_effect}.")
    reach = margin + assumed_difference
    if reach <= 0.0:
        return None
    null, supposed = _standard_deviations(margin, volume, assumed_difference)
    z_power = float(distributions.norm.ppf(power))
    critical = float(distributions.norm.isf(alpha))
    items = 2.0
    for _ in range(4):  # t depends on the number it gives, and hardly
        items = max(2.0, ((critical * null + z_power * supposed) / reach) ** 2)
        critical = float(distributions.t.isf(alpha, max(1.0, math.ceil(items) - 1)))
    return math.ceil(design_effect * items)


def margin_for_items(
    n_items: int,
    volume: float,
    *,
    assumed_difference: float = 0.0,
    alpha: float = 0.025,
    power: float = POWER,
    design_effect: float = 1.0,
) -> float | None:
    """Smallest margin at which a number of items shows non-inferiority; null if none below 1.

    The inverse of `items_for_score_test`, but for its small-sample t.

    Examples
    --------
    >>> round(margin_for_items(4022, 0.05), 4)
    0.01
    """
    _require_ranges(0.5, volume, assumed_difference)
    if n_items < 2:
        raise InputError(f"`n_items` must be at least 2, it is {n_items}.")
    root = math.sqrt(n_items / design_effect)
    z_power = float(distributions.norm.ppf(power))
    critical = float(distributions.t.isf(alpha, max(1.0, n_items / design_effect - 1.0)))

    def excess(margin: float) -> float:
        null, supposed = _standard_deviations(margin, volume, assumed_difference)
        return margin + assumed_difference - (critical * null + z_power * supposed) / root

    lowest = max(0.0, -assumed_difference)
    if excess(1.0) <= 0.0:
        return None
    return float(optimize.brentq(excess, lowest, 1.0))


def growth_needed(
    value: float,
    parts: Sequence[PairedPart],
    margin: float,
    *,
    alpha: float,
    power: float = POWER,
) -> float | None:
    """Factor by which items must grow for the score test to show it; null if none suffices.

    Parameters
    ----------
    value : float
        True mean net supposed.
    parts : sequence of PairedPart
        The benchmarks as they are expected under that supposition; they grow in proportion.
    margin, alpha, power
        As in `items_for_margin`.
    """
    reach = value + margin
    if reach <= 0.0:
        return None
    supposed = math.sqrt(sum(part.standard_error**2 for part in parts)) / len(parts)
    z_alpha, z_power = distributions.norm.isf(alpha), distributions.norm.ppf(power)
    null = score_error(value, parts, -margin)
    return float(((z_alpha * null + z_power * supposed) / reach) ** 2)


def both_sides(power: float) -> float:
    """Power of each of two one-sided tests with which both together have the power asked for.

    Of what is truly equal: each fails on its own side.

    Examples
    --------
    >>> both_sides(0.8)
    0.9
    """
    return (1.0 + power) / 2.0


def resolvable_margin(
    standard_error: float, *, alpha: float = 0.025, power: float = POWER
) -> float:
    """Smallest margin at which two one-sided tests show equality of what is truly equal.

    Examples
    --------
    >>> round(resolvable_margin(0.01), 4)
    0.0324
    """
    beta = (1.0 - power) / 2.0
    z = float(distributions.norm.isf(alpha)) + float(distributions.norm.isf(beta))
    return z * standard_error


def _total_z(alpha: float, power: float) -> float:
    return float(distributions.norm.isf(alpha)) + float(distributions.norm.ppf(power))


def _standard_deviations(
    margin: float, volume: float, assumed_difference: float
) -> tuple[float, float]:
    """Give those of one item's difference, under the null at the margin and as supposed."""
    harm, gain = (volume - assumed_difference) / 2.0, (volume + assumed_difference) / 2.0
    null = _MANY * restricted_variance(_MANY * harm, _MANY * gain, _MANY, -margin)
    return math.sqrt(null), math.sqrt(max(0.0, volume - assumed_difference**2))


def _require_ranges(margin: float, volume: float, assumed_difference: float) -> None:
    if not margin > 0.0 or not 0.0 <= volume <= 1.0 or abs(assumed_difference) > volume:
        raise InputError(
            f"`margin` must be positive, `volume` in [0, 1] and `assumed_difference` within "
            f"the volume; they are {margin}, {volume}, {assumed_difference}."
        )
