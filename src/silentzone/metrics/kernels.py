"""All per-position metrics of one window, in two compiled sweeps (``sweeps``).

The exponentials are float32 (relative error below 3e-7), the sums float64. The divergences sum
terms that are never negative, so nothing cancels near the baseline and an error of the
normalisers enters only in second order. ``divergence`` is the float64 oracle of every number.

Shape letters: T positions, V vocabulary entries.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numba
import numpy as np

from silentzone.errors import ShapeError
from silentzone.metrics.divergence import check_shapes, row_sums
from silentzone.metrics.sweeps import normalizers, sweep, top_five

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class ReferenceRows:
    """What every comparison needs of the reference's own rows; computed once, then stored."""

    log_normalizer: NDArray[np.float64]
    """Shape (T,): ln of the sum of exp(logit)."""
    entropy: NDArray[np.float64]
    """Shape (T,), nats."""
    nll: NDArray[np.float64]
    """Shape (T,): -ln P(observed token), nats."""
    top1_probability: NDArray[np.float64]
    """Shape (T,)."""
    top5: NDArray[np.int32]
    """Shape (T, 5): the five most likely tokens, most likely first; ties by lower index."""


@dataclass(frozen=True, slots=True, eq=False)
class PositionMetrics:
    """One value per position; shapes (T,)."""

    candidate_nll: NDArray[np.float64]
    kl_divergence: NDArray[np.float64]
    reverse_kl_divergence: NDArray[np.float64]
    js_divergence: NDArray[np.float64]
    total_variation: NDArray[np.float64]
    delta_p: NDArray[np.float64]
    candidate_entropy: NDArray[np.float64]
    top1_match: NDArray[np.bool_]
    top5_match: NDArray[np.bool_]
    top5_overlap: NDArray[np.int32]
    reference_top1_rank: NDArray[np.int32]
    is_finite: NDArray[np.bool_]
    """False where either row of logits holds NaN or +inf; all else is then meaningless."""


def describe_rows(logits_TV: NDArray[np.float32], observed: NDArray[np.int32]) -> ReferenceRows:
    """Describe the reference's rows as every later comparison needs them.

    Parameters
    ----------
    logits_TV : ndarray of shape (T, V), float32
        Finite (``-inf`` allowed for impossible tokens).
    observed : ndarray of shape (T,), int32
        The token that came next.

    Returns
    -------
    ReferenceRows
        Normalisers, entropies and most likely tokens.

    Raises
    ------
    ShapeError
        If the arrays do not describe the same positions, or V is below 5.
    """
    _check_observed(logits_TV, observed)
    top5 = top_five(logits_TV)
    top = np.take_along_axis(logits_TV, top5[:, :1], axis=1)[:, 0]
    log_normalizer, entropy = normalizers(logits_TV, top)
    seen = np.take_along_axis(logits_TV, observed[:, None], axis=1)[:, 0].astype(np.float64)
    return ReferenceRows(
        log_normalizer=log_normalizer,
        entropy=entropy,
        nll=log_normalizer - seen,
        top1_probability=np.exp(top.astype(np.float64) - log_normalizer),
        top5=top5,
    )


def compare_rows(
    reference_logits_TV: NDArray[np.float32],
    candidate_logits_TV: NDArray[np.float32],
    observed: NDArray[np.int32],
    reference: ReferenceRows,
) -> PositionMetrics:
    """All metrics of a candidate's rows against the reference's.

    Parameters
    ----------
    reference_logits_TV, candidate_logits_TV : ndarray of shape (T, V), float32
        Unnormalised logits of the same positions, C-contiguous.
    observed : ndarray of shape (T,), int32
        The token that came next.
    reference : ReferenceRows
        As ``describe_rows`` gives it for the same reference rows.

    Returns
    -------
    PositionMetrics
        Divergences in nats. ``kl_divergence`` is infinite where the candidate excludes a token
        that the reference can produce.

    Raises
    ------
    ShapeError
        If the arrays do not describe the same positions and vocabulary.
    """
    check_shapes(reference_logits_TV, candidate_logits_TV)
    _check_observed(candidate_logits_TV, observed)
    best = candidate_logits_TV.argmax(axis=1)
    top = np.take_along_axis(candidate_logits_TV, best[:, None], axis=1)[:, 0]
    # argmax stops at the first NaN, so a NaN row shows in its top
    is_finite = np.isfinite(top) & np.isfinite(reference.log_normalizer)
    safe_top = np.where(is_finite, top, np.float32(0.0)).astype(np.float32)
    sums, ranks = sweep(
        reference_logits_TV,
        candidate_logits_TV,
        reference.log_normalizer,
        safe_top,
        reference.top5,
    )
    # an excluded token (a logit of -inf) always leaves a sum that is not finite
    for row in np.flatnonzero(is_finite & ~np.isfinite(sums).all(axis=1)):
        sums[row] = row_sums(reference_logits_TV[row], candidate_logits_TV[row])
    seen = np.take_along_axis(candidate_logits_TV, observed[:, None], axis=1)[:, 0]
    candidate_nll = sums[:, 0] - seen.astype(np.float64)
    with np.errstate(over="ignore"):
        delta_p = np.exp(-candidate_nll) - np.exp(-reference.nll)
    return PositionMetrics(
        candidate_nll=candidate_nll,
        kl_divergence=sums[:, 1],
        reverse_kl_divergence=sums[:, 2],
        js_divergence=sums[:, 3],
        total_variation=sums[:, 4],
        delta_p=delta_p,
        candidate_entropy=sums[:, 5],
        top1_match=best == reference.top5[:, 0],
        top5_match=ranks[:, 0] <= 5,
        top5_overlap=(ranks <= 5).sum(axis=1).astype(np.int32),
        reference_top1_rank=ranks[:, 0].copy(),
        is_finite=is_finite,
    )


def log_likelihood(logits_NV: NDArray[np.float32], tokens: NDArray[np.int32]) -> float:
    """Sum the log-probabilities of a continuation, nats; NaN where a row is not finite.

    Parameters
    ----------
    logits_NV : ndarray of shape (N, V), float32
        Row j predicts token j.
    tokens : ndarray of shape (N,), int32
        The continuation.
    """
    _check_observed(logits_NV, tokens)
    top = logits_NV.max(axis=1)
    if not np.isfinite(top).all():
        return float("nan")
    log_normalizer, _ = normalizers(np.ascontiguousarray(logits_NV), top)
    seen = np.take_along_axis(logits_NV, tokens[:, None], axis=1)[:, 0].astype(np.float64)
    return float((seen - log_normalizer).sum())


def set_threads(count: int) -> None:
    """Use at most ``count`` threads in the sweeps of this process."""
    numba.set_num_threads(max(1, min(count, numba.config.NUMBA_NUM_THREADS)))


def _check_observed(logits_TV: NDArray[np.float32], observed: NDArray[np.int32]) -> None:
    rows, vocabulary = logits_TV.shape
    if observed.shape != (rows,):
        raise ShapeError(f"`observed` has shape {observed.shape}, the logits have {rows} rows.")
    if vocabulary < 5:
        raise ShapeError(f"the vocabulary has {vocabulary} entries; the top-5 set needs five.")
    if rows and (int(observed.min()) < 0 or int(observed.max()) >= vocabulary):
        raise ShapeError(f"`observed` holds a token outside the vocabulary of {vocabulary}.")
