"""How fast Python runs here, so that a slow machine does not make right programs late."""

from __future__ import annotations

import functools
import time

NOMINAL_SECONDS = 0.01
"""CPU time of the work below where the factor is 1: CPython 3.11 on a server of 2023."""
MOST = 20.0
_RUNS = 3
_SIZE = 20_000


@functools.cache
def speed_factor() -> float:
    """How many times longer than nominal Python needs here, in [1, 20]; measured once.

    CPU time of this thread, the shortest of three runs: what other programs do at the same time
    enters little.
    """
    return round(min(MOST, max(1.0, min(_measured() for _ in range(_RUNS)) / NOMINAL_SECONDS)), 2)


def _measured() -> float:
    began = time.thread_time()
    numbers: dict[int, list[int]] = {}
    total = 0
    for index in range(_SIZE):
        numbers.setdefault(index * index % 97, []).append(index)
        total += sum(map(int, str(index))) % 7
    assert total + sum(len(found) for found in numbers.values()) > _SIZE, "it was really done"
    return time.thread_time() - began
