"""One table of laws: what every per-position metric must obey, whatever the logits are."""

from __future__ import annotations

from dataclasses import dataclass

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from silentzone.metrics.kernels import compare_rows, describe_rows
from silentzone.records.tables import POSITION_METRICS

LN2 = float(np.log(2.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Law:
    """What holds of one metric for every pair of rows."""

    on_equal: float | None
    """Value where candidate and reference are equal; null where that depends on the row."""
    lower: float
    upper: float
    swapped: str | None
    """Metric that has this one's value after the two models change places; null if none has."""
    sign: int = 1
    """-1 where it has the negative of that value."""
    tolerance: float = 1e-5


LAWS = {
    "reference_nll": Law(on_equal=None, lower=0, upper=np.inf, swapped="candidate_nll"),
    "candidate_nll": Law(on_equal=None, lower=0, upper=np.inf, swapped="reference_nll"),
    "kl_divergence": Law(on_equal=0, lower=0, upper=np.inf, swapped="reverse_kl_divergence"),
    "reverse_kl_divergence": Law(on_equal=0, lower=0, upper=np.inf, swapped="kl_divergence"),
    "js_divergence": Law(on_equal=0, lower=0, upper=LN2, swapped="js_divergence"),
    "total_variation": Law(on_equal=0, lower=0, upper=1, swapped="total_variation"),
    "delta_p": Law(on_equal=0, lower=-1, upper=1, swapped="delta_p", sign=-1),
    "reference_entropy": Law(on_equal=None, lower=0, upper=np.inf, swapped="candidate_entropy"),
    "candidate_entropy": Law(on_equal=None, lower=0, upper=np.inf, swapped="reference_entropy"),
    "reference_top1_probability": Law(on_equal=None, lower=0, upper=1, swapped=None),
    "top1_match": Law(on_equal=1, lower=0, upper=1, swapped="top1_match"),
    "top5_match": Law(on_equal=1, lower=0, upper=1, swapped=None),
    "top5_overlap": Law(on_equal=5, lower=0, upper=5, swapped="top5_overlap"),
    "reference_top1_rank": Law(on_equal=1, lower=1, upper=np.inf, swapped=None),
}


def _values(reference, candidate, observed):
    """Every metric of the stored table, shape (T,) each."""
    described = describe_rows(reference, observed)
    metrics = compare_rows(reference, candidate, observed, described)
    own = {"reference_nll": described.nll, "reference_entropy": described.entropy}
    return {
        name: np.asarray(
            getattr(metrics, name)
            if hasattr(metrics, name)
            else own.get(name, described.top1_probability),
            np.float64,
        )
        for name in POSITION_METRICS
    }


@st.composite
def rows(draw):
    """Two rows of logits on a grid of 2**-10 (so that a shift by an integer is exact), a token.

    On the coarse grid some logits are equal, on the others hardly any.
    """
    vocabulary = draw(st.integers(5, 40))
    reach = draw(st.sampled_from([64, 2**12, 2**15]))
    rng = np.random.default_rng(draw(st.integers(0, 2**31)))
    grids = [
        rng.choice(2 * reach, vocabulary, replace=draw(st.booleans())) - reach for _ in range(2)
    ]
    pair = [grid[None].astype(np.float32) / np.float32(1024) for grid in grids]
    return pair[0], pair[1], np.array([draw(st.integers(0, vocabulary - 1))], np.int32)


def _is_without_ties(case):
    return all(len(np.unique(logits)) == logits.size for logits in case[:2])


def _check_all(found, expected):
    for name, value in found.items():
        tolerance = LAWS[name].tolerance
        np.testing.assert_allclose(value, expected[name], rtol=1e-4, atol=tolerance, err_msg=name)


def test_every_stored_metric_has_its_laws():
    assert set(LAWS) == set(POSITION_METRICS)


@hypothesis.given(case=rows())
def test_every_metric_stays_in_its_bounds(case):
    for name, value in _values(*case).items():
        law = LAWS[name]
        assert law.lower - law.tolerance <= value[0] <= law.upper + law.tolerance, name


@hypothesis.given(case=rows())
def test_equal_rows_give_the_value_of_no_change(case):
    reference, _, observed = case
    values = _values(reference, reference.copy(), observed)
    for name, value in values.items():
        expected = LAWS[name].on_equal
        if expected is None:
            expected = values[LAWS[name].swapped or name][0]
        assert value[0] == pytest.approx(expected, rel=1e-6, abs=1e-5), name


@hypothesis.given(case=rows())
def test_models_that_change_places_change_the_metrics_as_stated(case):
    hypothesis.assume(_is_without_ties(case))
    reference, candidate, observed = case
    values, swapped = _values(*case), _values(candidate, reference, observed)
    paired = {name: law for name, law in LAWS.items() if law.swapped is not None}
    _check_all(
        {name: values[name] for name in paired},
        {name: law.sign * swapped[str(law.swapped)] for name, law in paired.items()},
    )


@pytest.mark.parametrize("name", [name for name in LAWS if LAWS[name].swapped != name])
def test_a_metric_that_is_not_called_symmetric_is_not(name):
    reference = np.array([[9, 8, 7, 6, 5, 4, 0]], np.float32)
    candidate = np.array([[0, 2, 3, 4, 5, 6, 12]], np.float32)
    candidate_first = np.array([[1, 8, 7, 6, 5, 4, 3]], np.float32)
    observed = np.array([0], np.int32)
    differences = [
        abs(_values(reference, other, observed)[name] - _values(other, reference, observed)[name])
        for other in (candidate, candidate_first)
    ]
    assert max(float(difference[0]) for difference in differences) > 1e-3


@hypothesis.given(case=rows(), seed=st.integers(0, 2**31))
def test_the_order_of_the_vocabulary_is_of_no_account(case, seed):
    hypothesis.assume(_is_without_ties(case))
    reference, candidate, observed = case
    order = np.random.default_rng(seed).permutation(reference.shape[1])
    moved = np.flatnonzero(order == observed[0]).astype(np.int32)
    first, second = (np.ascontiguousarray(logits[:, order]) for logits in (reference, candidate))
    _check_all(_values(first, second, moved), _values(*case))


@hypothesis.given(case=rows(), first=st.integers(-64, 64), second=st.integers(-64, 64))
def test_a_constant_added_to_the_logits_changes_nothing(case, first, second):
    reference, candidate, observed = case
    shifted = _values(reference + np.float32(first), candidate + np.float32(second), observed)
    _check_all(shifted, _values(*case))
