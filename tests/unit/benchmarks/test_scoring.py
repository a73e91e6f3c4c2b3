from __future__ import annotations

import math

import pytest

from silentzone.benchmarks.scoring import check_headline, score_choices
from silentzone.errors import BenchmarkError, ShapeError


def test_raw_and_normalized_can_disagree_and_the_headline_decides():
    values, lengths = [-2.0, -3.0], [4, 12]
    raw = score_choices(values, lengths, 0, headline="raw")
    normalized = score_choices(values, lengths, 0, headline="normalized")
    assert (raw.score_raw, raw.score_normalized) == (1.0, 0.0)
    assert (normalized.score_raw, normalized.score_normalized) == (1.0, 0.0)
    assert (raw.score, raw.prediction) == (1.0, 0)
    assert (normalized.score, normalized.prediction) == (0.0, 1)


def test_the_margin_is_gold_minus_the_best_other_of_the_headline_values():
    values, lengths = [-2.0, -3.0, -9.0], [4, 12, 9]
    assert score_choices(values, lengths, 0, headline="raw").margin == 1.0
    assert score_choices(values, lengths, 2, headline="raw").margin == -7.0
    assert score_choices(values, lengths, 0, headline="normalized").margin == -0.25


def test_confidence_is_the_softmax_at_the_prediction():
    values = [math.log(0.1) - 900, math.log(0.3) - 900]
    result = score_choices(values, [1, 1], 0, headline="raw")
    assert result.confidence == pytest.approx(0.75)
    assert score_choices(values, [1, 1], 1, headline="raw").confidence == result.confidence


def test_the_first_of_equal_values_wins():
    first = score_choices([-1.0, -1.0], [3, 3], 0, headline="raw")
    second = score_choices([-1.0, -1.0], [3, 3], 1, headline="raw")
    assert (first.score, second.score) == (1.0, 0.0)
    assert (first.margin, second.margin) == (0.0, 0.0)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_not_finite_gives_a_status_and_no_numbers(bad):
    result = score_choices([-1.0, bad], [3, 3], 0, headline="raw")
    assert result.status == "non_finite"
    assert (result.score, result.score_raw, result.score_normalized) == (None, None, None)
    assert (result.prediction, result.margin, result.confidence) == (None, None, None)


def test_an_item_that_cannot_be_scored_is_refused():
    with pytest.raises(ShapeError, match="2 log-likelihoods and 3 lengths"):
        score_choices([-1.0, -2.0], [1, 1, 1], 0, headline="raw")
    with pytest.raises(ShapeError, match="two or more choices"):
        score_choices([-1.0], [1], 0, headline="raw")
    with pytest.raises(BenchmarkError, match="`lengths` must be at least 1"):
        score_choices([-1.0, -2.0], [1, 0], 0, headline="raw")
    with pytest.raises(BenchmarkError, match=r"`gold` must lie in 0\.\.1; it is 2"):
        score_choices([-1.0, -2.0], [1, 1], 2, headline="raw")
    with pytest.raises(BenchmarkError, match="must be one of raw, normalized; it is `acc`"):
        check_headline("acc")
