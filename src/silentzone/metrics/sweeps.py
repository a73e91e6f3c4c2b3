"""Compiled sweeps over rows of logits; ``kernels`` gives them their shapes and their meaning.

A sweep works on blocks that stay in the first cache: what only few of them need (ranks, the terms
of large differences) is decided for a block at once, so that the usual loop has no branch and
little arithmetic.

Shape letters: T positions, V vocabulary entries.
"""

# Numba reads these functions, not mypy: their values change type on purpose.
# mypy: disable-error-code="assignment,untyped-decorator,no-untyped-def"

from __future__ import annotations

import math
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, prange, types
from numba.extending import intrinsic

# Reductions may be reordered so that they fill vector registers. NaN and infinity keep their
# meaning: "nnan" and "ninf" are not allowed.
_FAST = {"reassoc", "contract", "nsz", "arcp"}
_BLOCK = 512
"""Terms summed in float32 lanes before they are added to the float64 total."""


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


@njit(inline="always", fastmath=_FAST, error_model="numpy")
def _even_odd(z):  # noqa: ANN001, ANN202
    """Float32 (cosh d - 1) / d^2 and (sinh d - d) / d^3 for z = d^2 <= 1."""
    even = np.float32(1.0 / 3628800.0)
    even = even * z + np.float32(1.0 / 40320.0)
    even = even * z + np.float32(1.0 / 720.0)
    even = even * z + np.float32(1.0 / 24.0)
    even = even * z + np.float32(0.5)
    odd = np.float32(1.0 / 362880.0)
    odd = odd * z + np.float32(1.0 / 5040.0)
    odd = odd * z + np.float32(1.0 / 120.0)
    odd = odd * z + np.float32(1.0 / 6.0)
    return even, odd


@njit(inline="always", fastmath=_FAST, error_model="numpy")
def _js_share(d):  # noqa: ANN001, ANN202
    """Jensen-Shannon term over p d^2 for |d| <= 1; interpolated, relative error below 2e-8."""
    s = np.float32(1.0821735186818313e-05)
    s = s * d + np.float32(8.654656801865279e-05)
    s = s * d + np.float32(4.3403988424452395e-04)
    s = s * d + np.float32(2.6042680836003457e-03)
    s = s * d + np.float32(1.5624998584656245e-02)
    s = s * d + np.float32(6.249998848011446e-02)
    return s * d + np.float32(0.125)


@njit(fastmath=_FAST, error_model="numpy", cache=True)
def _near_sums(a_V, b_V, shift_p, shift_d):  # noqa: ANN001, ANN202
    """Sum a block in which no difference of log-probabilities exceeds 1: one exponential."""
    kl = reverse = js = variation = np.float32(0.0)
    for v in range(len(a_V)):
        a, b = a_V[v], b_V[v]
        d = (b - a) - shift_d
        p = _exp(a - shift_p)
        z = d * d
        even, odd = _even_odd(z)
        excess = z * (even + d * odd)  # e^d - 1 - d
        change = d + excess
        q = p + p * change
        kl += p * excess
        reverse += q * z * (even - d * odd)
        js += p * z * _js_share(d)
        variation += p * abs(change)
    return kl, reverse, js, variation


@njit(fastmath=_FAST, error_model="numpy", cache=True)
def _any_sums(a_V, b_V, shift_p, shift_q, shift_d):  # noqa: ANN001, ANN202
    """Sum a block whatever its differences are."""
    kl = reverse = js = variation = np.float32(0.0)
    for v in range(len(a_V)):
        a, b = a_V[v], b_V[v]
        p = _exp(a - shift_p)
        q = _exp(b - shift_q)
        d = (b - a) - shift_d
        near = abs(d) < np.float32(0.5)
        d_near = _select(near, d, np.float32(0.0))
        excess = _expm1_minus(d_near)
        x2 = np.float32(0.25) * d_near * d_near
        js_near = x2 * (
            np.float32(0.5) + x2 * x2 * (np.float32(1.0 / 144.0) - x2 * np.float32(1.0 / 720.0))
        )
        larger = _select(d > np.float32(0.0), d, np.float32(0.0))
        soft = larger + _log1p_unit(_exp(-abs(d))) - np.float32(0.6931471805599453)
        js_far = np.float32(0.5) * (q * d - (p + q) * soft)
        kl += _select(near, p * excess, (q - p) - p * d)
        reverse += _select(near, q * _expm1_minus(-d_near), (p - q) + q * d)
        js += _select(near, math.sqrt(p * q) * js_near, js_far)
        variation += _select(near, p * abs(d + excess), abs(p - q))
    return kl, reverse, js, variation


@njit(fastmath=_FAST, error_model="numpy", cache=True)
def _beyond(a_V, b_V, shift_d, bound):  # noqa: ANN001, ANN202
    """Count the entries whose difference is not below the bound; NaN is not."""
    count = np.float32(0.0)
    for v in range(len(a_V)):
        d = (b_V[v] - a_V[v]) - shift_d
        count += _select(abs(d) < bound, np.float32(0.0), np.float32(1.0))
    return count


@njit(fastmath=_FAST, error_model="numpy", cache=True)
def _above(x_V, mark):  # noqa: ANN001, ANN202
    """Count the entries above a mark; a block's count is exact in float32."""
    count = np.float32(0.0)
    for v in range(len(x_V)):
        count += _select(x_V[v] > mark, np.float32(1.0), np.float32(0.0))
    return count


@njit(fastmath=_FAST, error_model="numpy", cache=True)
def _weighted(x_V, top):  # noqa: ANN001, ANN202
    """Sum of e^x and of x e^x over a block, relative to the row's largest."""
    total = weighted = np.float32(0.0)
    for v in range(len(x_V)):
        x = x_V[v] - top
        # a product with minus infinity would be NaN; Python's max would keep the loop scalar
        x = _select(x < np.float32(-87.0), np.float32(-87.0), x)
        e = _exp(x) + (x - x)  # the exponential's own bound would hide a NaN
        total += e
        weighted += e * x
    return total, weighted


@njit(fastmath=_FAST, error_model="numpy", cache=True)
def _mass_and_ranks(b_V, top, marks, ranks):  # noqa: ANN001, ANN202
    """Both sums of a row; ranks of five marks, counted only in blocks that reach the lowest."""
    lowest = marks.min()
    ranks[:] = 1
    total = weighted = 0.0
    for start in range(0, len(b_V), _BLOCK):
        block = b_V[start : start + _BLOCK]
        part, weighted_part = _weighted(block, top)
        total += part
        weighted += weighted_part
        if _above(block, lowest) > 0:
            for k in range(5):
                ranks[k] += np.int32(_above(block, marks[k]))
    return total, weighted


@njit(parallel=True, fastmath=_FAST, error_model="numpy", cache=True)
def sweep(reference_TV, candidate_TV, reference_normalizer, candidate_top, reference_top5):  # noqa: ANN001, ANN201
    """First the candidate's normaliser and the ranks, then every sum; rows in parallel."""
    rows, vocabulary = candidate_TV.shape
    sums = np.empty((rows, 6), np.float64)
    ranks = np.empty((rows, 5), np.int32)
    for t in prange(rows):
        a_V, b_V = reference_TV[t], candidate_TV[t]
        marks = np.empty(5, np.float32)
        for k in range(5):
            marks[k] = b_V[reference_top5[t, k]]
        total, weighted = _mass_and_ranks(b_V, candidate_top[t], marks, ranks[t])
        normalizer = np.float64(candidate_top[t]) + np.log(total)
        shift_p = np.float32(reference_normalizer[t])
        shift_q = np.float32(normalizer)
        shift_d = np.float32(normalizer - reference_normalizer[t])
        kl = reverse = js = variation = 0.0
        for start in range(0, vocabulary, _BLOCK):
            a, b = a_V[start : start + _BLOCK], b_V[start : start + _BLOCK]
            if _beyond(a, b, shift_d, np.float32(1.0)) > 0:
                parts = _any_sums(a, b, shift_p, shift_q, shift_d)
            else:
                parts = _near_sums(a, b, shift_p, shift_d)
            kl += parts[0]
            reverse += parts[1]
            js += parts[2]
            variation += parts[3]
        sums[t, 0] = normalizer
        sums[t, 1] = kl
        sums[t, 2] = reverse
        sums[t, 3] = js
        sums[t, 4] = 0.5 * variation
        sums[t, 5] = np.log(total) - weighted / total
    return sums, ranks


@njit(parallel=True, fastmath=_FAST, error_model="numpy", cache=True)
def normalizers(logits_TV, top):  # noqa: ANN001, ANN201
    """Log-normaliser and entropy of each row."""
    rows, vocabulary = logits_TV.shape
    normalizers = np.empty(rows, np.float64)
    entropies = np.empty(rows, np.float64)
    for t in prange(rows):
        total = 0.0
        weighted = 0.0
        for start in range(0, vocabulary, _BLOCK):
            part, weighted_part = _weighted(logits_TV[t, start : start + _BLOCK], top[t])
            total += part
            weighted += weighted_part
        normalizers[t] = np.float64(top[t]) + np.log(total)
        entropies[t] = np.log(total) - weighted / total
    return normalizers, entropies


@njit(parallel=True, cache=True)
def top_five(logits_TV):  # noqa: ANN001, ANN201
    """Find the five largest values of each row, largest first, ties by lower index."""
    rows, vocabulary = logits_TV.shape
    result = np.zeros((rows, 5), np.int32)
    for t in prange(rows):
        values = np.full(5, -np.inf, np.float32)
        for start in range(0, vocabulary, _BLOCK):
            # after the first blocks hardly any holds one of the five
            if start == 0 or _above(logits_TV[t, start : start + _BLOCK], values[4]) > 0:
                _insert(logits_TV[t], start, values, result[t])
    return result


@njit(cache=True)
def _insert(x_V, start, values, indices):  # noqa: ANN001, ANN202
    for v in range(start, min(start + _BLOCK, len(x_V))):
        x = x_V[v]
        # the first five enter whatever they are, so no token ever stands twice
        if v < 5 or x > values[4]:
            k = min(v, 4)
            while k > 0 and x > values[k - 1]:
                values[k] = values[k - 1]
                indices[k] = indices[k - 1]
                k -= 1
            values[k] = x
            indices[k] = v
