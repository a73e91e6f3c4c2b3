# A null where a number is expected fails these tests by itself.
# mypy: disable-error-code="operator,index,arg-type,no-untyped-def"

from __future__ import annotations

import numpy as np
import pytest

from silentzone.analysis.floors import distinguishable_pairs, floor_as_json, model_floor
from silentzone.analysis.positions import CorpusPositions, FloorPositions, ModelPositions
from silentzone.analysis.spread import Spread
from silentzone.stats.clusters import ClusterPartition

WINDOWS = 12


def positions(*kld: float, excluded: int = 0) -> FloorPositions:
    return FloorPositions(
        kld=np.array(kld),
        clusters=ClusterPartition.of(np.arange(len(kld)) // 2, unit="window"),
        n_excluded=excluded,
    )


STILL, MOVED = positions(0.0, 0.0, 0.0, 0.0), positions(0.1, 0.2, 0.1, 0.2)
BEYOND = positions(0.1, np.inf, 0.1, 0.1)
BOTH_STILL = {"uneven_batch": STILL, "token_by_token": STILL}


@pytest.mark.parametrize(
    ("own", "used", "threshold"),
    [
        ({"uneven_batch": MOVED, "token_by_token": STILL}, 0.15, 0.15),
        ({"uneven_batch": MOVED}, 0.15, 0.15),
        (BOTH_STILL, None, 0.0),
        ({"uneven_batch": STILL}, None, None),
        ({"uneven_batch": BEYOND}, None, None),
        ({"uneven_batch": MOVED, "token_by_token": BEYOND}, None, None),
        ({"uneven_batch": STILL, "token_by_token": positions(excluded=4)}, None, None),
        ({}, None, None),
    ],
)
def test_a_floor_that_is_not_wholly_known_is_never_taken_for_zero(own, used, threshold):
    floor = model_floor(own, {}, "first")
    assert floor.used == pytest.approx(used)
    assert floor.threshold == pytest.approx(threshold)
    assert floor_as_json(floor)["used"] == floor.used


def test_the_statement_counts_positions_and_windows_and_names_the_corpus_that_stands_in():
    floor = model_floor({"uneven_batch": MOVED}, {"token_by_token": positions(0.1)}, "wiki")
    assert "from itself (4 positions in 2 windows);" in floor.statement
    assert "(1 position in 1 window on wiki)" in floor.statement


def pair(own, difference: float, spread: float = 0.01):
    """Judgement on two candidates whose KLD differs by this much in every window."""
    first = np.full(2 * WINDOWS, 0.1)
    noise = np.repeat(np.tile([1.0, -1.0], WINDOWS // 2), 2)
    second = first + difference + spread * noise
    usable = np.ones(2 * WINDOWS, dtype=np.bool_)
    usable[0] = False
    corpus = CorpusPositions(
        corpus="text",
        clusters=ClusterPartition.of(np.arange(2 * WINDOWS) // 2, unit="window"),
        models={
            name: ModelPositions(
                kld=kld,
                usable=usable,
                excluded={},
                fidelity={},
                spread=Spread(confidence=(), depth=(), quantiles=()),
                replicates={},
            )
            for name, kld in (("a", first), ("b", second))
        },
        documents_known=0,
        weights=None,
    )
    floors = {name: model_floor(own, {}, "first") for name in ("a", "b")}
    return distinguishable_pairs(corpus, floors, ["a", "b"])[0]


@pytest.mark.parametrize(
    ("own", "difference", "is_distinguishable", "why"),
    [
        ({"uneven_batch": MOVED}, 0.3, True, "above the larger floor of 1.50e-01 (4 positions in"),
        ({"uneven_batch": MOVED}, 0.153, None, "above the floor, its interval is not"),
        ({"uneven_batch": MOVED}, 0.1, False, "is not above the larger floor"),
        ({"uneven_batch": MOVED}, 0.0, False, "includes zero"),
        (BOTH_STILL, 0.1, True, "neither model changed under the perturbations tried"),
        ({"uneven_batch": STILL}, 0.1, None, "not known"),
        ({"uneven_batch": BEYOND}, 0.1, None, "not known"),
    ],
)
def test_a_pair_is_told_apart_only_where_the_whole_interval_is_above_the_floor(
    own, difference, is_distinguishable, why
):
    row = pair(own, difference)
    assert row["is_distinguishable"] is is_distinguishable
    assert why in row["why"]


def test_a_floor_of_nothing_is_stored_as_null():
    assert pair(BOTH_STILL, 0.1)["floor"] is None
    assert pair({"uneven_batch": MOVED}, 0.1)["floor"] == pytest.approx(0.15)


def test_positions_left_out_of_a_pair_are_counted():
    cautions = pair(BOTH_STILL, 0.1)["difference"]["cautions"]
    assert cautions[0].startswith("1 of 24 positions are left out")
