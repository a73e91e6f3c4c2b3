"""Benchmarks of the user's own, one JSON object per line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from silentzone.errors import BenchmarkError
from silentzone.records.items import ChoiceItem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

FIELDS = ("item_id", "prompt", "choices", "target", "cluster")


def read_jsonl(path: Path) -> tuple[ChoiceItem, ...]:
    """Items of a file with the fields item_id, prompt, choices, target and, optionally, cluster.

    Parameters
    ----------
    path : Path
        UTF-8, one object per line; blank lines are passed over.

    Returns
    -------
    tuple of ChoiceItem
        In file order. One space is put between prompt and choice unless one of them brings white
        space of its own; it is not counted in the choice's length.

    Raises
    ------
    BenchmarkError
        If a line cannot be used: broken JSON, a missing, unknown or repeated field, an id that
        occurred before, fewer than two choices, an empty choice, a gold answer that is no choice
        or reads like another one. The message has the line number.
    """
    items: list[ChoiceItem] = []
    line_of_id: dict[str, int] = {}
    for number, line in read_lines(path):
        where = f"`{path.name}` line {number}"
        item = _item(parse_object(line, where), where)
        refuse_known_id(item.item_id, line_of_id, where)
        line_of_id[item.item_id] = number
        items.append(item)
    if not items:
        raise BenchmarkError(f"`{path}` holds no items")
    return tuple(items)


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Lines that are not blank, with their numbers from 1.

    Raises
    ------
    BenchmarkError
        If the file cannot be read, or a line is not UTF-8.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BenchmarkError(f"`{path}` cannot be read: {error.strerror}") from error
    for number, line in enumerate(content.split(b"\n"), start=1):
        try:
            text = line.decode("utf-8").removesuffix("\r")
        except UnicodeDecodeError as error:
            raise BenchmarkError(f"`{path.name}` line {number} is not UTF-8") from error
        if text.strip():
            yield number, text


def parse_object(line: str, where: str) -> dict[str, Any]:
    """Parse the JSON object of one line, every field once.

    Raises
    ------
    BenchmarkError
        If the line is not JSON, not an object, or repeats a field.
    """

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        fields = dict(pairs)
        if len(fields) < len(pairs):
            raise BenchmarkError(f"{where}: a field occurs twice")
        return fields

    try:
        fields = json.loads(line, object_pairs_hook=once)
    except (json.JSONDecodeError, RecursionError) as error:
        raise BenchmarkError(f"{where} is not JSON: {error}") from error
    if not isinstance(fields, dict):
        raise BenchmarkError(f"{where} must be a JSON object; it is a {type(fields).__name__}")
    return fields


def refuse_unknown_fields(fields: Mapping[str, Any], known: Iterable[str], where: str) -> None:
    """Refuse fields nobody would read.

    Raises
    ------
    BenchmarkError
        If a field is none of ``known``.
    """
    unknown = [name for name in fields if name not in set(known)]
    if unknown:
        raise BenchmarkError(
            f"{where}: unknown field `{unknown[0]}`", hint=f"known fields: {', '.join(known)}"
        )


def refuse_known_id(item_id: str, line_of_id: Mapping[str, int], where: str) -> None:
    """Refuse an id that an earlier line has.

    Raises
    ------
    BenchmarkError
        With both line numbers.
    """
    if item_id in line_of_id:
        raise BenchmarkError(
            f"{where}: `item_id` {item_id!r} was used on line {line_of_id[item_id]}"
        )


def ordinary_text(fields: Mapping[str, Any], name: str, where: str) -> str:
    """Value of a field that must be a text with something in it.

    Raises
    ------
    BenchmarkError
        If the field is missing, not a text, blank, or holds half a surrogate pair.
    """
    value = fields.get(name)
    if not isinstance(value, str) or not value.strip():
        raise BenchmarkError(f"{where}: `{name}` must be a text that is not empty")
    return _encodable(value, name, where)


def _encodable(value: str, name: str, where: str) -> str:
    # JSON can spell half a surrogate pair, which no tokenizer can be given.
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise BenchmarkError(f"{where}: `{name}` holds half a surrogate pair")
    return value


def _item(fields: dict[str, Any], where: str) -> ChoiceItem:
    refuse_unknown_fields(fields, FIELDS, where)
    prompt = ordinary_text(fields, "prompt", where)
    choices = _choices(fields.get("choices"), where)
    bare = tuple(choice.removeprefix(" ") for choice in choices)
    return ChoiceItem(
        item_id=label(fields, "item_id", where),
        prompt=prompt,
        choices=tuple(
            choice if prompt[-1].isspace() or choice[0].isspace() else f" {choice}"
            for choice in choices
        ),
        gold=_gold(fields.get("target"), choices, where),
        lengths=tuple(map(len, bare)),
        cluster_id=None if fields.get("cluster") is None else label(fields, "cluster", where),
    )


def label(fields: Mapping[str, Any], name: str, where: str) -> str:
    """Give a text or a whole number as text.

    Raises
    ------
    BenchmarkError
        If the field is missing or neither.
    """
    value = fields.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return ordinary_text(fields, name, where)


def _choices(value: object, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) < 2:
        raise BenchmarkError(f"{where}: `choices` must be a list of two or more texts")
    for choice in value:
        if not isinstance(choice, str) or not choice.strip():
            raise BenchmarkError(f"{where}: every choice must be a text that is not empty")
        _encodable(choice, "choices", where)
    return tuple(value)


def _gold(target: object, choices: tuple[str, ...], where: str) -> int:
    if isinstance(target, bool) or not isinstance(target, int | str):
        raise BenchmarkError(f"{where}: `target` must be the index or the text of a choice")
    if isinstance(target, str):
        if target not in choices:
            raise BenchmarkError(f"{where}: `target` is none of the choices: {target!r}")
        gold = choices.index(target)
    elif 0 <= target < len(choices):
        gold = target
    else:
        raise BenchmarkError(f"{where}: `target` must lie in 0..{len(choices) - 1}; it is {target}")
    wordings = [choice.strip() for choice in choices]
    if wordings.count(wordings[gold]) > 1:
        raise BenchmarkError(f"{where}: another choice reads like the gold one")
    return gold
