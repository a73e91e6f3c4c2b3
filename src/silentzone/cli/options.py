"""Options and arguments that several commands share."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import click

from silentzone.cli.completion import complete_study

if TYPE_CHECKING:
    NumberType = click.ParamType[float]
else:
    NumberType = click.ParamType  # generic only from click 8.4 on

quiet_option = click.option(
    "--quiet", is_flag=True, help="Only results and errors: no progress on stderr."
)
always_quiet_option = click.option(
    "--quiet",
    is_flag=True,
    expose_value=False,
    help="Only results and errors; this command shows no progress anyway.",
)
"""For commands without progress: a script may give every command the same options."""
json_option = click.option(
    "--json", "as_json", is_flag=True, help="One JSON object on stdout instead of text."
)
study_argument = click.argument(
    "folder",
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    shell_complete=complete_study,
)
existing_file = click.Path(exists=True, dir_okay=False, path_type=Path)
existing_model = click.Path(exists=True, path_type=Path)
"""A file, or the folder of a model."""


class Proportion(NumberType):
    """A share of items; what looks like points or percent is refused with the likely meaning."""

    name = "proportion"

    def __init__(
        self, unit: str, low: float = 0.0, *, low_included: bool = False, high: float = 1.0
    ) -> None:
        self._unit = unit
        self._low, self._low_included, self._high = low, low_included, high

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Read a number below 1."""
        try:
            number = float(str(value))
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a number.", param, ctx)
        if 1.0 <= abs(number) < 100.0:
            unit = "point" if self._unit == "points" and abs(number) == 1.0 else self._unit
            self.fail(
                f"{value} is not below 1. Proportions are wanted: did you mean "
                f"{number / 100.0:g} ({number:g} {unit})?",
                param,
                ctx,
            )
        if abs(number) >= 100.0:
            self.fail(f"{value} is not a proportion below 1.", param, ctx)
        if number < self._low or (number == self._low and not self._low_included):
            bound = "at least" if self._low_included else "above"
            self.fail(f"{value} must be {bound} {self._low:g}.", param, ctx)
        if number >= self._high:
            self.fail(f"{value} must be below {self._high:g}.", param, ctx)
        return number
