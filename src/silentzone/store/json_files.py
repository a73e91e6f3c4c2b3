"""JSON files: strict on writing, bounded and suspicious on reading."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from silentzone.errors import TableError
from silentzone.store.atomic import replace_file

if TYPE_CHECKING:
    from pathlib import Path

MAXIMUM_BYTES = 256 * 2**20


def write_json(path: Path, value: object) -> None:
    """Write a JSON file in one step.

    Parameters
    ----------
    path : Path
        Its folder is made.
    value : object
        Of dicts with text keys, lists, tuples, text, finite numbers, booleans and null; NumPy
        scalars are written as the number they are.

    Raises
    ------
    TableError
        If a number is not finite (JSON has no such number) or a value is of another type; says
        where in the value.
    StorageError
        If the file cannot be written.
    """
    try:
        text = json.dumps(value, indent=1, allow_nan=False, default=_plain)
    except (TypeError, ValueError, RecursionError) as error:
        where = _first_unstorable(value, path.name) or path.name
        raise TableError(
            f"`{where}` must be null, text, a boolean, a finite number, a list or a dict "
            f"to be stored: {error}."
        ) from error
    replace_file(path, text.encode("ascii") + b"\n")


def read_json(path: Path) -> Any:  # noqa: ANN401 - JSON is any of its types
    """Content of a JSON file.

    Raises
    ------
    TableError
        If there is no such file, it is not JSON, holds NaN or infinity, or is over 256 MiB.
    """
    hint = "restore the file from a copy, or measure the study again into a new folder"
    try:
        with path.open("rb") as file:
            content = file.read(MAXIMUM_BYTES + 1)
    except OSError as error:
        raise TableError(f"`{path}` cannot be read: {error.strerror or error}.") from error
    if len(content) > MAXIMUM_BYTES:
        raise TableError(f"`{path}` must be at most {MAXIMUM_BYTES} bytes.", hint=hint)
    try:
        return json.loads(content.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise TableError(f"`{path}` must be JSON: {error}.", hint=hint) from error


def _plain(value: object) -> object:
    """Python number of a NumPy scalar."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"a value of type {type(value).__name__} has no JSON form")


def _refuse_constant(text: str) -> NoReturn:
    """Refuse NaN and the infinities, which Python's reader would let pass."""
    raise ValueError(f"`{text}` is not a JSON number")


def _first_unstorable(value: object, where: str, depth: int = 0) -> str | None:
    """Where the first value that JSON cannot hold stands."""
    if depth > 50:
        return where
    children: list[tuple[str, object]] = []
    if isinstance(value, dict):
        if bad := next((key for key in value if not isinstance(key, str)), None):
            return f"{where}[{bad!r}]"
        children = [(f"{where}.{key}", child) for key, child in value.items()]
    elif isinstance(value, list | tuple):
        children = [(f"{where}[{index}]", child) for index, child in enumerate(value)]
    elif isinstance(value, float | np.floating):
        return None if math.isfinite(value) else where
    elif value is None or isinstance(value, str | int | bool | np.generic):
        return None
    else:
        return where
    found = (_first_unstorable(child, place, depth + 1) for place, child in children)
    return next((place for place in found if place is not None), None)
