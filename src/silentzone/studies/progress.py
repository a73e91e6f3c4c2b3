"""How long work tells people where it is."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Listener of a long job; the command line draws bars from it, tests record it."""

    def begin(self, key: str, title: str, total: float | None, unit: str) -> None:
        """Start a step; ``total`` null when its length is not known."""
        ...

    def advance(self, key: str, done: float) -> None:
        """Say how much of the step is done, in units, counted from its start."""
        ...

    def end(self, key: str, outcome: str) -> None:
        """Finish a step; ``outcome`` is ``done``, ``kept`` (was there already) or ``failed``."""
        ...

    def note(self, message: str) -> None:
        """Say one line to the person who waits."""
        ...


class SilentProgress:
    """Listener that says nothing."""

    def begin(self, key: str, title: str, total: float | None, unit: str) -> None:
        """Ignore the step."""

    def advance(self, key: str, done: float) -> None:
        """Ignore the advance."""

    def end(self, key: str, outcome: str) -> None:
        """Ignore the end."""

    def note(self, message: str) -> None:
        """Ignore the note."""
