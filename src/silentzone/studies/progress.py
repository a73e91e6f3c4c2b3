"""How long work tells people where it is."""

from __future__ import annotations

import contextlib
import threading
from itertools import accumulate
from typing import TYPE_CHECKING, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping


_ELSEWHERE = ""
"""Stands for other processes among the titles of steps, which are never empty."""


class Progress(Protocol):
    """Listener of a long job; the command line draws bars from it, tests record it."""

    def begin(self, key: str, title: str, total: float | None, unit: str) -> None:
        """Start a step; ``total`` null when its length is not known."""
        ...

    def advance(self, key: str, done: float) -> None:
        """Say how much of the step is done, in units, counted from its start."""
        ...

    def end(self, key: str, outcome: str) -> None:
        """Finish a step; ``outcome``: ``done``, ``kept`` (was there), ``failed``, ``stopped``."""
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


@contextlib.contextmanager
def measured_step(progress: Progress, key: str, title: str) -> Iterator[Callable[[float], None]]:
    """One step whose length is a share of 1; gives the function to say how much is done."""
    progress.begin(key, title, 1.0, "share")
    outcome = "failed"
    try:
        yield lambda share: progress.advance(key, share)
        outcome = "done"
    except KeyboardInterrupt:
        outcome = "stopped"
        raise
    finally:
        progress.end(key, outcome)


class SharedProgress:
    """One long step made of several that run at the same time, each in a thread of its own.

    Parameters
    ----------
    progress : Progress
        Who is told; calls to it are made one at a time.
    title : str
        Of the whole.
    total : float
        Cost of all steps together.
    """

    def __init__(self, progress: Progress, title: str, total: float) -> None:
        self._progress = progress
        self._title = title
        self._total = total
        self._lock = threading.Lock()
        self._done: dict[str, float] = {}
        self._ended = 0.0
        """Cost of steps that have ended; one of the same title may follow."""

    def __enter__(self) -> Self:
        """Begin the whole."""
        self._progress.begin("study", self._title, 1.0, "share")
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        """End the whole."""
        outcome = "done" if kind is None else "failed"
        if kind is not None and issubclass(kind, KeyboardInterrupt):
            outcome = "stopped"
        self._progress.end("study", outcome)

    def step(self, title: str, costs: Mapping[str, float]) -> SharedStep:
        """Begin one step; ``costs`` are those of its parts in order."""
        with self._lock:
            self._progress.begin(f"step {title}", title, 1.0, "share")
        return SharedStep(self, title, costs)

    def advance(self, title: str, share: float, cost: float) -> None:
        """Say how much of one step is done."""
        with self._lock:
            self._done[title] = share * cost
            self._progress.advance(f"step {title}", share)
            # a part that failed may be measured again in another way, so more than the total
            self._advance()

    def elsewhere(self, cost: float) -> None:
        """Say how much of the whole other processes have done."""
        with self._lock:
            self._done[_ELSEWHERE] = cost
            self._advance()

    def end(self, title: str, outcome: str) -> None:
        """Finish one step."""
        with self._lock:
            self._ended += self._done.pop(title, 0.0)
            self._progress.end(f"step {title}", outcome)

    def _advance(self) -> None:
        done = self._ended + sum(self._done.values())
        self._progress.advance("study", min(1.0, done / self._total))


class SharedStep:
    """Turns shares of parts into the share of one step."""

    def __init__(self, shared: SharedProgress, title: str, costs: Mapping[str, float]) -> None:
        self._shared = shared
        self._title = title
        self._costs = dict(costs)
        self._before = dict(
            zip(self._costs, accumulate(self._costs.values(), initial=0.0), strict=False)
        )
        self._cost = sum(self._costs.values())

    def take(self, part: str, share: float) -> None:
        """Note how far a part is; parts that were there before do not count."""
        if part in self._costs:
            done = self._before[part] + share * self._costs[part]
            self._shared.advance(self._title, done / self._cost, self._cost)

    def finish(self, outcome: str, only: Collection[str] | None = None) -> None:
        """Note that the step has ended; ``only`` names its parts if others did the rest."""
        done = self._costs.keys() if only is None else self._costs.keys() & set(only)
        self._shared.advance(self._title, 1.0, sum(self._costs[part] for part in done))
        self._shared.end(self._title, outcome)
