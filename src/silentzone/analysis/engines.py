"""What has to be said where candidates are run by another engine than the reference."""

from __future__ import annotations

from typing import TYPE_CHECKING

from silentzone.records.models import ENGINE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from silentzone.analysis.as_json import JsonObject
    from silentzone.analysis.remarks import Remarks

_MOST_NAMED = 5


def warn_of_engines(manifest: JsonObject, lanes: Sequence[JsonObject], remarks: Remarks) -> None:
    """Say which candidates are held against a reference in another engine, and by how much alone.

    Parameters
    ----------
    manifest : dict
    lanes : sequence of dict
        Section ``lanes``, in which the reference's own weights in another engine stand.
    remarks : Remarks
    """
    by_engine: dict[str, list[JsonObject]] = {}
    for one in manifest["candidates"]:
        if one.get("engine") is not None:
            by_engine.setdefault(str(one["engine"]), []).append(one)
    home = str(manifest["engine"]["name"])
    for engine, models in sorted(by_engine.items()):
        others = [str(one["name"]) for one in models if one.get("lane") != ENGINE]
        if not others:
            continue
        floors = _floors({str(one["name"]) for one in models}, lanes)
        said = (
            f"the reference's own weights in {engine} are {'; '.join(floors)} away from it, which "
            "is the engines' difference alone: nothing can be read from differences of that size"
            if floors
            else "how much of it is was not measured: give the reference's file as a candidate "
            f'with `engine = "{engine}"` as well'
        )
        remarks.cautions.append(
            f"{_named(others)} ran in {engine} and the reference in {home}, so a part of the "
            f"distance is the engines'; {said}"
        )


def _floors(names: set[str], lanes: Sequence[JsonObject]) -> list[str]:
    """Distances of the reference's own weights, by corpus."""
    found = []
    for row in (row for lane in lanes if lane["lane"] == ENGINE for row in lane["fidelity"]):
        kld = row["metrics"].get("kld_mean") or {}
        if row["model"] in names and kld.get("value") is not None:
            found.append(f"{kld['value']:.2g} nats of KLD ({row['corpus']})")
    return found


def _named(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
