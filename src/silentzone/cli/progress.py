"""Progress of long work, on stderr: bars on a terminal, one line per finished step elsewhere."""

from __future__ import annotations

import contextlib
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import click

from silentzone.cli.output import visible
from silentzone.studies.progress import SilentProgress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.progress import Progress as RichProgress
    from rich.progress import Task, TaskID

    from silentzone.studies.progress import Progress

_SCALES = {"B": (1e6, "MB"), "share": (0.01, "%")}
"""Units that are shown in another one: how many make one of it, and its name."""
_OUTCOMES = {"done": "done", "kept": "was there already", "failed": "FAILED"}


@dataclass(slots=True)
class _Step:
    title: str
    scale: float = 1.0
    """Units that one unit of the bar stands for."""
    started: float = field(default_factory=time.monotonic)

    def closing_line(self, outcome: str) -> str:
        """Title, outcome and, where work was done, how long it took."""
        said = _OUTCOMES.get(outcome, outcome)
        if outcome == "kept":
            return f"{self.title}: {said}"
        return f"{self.title}: {said}, {duration(time.monotonic() - self.started)}"


def duration(seconds: float) -> str:
    """Write a length of time for people.

    Examples
    --------
    >>> duration(4.25), duration(59.97), duration(75.2), duration(7322)
    ('4.2 s', '1 min 0 s', '1 min 15 s', '2 h 2 min')
    """
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"


class LineProgress:
    """One plain line on stderr per finished step; for logs and pipes."""

    def __init__(self) -> None:
        self._steps: dict[str, _Step] = {}

    def begin(self, key: str, title: str, total: float | None, unit: str) -> None:
        """Remember the step; its line is written when it ends."""
        del total, unit
        self._steps[key] = _Step(title)

    def advance(self, key: str, done: float) -> None:
        """Say nothing: a log needs no moving parts."""

    def end(self, key: str, outcome: str) -> None:
        """Write the line of the step."""
        step = self._steps.pop(key, None) or _Step(key)
        _say(step.closing_line(outcome))

    def note(self, message: str) -> None:
        """Write the message as a line."""
        _say(message)


class BarProgress:
    """Bars with the time left on a terminal; a finished step becomes a line above them."""

    def __init__(self, bars: RichProgress) -> None:
        self._bars = bars
        self._steps: dict[str, tuple[TaskID, _Step]] = {}

    def begin(self, key: str, title: str, total: float | None, unit: str) -> None:
        """Show a bar; one without a total pulses."""
        shown = visible(title)
        scale, name = _SCALES.get(unit, (1.0, visible(unit)))
        amount = name if total is None else f"of {total / scale:.0f} {name}"
        task = self._bars.add_task(
            shown, total=None if total is None else total / scale, amount=amount
        )
        self._steps[key] = (task, _Step(shown, scale))

    def advance(self, key: str, done: float) -> None:
        """Move the bar of the step to ``done``."""
        if key in self._steps:
            task, step = self._steps[key]
            self._bars.update(task, completed=done / step.scale)

    def end(self, key: str, outcome: str) -> None:
        """Replace the bar by a line."""
        if key not in self._steps:
            return
        task, step = self._steps.pop(key)
        self._bars.remove_task(task)
        self._print(step.closing_line(outcome))

    def note(self, message: str) -> None:
        """Write the message above the bars."""
        self._print(visible(message))

    def _print(self, line: str) -> None:
        # Titles and messages hold names that other people chose: no markup, no colour by pattern.
        self._bars.console.print(line, markup=False, highlight=False, emoji=False)


@contextlib.contextmanager
def open_progress(*, quiet: bool) -> Iterator[Progress]:
    """Give the listener that fits where stderr goes; bars are cleaned up in any case.

    Parameters
    ----------
    quiet : bool
        Say nothing at all.
    """
    if quiet:
        yield SilentProgress()
        return
    if not sys.stderr.isatty():
        yield LineProgress()
        return
    with _bars() as bars:
        yield BarProgress(bars)


def _bars() -> RichProgress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn
    from rich.text import Text

    class Count(ProgressColumn):
        """How much is done, or, where nobody knows of how much, for how long it has been."""

        def render(self, task: Task) -> Text:
            if task.total is None:
                return Text(duration(task.elapsed or 0.0))
            return Text(f"{task.completed:.0f} {task.fields['amount']}")

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        Count(),
        TimeRemainingColumn(),
        # Rich reads NO_COLOR and TERM=dumb itself.
        console=Console(stderr=True),
        transient=True,
    )


def _say(line: str) -> None:
    click.echo(visible(line), err=True)
