"""Scores of one benchmark as they come in: proportions, percent, or neither."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from silentzone.importers.problems import SHOWN_PROBLEMS

if TYPE_CHECKING:
    from silentzone.importers.problems import Problems

_HUNDRED: Final = 100.0
PERCENT: Final = "all scores lie between 1 and 100, so they look like percent; divide them by 100"


@dataclass(slots=True)
class ScoreColumn:
    """What was seen of one column; nothing is converted, a person has to say what it means."""

    n_values: int = 0
    n_like_percent: int = 0
    n_outside: int = 0
    outside: list[tuple[int, float]] = field(default_factory=list)
    """The first few lines with a score that is no proportion."""

    def checked(self, line: int, value: float) -> float | None:
        """Give the score back; null, and kept for the report, where it is no proportion."""
        self.n_values += 1
        if 0.0 <= value <= 1.0:
            return value
        self.n_like_percent += 1.0 < value <= _HUNDRED
        self.n_outside += 1
        if len(self.outside) < SHOWN_PROBLEMS:
            self.outside.append((line, value))
        return None

    def report(self, column: str, problems: Problems) -> None:
        """Note percent once, other scores outside [0, 1] line by line."""
        if self.n_values and self.n_like_percent == self.n_values:
            problems.add(PERCENT, column=column)
            return
        for line, value in self.outside:
            problems.add(
                f"{value:g} is no proportion; scores lie between 0 and 1 (divide percent by 100)",
                place=f"line {line}",
                column=column,
            )
        problems.add_unseen(self.n_outside - len(self.outside))
