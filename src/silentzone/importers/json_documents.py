"""JSON that other tools wrote: bounded, no field twice, and what a field must be said in words."""

from __future__ import annotations

import hashlib
import json
import math
import re
from typing import TYPE_CHECKING, Any, Final, NoReturn

from silentzone.errors import TableError
from silentzone.importers.problems import shown
from silentzone.importers.text_files import refuse_other_formats, unreadable
from silentzone.store.json_files import MAXIMUM_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from typing import TextIO

_MOST_DIGITS: Final = 400
"""More than any number of a result has; longer ones (inputs of tests have them) stay text."""
_BLOCK: Final = 2**20
_LONGEST_ELEMENT: Final = 64 * 2**20
_SPACE = re.compile(r"[ \t\r\n]*")
_HALF_PAIR = re.compile("[\ud800-\udfff]")
_KINDS: Final[dict[type, str]] = {
    bool: "true or false",
    dict: "an object",
    float: "a finite number",
    int: "a whole number",
    list: "a list",
    str: "a text",
}


def parse_json(content: bytes | str) -> Any:  # noqa: ANN401 - JSON is any of its types
    """Value of a JSON text.

    NaN and the infinities are read: tools write them for what has no value, and often in places
    that nobody reads here. :func:`number_of` refuses them.

    Raises
    ------
    ValueError
        If it is no JSON, no UTF-8, nested too deep, or an object has a field twice; the message
        is one for a person.
    """
    try:
        text = content.decode("utf-8-sig") if isinstance(content, bytes) else content
        return _DECODER.decode(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"this is not JSON: {_reason(error)}") from error


def read_document(path: Path) -> Any:  # noqa: ANN401 - JSON is any of its types
    """Value of a JSON file.

    Raises
    ------
    TableError
        If it cannot be read, is over 256 MiB, or :func:`parse_json` refuses it.
    """
    refuse_other_formats(path)
    try:
        with path.open("rb") as file:
            content = file.read(MAXIMUM_BYTES + 1)
    except OSError as error:
        raise unreadable(path, error) from error
    if len(content) > MAXIMUM_BYTES:
        raise TableError(f"`{path.name}` is over {MAXIMUM_BYTES // 2**20} MiB, which is not read")
    try:
        return parse_json(content)
    except ValueError as error:
        raise TableError(f"`{path.name}`: {error}", hint="the file may be cut off") from error


def read_objects(path: Path) -> Iterator[dict[str, Any]]:
    """Objects of a JSON file that is one list of them, one at a time.

    Raises
    ------
    TableError
        If the file cannot be read, is no such list, or :func:`parse_json` refuses an object; the
        message names the object by its number.
    """
    refuse_other_formats(path)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from _objects(file, path.name)
    except UnicodeDecodeError as error:
        raise TableError(f"`{path.name}` is not UTF-8 text", hint="it may be damaged") from error
    except OSError as error:
        raise unreadable(path, error) from error


def field_of(record: Mapping[str, Any], name: str, kind: type) -> Any:  # noqa: ANN401
    """Value of a field that must be of one kind.

    Parameters
    ----------
    record : mapping
    name : str
    kind : type
        One of bool, dict, float (any finite number), int, list, str.

    Raises
    ------
    ValueError
        If the field is missing or of another kind; the message is one for a person.
    """
    if name not in record:
        raise ValueError(f"`{name}` is missing")
    value = record[name]
    if kind is float:
        return number_of(value, name)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ValueError(f"`{name}` must be {_KINDS[kind]}; it is {shown(value)}")
    return value


def number_of(value: object, name: str) -> float:
    """Finite number of a JSON value.

    Raises
    ------
    ValueError
        If it is none.
    """
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    try:
        number = float(value) if is_number else math.nan  # type: ignore[arg-type]
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"`{name}` must be a finite number; it is {shown(value)}")
    return number


def id_of(value: object, name: str) -> str:
    """Give an identifier, which tools write as a text or as a whole number.

    Raises
    ------
    ValueError
        If it is neither.
    """
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError(f"`{name}` must be a text or a whole number; it is {shown(value)}")  # noqa: TRY004
    return str(value)


def object_of(value: object) -> dict[str, Any]:
    """Give a value that is an object, and an empty object for any other."""
    return value if isinstance(value, dict) else {}


def canonical_text(value: object) -> str:
    r"""Write a JSON value in the one way that equal values share.

    Raises
    ------
    ValueError
        If it is nested too deep.

    Examples
    --------
    >>> canonical_text({"b": 1, "a": "é"})
    '{"a":"\\u00e9","b":1}'
    """
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"))
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error


def canonical_sha256(value: object) -> str:
    """Hex digest of a JSON value, the same however it was laid out.

    Raises
    ------
    ValueError
        If it is nested too deep.
    """
    return hashlib.sha256(canonical_text(value).encode()).hexdigest()


def plain_text(value: object) -> str | None:
    """Give a value as text that can be stored, null for null; half a surrogate pair becomes �."""
    if value is None:
        return None
    text = value if isinstance(value, str) else canonical_text(value)
    return text if text.isascii() else _HALF_PAIR.sub("�", text)


def _objects(file: TextIO, name: str) -> Iterator[dict[str, Any]]:
    text, place = _at_next(file, "", 0)
    if text[place : place + 1] != "[":
        raise TableError(f"`{name}` is no list of objects")
    number, separator = 0, ""
    while True:
        text, place = _at_next(file, text, place + 1)
        mark = text[place : place + 1]
        if mark == "]" and separator != ",":
            break
        if mark != "{":
            raise TableError(f"`{name}` ends within its list", hint="the file may be cut off")
        element, text, place = _next_object(file, text, place, f"`{name}` item {number}")
        yield element
        number += 1
        text, place = _at_next(file, text, place)
        separator = text[place : place + 1]
        if separator == "]":
            break
        if separator != ",":
            raise TableError(f"`{name}` ends within its list", hint="the file may be cut off")
    if _at_next(file, text, place + 1)[0]:
        raise TableError(f"`{name}` goes on after its list")


def _at_next(file: TextIO, text: str, place: int) -> tuple[str, int]:
    """Go to the next mark that is no space, reading on where the text ends; empty at the end."""
    while True:
        found = _SPACE.match(text, place)
        place = len(text) if found is None else found.end()
        if place < len(text):
            return text, place
        text, place = file.read(_BLOCK), 0
        if not text:
            return text, place


def _next_object(
    file: TextIO, text: str, place: int, where: str
) -> tuple[dict[str, Any], str, int]:
    text = text[place:]
    while True:
        try:
            element, end = _DECODER.raw_decode(text)
        except RecursionError as error:
            raise TableError(f"{where}: this is not JSON: {_reason(error)}") from error
        except ValueError as error:
            # An object that is not there to its end fails too; twice the text costs what one
            # reading of it costs.
            more = file.read(max(len(text), _BLOCK)) if len(text) < _LONGEST_ELEMENT else ""
            if not more:
                raise TableError(
                    f"{where}: this is not JSON: {_reason(error)}", hint="the file may be cut off"
                ) from error
            text += more
            continue
        if not isinstance(element, dict):
            raise TableError(f"{where} is no object; it is {shown(element)}")
        return element, text, end


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        _refuse_twice(pairs)
    return fields


def _refuse_twice(pairs: list[tuple[str, Any]]) -> NoReturn:
    names = [name for name, _ in pairs]
    twice = next(name for name in names if names.count(name) > 1)
    raise ValueError(f"the field {shown(twice)} occurs twice")


def _whole(digits: str) -> int | str:
    return int(digits) if len(digits) <= _MOST_DIGITS else digits


def _reason(error: Exception) -> str:
    return "it is nested too deep" if isinstance(error, RecursionError) else str(error)


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_once, parse_int=_whole)
