"""Numbers and lines as llama-perplexity prints them, whatever became of its two Greek letters."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final

ROUNDED: Final = 1.05
"""Two roundings of one number may differ by half a unit of each, and a little of binary."""
NUMBER: Final = r"-?(?:\d+\.\d+|nan(?:\(\w{1,9}\))?|inf(?:inity)?|1\.#\w{1,9})"
_SIGN: Final = r"[^\s\d.]{1,6}"
"""The sign between value and error: plus-minus, or what another encoding made of it."""
_PAIR: Final = rf"({NUMBER})\s+{_SIGN}\s+({NUMBER})"

KLD_HEADING: Final = re.compile(r"^chunk\s+PPL\s+ln\(PPL\(Q\)/PPL\(base\)\)\s+KL Divergence")
OLD_HEADING: Final = re.compile(r"^chunk\s+PPL\s+ln\(PPL\(Q\)/PPL\(base\)\)\s+KL-Divergence")
KLD_WINDOW: Final = re.compile(
    rf"^\s*(\d{{1,9}})\s+{_PAIR}\s+{_PAIR}\s+{_PAIR}\s+{_PAIR}\s*%\s+{_PAIR}\s*%\s*$"
)
PPL_WINDOW: Final = re.compile(rf"\[(\d{{1,9}})\]({NUMBER}),")
PPL_ROW: Final = re.compile(rf"^\s*(\d{{1,12}})\s+({NUMBER})\s+({NUMBER})\s+({NUMBER})\s*$")
STRIDE_ROW: Final = re.compile(rf"^\s*(\d{{1,12}})\s+({NUMBER})\s*$")
FINAL_PPL: Final = re.compile(rf"Final estimate: PPL = ({NUMBER}) \+/- ({NUMBER})\s*$")

_BLOCK_LINE: Final = re.compile(
    r"^\s*(?:(?P<what>Mean|Median|Maximum|Minimum|RMS|\d{1,2}\.\d{1,3}%)\s+"
    r"(?P<of>KLD|PPL\(Q\)/PPL\(base\)|PPL\(Q\)-PPL\(base\)|PPL\(Q\)|PPL\(base\)"
    r"|ln\(PPL\(Q\)/PPL\(base\)\)|[^\s\d():]{1,8}p)"
    r"|(?P<whole>Same top p|Cor\(ln\(PPL\(Q\)\), ln\(PPL\(base\)\)\)))\s*:(?P<rest>.*)$"
)
_VALUE: Final = re.compile(rf"^\s*({NUMBER})\s*%?(?:\s+{_SIGN}\s+({NUMBER})\s*%?)?\s*$")
_WITH_ERROR: Final = {"Mean", "RMS", "Same top p"}
_DECIMALS: Final = {"KLD": 6, "PPL": 6, "p": 3, "Cor": 2}


@dataclass(frozen=True, slots=True)
class Printed:
    """One number as it stands in the log.

    Examples
    --------
    >>> Printed("0.003108").value, Printed("-nan").value, Printed("96.471").per_cent
    (0.003108, nan, 0.96471)
    """

    text: str

    @property
    def value(self) -> float:
        """The number; NaN where the tool printed one."""
        return self._scaled("")

    @property
    def per_cent(self) -> float:
        """The number as a proportion, where it is per cent."""
        return self._scaled("e-2")

    @property
    def half_unit(self) -> float:
        """Half of what its last digit counts: the number before rounding lies so close."""
        return 0.5 * 10.0 ** -len(self.text.partition(".")[2])

    @property
    def decimals(self) -> int | None:
        """Digits behind the point; null where it is no number."""
        return len(self.text.partition(".")[2]) if self.is_finite else None

    @property
    def is_finite(self) -> bool:
        """Whether it is a number."""
        return math.isfinite(self.value)

    @property
    def status(self) -> str:
        """``ok``, or what the tool printed in its place."""
        return "ok" if self.is_finite else f"the tool printed {self.text.lstrip('-')[:3]}"

    def _scaled(self, exponent: str) -> float:
        if "#" in self.text:
            return math.inf if "inf" in self.text.casefold() else math.nan
        plain = self.text.partition("(")[0]
        # A minus before zero says on which side something was rounded away: no part of the number.
        return float(plain + exponent if plain[-1].isdigit() else plain) + 0.0


@dataclass(frozen=True, slots=True)
class BlockRow:
    """One row of the final block."""

    key: str
    """Such as ``Mean KLD``, ``99.9% KLD``, ``RMS delta p``, ``Same top p``."""
    value: Printed
    error: Printed | None


def block_row(line: str) -> BlockRow | str | None:
    """Read a line of the final block.

    Returns
    -------
    BlockRow, str or None
        The row; its key where the line has one and then not what the tool prints; null where it
        is no such line.
    """
    found = _BLOCK_LINE.match(line)
    if found is None:
        return None
    what, of, whole = found["what"], found["of"], found["whole"]
    if whole is not None:
        unit = "Cor" if whole.startswith("Cor") else "p"
        key, has_error = ("NLL correlation" if unit == "Cor" else whole), unit == "p"
    else:
        unit = "KLD" if of == "KLD" else "PPL" if "PPL" in of else "p"
        key = f"{what} {'delta p' if unit == 'p' else of}"
        has_error = what in _WITH_ERROR
    value = _VALUE.match(found["rest"])
    if value is None or (value[2] is None) == has_error:
        return key
    row = BlockRow(key, Printed(value[1]), Printed(value[2]) if has_error else None)
    return row if row.value.decimals in {None, _DECIMALS[unit]} else key
