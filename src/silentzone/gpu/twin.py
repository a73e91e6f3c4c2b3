"""The fused comparison in plain torch, in pieces: any device and floating type, the oracle.

Rows and vocabulary are cut into pieces, so that no matrix of logits is ever whole.

Shape letters: T positions, V vocabulary entries.
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from silentzone.gpu.sums import LOWEST, RowSums, merge

if TYPE_CHECKING:
    import torch

    from silentzone.gpu.projection import Projection

NEAR = 0.25
"""Below this |difference| the series replaces exp(-u) - 1 + u, which would cancel."""
_ROWS = 1024
_COLUMNS = 8192


def sum_rows(
    reference: Projection,
    candidate: Projection,
    vocabulary: int,
    dtype: torch.dtype,
    *,
    rows: int = _ROWS,
    columns: int = _COLUMNS,
) -> RowSums:
    """Compute the sums of whole rows in ``dtype`` from pieces of ``rows`` by ``columns`` logits."""
    import torch

    pieces = []
    total = reference.hidden_TD.shape[0]
    for start in range(0, total, rows):
        part = slice(start, min(start + rows, total))
        stretches = [
            _fold(
                logits(reference, part, slice(lo, min(lo + columns, vocabulary)), dtype),
                logits(candidate, part, slice(lo, min(lo + columns, vocabulary)), dtype),
                lo,
            )
            for lo in range(0, vocabulary, columns)
        ]
        pieces.append(merge(_joined(stretches, torch.stack)))
    return _joined(pieces, torch.cat)


def logits(model: Projection, rows: slice, columns: slice, dtype: torch.dtype) -> torch.Tensor:
    """Logits of some positions and vocabulary entries, summed and kept in ``dtype``."""
    import torch

    hidden, weight = model.hidden_TD[rows], model.weight_VD[columns]
    # on the GPU a 16-bit product with float32 sums keeps the matrix units busy
    if hidden.is_cuda and dtype == torch.float32 and hidden.dtype == weight.dtype != dtype:
        z = torch.mm(hidden, weight.T, out_dtype=torch.float32)
    else:
        z = hidden.to(dtype) @ weight.to(dtype).T
    bias = None if model.bias_V is None else model.bias_V[columns].to(dtype)
    return _shaped(z, model, bias).clamp(min=LOWEST)


def observed_logits(model: Projection, observed: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Logit of each position's observed token, shape (T,)."""
    import torch

    parts = []
    for start in range(0, len(observed), _ROWS):
        tokens = observed[start : start + _ROWS]
        hidden = model.hidden_TD[start : start + _ROWS].to(dtype)
        z = (hidden * model.weight_VD[tokens].to(dtype)).sum(1)
        bias = None if model.bias_V is None else model.bias_V[tokens].to(dtype)
        parts.append(_shaped(z, model, bias).clamp(min=LOWEST))
    return torch.cat(parts)


def _shaped(z: torch.Tensor, model: Projection, bias: torch.Tensor | None) -> torch.Tensor:
    if bias is not None:
        z = z + bias
    if model.scale != 1.0:
        z = z * model.scale
    if model.softcap is not None:
        z = (z / model.softcap).tanh() * model.softcap
    return z


def _fold(r: torch.Tensor, c: torch.Tensor, first_column: int) -> RowSums:
    """Sum up one stretch of the vocabulary."""
    import torch

    top_r, top_c = r.amax(1), c.amax(1)
    x, y = r - top_r[:, None], c - top_c[:, None]
    u = x - y
    w, q = x.exp(), y.exp()
    near = u.abs() < NEAR
    excess = torch.where(near, w * excess_series(torch.where(near, u, 0.0)), q + w * (u - 1.0))
    return RowSums(
        reference_max=top_r,
        reference_mass=w.sum(1),
        reference_weighted=(w * x).sum(1),
        reference_top=_lowest(r == top_r[:, None]) + first_column,
        candidate_max=top_c,
        candidate_mass=q.sum(1),
        candidate_weighted=(q * y).sum(1),
        candidate_top=_lowest(c == top_c[:, None]) + first_column,
        difference=(w * u).sum(1),
        excess=excess.sum(1),
    )


def excess_series(u: torch.Tensor) -> torch.Tensor:
    """``exp(-u) - 1 + u`` by its series; relative error below 1e-13 for |u| < 0.25."""
    g = u * (1.0 / 479001600.0) - 1.0 / 39916800.0
    for divisor in (3628800.0, -362880.0, 40320.0, -5040.0, 720.0, -120.0, 24.0, -6.0, 2.0):
        g = g * u + 1.0 / divisor
    return g * u * u


def _lowest(is_top: torch.Tensor) -> torch.Tensor:
    """Lowest column that holds the maximum: torch's argmax promises none among equals."""
    import torch

    columns = torch.arange(is_top.shape[1], device=is_top.device)
    return torch.where(is_top, columns, is_top.shape[1]).amin(1)


def _joined(parts: list[RowSums], join: object) -> RowSums:
    assert callable(join)
    names = [field.name for field in fields(RowSums)]
    return RowSums(**{name: join([getattr(part, name) for part in parts]) for name in names})
