"""How a model is run a second time against itself, and on which part of the work."""

from __future__ import annotations

UNEVEN_BATCH = "uneven_batch"
TOKEN_BY_TOKEN = "token_by_token"  # noqa: S105 - not a password
UNEVEN_TOKENS = 100
"""A call of 100 tokens is no multiple of any block an engine's kernels work in."""


def spread(count: int, available: int) -> list[int]:
    """Give the indices of ``count`` of ``available`` things, evenly spread.

    Examples
    --------
    >>> spread(2, 8)
    [2, 6]
    """
    return [(2 * k + 1) * available // (2 * count) for k in range(count)]
