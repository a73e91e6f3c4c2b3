r"""Metrics against a reference whose small probabilities were cut off, and what the cut can hide.

Of the reference every log-probability above a floor is known; of a token at the floor only that
its probability is no larger than the cap there. All divergences are sums of terms
:math:`q - p + p \ln (p / q) \ge 0`: their sum over the known tokens loses nothing by cancelling,
and over the others it lies between two bounds.

Shape letters: T positions, V vocabulary entries.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from silentzone.errors import ShapeError
from silentzone.metrics.divergence import log_softmax

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_BLOCK_VALUES = 250_000
"""Entries held at once in float64, in several arrays that a processor's cache still holds."""
_FLOAT32 = 4e-6
"""Relative error of a probability whose logarithm, down to -30, was added up in float32."""


@dataclass(frozen=True, slots=True, eq=False)
class ClippedReference:
    """Reference distributions as they were kept."""

    log_probs_TV: NDArray[np.float32]
    """Natural logs; at a token that was cut off, the floor."""
    is_cut_TV: NDArray[np.bool_]
    """Tokens of which only the cap is known."""
    log_cap: Floats
    """Shape (T,): no token that was cut off has a larger log-probability."""
    resolution: Floats
    """Shape (T,): a known log-probability but the largest is off by at most so much."""


@dataclass(frozen=True, slots=True, eq=False)
class ClippedMetrics:
    """One value per position; shapes (T,)."""

    kl_divergence: Floats
    """With all tokens that were cut off taken as one: the least that agrees with their mass."""
    kl_lower: Floats
    """No reference that rounds and clips to what was kept has less."""
    kl_upper: Floats
    """Nor more."""
    kl_kept: Floats
    """The textbook sum over tokens above a fixed log-probability, as llama-perplexity forms it."""
    reference_nll: Floats
    """A lower bound where the observed token was cut off."""
    candidate_nll: Floats
    delta_p: Floats
    candidate_entropy: Floats
    reference_top1_probability: Floats
    reference_tail: Floats
    """Mass of the reference that was cut off, as the rest of the known."""
    candidate_tail: Floats
    """Mass of the candidate at the same tokens."""
    top1_match: NDArray[np.bool_]
    top5_match: NDArray[np.bool_]
    reference_top1_rank: NDArray[np.int32]
    observed_is_cut: NDArray[np.bool_]
    is_finite: NDArray[np.bool_]
    """False where the candidate's logits hold NaN or +inf; all else is then meaningless."""


def compare_clipped(
    reference: ClippedReference,
    candidate_logits_TV: NDArray[np.float32],
    observed: NDArray[np.int32],
    *,
    kept_above: float,
) -> ClippedMetrics:
    """Hold a candidate's rows against a reference that was cut off.

    Parameters
    ----------
    reference : ClippedReference
    candidate_logits_TV : ndarray of shape (T, V), float32
        Unnormalised logits of the same positions.
    observed : ndarray of shape (T,), int32
        The token that came next.
    kept_above : float
        Log-probability above which tokens enter ``kl_kept``.

    Raises
    ------
    ShapeError
        If the arrays do not describe the same positions and vocabulary.
    """
    if reference.log_probs_TV.shape != candidate_logits_TV.shape:
        raise ShapeError(
            f"the reference has shape {reference.log_probs_TV.shape}, the candidate "
            f"{candidate_logits_TV.shape}."
        )
    rows, vocabulary = candidate_logits_TV.shape
    if observed.shape != (rows,):
        raise ShapeError(f"`observed` has shape {observed.shape}, the logits have {rows} rows.")
    step = max(1, _BLOCK_VALUES // vocabulary)
    parts = [
        _compare_block(reference, candidate_logits_TV, observed, slice(k, k + step), kept_above)
        for k in range(0, rows, step)
    ]
    return ClippedMetrics(
        **{
            entry.name: np.concatenate([getattr(part, entry.name) for part in parts])
            for entry in fields(ClippedMetrics)
        }
    )


def _compare_block(
    reference: ClippedReference,
    candidate: NDArray[np.float32],
    observed: NDArray[np.int32],
    block: slice,
    kept_above: float,
) -> ClippedMetrics:
    logits, seen = candidate[block], observed[block, None]
    is_finite = np.isfinite(logits.max(axis=1))
    logits = np.where(is_finite[:, None], logits, np.float32(0.0))
    stored, cut = reference.log_probs_TV[block], reference.is_cut_TV[block]
    log_p, log_q = stored.astype(np.float64), log_softmax(logits)
    p, q = np.exp(log_p), np.exp(log_q)
    with np.errstate(invalid="ignore", over="ignore"):
        d = log_q - log_p
        excess = np.where(np.abs(d) < 0.5, p * (np.expm1(d) - d), (q - p) - p * d)
        textbook = np.where(stored > np.float32(kept_above), -p * d, 0.0)
        entropy = -np.where(q > 0.0, q * log_q, 0.0).sum(axis=1)
    known = np.where(cut, 0.0, excess).sum(axis=1)
    top = stored.argmax(axis=1)[:, None]
    off = _rounding_of_known(reference.resolution[block], p, d, cut, top)
    lower, point, upper, tail, candidate_tail = _tail_terms(reference, block, p, q, cut)
    best = logits.argmax(axis=1)
    top_logit = np.take_along_axis(logits, top, axis=1)
    rank = 1 + (logits > top_logit).sum(axis=1)
    reference_nll = -np.take_along_axis(log_p, seen, axis=1)[:, 0]
    candidate_nll = -np.take_along_axis(log_q, seen, axis=1)[:, 0]
    return ClippedMetrics(
        kl_divergence=known + point,
        kl_lower=np.maximum(0.0, known + lower - off),
        kl_upper=known + upper + off,
        kl_kept=textbook.sum(axis=1),
        reference_nll=reference_nll,
        candidate_nll=candidate_nll,
        delta_p=np.exp(-candidate_nll) - np.exp(-reference_nll),
        candidate_entropy=entropy,
        reference_top1_probability=np.take_along_axis(p, top, axis=1)[:, 0],
        reference_tail=tail,
        candidate_tail=candidate_tail,
        top1_match=best == top[:, 0],
        top5_match=rank <= 5,
        reference_top1_rank=rank.astype(np.int32),
        observed_is_cut=np.take_along_axis(cut, seen, axis=1)[:, 0],
        is_finite=is_finite,
    )


def _rounding_of_known(
    resolution: Floats, p: Floats, d: Floats, cut: NDArray[np.bool_], top: NDArray[np.intp]
) -> Floats:
    """Most that rounded logarithms of the known probabilities change their terms by.

    A term q - p + p ln (p / q) changes by -p d per unit of ln p, and by p / 2 (1 - d) in second
    order; the most likely token's code is exact.
    """
    with np.errstate(invalid="ignore"):
        slopes = np.where(cut | ~np.isfinite(d), 0.0, p * np.abs(d))
    largest = np.take_along_axis(slopes, top, axis=1)[:, 0]
    rest = slopes.sum(axis=1)
    off = resolution * (rest - largest + resolution * (1.0 + rest)) + _FLOAT32 * rest
    return np.asarray(off)


def _tail_terms(
    reference: ClippedReference,
    block: slice,
    p: Floats,
    q: Floats,
    cut: NDArray[np.bool_],
) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Least, likely and most of the terms at the tokens that were cut off, and both their masses.

    Below: by the log-sum inequality, all of them taken as one token lose what they differ in.
    Above: p ln p is convex, so p ln (p / q) <= p ln (cap / q), and the mass there sits where the
    candidate has least, no token above the cap.
    """
    cap = np.exp(reference.log_cap[block])
    count = cut.sum(axis=1)
    known = np.where(cut, 0.0, p).sum(axis=1)
    slack = (known - p.max(axis=1)) * reference.resolution[block] + _FLOAT32
    highest = np.minimum(count * cap, np.maximum(0.0, 1.0 - known + slack))
    lowest = np.minimum(np.maximum(0.0, 1.0 - known - slack), highest)
    mass = np.clip(1.0 - known, lowest, highest)
    candidate = np.where(cut, q, 0.0).sum(axis=1)
    point = _as_one(mass, candidate)
    lower = _as_one(np.clip(candidate, lowest, highest), candidate)
    upper = candidate.copy()
    for row in np.flatnonzero((count > 0) & (highest > 0.0)):
        upper[row] += _most(q[row][cut[row]], float(cap[row]), float(highest[row]))
    # A bound that rounding puts below another one is that other one.
    return lower, point, np.where(count > 0, np.maximum(upper, point), 0.0), mass, candidate


def _as_one(mass: Floats, candidate: Floats) -> Floats:
    """Term of one token with these probabilities: q - p + p ln (p / q)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        log = np.where(mass > 0.0, mass * np.log(mass / candidate), 0.0)
    return np.maximum(0.0, candidate - mass + log)


def _most(q: Floats, cap: float, mass: float) -> float:
    """Most that p ln (cap / q) - p can sum to with p <= cap and a total of at most ``mass``."""
    holders = min(len(q), int(np.ceil(mass / cap)))
    least = np.sort(np.partition(q, holders - 1)[:holders])
    with np.errstate(divide="ignore"):
        gains = np.maximum(0.0, np.log(cap / least) - 1.0)
    amounts = np.minimum(cap, np.maximum(0.0, mass - cap * np.arange(holders)))
    return float((amounts * gains).sum())
