"""BFCL: which functions to call and how, in one turn, as the gorilla project's package has it.

The prompt is worded here, so scores are not those of the Berkeley Function Calling Leaderboard.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from silentzone.benchmarks.built_in import BuiltIn
from silentzone.benchmarks.jsonl import (
    label,
    parse_object,
    read_lines,
    refuse_known_id,
    refuse_unknown_fields,
)
from silentzone.benchmarks.rules.call_gold import read_gold
from silentzone.benchmarks.sets.bfcl_damage import DAMAGED
from silentzone.errors import BenchmarkError
from silentzone.records.items import GeneratedItem, Gold

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

PACKAGE = "bfcl-eval 2026.3.23"
ASSET = "bfcl"
_SYSTEM = """\
You answer requests by calling functions. Each line below describes one of them in JSON.

{functions}

Reply with a Python list of the calls that the request needs and with nothing else:
[first_function(parameter=value, ...), second_function(parameter=value, ...)]
Name every parameter and write every value as a Python literal. Where no function fits the \
request, or it does not say what a required parameter needs, reply with an empty list: []"""


@dataclass(frozen=True, slots=True, kw_only=True)
class BfclSet:
    """Some of the package's categories under one name."""

    name: str
    description: str
    categories: tuple[str, ...]
    item_count: int
    """Without the damaged ones."""
    wants_calls: bool = True

    def built_in(self) -> BuiltIn:
        """Entry of the list of benchmarks."""
        return BuiltIn(
            name=self.name,
            kind="generate",
            description=self.description,
            licence="Apache-2.0",
            source=f"{PACKAGE}, {', '.join(self.categories)}",
            asset=ASSET,
            read=lambda drawn: read_bfcl(self, drawn.folder),
            item_count=self.item_count,
            generation={"max_tokens": 512},
            # Where no call is right, silence is: such a set never enters a composite.
            chance=0.0 if self.wants_calls else 1.0,
        )


BFCL = BfclSet(
    name="bfcl",
    description=(
        "BFCL: function calls of one turn, matched by their syntax tree; the four Python categories"
        " that were written for the leaderboard, under a prompt of our own"
    ),
    categories=("simple_python", "multiple", "parallel", "parallel_multiple"),
    item_count=994,
)
BFCL_LIVE = BfclSet(
    name="bfcl_live",
    description=(
        "BFCL live: function calls of one turn that users of the leaderboard sent in, matched by"
        " their syntax tree, under a prompt of our own; up to 37 functions in a prompt"
    ),
    categories=("live_simple", "live_multiple", "live_parallel", "live_parallel_multiple"),
    item_count=1318,
)
BFCL_IRRELEVANCE = BfclSet(
    name="bfcl_irrelevance",
    description=(
        "BFCL irrelevance: no function fits and any answer that calls none is right, that of a"
        " model too broken to write a call included; read it beside `bfcl` only"
    ),
    categories=("irrelevance", "live_irrelevance"),
    item_count=1111,
    wants_calls=False,
)
BFCL_SETS = (BFCL, BFCL_LIVE, BFCL_IRRELEVANCE)


def read_bfcl(benchmark: BfclSet, folder: Path) -> tuple[tuple[GeneratedItem, ...], int]:
    """Items of one of the sets, and how many known to be damaged were left out.

    Parameters
    ----------
    benchmark : BfclSet
        Which one.
    folder : Path
        The unpacked ``bfcl_eval/data`` folder.

    Returns
    -------
    items : tuple of GeneratedItem
        Category by category, in file order. A cluster is one list of functions: several questions
        may be about the same.
    left_out : int
        Items named in `silentzone.benchmarks.sets.bfcl_damage.DAMAGED`.

    Raises
    ------
    BenchmarkError
        If a file is missing, a line is not what the format says, or a gold cannot be met; the
        message has file and line.
    """
    items: list[GeneratedItem] = []
    line_of_id: dict[str, int] = {}
    left_out = 0
    for category in benchmark.categories:
        name = f"BFCL_v4_{category}.json"
        golds = _golds(folder / "possible_answer" / name) if benchmark.wants_calls else None
        for number, line in read_lines(folder / name):
            where = f"`{name}` line {number}"
            fields = parse_object(line, where)
            refuse_unknown_fields(fields, ("id", "question", "function"), where)
            item_id = label(fields, "id", where)
            refuse_known_id(item_id, line_of_id, where)
            line_of_id[item_id] = number
            if item_id in DAMAGED:
                left_out += 1
                continue
            items.append(_item(item_id, fields, golds, where))
    if not items:
        raise BenchmarkError(f"`{folder}` holds no items of {benchmark.name}")
    return tuple(items), left_out


def _golds(file: Path) -> dict[str, tuple[list[Any], str]]:
    """Wanted calls of each id, and where they stand."""
    golds: dict[str, tuple[list[Any], str]] = {}
    line_of_id: dict[str, int] = {}
    for number, line in read_lines(file):
        where = f"`possible_answer/{file.name}` line {number}"
        fields = parse_object(line, where)
        refuse_unknown_fields(fields, ("id", "ground_truth"), where)
        item_id = label(fields, "id", where)
        refuse_known_id(item_id, line_of_id, where)
        line_of_id[item_id] = number
        calls = fields.get("ground_truth")
        if not isinstance(calls, list) or not calls:
            raise BenchmarkError(f"{where}: `ground_truth` must list one or more calls")
        golds[item_id] = (calls, where)
    return golds


def _item(
    item_id: str,
    fields: Mapping[str, Any],
    golds: Mapping[str, tuple[list[Any], str]] | None,
    where: str,
) -> GeneratedItem:
    if golds is not None and item_id not in golds:
        raise BenchmarkError(f"{where}: no `ground_truth` is stated for `{item_id}`")
    functions = fields.get("function")
    if not isinstance(functions, list) or not functions:
        raise BenchmarkError(f"{where}: `function` must list one or more functions")
    calls, gold_where = ([], where) if golds is None else golds[item_id]
    gold = Gold(
        rule="function_calls",
        value=json.dumps(
            {"functions": list(_signatures(functions, where)), "calls": calls}, sort_keys=True
        ),
    )
    read_gold(gold.value, gold_where)
    canonical = json.dumps(functions, sort_keys=True).encode()
    return GeneratedItem(
        item_id=item_id,
        prompt=None,
        messages=_messages(fields.get("question"), functions, where),
        gold=gold,
        cluster_id=hashlib.sha256(canonical).hexdigest()[:16],
    )


def _signatures(functions: list[Any], where: str) -> Iterator[dict[str, Any]]:
    """Keep what the matcher needs of the functions; descriptions are many times as long."""
    for function in functions:
        try:
            schema = function["parameters"]
            properties = {
                name: {
                    "type": stated["type"],
                    "items": {"type": stated.get("items", {}).get("type", "any")},
                }
                for name, stated in schema["properties"].items()
            }
            required = schema["required"]
            name = function["name"]
        except (KeyError, TypeError, AttributeError) as error:
            raise BenchmarkError(
                f"{where}: a function is not described as usual: {error}"
            ) from error
        yield {"name": name, "parameters": {"properties": properties, "required": required}}


def _messages(
    question: object, functions: list[Any], where: str
) -> tuple[tuple[str, str], tuple[str, str]]:
    """Our system message, with the item's own after it, and the user's question."""
    turn = question[0] if isinstance(question, list) and len(question) == 1 else None
    if not isinstance(turn, list) or not all(
        isinstance(message, dict) and isinstance(message.get("content"), str) for message in turn
    ):
        raise BenchmarkError(f"{where}: `question` must be one turn of messages")
    roles = [message.get("role") for message in turn]
    if roles not in (["user"], ["system", "user"]):
        raise BenchmarkError(
            f"{where}: the messages must be one of the user, perhaps after one of the system"
        )
    described = "\n".join(json.dumps(function, ensure_ascii=False) for function in functions)
    system = _SYSTEM.format(functions=described)
    if len(turn) == 2:
        system += f"\n\n{turn[0]['content']}"
    return ("system", system), ("user", turn[-1]["content"])
