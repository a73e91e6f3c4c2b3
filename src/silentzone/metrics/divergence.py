"""Divergences of two next-token distributions, in float64: the oracle of the fused kernel.

Shape letters: T positions, V vocabulary entries.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from silentzone.errors import ShapeError

FloatArray = NDArray[np.float64]


def log_softmax(logits_TV: NDArray[np.floating]) -> FloatArray:
    """Natural-log probabilities of each row.

    Parameters
    ----------
    logits_TV : ndarray of shape (T, V)
        Unnormalised; at least one finite value per row.

    Returns
    -------
    ndarray of shape (T, V), float64
        Each row sums to one in probability.

    Examples
    --------
    >>> log_softmax(np.zeros((1, 2))).round(4)
    array([[-0.6931, -0.6931]])
    """
    wide = np.asarray(logits_TV, dtype=np.float64)
    shifted = wide - wide.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))


def kl_divergence(reference_log_probs: FloatArray, candidate_log_probs: FloatArray) -> FloatArray:
    r"""Divergence of the candidate from the reference, D_KL(reference || candidate).

    Parameters
    ----------
    reference_log_probs, candidate_log_probs : ndarray of shape (T, V)
        Natural-log probabilities, same vocabulary order.

    Returns
    -------
    ndarray of shape (T,), float64
        Nats per position, never negative. Infinite where the candidate gives no probability to
        a token the reference can produce; a reference probability below the smallest float64
        counts as none.

    Raises
    ------
    ShapeError
        If the shapes differ or the arrays are not two-dimensional.

    Notes
    -----
    Sums the non-negative terms :math:`p\,(e^d - 1 - d)` with :math:`d = \ln q - \ln p`, which
    equals :math:`\sum p \ln (p / q)` because both rows sum to one, and does not cancel when the
    two distributions are nearly equal.

    Examples
    --------
    >>> half = np.log([[0.5, 0.5]])
    >>> skewed = np.log([[0.75, 0.25]])
    >>> kl_divergence(half, skewed).round(4)
    array([0.1438])
    """
    check_shapes(reference_log_probs, candidate_log_probs)
    with np.errstate(invalid="ignore", over="ignore"):
        d = candidate_log_probs - reference_log_probs
        p = np.exp(reference_log_probs)
        terms = np.where(
            np.abs(d) < 0.5,
            p * _expm1_minus(d),
            (np.exp(candidate_log_probs) - p) - p * d,
        )
    terms = np.where(p == 0.0, np.exp(candidate_log_probs), terms)
    return np.asarray(terms.sum(axis=-1))


def reverse_kl_divergence(
    reference_log_probs: FloatArray, candidate_log_probs: FloatArray
) -> FloatArray:
    """Divergence of the reference from the candidate, D_KL(candidate || reference), in nats.

    Examples
    --------
    >>> half = np.log([[0.5, 0.5]])
    >>> skewed = np.log([[0.75, 0.25]])
    >>> reverse_kl_divergence(half, skewed).round(4)
    array([0.1308])
    """
    return kl_divergence(candidate_log_probs, reference_log_probs)


def js_divergence(reference_log_probs: FloatArray, candidate_log_probs: FloatArray) -> FloatArray:
    """Jensen-Shannon divergence in nats, symmetric, at most ln 2.

    Examples
    --------
    >>> half = np.log([[0.5, 0.5]])
    >>> skewed = np.log([[0.75, 0.25]])
    >>> js_divergence(half, skewed).round(4)
    array([0.0338])
    """
    check_shapes(reference_log_probs, candidate_log_probs)
    middle = np.logaddexp(reference_log_probs, candidate_log_probs) - np.log(2.0)
    return np.asarray(
        0.5 * kl_divergence(reference_log_probs, middle)
        + 0.5 * kl_divergence(candidate_log_probs, middle)
    )


def total_variation(reference_log_probs: FloatArray, candidate_log_probs: FloatArray) -> FloatArray:
    """Half the L1 distance of the probabilities, in [0, 1].

    Examples
    --------
    >>> total_variation(np.log([[0.5, 0.5]]), np.log([[0.75, 0.25]])).round(4)
    array([0.25])
    """
    check_shapes(reference_log_probs, candidate_log_probs)
    difference = np.abs(np.exp(reference_log_probs) - np.exp(candidate_log_probs))
    return np.asarray(0.5 * difference.sum(axis=-1))


def entropy(log_probs: FloatArray) -> FloatArray:
    """Shannon entropy of each row in nats.

    Examples
    --------
    >>> entropy(np.log([[0.5, 0.5]])).round(4)
    array([0.6931])
    """
    with np.errstate(invalid="ignore"):
        terms = np.exp(log_probs) * log_probs
    return np.asarray(-np.where(np.isneginf(log_probs), 0.0, terms).sum(axis=-1))


def row_sums(
    reference_V: NDArray[np.float32], candidate_V: NDArray[np.float32]
) -> tuple[float, float, float, float, float, float]:
    """All that one sweep of the fused kernel gives for one row, from the logits.

    Returns
    -------
    tuple of float
        The candidate's log-normaliser, D_KL(reference || candidate), D_KL(candidate || reference),
        Jensen-Shannon divergence, total variation, the candidate's entropy; nats but the fifth.
    """
    p, q = log_softmax(reference_V[None]), log_softmax(candidate_V[None])
    best = int(candidate_V.argmax())
    return (
        float(candidate_V[best]) - float(q[0, best]),
        float(kl_divergence(p, q)[0]),
        float(reverse_kl_divergence(p, q)[0]),
        float(js_divergence(p, q)[0]),
        float(total_variation(p, q)[0]),
        float(entropy(q)[0]),
    )


def check_shapes(reference: NDArray[np.floating], candidate: NDArray[np.floating]) -> None:
    """Refuse arrays that do not describe the same positions and vocabulary.

    Raises
    ------
    ShapeError
        If the shapes differ or the arrays are not two-dimensional.
    """
    if reference.ndim != 2 or reference.shape != candidate.shape:
        raise ShapeError(
            f"`reference` has shape {reference.shape} and `candidate` {candidate.shape}; "
            "both must be the same (positions, vocabulary)."
        )


def _expm1_minus(d: FloatArray) -> FloatArray:
    """e^d - 1 - d for |d| < 0.5 by its series, which does not cancel."""
    total = np.zeros_like(d)
    for n in range(14, 1, -1):
        total = (total + 1.0) * d / n
    return np.asarray(total * d)
