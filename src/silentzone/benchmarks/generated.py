"""Benchmarks of the user's own that a model answers by writing, one JSON object per line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from silentzone.benchmarks.jsonl import (
    label,
    ordinary_text,
    parse_object,
    read_lines,
    refuse_known_id,
    refuse_unknown_fields,
)
from silentzone.benchmarks.rules.answer_rules import RULES, check_gold
from silentzone.benchmarks.rules.checkers import CHECKERS
from silentzone.benchmarks.rules.instruction_lines import (
    from_ifeval,
    is_ifeval_line,
    refuse_too_few_tokens,
)
from silentzone.errors import BenchmarkError
from silentzone.records.items import GeneratedItem, Gold

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

GOLDS = (*RULES, *CHECKERS)
FIELDS = (
    "item_id", "prompt", "messages", *GOLDS, "tolerance", "cluster", "max_tokens", "stop",
)  # fmt: skip
ROLES = ("system", "user", "assistant")
MOST_TOKENS = 1_000_000
_MOST_STOPS = 16
_MOST_SHOWN = 20


def read_generated(path: Path) -> tuple[GeneratedItem, ...]:
    """Items of a file, each a ``prompt`` or ``messages`` with the gold of one rule.

    Parameters
    ----------
    path : Path
        UTF-8, one object per line; blank lines are passed over.

    Returns
    -------
    tuple of GeneratedItem
        In file order. IFEval's own lines (key, prompt, instruction_id_list, kwargs) are read too.

    Raises
    ------
    BenchmarkError
        Listing every line that cannot be used, with its number.
    """
    items: list[GeneratedItem] = []
    line_of_id: dict[str, int] = {}
    problems: list[BenchmarkError] = []
    for number, line in read_lines(path):
        where = f"`{path.name}` line {number}"
        try:
            item = _item(parse_object(line, where), where)
            refuse_known_id(item.item_id, line_of_id, where)
        except BenchmarkError as error:
            problems.append(error)
            continue
        line_of_id[item.item_id] = number
        items.append(item)
    _raise_all(problems)
    if not items:
        raise BenchmarkError(f"`{path}` holds no items")
    return tuple(items)


def _raise_all(problems: list[BenchmarkError]) -> None:
    if not problems:
        return
    if len(problems) == 1:
        raise problems[0]
    shown = "".join(f"\n- {problem.message}" for problem in problems[:_MOST_SHOWN])
    rest = len(problems) - _MOST_SHOWN
    more = f"\n- and {rest} more" if rest > 0 else ""
    raise BenchmarkError(
        f"{len(problems)} lines cannot be used:{shown}{more}", hint="correct or remove them"
    )


def _item(fields: dict[str, Any], where: str) -> GeneratedItem:
    if is_ifeval_line(fields):
        fields = from_ifeval(fields, where)
    refuse_unknown_fields(fields, FIELDS, where)
    if ("prompt" in fields) == ("messages" in fields):
        raise BenchmarkError(f"{where} must have either `prompt` or `messages`")
    gold = _gold(fields, where)
    item = GeneratedItem(
        item_id=label(fields, "item_id", where),
        prompt=ordinary_text(fields, "prompt", where) if "prompt" in fields else None,
        messages=_messages(fields["messages"], where) if "messages" in fields else (),
        gold=gold,
        max_tokens=_max_tokens(fields.get("max_tokens"), where),
        stop=_stop(fields.get("stop"), where),
        cluster_id=None if fields.get("cluster") is None else label(fields, "cluster", where),
    )
    refuse_too_few_tokens(item, item.max_tokens, where)
    return item


def _gold(fields: Mapping[str, Any], where: str) -> Gold:
    given = [rule for rule in GOLDS if rule in fields]
    if len(given) != 1:
        raise BenchmarkError(f"{where} must have one of {', '.join(GOLDS)}; it has {len(given)}")
    rule = given[0]
    if "tolerance" in fields and rule != "number":
        raise BenchmarkError(f"{where}: `tolerance` goes with `number` only")
    if rule in CHECKERS:
        gold = Gold(rule=rule, value=_checker_value(fields, rule, where))
        CHECKERS[rule].check_gold(gold.value, where)
        return gold
    gold = _plain_gold(fields, rule, where)
    check_gold(gold, where)
    return gold


def _checker_value(fields: Mapping[str, Any], rule: str, where: str) -> str:
    """Give what a checker needs: a text as it stands, anything else as JSON."""
    value = fields[rule]
    if isinstance(value, str):
        return ordinary_text(fields, rule, where)
    return json.dumps(value, ensure_ascii=True, sort_keys=True)


def _plain_gold(fields: Mapping[str, Any], rule: str, where: str) -> Gold:
    if rule != "number":
        return Gold(rule=rule, value=ordinary_text(fields, rule, where))
    number, tolerance = fields[rule], fields.get("tolerance", 0)
    for name, value in (("number", number), ("tolerance", tolerance)):
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or abs(value) > 1e300:
            raise BenchmarkError(f"{where}: `{name}` must be a number")
    return Gold(rule=rule, value=repr(number), tolerance=float(tolerance))


def _messages(value: object, where: str) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, list) or not value:
        raise BenchmarkError(f"{where}: `messages` must be a list of one or more messages")
    found = []
    for message in value:
        if not isinstance(message, dict) or set(message) != {"role", "content"}:
            raise BenchmarkError(f"{where}: every message must have `role` and `content` alone")
        if message["role"] not in ROLES:
            raise BenchmarkError(f"{where}: a `role` must be one of {', '.join(ROLES)}")
        found.append((str(message["role"]), ordinary_text(message, "content", where)))
    if found[-1][0] != "user":
        raise BenchmarkError(f"{where}: the last message must be the user's")
    return tuple(found)


def _max_tokens(value: object, where: str) -> int | None:
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MOST_TOKENS:
        raise BenchmarkError(f"{where}: `max_tokens` must be a whole number in 1..{MOST_TOKENS}")
    return value


def _stop(value: object, where: str) -> tuple[str, ...]:
    texts = [value] if isinstance(value, str) else [] if value is None else value
    if not isinstance(texts, list) or len(texts) > _MOST_STOPS:
        raise BenchmarkError(f"{where}: `stop` must be a text, or a list of up to {_MOST_STOPS}")
    for text in texts:
        is_text = isinstance(text, str) and text
        if not is_text or any("\ud800" <= character <= "\udfff" for character in text):
            raise BenchmarkError(f"{where}: every `stop` must be a text that is not empty")
    return tuple(texts)
