"""One model's last step as tensors: logits = cap(scale * (weight @ hidden + bias)).

Shape letters: T positions, V vocabulary entries, D width of the hidden state.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from silentzone.errors import MissingExtraError, ShapeError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

    import torch


@dataclass(frozen=True, slots=True, eq=False)
class Projection:
    """Final hidden states of some positions and the head that turns them into logits."""

    hidden_TD: torch.Tensor
    """After the last normalisation."""
    weight_VD: torch.Tensor
    """The head; for tied models the embedding. May have rows beyond the true vocabulary."""
    bias_V: torch.Tensor | None = None
    softcap: float | None = None
    """Logits are bounded by ``softcap * tanh(logit / softcap)``."""
    scale: float = 1.0
    """Positive factor of the logits, applied before the cap (Cohere, Granite)."""


def require_torch() -> ModuleType:
    """Import torch.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    try:
        import torch
    except ImportError as error:
        raise MissingExtraError(
            "comparing hidden states needs torch.", hint="pip install torch"
        ) from error
    module: ModuleType = torch
    return module


def check_observed(observed: torch.Tensor, positions: int, vocabulary: int) -> None:
    """Refuse observed tokens that are not one per position and inside the vocabulary.

    Raises
    ------
    ShapeError
        If they are not.
    """
    if observed.shape != (positions,):
        raise ShapeError(
            f"`observed` has shape {tuple(observed.shape)}, it must be ({positions},)."
        )
    if positions and not bool(((observed >= 0) & (observed < vocabulary)).all()):
        raise ShapeError(f"`observed` holds a token outside the vocabulary of {vocabulary}.")


def common_vocabulary(models: Sequence[Projection], vocabulary: int | None, least: int = 1) -> int:
    """Check that projections describe the same positions; give the number of entries to compare.

    Parameters
    ----------
    models : sequence of Projection
        The reference first.
    vocabulary : int or None
        True number of tokens where heads are padded; None if they have no padding.
    least : int
        Entries that what is computed needs.

    Raises
    ------
    ShapeError
        If positions or vocabularies differ, a tensor has another shape than its name says, a
        scale or cap is not positive, or a head has fewer rows than the vocabulary.
    """
    for number, model in enumerate(models):
        name = "reference" if number == 0 else f"candidate {number}"
        _check(model, name)
        if model.hidden_TD.shape[0] != models[0].hidden_TD.shape[0]:
            raise ShapeError(
                f"the {name} has {model.hidden_TD.shape[0]} positions, "
                f"the reference has {models[0].hidden_TD.shape[0]}."
            )
        rows = model.weight_VD.shape[0]
        if vocabulary is None and rows != models[0].weight_VD.shape[0]:
            raise ShapeError(
                f"the head of the {name} has {rows} rows, "
                f"the reference's has {models[0].weight_VD.shape[0]}.",
                hint="where heads are padded, give the true size of the vocabulary",
            )
        if vocabulary is not None and rows < vocabulary:
            raise ShapeError(
                f"the head of the {name} has {rows} rows, "
                f"fewer than the vocabulary of {vocabulary}."
            )
    size = int(models[0].weight_VD.shape[0]) if vocabulary is None else vocabulary
    if size < least:
        raise ShapeError(f"`vocabulary` must be at least {least}, it is {size}.")
    return size


def _check(model: Projection, name: str) -> None:
    hidden, weight = model.hidden_TD, model.weight_VD
    if hidden.ndim != 2 or weight.ndim != 2 or hidden.shape[1] != weight.shape[1]:
        raise ShapeError(
            f"hidden states of shape {tuple(hidden.shape)} and a head of shape "
            f"{tuple(weight.shape)} of the {name} do not fit together."
        )
    if model.bias_V is not None and model.bias_V.shape != weight.shape[:1]:
        raise ShapeError(
            f"the bias of the {name} has shape {tuple(model.bias_V.shape)}, "
            f"its head has {weight.shape[0]} rows."
        )
    if not model.scale > 0 or (model.softcap is not None and not model.softcap > 0):
        raise ShapeError(f"`scale` and `softcap` of the {name} must be positive.")
