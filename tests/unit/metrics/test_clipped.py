"""Metrics against a reference whose tail was cut off, held against the whole distributions."""

from __future__ import annotations

import io

import numpy as np
import pytest

from silentzone.errors import ShapeError
from silentzone.metrics.clipped import ClippedReference, compare_clipped
from silentzone.metrics.divergence import kl_divergence, log_softmax
from silentzone.store.base_file import KEPT_ABOVE, BaseFile, BaseFileWriter


def _rows(seed, vocabulary=400, spread=4.0, noise=0.1):
    generator = np.random.default_rng(seed)
    logits = (spread * generator.standard_normal((12, vocabulary))).astype(np.float32)
    other = (logits + noise * generator.standard_normal(logits.shape)).astype(np.float32)
    return logits, other, generator.integers(0, vocabulary, 12).astype(np.int32)


def _kept(logits, tmp_path, clip):
    """What a base file keeps of some rows."""
    rows, vocabulary = logits.shape
    context = 2 * rows + 2
    buffer = io.BytesIO()
    writer = BaseFileWriter(buffer, np.zeros((1, context), np.int32), vocabulary, clip)
    writer.append(logits)
    writer.finish()
    path = tmp_path / "rows.base"
    path.write_bytes(buffer.getvalue())
    return BaseFile(path).reference(0)


def _without_cut(logits):
    log_probs = log_softmax(logits).astype(np.float32)
    rows = len(logits)
    return ClippedReference(
        log_probs, np.zeros(log_probs.shape, np.bool_), np.full(rows, -99.0), np.zeros(rows)
    )


@pytest.mark.parametrize("clip", [16.0, 24.0])
@pytest.mark.parametrize("spread", [1.0, 4.0, 8.0])
@pytest.mark.parametrize("noise", [0.0, 0.01, 0.5, 4.0])
def test_the_bracket_holds_the_whole_divergence(tmp_path, clip, spread, noise):
    for seed in range(5):
        logits, other, observed = _rows(seed, spread=spread, noise=noise)
        found = compare_clipped(
            _kept(logits, tmp_path, clip), other, observed, kept_above=KEPT_ABOVE
        )
        whole = kl_divergence(log_softmax(logits), log_softmax(other))
        assert (found.kl_lower <= whole + 1e-12).all()
        assert (whole <= found.kl_upper + 1e-12).all()
        assert (found.kl_lower <= found.kl_divergence + 1e-12).all()
        assert (found.kl_divergence <= found.kl_upper + 1e-12).all()
        assert np.abs(found.kl_divergence - whole).max() < 2e-4 * max(1.0, whole.max())


def test_a_heavy_tail_is_inside_where_the_textbook_sum_is_not(tmp_path):
    generator = np.random.default_rng(3)
    logits = np.full((4, 60_000), -16.5, np.float32)
    logits += generator.uniform(-0.3, 0.3, logits.shape).astype(np.float32)
    logits[:, 7] = 0.0
    other = logits.copy()
    other[:, 30_000:] -= 4.0
    observed = np.full(4, 7, np.int32)
    found = compare_clipped(_kept(logits, tmp_path, 16.0), other, observed, kept_above=KEPT_ABOVE)
    whole = kl_divergence(log_softmax(logits), log_softmax(other))
    assert (found.kl_kept < 0.0).all()
    assert (whole > 1e-3).all()
    assert ((found.kl_lower <= whole) & (whole <= found.kl_upper)).all()
    assert found.reference_tail == pytest.approx(1.0 - np.exp(log_softmax(logits)[:, 7]), abs=1e-5)
    assert (found.kl_upper < 20 * whole).all()


def test_where_nothing_is_cut_there_is_nothing_to_bracket():
    logits, other, observed = _rows(1)
    found = compare_clipped(_without_cut(logits), other, observed, kept_above=-99.0)
    whole = kl_divergence(log_softmax(logits), log_softmax(other))
    np.testing.assert_allclose(found.kl_divergence, whole, rtol=2e-6)
    np.testing.assert_allclose(found.kl_kept, whole, rtol=1e-4)
    assert (found.kl_upper - found.kl_lower < 1e-5).all()
    assert (found.reference_tail == 0.0).all()


def test_the_other_columns_are_those_of_the_whole_distributions(tmp_path):
    logits, other, observed = _rows(2)
    found = compare_clipped(_kept(logits, tmp_path, 24.0), other, observed, kept_above=KEPT_ABOVE)
    p, q = log_softmax(logits), log_softmax(other)
    rows = np.arange(len(observed))
    known = ~found.observed_is_cut
    np.testing.assert_allclose(found.candidate_nll, -q[rows, observed], rtol=1e-12)
    np.testing.assert_allclose(found.reference_nll[known], -p[rows, observed][known], atol=2.1e-4)
    np.testing.assert_array_equal(found.top1_match, p.argmax(axis=1) == q.argmax(axis=1))
    np.testing.assert_allclose(found.candidate_entropy, -(np.exp(q) * q).sum(axis=1), rtol=1e-9)
    np.testing.assert_allclose(found.reference_top1_probability, np.exp(p.max(axis=1)), rtol=1e-5)
    top = q[rows, p.argmax(axis=1)]
    np.testing.assert_array_equal(found.reference_top1_rank, 1 + (q > top[:, None]).sum(axis=1))


def test_an_excluded_token_is_infinite_only_where_the_reference_may_produce_it(tmp_path):
    logits, other, observed = _rows(4, spread=8.0)
    reference = _kept(logits, tmp_path, 16.0)
    known, cut = other.copy(), other.copy()
    known[0, logits[0].argmax()] = -np.inf
    cut[0, logits[0].argmin()] = -np.inf
    found = compare_clipped(reference, known, observed, kept_above=KEPT_ABOVE)
    assert np.isinf(found.kl_lower[0])
    found = compare_clipped(reference, cut, observed, kept_above=KEPT_ABOVE)
    assert np.isfinite(found.kl_lower[0])
    assert np.isinf(found.kl_upper[0])
    assert np.isfinite(found.kl_upper[1:]).all()


def test_a_row_that_is_not_finite_is_marked_alone(tmp_path):
    logits, other, observed = _rows(5)
    whole = compare_clipped(_kept(logits, tmp_path, 16.0), other, observed, kept_above=KEPT_ABOVE)
    other[3, 9] = np.nan
    found = compare_clipped(_kept(logits, tmp_path, 16.0), other, observed, kept_above=KEPT_ABOVE)
    assert found.is_finite.tolist() == [row != 3 for row in range(12)]
    keep = found.is_finite
    np.testing.assert_array_equal(found.kl_divergence[keep], whole.kl_divergence[keep])


def test_shapes_that_differ_are_refused():
    logits, other, observed = _rows(6)
    with pytest.raises(ShapeError, match="reference has shape"):
        compare_clipped(_without_cut(logits), other[:, :-1], observed, kept_above=-16.0)
    with pytest.raises(ShapeError, match="observed"):
        compare_clipped(_without_cut(logits), other, observed[:-1], kept_above=-16.0)
