"""How far a model is from itself, and which candidates differ by more than that."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from silentzone.analysis.as_json import JsonObject, estimate_as_json
from silentzone.stats.estimates import mean_estimate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from silentzone.analysis.positions import CorpusPositions, FloorPositions
    from silentzone.stats.results import Estimate

PERTURBATIONS = {
    "uneven_batch": "an uneven batch split",
    "token_by_token": "decoding token by token",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """The measured noise of one model on one corpus."""

    estimates: Mapping[str, Estimate]
    """KLD against itself by perturbation, of those that changed something."""
    used: float | None
    """The larger of them in nats; null where nothing was measured or nothing changed."""
    was_measured: bool
    statement: str

    @property
    def threshold(self) -> float | None:
        """What a difference must exceed: zero where nothing changed, null if not measured."""
        return (self.used or 0.0) if self.was_measured else None


def model_floor(
    own: Mapping[str, FloorPositions], elsewhere: Mapping[str, FloorPositions], elsewhere_name: str
) -> Floor:
    """Floor of one model on one corpus.

    Parameters
    ----------
    own : mapping of str to FloorPositions
        Measured on this corpus, by perturbation.
    elsewhere : mapping of str to FloorPositions
        Measured on another corpus; stands in for a perturbation this corpus lacks.
    elsewhere_name : str
        That corpus.
    """
    estimates: dict[str, Estimate] = {}
    said: list[str] = []
    measured = 0
    for kind, words in PERTURBATIONS.items():
        source = own if kind in own else elsewhere
        if kind not in source or len(source[kind].kld) == 0:
            said.append(f"{words} was not measured")
            continue
        measured += 1
        positions = source[kind]
        where = "" if source is own else f" (on {elsewhere_name})"
        estimate = mean_estimate(positions.kld, positions.clusters)
        if not positions.kld.any():
            said.append(f"{words}{where}: this perturbation changed nothing")
        elif estimate.value is None:
            said.append(f"{words}{where}: {'; '.join(estimate.cautions)}")
        else:
            estimates[kind] = estimate
            said.append(f"{words}{where}: {estimate.value:.2e} nats from itself")
    values = [estimate.value for estimate in estimates.values() if estimate.value is not None]
    statement = "; ".join(said)
    return Floor(
        estimates=estimates,
        used=max(values) if values else None,
        was_measured=measured > 0,
        statement=statement[0].upper() + statement[1:] + ".",
    )


def floor_as_json(floor: Floor) -> JsonObject:
    """Floor as ``analysis.json`` holds it."""
    return {
        **{
            kind: estimate_as_json(floor.estimates[kind]) if kind in floor.estimates else None
            for kind in PERTURBATIONS
        },
        "used": floor.used,
        "statement": floor.statement,
    }


def distinguishable_pairs(
    positions: CorpusPositions, floors: Mapping[str, Floor], order: Sequence[str]
) -> list[JsonObject]:
    """For every pair of candidates, whether their mean KLD differs beyond doubt and noise.

    Parameters
    ----------
    positions : CorpusPositions
    floors : mapping of str to Floor
        By model.
    order : sequence of str
        Names in the order in which pairs are listed.
    """
    names = [name for name in order if name in positions.models]
    return [_pair(positions, floors, first, second) for first, second in combinations(names, 2)]


def _pair(
    positions: CorpusPositions, floors: Mapping[str, Floor], first: str, second: str
) -> JsonObject:
    mask = positions.common((first, second))
    values = [positions.models[name].columns["kl_divergence"] for name in (first, second)]
    # Two infinite divergences at one position have no difference.
    mask &= ~((values[0] == values[1]) & (values[0] == float("inf")))
    difference = mean_estimate(values[1][mask] - values[0][mask], positions.clusters.select(mask))
    thresholds = [floors[name].threshold for name in (first, second) if name in floors]
    known = [value for value in thresholds if value is not None]
    floor = max(known) if len(known) == 2 else None
    is_distinguishable, why = _judged(difference, floor)
    return {
        "corpus": positions.corpus,
        "first": first,
        "second": second,
        "difference": estimate_as_json(difference),
        "floor": floor,
        "is_distinguishable": is_distinguishable,
        "why": why,
    }


def _judged(difference: Estimate, floor: float | None) -> tuple[bool | None, str]:
    if difference.value is None or difference.interval is None:
        return None, "the difference has no interval: " + "; ".join(difference.cautions)
    low, high = difference.interval
    if low <= 0.0 <= high:
        return False, "the interval of the difference includes zero"
    if floor is None:
        return None, "the floor of one of the two was not measured"
    if abs(difference.value) <= floor:
        return False, (
            f"the difference of {abs(difference.value):.2e} nats is not above the larger "
            f"floor of {floor:.2e}"
        )
    return True, "the interval excludes zero and the difference is above both floors"
