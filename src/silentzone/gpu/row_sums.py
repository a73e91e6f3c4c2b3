"""Sums over whole rows of logits in plain torch operations, a stretch of the vocabulary at a time.

Logits are taken relative to their row's largest and to the logarithm of its mass, so that large
logits cost no precision. Minus infinity stands for a token that cannot come.

Shape letters: R rows, V vocabulary entries.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from silentzone.gpu.twin import NEAR, excess_series

if TYPE_CHECKING:
    import torch

_LOWEST_LOG = -745.0
"""A reference probability below the smallest float64 counts as none, as in the NumPy oracle."""


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """What one model's rows are by themselves; shape (R,), float64 if real."""

    top: torch.Tensor
    """Largest logit, of the logits' type or wider; NaN or infinite if the row is not finite."""
    log_mass: torch.Tensor
    """ln of the sum of ``exp(logit - top)``."""
    entropy: torch.Tensor
    seen: torch.Tensor
    """Logit of the observed token."""
    top5: torch.Tensor
    """Shape (R, 5): most likely tokens, most likely first, ties by lower index; int64."""


@dataclass(frozen=True, slots=True, eq=False)
class BlockSums:
    """What two models' rows are to each other; shape (R,), float64 unless said."""

    kl_divergence: torch.Tensor
    reverse_kl_divergence: torch.Tensor
    js_divergence: torch.Tensor
    total_variation: torch.Tensor
    rank: torch.Tensor
    """1 + candidate logits above that of the reference's most likely token."""
    in_five: torch.Tensor
    """Shape (R, 5), boolean: which of the reference's five most likely tokens reach the logit of
    the candidate's fifth, so that fewer than five are above them."""


def describe_block(logits_RV: torch.Tensor, observed: torch.Tensor, columns: int) -> Row:
    """Normalisers, entropy, most likely tokens and the observed token's logit of each row."""
    import torch

    top5 = _top5(logits_RV, columns)
    top = logits_RV.gather(1, top5[:, :1])
    mass = torch.zeros(len(top), dtype=torch.float64, device=top.device)
    weighted = torch.zeros_like(mass)
    for start in range(0, logits_RV.shape[1], columns):
        x = logits_RV[:, start : start + columns] - top
        e = x.exp()
        mass += e.sum(1, dtype=x.dtype).double()
        # the product of an excluded token is NaN; its part is nothing
        weighted += e.mul_(x).masked_fill_(x.isneginf(), 0.0).sum(1).double()
    flat = top[:, 0]
    log_mass = mass.log()
    return Row(
        top=flat,
        log_mass=log_mass,
        entropy=log_mass - weighted / mass,
        seen=logits_RV.gather(1, observed[:, None])[:, 0].double(),
        top5=top5,
    )


def sum_block(
    reference_RV: torch.Tensor,
    candidate_RV: torch.Tensor,
    reference: Row,
    candidate: Row,
    columns: int,
) -> BlockSums:
    """Divergences and ranks, both normalisers being known."""
    import torch

    rows, vocabulary = reference_RV.shape
    totals = torch.zeros((4, rows), dtype=torch.float64, device=reference_RV.device)
    rank = torch.ones_like(totals[0])
    mark = candidate_RV.gather(1, reference.top5[:, :1])
    for start in range(0, vocabulary, columns):
        a = reference_RV[:, start : start + columns]
        b = candidate_RV[:, start : start + columns]
        rank += (b > mark).sum(1, dtype=torch.int32)
        for total, part in zip(totals, _terms(a, b, reference, candidate), strict=True):
            total += part.double()
    in_five = candidate_RV.gather(1, reference.top5) >= candidate_RV.gather(
        1, candidate.top5[:, 4:]
    )
    return BlockSums(totals[0], totals[1], totals[2], 0.5 * totals[3], rank, in_five)


def _terms(
    a: torch.Tensor, b: torch.Tensor, reference: Row, candidate: Row
) -> tuple[torch.Tensor, ...]:
    """Sum one stretch up: both divergences, Jensen-Shannon, and the L1 distance."""
    import torch

    kind = a.dtype
    x, y = a - reference.top[:, None], b - candidate.top[:, None]
    shift = (candidate.log_mass - reference.log_mass).to(kind)[:, None]
    # neither model can produce the token: minus infinity less minus infinity
    d = ((y - x) - shift).nan_to_num_(nan=0.0, posinf=math.inf, neginf=-math.inf)
    x -= reference.log_mass.to(kind)[:, None]
    y -= candidate.log_mass.to(kind)[:, None]
    excluded = (y.isneginf() & (x > _LOWEST_LOG)).any(1)
    excluding = (x.isneginf() & (y > _LOWEST_LOG)).any(1)
    p, q = x.exp_(), y.exp_()
    near = d.abs() < NEAR
    small = d.masked_fill(~near, 0.0)
    excess = excess_series(-small)
    variation = torch.where(near, p * (small + excess), q - p).abs_().sum(1)
    forward = torch.where(near, p * excess, _far(p, q, d)).sum(1)
    del excess
    backward = torch.where(near, q * excess_series(small), _far(q, p, -d)).sum(1)
    js = torch.where(near, _js_near(p, q, small), _js_far(p, q, d)).sum(1)
    return (
        forward.masked_fill(excluded, math.inf),
        backward.masked_fill(excluding, math.inf),
        js,
        variation,
    )


def _far(p: torch.Tensor, q: torch.Tensor, d: torch.Tensor) -> torch.Tensor:
    """Term ``q - p - p d`` of D_KL(p || q); ``q`` alone where p is nothing."""
    return (q - p - p * d).where(p > 0, q)


def _js_near(p: torch.Tensor, q: torch.Tensor, d: torch.Tensor) -> torch.Tensor:
    """Series of the term for small d: with h = d / 2, ``h sinh h - cosh h ln cosh h``."""
    h = (0.25 * d).mul_(d)
    series = (h * (-1.0 / 720.0)).add_(1.0 / 144.0).mul_(h).mul_(h).add_(0.5).mul_(h)
    return series.mul_((p * q).sqrt_())


def _js_far(p: torch.Tensor, q: torch.Tensor, d: torch.Tensor) -> torch.Tensor:
    """Half of p ln(p / m) + q ln(q / m), with m the mean of the two."""
    soft = d.abs().neg_().exp_().log1p_().sub_(math.log(2.0))
    own = (soft + d.clamp(min=0.0)).mul_(p).masked_fill_(p == 0, 0.0)
    other = soft.add_((-d).clamp_(min=0.0)).mul_(q).masked_fill_(q == 0, 0.0)
    return own.add_(other).mul_(-0.5)


def _top5(logits_RV: torch.Tensor, columns: int) -> torch.Tensor:
    """Find the five largest of each row, largest first, ties by lower index."""
    import torch

    values, index = logits_RV.topk(5, dim=1)
    reaching = torch.zeros(len(values), dtype=torch.int32, device=values.device)
    for start in range(0, logits_RV.shape[1], columns):
        part = logits_RV[:, start : start + columns]
        reaching += (part >= values[:, 4:]).sum(1, dtype=torch.int32)
    # torch promises no order among equals, which matters where more than five reach the fifth
    for row in (reaching > 5).nonzero()[:, 0].tolist():
        _first_equal(logits_RV[row], values[row], index[row], columns)
    index = index.sort(dim=1).values
    order = logits_RV.gather(1, index).sort(dim=1, descending=True, stable=True).indices
    return index.gather(1, order)


def _first_equal(
    row_V: torch.Tensor, values: torch.Tensor, index: torch.Tensor, columns: int
) -> None:
    """Put the lowest indices that hold the fifth of five values in place of those in ``index``."""
    import torch

    above = index[values > values[4]]
    count = 5 - len(above)
    found: list[torch.Tensor] = []
    for start in range(0, len(row_V), columns):
        hits = (row_V[start : start + columns] == values[4]).nonzero()[:count, 0]
        found.append(hits + start)
        if sum(map(len, found)) >= count:
            break
    index.copy_(torch.cat([above, *found])[:5])
