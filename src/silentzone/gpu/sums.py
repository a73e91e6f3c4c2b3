r"""From a few sums per row to the metrics of a position.

A stretch of the vocabulary is described by the largest logit of each model, :math:`m_r` and
:math:`m_c`, and with :math:`x = r - m_r`, :math:`y = c - m_c`, :math:`u = x - y` by

.. math:: P = \sum e^x,\ Q = \sum e^y,\ U = \sum e^x u,\ K = \sum e^x (e^{-u} - 1 + u).

Every term of K is non-negative and is summed in a form that does not cancel, so near the baseline,
with :math:`a = (K - U) / P`,

.. math:: D_{KL} = K / P + \log(1 + a) - a

is as accurate as K, in one sweep: the difference of the maxima stands in for the difference of the
normalisers, which is not known before the end, and the last two terms, of the order of :math:`a^2`,
take its error out exactly. Far from the baseline :math:`U / P + \log(Q / P)` says the same without
the large terms. Sums of two stretches are brought to common maxima by identities that are exact.

Shape letters: T positions, S stretches.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

LOWEST = -1e30
"""Stands for a logit of minus infinity: differences of two stay finite."""
_EXCLUDED = 1e20
"""A divergence beyond this comes from a token that the candidate excludes."""


@dataclass(frozen=True, slots=True, eq=False)
class RowSums:
    """Sums of stretches, shape (S, T), or of whole rows, shape (T,); logits in nats."""

    reference_max: torch.Tensor
    reference_mass: torch.Tensor
    """P."""
    reference_weighted: torch.Tensor
    """Sum of ``e^x x``."""
    reference_top: torch.Tensor
    """Lowest index of the largest logit."""
    candidate_max: torch.Tensor
    candidate_mass: torch.Tensor
    """Q."""
    candidate_weighted: torch.Tensor
    """Sum of ``e^y y``."""
    candidate_top: torch.Tensor
    difference: torch.Tensor
    """U."""
    excess: torch.Tensor
    """K."""


@dataclass(frozen=True, slots=True, eq=False)
class HiddenMetrics:
    """One value per position, shape (T,); float64, on the device of the hidden states."""

    kl_divergence: torch.Tensor
    """Nats; infinite where the candidate excludes a token that the reference can produce."""
    reference_nll: torch.Tensor
    """-ln P(observed token) under the reference, nats."""
    candidate_nll: torch.Tensor
    delta_p: torch.Tensor
    """Candidate's minus reference's probability of the observed token."""
    reference_entropy: torch.Tensor
    candidate_entropy: torch.Tensor
    reference_top1: torch.Tensor
    """Most likely token, lowest index among equals; int64."""
    candidate_top1: torch.Tensor
    top1_match: torch.Tensor
    """Boolean."""
    is_finite: torch.Tensor
    """False where a row of logits holds NaN or infinity; all else is then meaningless."""


def merge(parts: RowSums) -> RowSums:
    """Add the stretches of every row up, in float64."""
    import torch

    values = {field.name: getattr(parts, field.name) for field in fields(RowSums)}
    real = {k: v.double() for k, v in values.items() if not k.endswith("_top")}
    top_r, rise_r, gain_r = _to_common(real["reference_max"])
    top_c, rise_c, gain_c = _to_common(real["candidate_max"])
    mass, other = real["reference_mass"], real["candidate_mass"]
    difference, excess = real["difference"], real["excess"]
    step = rise_r - rise_c  # u becomes u - step
    moved = gain_r * (excess + step * (excess - difference) - (1.0 + step) * other) + gain_c * other
    return RowSums(
        reference_max=top_r,
        reference_mass=(gain_r * mass).sum(0),
        reference_weighted=(gain_r * (real["reference_weighted"] - rise_r * mass)).sum(0),
        reference_top=_first(parts.reference_top, parts.reference_max),
        candidate_max=top_c,
        candidate_mass=(gain_c * other).sum(0),
        candidate_weighted=(gain_c * (real["candidate_weighted"] - rise_c * other)).sum(0),
        candidate_top=_first(parts.candidate_top, parts.candidate_max),
        difference=(gain_r * (difference - step * mass)).sum(0),
        excess=torch.as_tensor(moved).sum(0),
    )


def finish(
    sums: RowSums, reference_seen: torch.Tensor, candidate_seen: torch.Tensor
) -> HiddenMetrics:
    """Metrics from the sums of whole rows and the observed tokens' logits, nats."""
    import torch

    mass, other = sums.reference_mass, sums.candidate_mass
    shift = (sums.excess - sums.difference) / mass
    near = sums.excess / mass + (torch.log1p(shift.clamp(min=-0.9)) - shift)
    far = sums.difference / mass + torch.log(other / mass)
    divergence = torch.where((other / mass - 1.0).abs() < 0.5, near, far)
    divergence = torch.where(divergence > _EXCLUDED, torch.inf, divergence)
    reference_nll = sums.reference_max + torch.log(mass) - reference_seen.double()
    candidate_nll = sums.candidate_max + torch.log(other) - candidate_seen.double()
    return HiddenMetrics(
        kl_divergence=divergence,
        reference_nll=reference_nll,
        candidate_nll=candidate_nll,
        delta_p=torch.exp(-candidate_nll) - torch.exp(-reference_nll),
        reference_entropy=torch.log(mass) - sums.reference_weighted / mass,
        candidate_entropy=torch.log(other) - sums.candidate_weighted / other,
        reference_top1=sums.reference_top,
        candidate_top1=sums.candidate_top,
        top1_match=sums.reference_top == sums.candidate_top,
        is_finite=torch.isfinite(mass) & torch.isfinite(other) & ~torch.isnan(divergence),
    )


def _to_common(top: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Largest of the stretches, how far it is above each, and the factor of each one's masses."""
    largest = top.amax(0)
    rise = largest - top
    return largest, rise, (-rise).exp()


def _first(index: torch.Tensor, top: torch.Tensor) -> torch.Tensor:
    """Lowest index among the stretches that hold the largest logit."""
    import torch

    beyond = torch.iinfo(torch.int64).max
    best: torch.Tensor = index.long().masked_fill(top != top.amax(0), beyond).amin(0)
    return best
