"""What to say to a person who typed a name that is not there."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_SHOWN: Final = 20


def near_names(typed: str, known: Iterable[str]) -> str:
    """Give the closest of the names that are there, and those names, as a hint.

    Examples
    --------
    >>> near_names("promt", ["prompt", "target"])
    'did you mean `prompt`? there are: prompt, target'
    >>> near_names("x", [])
    'there is none'
    """
    names = list(known)
    if not names:
        return "there is none"
    close = difflib.get_close_matches(typed, names, n=1)
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return (
        f"did you mean `{close[0]}`? " if close else ""
    ) + f"there are: {', '.join(names[:_SHOWN])}{more}"
