"""Candidates against a reference, from hidden states and heads: the fastest way this machine has.

Shape letters: T positions, V vocabulary entries.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from silentzone.gpu import hopper, twin
from silentzone.gpu.projection import check_observed, common_vocabulary, require_torch
from silentzone.gpu.sums import HiddenMetrics, finish, merge

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from silentzone.gpu.projection import Projection


def compare_hidden(
    reference: Projection,
    candidates: Sequence[Projection],
    observed: torch.Tensor,
    *,
    vocabulary: int | None = None,
    dtype: torch.dtype | None = None,
) -> list[HiddenMetrics]:
    """Metrics of each candidate's positions against the reference's; no logits matrix is made.

    Parameters
    ----------
    reference : Projection
    candidates : sequence of Projection
        Of the same positions, on the same device. Their widths may differ from the reference's.
    observed : torch.Tensor of shape (T,), integer
        The token that came next.
    vocabulary : int, optional
        True number of tokens where heads have rows beyond it.
    dtype : torch.dtype, optional
        Compute in this type with plain torch operations: float64 is the oracle. By default
        float32, in one fused kernel where the GPU has one (Hopper, 16-bit tensors), else in
        pieces with torch.

    Returns
    -------
    list of HiddenMetrics
        One per candidate, float64 values of shape (T,).

    Raises
    ------
    MissingExtraError
        If torch is not installed.
    ShapeError
        If positions or vocabularies differ or an observed token lies outside the vocabulary.

    Notes
    -----
    Relative error of a mean divergence from float32 logits: below 2e-5 at 2e-2 nats and at 1e-5
    nats. Products of 16-bit values are exact in float32, their sums are not: that error is in the
    logits of any engine.
    """
    torch = require_torch()
    size = common_vocabulary([reference, *candidates], vocabulary)
    check_observed(observed, len(reference.hidden_TD), size)
    if dtype is None and candidates and hopper.supports(reference, candidates):
        return _fused(reference, candidates, observed, size)
    kind = torch.float32 if dtype is None else dtype
    seen = twin.observed_logits(reference, observed, kind)
    return [
        finish(
            twin.sum_rows(reference, candidate, size, kind),
            seen,
            twin.observed_logits(candidate, observed, kind),
        )
        for candidate in candidates
    ]


def _fused(
    reference: Projection, candidates: Sequence[Projection], observed: torch.Tensor, size: int
) -> list[HiddenMetrics]:
    seen = hopper.observed_logits(reference, observed)
    results = []
    for start in range(0, len(candidates), hopper.MOST_CANDIDATES):
        group = candidates[start : start + hopper.MOST_CANDIDATES]
        for candidate, sums in zip(group, hopper.sum_rows(reference, group, size), strict=True):
            results.append(finish(merge(sums), seen, hopper.observed_logits(candidate, observed)))
    return results
