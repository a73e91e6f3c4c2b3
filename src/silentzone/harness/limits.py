"""Time limits for templates, patterns and rules of a task file inside this process."""

from __future__ import annotations

import contextlib
import signal
import threading
from typing import TYPE_CHECKING, NoReturn

from silentzone.errors import TimeLimitError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType


@contextlib.contextmanager
def time_limit(seconds: float, what: str) -> Iterator[None]:
    """Stop what is under way after so many seconds.

    Python's own loops, Jinja2's and `re` all look for signals while they work. Signals reach the
    main thread alone, which is where workers measure and where a study is prepared; elsewhere
    there is no limit.

    Raises
    ------
    TimeLimitError
        If it took longer.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_number: int, _frame: FrameType | None) -> NoReturn:
        raise TimeLimitError(f"{what} took longer than {seconds:g} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)
