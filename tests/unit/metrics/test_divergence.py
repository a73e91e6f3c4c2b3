"""The float64 oracle against SciPy, and at the edges of probability."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.special import rel_entr
from scipy.special import softmax as scipy_softmax

from silentzone.errors import ShapeError
from silentzone.metrics import divergence


def _pair(displacement, rows=8, vocabulary=1025, scale=3.0):
    rng = np.random.default_rng([11, vocabulary])
    reference = rng.standard_normal((rows, vocabulary)) * scale
    return reference, reference + displacement * rng.standard_normal(reference.shape)


@pytest.mark.parametrize("displacement", [1.0, 0.1, 1e-3])
def test_the_oracle_agrees_with_scipy(displacement):
    reference, candidate = _pair(displacement)
    p, q = scipy_softmax(reference, axis=1), scipy_softmax(candidate, axis=1)
    log_p, log_q = divergence.log_softmax(reference), divergence.log_softmax(candidate)
    expected = {
        "kl_divergence": rel_entr(p, q).sum(axis=1),
        "reverse_kl_divergence": rel_entr(q, p).sum(axis=1),
        "js_divergence": jensenshannon(p, q, axis=1) ** 2,
        "total_variation": np.abs(p - q).sum(axis=1) / 2,
    }
    for name, values in expected.items():
        # SciPy's plain sums cancel: 1e-15 of absolute error beside a divergence of 1e-6
        np.testing.assert_allclose(getattr(divergence, name)(log_p, log_q), values, rtol=2e-8)


def test_the_oracle_does_not_cancel_where_the_plain_sum_does():
    # second-order expansion: KLD = variance of d under p / 2 for a tiny displacement
    reference, candidate = _pair(1e-8)
    log_p, log_q = divergence.log_softmax(reference), divergence.log_softmax(candidate)
    p, d = np.exp(log_p), candidate - reference
    mean = (p * d).sum(axis=1, keepdims=True)
    expected = (p * (d - mean) ** 2).sum(axis=1) / 2
    plain = (p * (log_p - log_q)).sum(axis=1)
    assert np.abs(plain / expected - 1).max() > 0.1
    np.testing.assert_allclose(
        divergence.kl_divergence(log_p, log_q), expected, rtol=1e-4, atol=1e-22
    )


LOG_HALF = np.log(0.5)


@pytest.mark.parametrize(
    ("reference", "candidate", "expected"),
    [
        ([LOG_HALF, LOG_HALF], [0.0, -np.inf], np.inf),
        ([0.0, -np.inf], [LOG_HALF, LOG_HALF], np.log(2.0)),
        ([0.0, -np.inf], [0.0, -np.inf], 0.0),
        ([0.0, -800.0], [0.0, -np.inf], 0.0),
    ],
    ids=["candidate excludes", "reference excludes", "both exclude", "no float64 probability"],
)
def test_kld_is_infinite_only_where_the_reference_can_produce_the_token(
    reference, candidate, expected
):
    found = divergence.kl_divergence(np.array([reference]), np.array([candidate]))
    assert found == pytest.approx([expected], rel=1e-12)


def test_js_and_entropy_of_disjoint_rows_are_exact():
    first, second = np.array([[0.0, -np.inf]]), np.array([[-np.inf, 0.0]])
    assert divergence.js_divergence(first, second) == pytest.approx([np.log(2.0)], rel=1e-15)
    assert divergence.total_variation(first, second) == pytest.approx([1.0], rel=1e-15)
    assert divergence.entropy(first) == pytest.approx([0.0], abs=0.0)


@pytest.mark.parametrize(
    "metric",
    [
        divergence.kl_divergence,
        divergence.reverse_kl_divergence,
        divergence.js_divergence,
        divergence.total_variation,
    ],
)
@pytest.mark.parametrize("shapes", [((2, 3), (2, 4)), ((3,), (3,)), ((1, 3), (2, 3))])
def test_rows_that_do_not_describe_the_same_positions_are_refused(metric, shapes):
    with pytest.raises(ShapeError, match=r"must be the same \(positions, vocabulary\)"):
        metric(np.zeros(shapes[0]), np.zeros(shapes[1]))


def test_row_sums_are_the_single_oracles_side_by_side():
    reference, candidate = (part.astype(np.float32) for part in _pair(0.5, rows=1, vocabulary=9))
    p, q = divergence.log_softmax(reference), divergence.log_softmax(candidate)
    sums = divergence.row_sums(reference[0], candidate[0])
    expected = (
        np.log(np.exp(candidate.astype(np.float64)).sum()),
        divergence.kl_divergence(p, q)[0],
        divergence.reverse_kl_divergence(p, q)[0],
        divergence.js_divergence(p, q)[0],
        divergence.total_variation(p, q)[0],
        divergence.entropy(q)[0],
    )
    assert sums == pytest.approx(expected, rel=1e-12)
