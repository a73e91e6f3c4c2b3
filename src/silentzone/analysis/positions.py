"""Values per scored position, read from a study and aligned over its models."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from silentzone.analysis.fidelity import fidelity_of_columns
from silentzone.analysis.protocols import require_same_protocol
from silentzone.analysis.replicates import ClusterWeights, metric_replicates
from silentzone.analysis.seeds import seeded
from silentzone.analysis.spread import Spread, position_spread
from silentzone.errors import ProtocolMismatchError
from silentzone.records.tables import FLOORS, TOKENS
from silentzone.stats.clusters import ClusterPartition

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from silentzone.stats.results import Estimate
    from silentzone.store.current import CurrentParts
    from silentzone.store.tables import StoredTable

OK = "ok"
NON_FINITE = "non_finite"
"""Status of what a model's logits are no numbers for."""
FEWEST_DOCUMENTS = 10
READERS = 2
"""Models read at a time."""
COLUMNS = (
    "reference_nll",
    "candidate_nll",
    "kl_divergence",
    "reverse_kl_divergence",
    "js_divergence",
    "total_variation",
    "delta_p",
    "reference_entropy",
    "reference_top1_probability",
    "top1_match",
    "top5_match",
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ModelPositions:
    """What is kept of one candidate's values at the scored positions of a corpus."""

    kld: NDArray[np.float64]
    """Of shape (n,); meaningful where ``usable``."""
    usable: NDArray[np.bool_]
    """Status ok and every value there."""
    excluded: Mapping[str, int]
    """Positions left out, by status."""
    fidelity: Mapping[str, Estimate]
    """Every metric over the usable positions."""
    spread: Spread
    replicates: Mapping[str, NDArray[np.float64]]
    """Every metric in halves and draws of the clusters; see ``CorpusPositions.weights``."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CorpusPositions:
    """All candidates on one corpus, position by position."""

    corpus: str
    clusters: ClusterPartition
    """By document where at least ten are known, by window otherwise."""
    models: Mapping[str, ModelPositions]
    documents_known: int
    """Documents of the positions where every position names one, 0 otherwise."""
    weights: ClusterWeights | None
    """Of the replicates; null with fewer than two clusters."""

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
    parts: CurrentParts, corpus: str, candidates: Sequence[str], seed: int
) -> CorpusPositions | None:
    """Read every candidate measured on a corpus; null where none was.

    Only a few models' columns are held at a time: of each, the divergence per position, the metrics
    and their replicates are kept.

    Raises
    ------
    ProtocolMismatchError
        If tables disagree in protocol or in their positions.
    """
    names = [name for name in candidates if parts.has_table(TOKENS, corpus, name)]
    if not names:
        return None
    first = parts.read_table(TOKENS, corpus, names[0])
    places = _places(first)
    clusters = position_clusters(first)
    weights = None
    if clusters.n_clusters > 1:
        weights = ClusterWeights.of(clusters.n_clusters, rng=seeded(seed, "windows", corpus))

    def read(name: str) -> ModelPositions:
        table = first if name == names[0] else parts.read_table(TOKENS, corpus, name)
        require_same_protocol({names[0]: first.key, name: table.key}, where=f"`{corpus}`")
        if any(not np.array_equal(a, b) for a, b in zip(places, _places(table), strict=True)):
            raise ProtocolMismatchError(
                f"positions of `{name}` and `{names[0]}` on `{corpus}` must be the same.",
                hint="measure the corpus again for both",
            )
        return _model_positions(table, clusters, weights)

    # Most of the time goes into reading and sorting, which run outside the interpreter's lock.
    with ThreadPoolExecutor(READERS) as pool:
        models = dict(zip(names, pool.map(read, names), strict=True))
    return CorpusPositions(
        corpus=corpus,
        clusters=clusters,
        models=models,
        documents_known=_known_documents(first),
        weights=weights,
    )


def _places(table: StoredTable) -> list[NDArray[np.int64]]:
    return [table.integers(column)[0] for column in ("window", "position", "token_id")]


def read_floors(parts: CurrentParts, corpus: str, model: str) -> dict[str, FloorPositions]:
    """Positions of a model measured against itself, by perturbation; empty where none were."""
    if not parts.has_table(FLOORS, corpus, model):
        return {}
    table = parts.read_table(FLOORS, corpus, model)
    kinds = np.array([text or "" for text in table.strings("perturbation")], dtype=object)
    kld, is_there = table.floats("kl_divergence")
    is_ok = is_there & table.matches("status", OK)
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


def _model_positions(
    table: StoredTable, clusters: ClusterPartition, weights: ClusterWeights | None
) -> ModelPositions:
    usable = table.matches("status", OK)
    excluded = {text: n for text, n in table.counts("status").items() if text != OK}
    columns: dict[str, NDArray[np.float64]] = {}
    is_complete = np.ones(table.n_rows, dtype=np.bool_)
    for name in COLUMNS:
        columns[name], is_there = table.floats(name)
        is_complete &= is_there
    n_incomplete = int((usable & ~is_complete).sum())
    if n_incomplete:
        excluded["value missing"] = excluded.get("value missing", 0) + n_incomplete
    usable &= is_complete
    kld = columns["kl_divergence"]
    if not usable.all():
        columns = {name: values[usable] for name, values in columns.items()}
    own = clusters.select(usable)
    codes = clusters.codes if usable.all() else clusters.codes[usable]
    depth = table.integers("position")[0][usable]
    return ModelPositions(
        kld=kld,
        usable=usable,
        excluded=excluded,
        fidelity=fidelity_of_columns(columns, own),
        spread=position_spread(
            columns["kl_divergence"], columns["reference_top1_probability"], depth, own
        ),
        replicates={} if weights is None else metric_replicates(columns, codes, weights),
    )
