"""How many items would settle a question, and which margin a number of items can settle."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy import stats as distributions

from silentzone.errors import InputError

POWER = 0.8


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
    Items are taken as independent, with variance volume - net^2 each, and the bound as normal.

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


def items_from_error(
    n_items: int, standard_error: float, reach: float, *, alpha: float, power: float = POWER
) -> int | None:
    """Items needed when the standard error at ``n_items`` is known and shrinks with their root.

    Parameters
    ----------
    n_items : int
        Items behind the standard error.
    standard_error : float
        Of the difference, at ``n_items``.
    reach : float
        Margin plus the assumed true difference; not positive gives null.
    alpha, power : float
        As in `items_for_margin`.
    """
    if reach <= 0.0:
        return None
    return math.ceil(n_items * (standard_error * _total_z(alpha, power) / reach) ** 2)


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


def resolvable_margin_at(
    n_items: int, volume: float, *, alpha: float = 0.025, power: float = POWER
) -> float:
    """`resolvable_margin` of independent items at a volume with a true difference of zero."""
    if n_items < 1 or not 0.0 <= volume <= 1.0:
        raise InputError(
            f"`n_items` must be at least 1 and `volume` in [0, 1]; they are {n_items}, {volume}."
        )
    return resolvable_margin(math.sqrt(volume / n_items), alpha=alpha, power=power)


def _total_z(alpha: float, power: float) -> float:
    return float(distributions.norm.isf(alpha)) + float(distributions.norm.ppf(power))


def _require_ranges(margin: float, volume: float, assumed_difference: float) -> None:
    if not margin > 0.0 or not 0.0 <= volume <= 1.0 or abs(assumed_difference) > volume:
        raise InputError(
            f"`margin` must be positive, `volume` in [0, 1] and `assumed_difference` within "
            f"the volume; they are {margin}, {volume}, {assumed_difference}."
        )
