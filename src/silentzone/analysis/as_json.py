"""Result records as the plain values of ``analysis.json``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from silentzone.stats.results import Estimate

JsonObject = dict[str, Any]


def estimate_as_json(estimate: Estimate) -> JsonObject:
    """Fields of an estimate by their names."""
    return {
        "value": estimate.value,
        "standard_error": estimate.standard_error,
        "interval": interval_as_json(estimate.interval),
        "method": estimate.method,
        "n_observations": estimate.n_observations,
        "n_clusters": estimate.n_clusters,
        "confidence": estimate.confidence,
        "cautions": list(estimate.cautions),
    }


def interval_as_json(interval: tuple[float, float] | None) -> list[float] | None:
    """Two bounds, or null."""
    return None if interval is None else [float(interval[0]), float(interval[1])]
