"""Questions that reasoning-gym's generators make."""

from __future__ import annotations

import functools
import hashlib
import json
import math
from typing import TYPE_CHECKING, Any

from silentzone.benchmarks.built_in import BuiltIn, Draw
from silentzone.benchmarks.rules.reasoning_gym import (
    GENERATORS,
    RULE,
    VERSION,
    check_entry_gold,
    make_dataset,
)
from silentzone.errors import BenchmarkError
from silentzone.records.items import GeneratedItem, Gold

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from silentzone.benchmarks.rules.reasoning_gym import Generator

DEFAULT_ITEMS = 200
_MOST_ITEMS = 10_000
_TRIES_PER_ITEM = 5
_REQUEST = (
    "\n\nThink it through if that helps. Then give the final answer, and nothing else, between"
    " <answer> and </answer>."
)


def _entries(generator: Generator, count: int, seed: int) -> Iterator[dict[str, Any]]:
    """Give entries whose questions differ, as JSON holds them.

    Raises
    ------
    BenchmarkError
        If the generator repeats itself too often, or JSON cannot hold an entry.
    """
    # Neighbouring seeds of reasoning-gym share all questions but one.
    digest = hashlib.sha256(f"{seed} {generator.name}".encode()).digest()
    dataset = make_dataset(generator, count * _TRIES_PER_ITEM, int.from_bytes(digest[:4]) >> 1)
    asked: set[str] = set()
    for index in range(count * _TRIES_PER_ITEM):
        if len(asked) == count:
            return
        made = dataset[index]
        if made["question"] in asked:
            continue
        asked.add(made["question"])
        entry = {key: made[key] for key in ("question", "answer", "metadata")}
        try:
            yield json.loads(json.dumps(entry, allow_nan=False))
        except (TypeError, ValueError) as error:
            raise BenchmarkError(
                f"entry {index} of generator `{generator.name}` is more than JSON can hold: {error}"
            ) from error
    if len(asked) < count:
        raise BenchmarkError(
            f"generator `{generator.name}` has only {len(asked)} different questions, not {count}"
        )


def _items(generator: Generator, count: int, seed: int) -> Iterator[GeneratedItem]:
    for number, entry in enumerate(_entries(generator, count, seed), start=1):
        item_id = f"{generator.name}-{number:04d}"
        value = json.dumps({"generator": generator.name, "entry": entry}, sort_keys=True)
        check_entry_gold(value, item_id)
        yield GeneratedItem(
            item_id=item_id,
            prompt=None,
            messages=(("user", entry["question"] + _REQUEST),),
            gold=Gold(rule=RULE, value=value),
            cluster_id=generator.name,
        )


def _read(generators: Sequence[Generator], draw: Draw) -> tuple[tuple[GeneratedItem, ...], int]:
    """Make items of each generator in turn, so that a smaller set is part of a larger one."""
    count = DEFAULT_ITEMS if draw.items is None else draw.items
    if count > _MOST_ITEMS:
        raise BenchmarkError(f"`items` of a set of reasoning-gym may be {_MOST_ITEMS} at most")
    each = math.ceil(count / len(generators))
    made = [_items(generator, each, draw.seed) for generator in generators]
    turns = [item for turn in zip(*made, strict=True) for item in turn]
    return tuple(turns[:count]), 0


def _built_in(name: str, about: str, generators: Sequence[Generator]) -> BuiltIn:
    return BuiltIn(
        name=name,
        kind="generate",
        description=f"reasoning-gym: {about}",
        licence="Apache-2.0",
        source=f"reasoning-gym {VERSION}",
        asset=None,
        read=functools.partial(_read, tuple(generators)),
        generation={"max_tokens": 512},
        chance=math.fsum(one.chance for one in generators) / len(generators),
        extra="reasoning-gym",
    )


REASONING_GYM = (
    _built_in(
        "reasoning_gym",
        f"as many questions of each of {len(GENERATORS)} generators",
        tuple(GENERATORS.values()),
    ),
    *(_built_in(f"rg_{one.name}", one.about, (one,)) for one in GENERATORS.values()),
)
