"""Values per scored position, read from a study and aligned over its models."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from silentzone.analysis.protocols import require_same_protocol
from silentzone.errors import ProtocolMismatchError
from silentzone.records.tables import FLOORS, TOKENS
from silentzone.stats.clusters import ClusterPartition

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from silentzone.analysis.current import CurrentParts
    from silentzone.store.tables import StoredTable

OK = "ok"
FEWEST_DOCUMENTS = 10
COLUMNS = (
    "reference_nll",
    "candidate_nll",
    "kl_divergence",
    "reverse_kl_divergence",
    "js_divergence",
    "total_variation",
    "delta_p",
    "top1_match",
    "top5_match",
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ModelPositions:
    """One candidate's values at the scored positions of a corpus."""

    columns: Mapping[str, NDArray[np.float64]]
    """Each of shape (n,); meaningful where ``usable``."""
    usable: NDArray[np.bool_]
    """Status ok and every value there."""
    excluded: Mapping[str, int]
    """Positions left out, by status."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CorpusPositions:
    """All candidates on one corpus, position by position."""

    corpus: str
    clusters: ClusterPartition
    """By document where at least ten are known, by window otherwise."""
    models: Mapping[str, ModelPositions]
    documents_known: int
    """Documents of the positions where every position names one, 0 otherwise."""

    def common(self, names: Sequence[str]) -> NDArray[np.bool_]:
        """Positions usable for all the models named."""
        mask = np.ones(len(self.clusters), dtype=np.bool_)
        for name in names:
            mask &= self.models[name].usable
        return mask


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FloorPositions:
    """KLD of one model against itself under one perturbation."""

    kld: NDArray[np.float64]
    clusters: ClusterPartition
    n_excluded: int


def read_corpus(
    parts: CurrentParts, corpus: str, candidates: Sequence[str]
) -> CorpusPositions | None:
    """Values of every candidate measured on a corpus; null where none was.

    Raises
    ------
    ProtocolMismatchError
        If tables disagree in protocol or in their positions.
    """
    names = [name for name in candidates if parts.has_table(TOKENS, corpus, name)]
    if not names:
        return None
    models: dict[str, ModelPositions] = {}
    keys, first, clusters, known = {}, None, None, 0
    for name in names:
        table = parts.read_table(TOKENS, corpus, name)
        keys[name] = table.key
        places = [table.integers(column)[0] for column in ("window", "position", "token_id")]
        if first is None:
            first, clusters, known = places, position_clusters(table), _known_documents(table)
        require_same_protocol({names[0]: keys[names[0]], name: table.key}, where=f"`{corpus}`")
        if any(not np.array_equal(a, b) for a, b in zip(first, places, strict=True)):
            raise ProtocolMismatchError(
                f"positions of `{name}` and `{names[0]}` on `{corpus}` must be the same.",
                hint="measure the corpus again for both",
            )
        models[name] = _model_positions(table)
    return CorpusPositions(
        corpus=corpus,
        clusters=clusters or ClusterPartition.singletons(0, unit="window"),
        models=models,
        documents_known=known,
    )


def read_floors(parts: CurrentParts, corpus: str, model: str) -> dict[str, FloorPositions]:
    """Positions of a model measured against itself, by perturbation; empty where none were."""
    if not parts.has_table(FLOORS, corpus, model):
        return {}
    table = parts.read_table(FLOORS, corpus, model)
    kinds = np.array([text or "" for text in table.strings("perturbation")], dtype=object)
    kld, is_there = table.floats("kl_divergence")
    is_ok = is_there & np.array([text == OK for text in table.strings("status")], dtype=np.bool_)
    clusters = position_clusters(table)
    result = {}
    for kind in sorted(set(kinds.tolist())):
        of_kind = kinds == kind
        mask = of_kind & is_ok
        result[kind] = FloorPositions(
            kld=kld[mask],
            clusters=clusters.select(mask),
            n_excluded=int(of_kind.sum() - mask.sum()),
        )
    return result


def position_clusters(table: StoredTable) -> ClusterPartition:
    """Partition of a table's rows by document where ten or more are known, by window otherwise."""
    if _known_documents(table) >= FEWEST_DOCUMENTS:
        return ClusterPartition.of(table.integers("document")[0], unit="document")
    return ClusterPartition.of(table.integers("window")[0], unit="window")


def _known_documents(table: StoredTable) -> int:
    documents, is_known = table.integers("document")
    return len(np.unique(documents)) if is_known.size and is_known.all() else 0


def _model_positions(table: StoredTable) -> ModelPositions:
    columns: dict[str, NDArray[np.float64]] = {}
    statuses = table.strings("status")
    usable = np.array([text == OK for text in statuses], dtype=np.bool_)
    excluded = Counter(text or "unknown" for text in statuses if text != OK)
    is_complete = np.ones(table.n_rows, dtype=np.bool_)
    for name in COLUMNS:
        columns[name], is_there = table.floats(name)
        is_complete &= is_there
    n_incomplete = int((usable & ~is_complete).sum())
    if n_incomplete:
        excluded["value missing"] += n_incomplete
    return ModelPositions(columns=columns, usable=usable & is_complete, excluded=dict(excluded))
