"""How far a model is from itself, and which candidates differ by more than that."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from silentzone.analysis.as_json import JsonObject, estimate_as_json
from silentzone.stats.estimates import mean_estimate, mean_of_sums_estimate, with_cautions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from silentzone.analysis.positions import CorpusPositions, FloorPositions
    from silentzone.stats.results import Estimate

PERTURBATIONS = {
    "uneven_batch": "an uneven batch split",
    "token_by_token": "decoding token by token",
}


UNCHANGED = "neither model changed under the perturbations tried"


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """The measured noise of one model on one corpus."""

    estimates: Mapping[str, Estimate]
    """KLD against itself by perturbation, of those that changed something."""
    used: float | None
    """The larger of them in nats; null where it is not known or nothing changed."""
    threshold: float | None
    """What a difference must exceed: zero where every perturbation was tried and changed nothing,
    null where that is not known."""
    basis: str
    """Positions and windows behind ``used``, in words; empty where it is null."""
    statement: str


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
    bases: dict[str, str] = {}
    said: list[str] = []
    is_known = True
    n_tried = 0
    for kind, words in PERTURBATIONS.items():
        positions = own.get(kind, elsewhere.get(kind))
        if positions is None or len(positions.kld) + positions.n_excluded == 0:
            said.append(f"{words} was not measured")
            continue
        n_tried += 1
        where = "" if kind in own else f" on {elsewhere_name}"
        bases[kind] = basis = _basis(positions) + where
        estimate = mean_estimate(positions.kld, positions.clusters)
        if estimate.value is None:
            is_known = False
            said.append(f"{words}: no mean, {'; '.join(estimate.cautions)} ({basis})")
        elif not positions.kld.any():
            said.append(f"{words}: this perturbation changed nothing ({basis})")
        else:
            estimates[kind] = estimate
            said.append(f"{words}: {estimate.value:.2e} nats from itself ({basis})")
    values = {kind: one.value for kind, one in estimates.items() if one.value is not None}
    largest = max(values, key=lambda kind: values[kind]) if values and is_known else None
    used = None if largest is None else values[largest]
    changed_nothing = is_known and not values and n_tried == len(PERTURBATIONS)
    statement = "; ".join(said)
    return Floor(
        estimates=estimates,
        used=used,
        threshold=0.0 if changed_nothing else used,
        basis="" if largest is None else bases[largest],
        statement=statement[0].upper() + statement[1:] + ".",
    )


def _basis(positions: FloorPositions) -> str:
    n, clusters = len(positions.kld), positions.clusters
    return f"{_counted(n, 'position')} in {_counted(clusters.n_clusters, clusters.unit)}"


def _counted(n: int, unit: str) -> str:
    return f"{n} {unit}" if n == 1 else f"{n} {unit}s"


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
    sums = {
        name: positions.clusters.sums(positions.models[name].kld)
        for name in names
        if _is_whole(positions, name)
    }
    rows = []
    for first, second in combinations(names, 2):
        if first in sums and second in sums:
            clusters = positions.clusters
            difference = mean_of_sums_estimate(sums[second] - sums[first], clusters)
        else:
            difference = _partial_difference(positions, first, second)
        rows.append(_pair(positions.corpus, floors, (first, second), difference))
    return rows


def _is_whole(positions: CorpusPositions, name: str) -> bool:
    model = positions.models[name]
    return bool(model.usable.all() and np.isfinite(model.kld).all())


def _partial_difference(positions: CorpusPositions, first: str, second: str) -> Estimate:
    """Difference over the positions usable for both."""
    mask = positions.common((first, second))
    values = [positions.models[name].kld for name in (first, second)]
    # Two infinite divergences at one position have no difference.
    mask &= ~((values[0] == values[1]) & (values[0] == float("inf")))
    difference = mean_estimate(values[1][mask] - values[0][mask], positions.clusters.select(mask))
    dropped = int(len(mask) - mask.sum())
    if not dropped:
        return difference
    return with_cautions(
        difference,
        f"{dropped} of {len(mask)} positions are left out: not usable for both, or infinite "
        "for both",
    )


def _pair(
    corpus: str, floors: Mapping[str, Floor], names: tuple[str, str], difference: Estimate
) -> JsonObject:
    own = [floors[name] for name in names if name in floors]
    is_distinguishable, why = _judged(difference, own)
    known = [floor.threshold for floor in own if floor.threshold is not None]
    return {
        "corpus": corpus,
        "first": names[0],
        "second": names[1],
        "difference": estimate_as_json(difference),
        "floor": (max(known) or None) if len(known) == 2 else None,
        "is_distinguishable": is_distinguishable,
        "why": why,
    }


def _judged(difference: Estimate, floors: Sequence[Floor]) -> tuple[bool | None, str]:
    if difference.value is None or difference.interval is None:
        return None, "the difference has no interval: " + "; ".join(difference.cautions)
    low, high = difference.interval
    if low <= 0.0 <= high:
        return False, "the interval of the difference includes zero"
    return _judged_by_floors(difference.value, min(abs(low), abs(high)), floors)


def _judged_by_floors(
    value: float, nearest: float, floors: Sequence[Floor]
) -> tuple[bool | None, str]:
    """Judge by the end of the interval nearest zero."""
    known = {floor.threshold: floor.basis for floor in floors if floor.threshold is not None}
    if len(floors) < 2 or any(floor.threshold is None for floor in floors):
        return None, "the floor of one of the two is not known"
    threshold = max(known)
    if threshold == 0.0:
        return True, f"the interval excludes zero; {UNCHANGED}"
    floor = f"the larger floor of {threshold:.2e} ({known[threshold]})"
    if nearest > threshold:
        return True, f"the interval excludes zero and lies above {floor}"
    if abs(value) > threshold:
        return None, f"the difference is above the floor, its interval is not: {floor}"
    return False, f"the difference of {abs(value):.2e} nats is not above {floor}"
