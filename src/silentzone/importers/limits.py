"""What a number in a cohort table can be, by column; anything else is a mistake of the table."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_LARGEST_ERROR: Final = 0.5
"""No sample of values in [0, 1] has a larger spread of its mean."""
_MOST_BITS: Final = 64.0
_ONE_BYTE_GB: Final = 1e-9

_RULES: Final[dict[str, tuple[Callable[[float], bool], str]]] = {
    "fidelity_se": (lambda value: value >= 0.0, "a standard error cannot be negative"),
    "score_se": (
        lambda value: 0.0 <= value <= _LARGEST_ERROR,
        f"the standard error of a proportion lies between 0 and {_LARGEST_ERROR}; divide by 100 "
        "if it is in percent",
    ),
    "n_items": (
        lambda value: value >= 0.0 and value.is_integer(),
        "the number of items is a whole number",
    ),
    "chance": (
        lambda value: 0.0 <= value < 1.0,
        "the score of guessing is a proportion, 0 or more and below 1",
    ),
    "bits_per_weight": (
        lambda value: 0.0 < value <= _MOST_BITS,
        f"bits per weight lie above 0, up to {_MOST_BITS:g}",
    ),
    "file_bytes": (
        lambda value: value > 0.0 and value.is_integer(),
        "the size is a whole number of bytes above 0",
    ),
    "size_gb": (
        lambda value: _ONE_BYTE_GB <= value < math.inf,
        "the size is a number above 0, in units of 1e9 bytes",
    ),
}

_PERPLEXITIES: Final = ("ppl", "ppl_reference", "ppl_candidate", "ppl_ratio")
_RANGES: Final = {
    **dict.fromkeys(("js_mean", "harm", "gain"), (0.0, math.inf)),
    **dict.fromkeys(("tv_mean", "delta_p_rms", "volume"), (0.0, 1.0)),
    **dict.fromkeys(("top1_agreement", "top5_containment"), (0.0, 1.0)),
    **dict.fromkeys(("delta_p_mean", "direction", "net"), (-1.0, 1.0)),
}


def problem_of(prefix: str, name: str, value: float) -> str | None:
    """Say why a column cannot hold a value; null where it can.

    Parameters
    ----------
    prefix : str
        One of `layouts.TABLE_PREFIXES`, or a column without one such as ``bits_per_weight``.
        Scores are judged by `ScoreColumn`: whether they are percent shows in the whole column.
    name : str
        Metric or benchmark; empty for a column without a prefix.
    value : float
        May be infinite, never NaN.
    """
    if prefix == "fidelity":
        what = _metric_problem(name.partition("@")[0].strip(), value)
    else:
        is_right, rule = _RULES[prefix]
        what = None if is_right(value) else rule
    return None if what is None else f"{value:g} is impossible: {what}"


def _metric_problem(metric: str, value: float) -> str | None:
    if metric == "kld" or metric.startswith(("kld_", "reverse_kld")):
        advice = (
            "a KLD is never negative. A tool that rounds the reference can print a small "
            "negative one; leave such a cell empty"
        )
        return advice if value < 0.0 else None
    if metric in _PERPLEXITIES:
        return None if value > 0.0 else "a perplexity, or a ratio of two, lies above 0"
    low, high = _RANGES.get(metric, (-math.inf, math.inf))
    if low <= value <= high:
        return None
    if high == math.inf:
        return f"`{metric}` is {low:g} or more"
    return f"`{metric}` lies between {low:g} and {high:g}; divide by 100 if it is in percent"
