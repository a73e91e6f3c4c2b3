"""How numbers are written: the only place that rounds."""

# ruff: noqa: RUF001 -- typographic signs are what a reader sees

from __future__ import annotations

import math

MINUS = "\u2212"
DASH = "–"
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def significant(value: float, digits: int = 3) -> str:
    """Three significant digits; powers of ten below one in ten thousand.

    Examples
    --------
    >>> significant(0.012345), significant(1.3e-5), significant(0), significant(-2.5)
    ('0.0123', '1.30 × 10⁻⁵', '0', '−2.50')
    """
    if math.isinf(value):
        return "∞" if value > 0 else f"{MINUS}∞"
    if value == 0:
        return "0"
    # Rounding first: 0.00009996 must be written as 0.000100, not as 10.0 × 10⁻⁵.
    mantissa, _, power = f"{value:.{digits - 1}e}".partition("e")
    exponent = int(power)
    if exponent < -4 or exponent > 5:
        text = f"{mantissa} × 10{str(exponent).translate(_SUPERSCRIPT)}"
    else:
        text = f"{value:.{max(digits - 1 - exponent, 0)}f}"
    return text.replace("-", MINUS)


def percent(value: float) -> str:
    """Return a proportion in percent with one decimal.

    Examples
    --------
    >>> percent(0.7251), percent(1.0)
    ('72.5 %', '100.0 %')
    """
    return f"{_decimal(100 * value, 1)} %"


def points(value: float, places: int = 1) -> str:
    """Return a difference of proportions in percentage points, signed.

    Examples
    --------
    >>> points(-0.0123), points(0.004), points(0.0)
    ('−1.2 pp', '+0.4 pp', '0.0 pp')
    """
    return f"{_decimal(100 * value, places, signed=True)} pp"


def margin(value: float) -> str:
    """Return a margin in points, as it was typed.

    Examples
    --------
    >>> margin(0.03), margin(0.01), margin(0.015)
    ('3 points', '1 point', '1.5 points')
    """
    text = f"{100 * value:.6g}"
    return f"{text} point" if text == "1" else f"{text} points"


def coefficient(value: float) -> str:
    """Return a value in [-1, 1], signed, two decimals.

    Examples
    --------
    >>> coefficient(-0.7234), coefficient(0.0)
    ('−0.72', '0.00')
    """
    return _decimal(value, 2, signed=True)


def decimal(value: float) -> str:
    """Two decimals, unsigned unless negative.

    Examples
    --------
    >>> decimal(4.847)
    '4.85'
    """
    return _decimal(value, 2)


def probability(value: float) -> str:
    """Return a p-value.

    Examples
    --------
    >>> probability(0.00004), probability(0.3651)
    ('< 0.001', '0.365')
    """
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def file_size(size: float) -> str:
    """Bytes in units of 1e9, below that of 1e6, below that as they are.

    Examples
    --------
    >>> file_size(14_340_000_000), file_size(105_000_000)
    ('14.34 GB', '105 MB')
    """
    if size >= 1e9:
        return f"{size / 1e9:.2f} GB"
    if size >= 1e6:
        return f"{significant(size / 1e6)} MB"
    return f"{count(size)} bytes"


def count(value: float) -> str:
    """Return a whole number with thin gaps between thousands.

    Examples
    --------
    >>> count(1234567) == "1\u202f234\u202f567"
    True
    """
    return f"{round(value):,}".replace(",", "\u202f").replace("-", MINUS)


def _decimal(value: float, places: int, *, signed: bool = False) -> str:
    if math.isinf(value):
        return "∞" if value > 0 else f"{MINUS}∞"
    # Adding zero after rounding turns -0.0 into 0.0: a rounded nothing has no sign.
    rounded = round(value, places) + 0.0
    sign = "+" if signed and rounded > 0 else ""
    return f"{sign}{rounded:.{places}f}".replace("-", MINUS)
