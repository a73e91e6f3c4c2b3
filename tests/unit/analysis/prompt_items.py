"""Items with known margins, confidences and divergences, for tests of what happens per item."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from silentzone.analysis.prompt_data import PromptData
from silentzone.stats.clusters import ClusterPartition

if TYPE_CHECKING:
    from numpy.typing import NDArray


def prompt_data(
    *,
    n_models: int = 6,
    n_items: int = 400,
    seed: int = 0,
    cluster_size: int = 1,
    bias: float = 0.3,
    benchmark: str = "alpha",
) -> PromptData:
    """Candidates whose margins are the reference's, moved by a bias of their own and by noise.

    The divergence of an item follows the noise's size there and says nothing about its sign.
    """
    rng = np.random.default_rng(seed)
    noise = np.exp(np.linspace(-1.5, 0.5, n_models))[:, None]
    reference_margin = rng.normal(1.2, 2.0, n_items)
    moved = noise * rng.normal(size=(n_models, n_items))
    margin = reference_margin + moved + bias * rng.normal(size=(n_models, 1))
    divergence = 0.02 * moved**2 + 0.001 * rng.exponential(size=(n_models, n_items))
    labels = np.repeat(np.arange(-(-n_items // cluster_size)), cluster_size)[:n_items]
    names = tuple(f"Q{number}" for number in range(n_models))
    return PromptData(
        benchmark=benchmark,
        item_ids=tuple(f"{benchmark}-{number}" for number in range(n_items)),
        clusters=ClusterPartition.of(labels, unit="item"),
        reference_score=(reference_margin > 0.0).astype(np.float64),
        reference_confidence=confidence_of(reference_margin),
        reference_margin=reference_margin,
        models=names,
        scores=(margin > 0.0).astype(np.float64),
        divergence=divergence,
        confidence=confidence_of(margin),
        margin=margin,
        mean_divergence={
            name: float(size**2) for name, size in zip(names, noise[:, 0], strict=True)
        },
    )


def confidence_of(margin: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probability of the more likely of two answers."""
    result: NDArray[np.float64] = 1.0 / (1.0 + np.exp(-np.abs(margin)))
    return result


def changed(data: PromptData, **fields: Any) -> PromptData:
    """Copy with other fields."""
    return replace(data, **fields)
