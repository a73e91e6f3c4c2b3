"""The compiled sweeps against the float64 oracle and SciPy.

Seen on these draws (x86-64, Numba 0.61 and later): the mean KLD is off by at most 2e-5 of itself
at a displacement of 1e-3 (KLD 4e-7), 2e-7 at 0.1 and at 1; single rows by up to 4e-4 of
themselves at 1e-3. Sharp rows (logits x 20) keep the mean KLD to 4e-4 of itself or 8e-12 nats.
Total variation is first order in the float32 exponentials: absolute errors up to 2e-7, and 1e-5
for sharp rows, whose normalisers of 250 are rounded to float32.
"""

from __future__ import annotations

import functools

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.special import rel_entr
from scipy.special import softmax as scipy_softmax

from silentzone.errors import ShapeError
from silentzone.metrics import divergence, kernels

SIZES = [5, 7, 1023, 1025, 50257]
DIVERGENCES = ("kl_divergence", "reverse_kl_divergence", "js_divergence", "total_variation")


@functools.cache
def _fixed_pair(vocabulary, displacement, scale, rows):
    rng = np.random.default_rng([5, vocabulary])
    reference = (rng.standard_normal((rows, vocabulary)) * scale).astype(np.float32)
    noise = displacement * rng.standard_normal(reference.shape)
    return reference, (reference + noise).astype(np.float32)


def _pair(vocabulary, displacement, *, scale=3.0, rows=None):
    rows = rows or (8 if vocabulary > 50_000 else 32)
    return tuple(part.copy() for part in _fixed_pair(vocabulary, displacement, scale, rows))


def _compare(reference, candidate, observed=None):
    if observed is None:
        observed = np.arange(len(reference), dtype=np.int32) % reference.shape[1]
    described = kernels.describe_rows(reference, observed)
    return kernels.compare_rows(reference, candidate, observed, described)


def _oracle(name, reference, candidate):
    p, q = divergence.log_softmax(reference), divergence.log_softmax(candidate)
    return getattr(divergence, name)(p, q)


@pytest.mark.parametrize("scale", [3.0, 20.0])
def test_entropies_do_not_lose_the_digits_of_a_large_normaliser(scale):
    reference, candidate = _pair(50257, 0.1, scale=scale)
    observed = np.zeros(len(reference), np.int32)
    described = kernels.describe_rows(reference + np.float32(256.0), observed)
    found = kernels.compare_rows(
        reference + np.float32(256.0), candidate + np.float32(256.0), observed, described
    )
    p = divergence.log_softmax(reference + np.float32(256.0))
    q = divergence.log_softmax(candidate + np.float32(256.0))
    np.testing.assert_allclose(described.entropy, divergence.entropy(p), atol=5e-7)
    np.testing.assert_allclose(found.candidate_entropy, divergence.entropy(q), atol=5e-7)


@pytest.mark.parametrize("bound", [0.5, 1.0])
def test_terms_agree_where_one_form_gives_way_to_the_other(bound):
    reference = np.zeros((64, 2000), np.float32)
    candidate = reference.copy()
    # half of the tokens up, half down, so that the differences lie on both sides of the bound
    steps = np.linspace(0.9 * bound, 1.1 * bound, 64, dtype=np.float32)[:, None]
    candidate[:, ::2] += steps
    candidate[:, 1::2] -= steps
    found = _compare(reference, candidate)
    for name in DIVERGENCES:
        expected = _oracle(name, reference, candidate)
        np.testing.assert_allclose(getattr(found, name), expected, rtol=2e-6, err_msg=name)


@pytest.mark.parametrize("displacement", [1.0, 0.1, 1e-3])
@pytest.mark.parametrize("vocabulary", SIZES)
def test_divergences_agree_with_the_oracle(vocabulary, displacement):
    reference, candidate = _pair(vocabulary, displacement)
    found = _compare(reference, candidate)
    expected = _oracle("total_variation", reference, candidate)
    np.testing.assert_allclose(found.total_variation, expected, rtol=2e-5, atol=5e-7)
    assert found.total_variation.mean() == pytest.approx(expected.mean(), rel=3e-4)
    for name in DIVERGENCES[:3]:
        expected, values = _oracle(name, reference, candidate), getattr(found, name)
        np.testing.assert_allclose(values, expected, rtol=1e-3, atol=1e-12, err_msg=name)
        assert values.mean() == pytest.approx(expected.mean(), rel=1e-4), name


@pytest.mark.parametrize("displacement", [1.0, 0.1, 1e-3])
def test_divergences_agree_with_scipy(displacement):
    reference, candidate = _pair(1025, displacement)
    p = scipy_softmax(reference.astype(np.float64), axis=1)
    q = scipy_softmax(candidate.astype(np.float64), axis=1)
    found = _compare(reference, candidate)
    expected = {
        "kl_divergence": rel_entr(p, q).sum(axis=1),
        "reverse_kl_divergence": rel_entr(q, p).sum(axis=1),
        "js_divergence": jensenshannon(p, q, axis=1) ** 2,
    }
    for name, values in expected.items():
        assert getattr(found, name).mean() == pytest.approx(values.mean(), rel=1e-4)


@pytest.mark.parametrize("displacement", [1.0, 0.1, 1e-3])
@pytest.mark.parametrize("vocabulary", SIZES)
def test_sharp_rows_keep_the_mean(vocabulary, displacement):
    reference, candidate = _pair(vocabulary, displacement, scale=60.0)
    found = _compare(reference, candidate)
    for name in DIVERGENCES[:3]:
        expected = _oracle(name, reference, candidate).mean()
        assert getattr(found, name).mean() == pytest.approx(expected, rel=1e-4, abs=2e-11)
    expected = _oracle("total_variation", reference, candidate)
    np.testing.assert_allclose(found.total_variation, expected, rtol=1e-4, atol=2e-5)


def test_the_plain_sum_with_float32_normalizers_is_off_where_ours_is_not():
    reference, candidate = _pair(50257, 1e-3)
    expected = _oracle("kl_divergence", reference, candidate)

    def float32_log_softmax(logits):
        shifted = logits - logits.max(axis=1, keepdims=True)
        return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True, dtype=np.float32))

    log_p, log_q = float32_log_softmax(reference), float32_log_softmax(candidate)
    plain = (np.exp(log_p) * (log_p - log_q)).sum(axis=1, dtype=np.float64)
    ours = _compare(reference, candidate).kl_divergence
    assert np.abs(plain / expected - 1).max() > 0.1
    assert plain.min() < 0 or np.abs(plain.mean() / expected.mean() - 1) > 1e-3
    assert np.abs(ours / expected - 1).max() < 1e-3
    assert ours.mean() == pytest.approx(expected.mean(), rel=1e-4)


@pytest.mark.parametrize("vocabulary", SIZES)
def test_equal_rows_are_at_distance_exactly_zero(vocabulary):
    reference, _ = _pair(vocabulary, 0.0)
    found = _compare(reference, reference.copy())
    for name in ("kl_divergence", "reverse_kl_divergence", "js_divergence"):
        assert getattr(found, name).max() < 1e-13
    assert found.total_variation.max() < 3e-7
    assert found.top1_match.all()
    assert (found.top5_overlap == 5).all()


@pytest.mark.parametrize("vocabulary", SIZES)
@pytest.mark.parametrize("scale", [3.0, 60.0])
def test_rows_are_described_as_the_oracle_describes_them(vocabulary, scale):
    reference, candidate = _pair(vocabulary, 0.3, scale=scale)
    observed = np.full(len(reference), vocabulary - 1, np.int32)
    log_p, log_q = divergence.log_softmax(reference), divergence.log_softmax(candidate)
    described = kernels.describe_rows(reference, observed)
    found = kernels.compare_rows(reference, candidate, observed, described)
    best = reference.argmax(axis=1)[:, None]
    expected_top = np.exp(np.take_along_axis(log_p, best, axis=1)[:, 0])
    np.testing.assert_allclose(described.top1_probability, expected_top, rtol=2e-6)
    np.testing.assert_allclose(described.nll, -log_p[:, -1], rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(found.candidate_nll, -log_q[:, -1], rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(described.entropy, divergence.entropy(log_p), atol=3e-5)
    np.testing.assert_allclose(found.candidate_entropy, divergence.entropy(log_q), atol=3e-5)
    expected_delta = np.exp(log_q[:, -1]) - np.exp(log_p[:, -1])
    np.testing.assert_allclose(found.delta_p, expected_delta, atol=1e-6)


@pytest.mark.parametrize("vocabulary", SIZES)
def test_ranks_and_top_sets_follow_their_definitions(vocabulary):
    reference, candidate = _pair(vocabulary, 2.0, rows=64)
    found = _compare(reference, candidate)
    described = kernels.describe_rows(reference, np.zeros(64, np.int32))
    by_reference = np.argsort(-reference, axis=1, kind="stable")
    by_candidate = np.argsort(-candidate, axis=1, kind="stable")
    np.testing.assert_array_equal(described.top5, by_reference[:, :5])
    top = by_reference[:, 0]
    rank = 1 + (by_candidate == top[:, None]).argmax(axis=1)
    np.testing.assert_array_equal(found.reference_top1_rank, rank)
    np.testing.assert_array_equal(found.top1_match, by_candidate[:, 0] == top)
    np.testing.assert_array_equal(found.top5_match, rank <= 5)
    overlap = [
        len(set(first[:5]) & set(second[:5]))
        for first, second in zip(by_reference, by_candidate, strict=True)
    ]
    np.testing.assert_array_equal(found.top5_overlap, overlap)


def test_ties_go_to_the_lower_index():
    reference = np.array([[1, 3, 3, 2, 2, 2, 0]], np.float32)
    candidate = np.array([[3, 3, 3, 3, 3, 3, 3]], np.float32)
    described = kernels.describe_rows(reference, np.zeros(1, np.int32))
    np.testing.assert_array_equal(described.top5, [[1, 2, 3, 4, 5]])
    found = _compare(reference, candidate)
    assert not found.top1_match[0], "argmax of the candidate is token 0"
    assert found.reference_top1_rank[0] == 1, "no candidate logit lies above it"
    assert found.top5_match[0]
    assert found.top5_overlap[0] == 5


def test_top_sets_hold_five_different_tokens_even_where_fewer_are_possible():
    reference = np.full((1, 9), -np.inf, np.float32)
    reference[0, [6, 8]] = [1.0, 2.0]
    described = kernels.describe_rows(reference, np.zeros(1, np.int32))
    assert described.top5[0, :2].tolist() == [8, 6]
    assert len(set(described.top5[0].tolist())) == 5


def test_a_token_that_a_model_excludes_is_counted_as_the_oracle_counts_it():
    reference, candidate = _pair(1025, 0.5, rows=4)
    reference[1, 7] = candidate[0, 7] = reference[2, 1024] = candidate[2, 1024] = -np.inf
    found = _compare(reference, candidate)
    assert np.isposinf(found.kl_divergence).tolist() == [True, False, False, False]
    assert np.isposinf(found.reverse_kl_divergence).tolist() == [False, True, False, False]
    for name in DIVERGENCES:
        expected = _oracle(name, reference, candidate)
        np.testing.assert_allclose(getattr(found, name), expected, rtol=2e-5, err_msg=name)
    expected = divergence.entropy(divergence.log_softmax(candidate))
    np.testing.assert_allclose(found.candidate_entropy, expected, atol=1e-5)
    assert found.is_finite.all()


def test_an_observed_token_that_the_candidate_excludes_costs_infinitely_much():
    reference, candidate = _pair(7, 0.5, rows=1)
    candidate[0, 3] = -np.inf
    observed = np.array([3], np.int32)
    found = _compare(reference, candidate, observed)
    assert np.isposinf(found.candidate_nll[0])
    nll = kernels.describe_rows(reference, observed).nll
    assert found.delta_p[0] == pytest.approx(-np.exp(-nll[0]))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("at", [0, 600, 1024])
def test_a_row_that_is_not_finite_is_flagged_and_the_others_are_untouched(bad, at):
    reference, candidate = _pair(1025, 0.5, rows=4)
    clean = _compare(reference, candidate)
    candidate[2, at] = bad
    found = _compare(reference, candidate)
    assert found.is_finite.tolist() == [True, True, False, True]
    for name in DIVERGENCES:
        np.testing.assert_array_equal(
            getattr(found, name)[[0, 1, 3]], getattr(clean, name)[[0, 1, 3]]
        )


def test_a_reference_row_that_is_not_finite_is_flagged_too():
    reference, candidate = _pair(9, 0.5, rows=3)
    reference[1, 4] = np.nan
    assert _compare(reference, candidate).is_finite.tolist() == [True, False, True]


def test_a_row_without_any_possible_token_is_flagged():
    reference, candidate = _pair(9, 0.5, rows=2)
    candidate[1] = -np.inf
    assert _compare(reference, candidate).is_finite.tolist() == [True, False]


def test_log_likelihood_sums_the_observed_log_probabilities():
    logits, _ = _pair(1025, 0.0, rows=6)
    tokens = np.array([0, 5, 1024, 77, 3, 3], np.int32)
    expected = divergence.log_softmax(logits)[np.arange(6), tokens].sum()
    assert kernels.log_likelihood(logits, tokens) == pytest.approx(expected, rel=1e-6)
    logits[3, 9] = np.nan
    assert np.isnan(kernels.log_likelihood(logits, tokens))


def test_log_likelihood_of_an_excluded_token_is_minus_infinity():
    logits, _ = _pair(9, 0.0, rows=1)
    logits[0, 2] = -np.inf
    assert np.isneginf(kernels.log_likelihood(logits, np.array([2], np.int32)))


@pytest.mark.parametrize(
    ("vocabulary", "observed", "message"),
    [
        (4, [0, 0], "the vocabulary has 4 entries"),
        (9, [0], r"`observed` has shape \(1,\), the logits have 2 rows"),
        (9, [0, 9], "a token outside the vocabulary of 9"),
        (9, [-1, 0], "a token outside the vocabulary of 9"),
    ],
)
def test_rows_that_cannot_be_described_are_refused(vocabulary, observed, message):
    logits = np.zeros((2, vocabulary), np.float32)
    with pytest.raises(ShapeError, match=message):
        kernels.describe_rows(logits, np.array(observed, np.int32))


def test_rows_of_two_vocabularies_are_refused():
    reference, _ = _pair(9, 0.0, rows=2)
    other, _ = _pair(10, 0.0, rows=2)
    observed = np.zeros(2, np.int32)
    described = kernels.describe_rows(reference, observed)
    with pytest.raises(ShapeError, match="must be the same"):
        kernels.compare_rows(reference, other, observed, described)


def test_the_number_of_threads_changes_no_bit():
    reference, candidate = _pair(50257, 0.1)
    many = _compare(reference, candidate)
    try:
        kernels.set_threads(1)
        one = _compare(reference, candidate)
    finally:
        kernels.set_threads(1 << 16)  # more than there are: all
    np.testing.assert_array_equal(one.kl_divergence, many.kl_divergence)
    np.testing.assert_array_equal(one.js_divergence, many.js_divergence)
