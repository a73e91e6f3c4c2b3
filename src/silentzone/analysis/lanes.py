"""Candidates of another lane than files as they are served, and quantizations that never engaged.

What is varied in one lane is not what is varied in another: a quantized cache costs memory that
grows with the text, a quantized weight memory that does not, and both can be had at once. A ranking
over two lanes would rank kinds of saving, not candidates. So the audit and the decision are about
the serving lane; of every other one there are distances, floors and answers, each beside the
reference's, and no order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from silentzone.analysis.answers import item_changes
from silentzone.analysis.measured import Measured, of_lane
from silentzone.analysis.remarks import count_exclusions, warn_of_copies
from silentzone.analysis.spread_rows import spread_rows
from silentzone.records.models import ENGINE, KV_CACHE, SERVING, lane_of

if TYPE_CHECKING:
    from silentzone.analysis.as_json import JsonObject
    from silentzone.analysis.remarks import Remarks
    from silentzone.store.current import CurrentParts

WHY = {
    KV_CACHE: "What is varied here is the type in which keys and values are cached, not the file. "
    "What that saves grows with the text, and it can be had with any file: these candidates are "
    "laid beside the reference, and never ranked with files as they are served.",
    ENGINE: "These are the reference's own weights in another engine. Their distance is the "
    "engines' difference: the floor of every comparison of a candidate in that engine with the "
    "reference in its own.",
}
"""Why a lane stands by itself, by its name."""
_OTHERWISE = "What is varied here is something else than the file as it is served: never ranked."
_NO_DISTANCE = 1e-9
"""Nats; equal logits have 0 where logits are stored, and 1e-13 to 1e-11 where the reference's are
rebuilt from its states. The least that was seen of a cache in another type is 5e-5 (bf16)."""
_REBUILD_MARGIN = 10.0
"""Rebuilding was checked on some windows; over all it may be off by more, not by ten times."""


def lane_sections(
    parts: CurrentParts,
    manifest: JsonObject,
    remarks: Remarks,
    *,
    rng_seed: int,
    unfinished: str,
) -> list[JsonObject]:
    """Section ``lanes``: what was measured of the candidates that are not files as they are served.

    Parameters
    ----------
    parts : CurrentParts
    manifest : dict
    remarks : Remarks
        Told what was left out, and which candidates never differed from the reference.
    rng_seed : int
    unfinished : str
        The audit's rule for answers that were cut off.
    """
    named = dict.fromkeys(lane_of(one) for one in manifest["candidates"])
    sections: list[JsonObject] = []
    for lane in (one for one in named if one != SERVING):
        models = of_lane(manifest["candidates"], lane)
        own = Measured.read(parts, manifest, models, rng_seed=rng_seed, unfinished=unfinished)
        count_exclusions(own.positions, own.benchmarks, remarks, with_composite=False)
        own.count_missing(remarks)
        warn_of_copies(models, remarks)
        warn_of_idle(own, remarks)
        sections.append(
            {
                "lane": lane,
                "why": WHY.get(lane, _OTHERWISE),
                "candidates": own.models_as_json(),
                "fidelity": own.fidelity_rows(),
                "kld_spread": spread_rows(own.positions, own.floors),
                **item_changes(own.benchmarks, own.churn(), own.names),
            }
        )
    return sections


def warn_of_idle(own: Measured, remarks: Remarks) -> None:
    """Say which candidates are at no distance from the reference though they should differ.

    A converter that left the weights as they were, or an engine that ignored what it was asked,
    looks like a perfect quantization otherwise.
    """
    reference = _content(own.manifest["reference"])
    for one in own.models:
        name, content = str(one["name"]), _content(one)
        if content == reference:
            continue
        positions = _positions_at_zero(own, name)
        if positions:
            what = "its cache" if content[0] == reference[0] else "its file"
            remarks.cautions.append(
                f"{name} is at no distance from the reference over {positions:,} positions, "
                f"though {what} is not the reference's: its quantization never engaged"
            )


def _content(model: JsonObject) -> tuple[Any, ...]:
    return model["sha256"], model.get("cache_k"), model.get("cache_v")


def _positions_at_zero(own: Measured, name: str) -> int:
    """Positions of a candidate that is at no distance; 0 where it is at some, or none was measured.

    KLD is never negative, so a mean of none is none at any position. The reference's logits are
    rebuilt from what was stored, which is not exact to the last bit: so none is not quite 0.
    """
    rebuilt = {str(one["name"]): one.get("rebuild_kld_mean") for one in own.manifest["corpora"]}
    count = 0
    for corpus in own.positions:
        if name not in corpus.models:
            continue
        model = corpus.models[name]
        kld = model.kld[model.usable]
        none = max(_NO_DISTANCE, _REBUILD_MARGIN * (rebuilt.get(corpus.corpus) or 0.0))
        if len(kld) and not float(np.mean(kld)) <= none:
            return 0
        count += len(kld)
    return count
