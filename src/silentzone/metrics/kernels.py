"""All per-position metrics of one window in two sweeps over the vocabulary, in compiled code.

The exponentials are float32 (relative error below 3e-7), the sums float64. The divergences sum
terms that are never negative, so nothing cancels near the baseline and an error of the
normalisers enters only in second order. ``divergence`` is the float64 oracle of every number.

Shape letters: T positions, V vocabulary entries.
"""

# Numba reads these functions, not mypy: their values change type on purpose.
# mypy: disable-error-code="assignment,untyped-decorator,no-untyped-def"

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numba
import numpy as np
from llvmlite import ir
from numba import njit, prange, types
from numba.extending import intrinsic

from silentzone.errors import ShapeError
from silentzone.metrics.divergence import check_shapes, row_sums

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Reductions may be reordered so that they fill vector registers. NaN and infinity keep their
# meaning: "nnan" and "ninf" are not allowed.
_FAST = {"reassoc", "contract", "nsz", "arcp"}
_BLOCK = 1024
"""Terms summed in float32 lanes before they are added to the float64 total."""


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
    top5 = _top5(logits_TV)
    top = np.take_along_axis(logits_TV, top5[:, :1], axis=1)[:, 0]
    log_normalizer, entropy = _normalizers(logits_TV, top)
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
    sums, ranks = _sweep(
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
    log_normalizer, _ = _normalizers(np.ascontiguousarray(logits_NV), top)
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


@intrinsic
def _as_float32(typing_context: Any, bits: Any) -> Any:  # noqa: ANN401, ARG001 - Numba's interface
    """Reinterpret an int32 as the float32 with the same bits, in a register."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ANN401, ARG001
        return builder.bitcast(args[0], ir.FloatType())

    return types.float32(types.int32), generate


@intrinsic
def _select(typing_context: Any, condition: Any, first: Any, second: Any) -> Any:  # noqa: ANN401, ARG001
    """Choose without a branch: a branch inside the sweep would keep it out of vector registers."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ANN401, ARG001
        as_bit = builder.trunc(args[0], ir.IntType(1)) if args[0].type.width > 1 else args[0]
        return builder.select(as_bit, args[1], args[2])

    return types.float32(types.boolean, types.float32, types.float32), generate


@njit(inline="always", fastmath=_FAST, error_model="numpy")
def _exp(x):  # noqa: ANN001, ANN202
    """Float32 exp for x <= 88; below -87 the result is about 1e-38."""
    x = _select(x > np.float32(-87.0), x, np.float32(-87.0))
    n = np.floor(x * np.float32(1.4426950408889634) + np.float32(0.5))
    r = (x - n * np.float32(0.693359375)) - n * np.float32(-2.12194440e-4)
    y = np.float32(1.9875691500e-4)
    y = y * r + np.float32(1.3981999507e-3)
    y = y * r + np.float32(8.3334519073e-3)
    y = y * r + np.float32(4.1665795894e-2)
    y = y * r + np.float32(1.6666665459e-1)
    y = y * r + np.float32(5.0000001201e-1)
    y = y * r * r + r + np.float32(1.0)
    return y * _as_float32((np.int32(n) + np.int32(127)) << np.int32(23))


@njit(inline="always", fastmath=_FAST, error_model="numpy")
def _log1p_unit(r):  # noqa: ANN001, ANN202
    """Float32 ln(1 + r) for r in [0, 1], from the series of 2 artanh(r / (2 + r))."""
    z = r / (np.float32(2.0) + r)
    w = z * z
    s = np.float32(2.0 / 13.0)
    s = s * w + np.float32(2.0 / 11.0)
    s = s * w + np.float32(2.0 / 9.0)
    s = s * w + np.float32(2.0 / 7.0)
    s = s * w + np.float32(2.0 / 5.0)
    s = s * w + np.float32(2.0 / 3.0)
    s = s * w + np.float32(2.0)
    return s * z


@njit(inline="always", fastmath=_FAST, error_model="numpy")
def _expm1_minus(d):  # noqa: ANN001, ANN202
    """Float32 e^d - 1 - d for |d| < 0.5 by its series."""
    s = np.float32(1.0 / 40320.0)
    s = s * d + np.float32(1.0 / 5040.0)
    s = s * d + np.float32(1.0 / 720.0)
    s = s * d + np.float32(1.0 / 120.0)
    s = s * d + np.float32(1.0 / 24.0)
    s = s * d + np.float32(1.0 / 6.0)
    s = s * d + np.float32(0.5)
    return s * d * d


@njit(parallel=True, fastmath=_FAST, error_model="numpy", cache=True)
def _sweep(reference_TV, candidate_TV, reference_normalizer, candidate_top, reference_top5):  # noqa: ANN001, ANN202, PLR0915
    """First the candidate's normaliser and the ranks, then every sum; rows in parallel."""
    rows, vocabulary = candidate_TV.shape
    sums = np.empty((rows, 6), np.float64)
    ranks = np.empty((rows, 5), np.int32)
    for t in prange(rows):
        top = candidate_top[t]
        b0 = candidate_TV[t, reference_top5[t, 0]]
        b1 = candidate_TV[t, reference_top5[t, 1]]
        b2 = candidate_TV[t, reference_top5[t, 2]]
        b3 = candidate_TV[t, reference_top5[t, 3]]
        b4 = candidate_TV[t, reference_top5[t, 4]]
        r0 = r1 = r2 = r3 = r4 = 1.0
        one = np.float32(1.0)
        zero = np.float32(0.0)
        total = 0.0
        for start in range(0, vocabulary, _BLOCK):
            stop = min(start + _BLOCK, vocabulary)
            part = zero
            c0 = c1 = c2 = c3 = c4 = zero  # counts of a block are exact in float32
            for v in range(start, stop):
                b = candidate_TV[t, v]
                part += _exp(b - top)
                c0 += _select(b > b0, one, zero)
                c1 += _select(b > b1, one, zero)
                c2 += _select(b > b2, one, zero)
                c3 += _select(b > b3, one, zero)
                c4 += _select(b > b4, one, zero)
            total += part
            r0 += c0
            r1 += c1
            r2 += c2
            r3 += c3
            r4 += c4
        ranks[t, 0] = np.int32(r0)
        ranks[t, 1] = np.int32(r1)
        ranks[t, 2] = np.int32(r2)
        ranks[t, 3] = np.int32(r3)
        ranks[t, 4] = np.int32(r4)
        normalizer = np.float64(top) + np.log(total)
        shift_p = np.float32(reference_normalizer[t])
        shift_q = np.float32(normalizer)
        shift_d = np.float32(normalizer - reference_normalizer[t])
        kl = reverse = js = variation = entropy = 0.0
        for start in range(0, vocabulary, _BLOCK):
            stop = min(start + _BLOCK, vocabulary)
            kl_part = reverse_part = js_part = np.float32(0.0)
            variation_part = entropy_part = np.float32(0.0)
            for v in range(start, stop):
                a = reference_TV[t, v]
                b = candidate_TV[t, v]
                log_q = b - shift_q
                p = _exp(a - shift_p)
                q = _exp(log_q)
                d = (b - a) - shift_d
                near = abs(d) < np.float32(0.5)
                d_near = _select(near, d, np.float32(0.0))
                excess = _expm1_minus(d_near)
                x2 = np.float32(0.25) * d_near * d_near
                js_near = x2 * (
                    np.float32(0.5)
                    + x2 * x2 * (np.float32(1.0 / 144.0) - x2 * np.float32(1.0 / 720.0))
                )
                larger = _select(d > np.float32(0.0), d, np.float32(0.0))
                soft = larger + _log1p_unit(_exp(-abs(d))) - np.float32(0.6931471805599453)
                js_far = np.float32(0.5) * (q * d - (p + q) * soft)
                kl_part += _select(near, p * excess, (q - p) - p * d)
                reverse_part += _select(near, q * _expm1_minus(-d_near), (p - q) + q * d)
                js_part += _select(near, math.sqrt(p * q) * js_near, js_far)
                variation_part += _select(near, p * abs(d + excess), abs(p - q))
                entropy_part -= q * log_q
            kl += kl_part
            reverse += reverse_part
            js += js_part
            variation += variation_part
            entropy += entropy_part
        sums[t, 0] = normalizer
        sums[t, 1] = kl
        sums[t, 2] = reverse
        sums[t, 3] = js
        sums[t, 4] = 0.5 * variation
        sums[t, 5] = entropy
    return sums, ranks


@njit(parallel=True, fastmath=_FAST, error_model="numpy", cache=True)
def _normalizers(logits_TV, top):  # noqa: ANN001, ANN202
    """Log-normaliser and entropy of each row."""
    rows, vocabulary = logits_TV.shape
    normalizers = np.empty(rows, np.float64)
    entropies = np.empty(rows, np.float64)
    for t in prange(rows):
        total = 0.0
        weighted = 0.0
        for start in range(0, vocabulary, _BLOCK):
            stop = min(start + _BLOCK, vocabulary)
            part = np.float32(0.0)
            weighted_part = np.float32(0.0)
            for v in range(start, stop):
                x = max(logits_TV[t, v] - top[t], np.float32(-87.0))
                e = _exp(x)
                part += e
                weighted_part += e * x
            total += part
            weighted += weighted_part
        normalizers[t] = np.float64(top[t]) + np.log(total)
        entropies[t] = np.log(total) - weighted / total
    return normalizers, entropies


@njit(parallel=True, cache=True)
def _top5(logits_TV):  # noqa: ANN001, ANN202
    """Find the five largest values of each row, largest first, ties by lower index."""
    rows, vocabulary = logits_TV.shape
    result = np.zeros((rows, 5), np.int32)
    for t in prange(rows):
        values = np.full(5, -np.inf, np.float32)
        for v in range(vocabulary):
            x = logits_TV[t, v]
            # the first five enter whatever they are, so no token ever stands twice
            if v < 5 or x > values[4]:
                k = min(v, 4)
                while k > 0 and x > values[k - 1]:
                    values[k] = values[k - 1]
                    result[t, k] = result[t, k - 1]
                    k -= 1
                values[k] = x
                result[t, k] = v
    return result
