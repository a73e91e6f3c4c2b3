"""Rows of ``kld_spread``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from silentzone.analysis.as_json import JsonObject, estimate_as_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from silentzone.analysis.floors import Floor
    from silentzone.analysis.positions import CorpusPositions
    from silentzone.analysis.spread import Bin


def spread_rows(
    corpora: Sequence[CorpusPositions], floors: Mapping[str, Mapping[str, Floor]]
) -> list[JsonObject]:
    """Rows of ``kld_spread``: every candidate on every corpus.

    ``excess`` is the mean of a bin less the candidate's own floor on the corpus, which is known for
    all positions together only; null where there is no floor.
    """
    return [
        {
            "model": name,
            "corpus": corpus.corpus,
            "floor": floors[corpus.corpus][name].used,
            "confidence": _as_json(own.spread.confidence, floors[corpus.corpus][name].used),
            "depth": _as_json(own.spread.depth, floors[corpus.corpus][name].used),
            "quantiles": [[share, value] for share, value in own.spread.quantiles],
        }
        for corpus in corpora
        for name, own in corpus.models.items()
    ]


def _as_json(bins: Sequence[Bin], floor: float | None) -> list[JsonObject]:
    return [
        {
            "low": one.low,
            "high": one.high,
            "kld": estimate_as_json(one.kld),
            "excess": None if floor is None or one.kld.value is None else one.kld.value - floor,
        }
        for one in bins
    ]
