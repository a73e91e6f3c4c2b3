# A null where a number is expected fails these tests by itself.
# mypy: disable-error-code="operator,index,arg-type,no-untyped-def,union-attr"

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from silentzone.analysis.spread import CONFIDENCE_EDGES, QUANTILES, position_spread
from silentzone.analysis.spread_rows import spread_rows
from silentzone.stats.clusters import ClusterPartition


def spread(kld, confidence, depth):
    n = len(kld)
    clusters = ClusterPartition.of(np.arange(n) // 4, unit="window")
    return position_spread(
        np.array(kld, float), np.array(confidence, float), np.array(depth, np.int64), clusters
    )


def test_every_position_is_in_one_bin_of_each_kind():
    rng = np.random.default_rng(1)
    kld, confidence = rng.exponential(0.1, 200), rng.uniform(0, 1, 200)
    confidence[:3] = [0.0, 1.0, 0.99]
    found = spread(kld, confidence, np.tile(np.arange(30, 50), 10))
    for bins in (found.confidence, found.depth):
        assert sum(one.kld.n_observations for one in bins) == 200
        weighted = sum(one.kld.value * one.kld.n_observations for one in bins) / 200
        assert weighted == pytest.approx(kld.mean())


def test_a_bin_holds_the_positions_between_its_bounds():
    found = spread([1.0, 2.0, 4.0, 8.0], [0.1, 0.5, 0.95, 1.0], [8, 9, 10, 11])
    means = {(one.low, one.high): one.kld.value for one in found.confidence}
    assert means == {(0.0, 0.25): 1.0, (0.5, 0.75): 2.0, (0.9, 0.99): 4.0, (0.99, 1.0): 8.0}
    assert [(one.low, one.high, one.kld.value) for one in found.depth] == [
        (8.0, 9.0, 1.0), (9.0, 10.0, 2.0), (10.0, 11.0, 4.0), (11.0, 12.0, 8.0),
    ]  # fmt: skip


def test_quantiles_are_those_of_numpy():
    kld = np.arange(1001) / 1000
    found = spread(kld, np.full(1001, 0.5), np.zeros(1001))
    assert dict(found.quantiles)[0.5] == pytest.approx(0.5)
    assert dict(found.quantiles)[0.999] == pytest.approx(0.999)
    assert [share for share, _ in found.quantiles] == list(QUANTILES)


def test_nothing_measured_is_nothing_to_divide():
    found = spread([], [], [])
    assert (found.confidence, found.depth, found.quantiles) == ((), (), ())


@pytest.mark.parametrize("used", [0.25, None])
def test_the_rows_subtract_the_models_own_floor_where_there_is_one(used):
    own = spread([1.0, 2.0, 4.0, 8.0], [0.1, 0.5, 0.95, 1.0], [8, 9, 10, 11])
    corpus: Any = SimpleNamespace(corpus="text", models={"Q4": SimpleNamespace(spread=own)})
    floor: Any = SimpleNamespace(used=used)
    (row,) = spread_rows([corpus], {"text": {"Q4": floor}})
    assert (row["model"], row["corpus"], row["floor"]) == ("Q4", "text", used)
    excess = [one["excess"] for one in row["confidence"]]
    assert excess == ([0.75, 1.75, 3.75, 7.75] if used else [None] * 4)
    assert len(row["quantiles"]) == len(QUANTILES)


def test_every_candidate_on_every_corpus_has_a_row(whole):
    rows = [(row["model"], row["corpus"]) for row in whole["kld_spread"]]
    measured = [(row["model"], row["corpus"]) for row in whole["fidelity"] if row["metrics"]]
    assert sorted(rows) == sorted(measured)
    for row in whole["kld_spread"]:
        assert {one["low"] for one in row["confidence"]} <= set(CONFIDENCE_EDGES)
