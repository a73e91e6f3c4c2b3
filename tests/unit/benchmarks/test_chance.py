"""When a reference is told apart from guessing."""

from __future__ import annotations

import numpy as np
import pytest

from silentzone.benchmarks.chance import at_chance


def scores(right, n):
    return np.array([1.0] * right + [0.0] * (n - right))


@pytest.mark.parametrize(
    ("right", "n", "chance", "stops"),
    [
        (250, 1000, 0.25, True),
        (0, 60, 0.5, True),
        (310, 1000, 0.25, False),
        (12, 48, 0.25, False),
        (900, 1000, 0.25, False),
    ],
)
def test_a_reference_that_surely_only_guesses_stops(right, n, chance, stops):
    why = at_chance(scores(right, n), chance)
    assert (why is not None) is stops


def test_the_sentence_has_the_numbers():
    why = at_chance(np.append(scores(250, 1000), np.nan), 0.25)
    assert why is not None
    # statsmodels.stats.proportion.proportion_confint(250, 1000, method="wilson")
    assert "250 of 1000 items" in why
    assert "22.4 to 27.8 %" in why
    assert "guessing gives 25.0 %" in why


def test_items_without_a_score_say_nothing():
    assert at_chance(np.full(10, np.nan), 0.5) is None


def test_who_always_gives_the_commonest_answer_knows_nothing():
    golds = ["1"] * 620 + ["0"] * 380
    assert at_chance(scores(590, 1000), 0.5) is None
    why = at_chance(scores(590, 1000), 0.5, golds)
    assert why is not None
    assert "guessing gives 50.0 %, always the same choice 62.0 %" in why
    assert at_chance(scores(750, 1000), 0.5, golds) is None


def test_few_items_with_one_answer_stop_nothing_by_that_alone():
    assert at_chance(scores(3, 4), 0.25, ["0"] * 4) is None
    assert at_chance(scores(12, 20), 0.5, ["1"] * 14 + ["0"] * 6) is None
