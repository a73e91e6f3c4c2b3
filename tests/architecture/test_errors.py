"""The drawn tree of exceptions is the real one."""

from __future__ import annotations

import re

from silentzone import errors

_LINE = re.compile(r"^(?P<lead>[│├└─ ]*)(?P<name>\w+Error)\b")


def _drawn() -> dict[str, str | None]:
    """Name to parent, as drawn."""
    parents: dict[str, str | None] = {}
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        found = _LINE.match(line)
        if found is None:
            continue
        depth = len(found["lead"]) // 4
        path = [*path[:depth], found["name"]]
        parents[found["name"]] = path[depth - 1] if depth else None
    return parents


def test_the_tree_names_every_exception_under_its_own_parent():
    defined = {
        name: next(
            (base.__name__ for base in value.__bases__ if base.__module__ == errors.__name__), None
        )
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.SilentzoneError)
    }
    assert _drawn() == defined


def test_every_exception_says_what_it_is_for():
    for value in vars(errors).values():
        if isinstance(value, type) and issubclass(value, errors.SilentzoneError):
            assert value.__doc__
