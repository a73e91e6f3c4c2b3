"""What other tools' files say: answers item by item, and stated or recomputed fidelity.

Array shapes: n rows of one model on one benchmark; w windows; p positions.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from silentzone.records.tables import ITEMS, POSITION_METRICS, TOKENS, Column, TableSchema

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

PROTOCOL_FIELDS: Final = {
    "tool": "program whose definitions hold, such as llama-perplexity",
    "reference": "model that the candidate is held against",
    "corpus": "text, by the name its tool or the user gives it",
    "corpus_sha256": "hash of its text or tokens, where the tool says one",
    "context_length": "tokens of a window",
    "windows": "number of windows",
    "scored": "which positions of a window count, such as second half",
    "add_bos": "whether a window's first token is replaced by BOS",
    "vocabulary_size": "entries of the distributions compared",
    "clip_nats": "below which distance from the largest logit the reference is cut off",
    "direction": "KL(reference||candidate) or another",
    "estimator": "full vocabulary, or what stands in for it, such as top-K and a tail",
    "template": "chat template or kind of prompt the text was put in",
    "lane": "what is quantized: serving, kv-cache, weights-only",
}
"""Fields of the comparability gate. Rows that differ in one of them never share a ranking; a field
that nobody stated is equal only to another that nobody stated."""

_EVIDENCE = {"prediction", "target", "prompt_sha256"}
IMPORTED_ITEMS: Final = TableSchema(
    "imported_items",
    1,
    (
        *(
            Column(one.name, one.kind, one.is_nullable or one.name in _EVIDENCE, one.meaning)
            for one in ITEMS.columns
            if one.name not in {"score_raw", "score_normalized", "prompt_tokens", "choice_tokens"}
        ),
        Column("target_sha256", "string", True, "over the gold answer, where the tool says one"),
        Column("output_tokens", "int32", True, "tokens the model wrote"),
    ),
)
"""One model's answers to one benchmark; a score may be any proportion."""

IMPORTED_POSITIONS: Final = TableSchema(
    "imported_positions",
    1,
    tuple(
        Column(one.name, one.kind, one.name not in {"window", "status"}, one.meaning)
        for one in TOKENS.columns
    ),
)
"""One row per scored position; what the tool did not write is null."""

IMPORTED_WINDOWS: Final = TableSchema(
    "imported_windows",
    1,
    (
        Column("window", "int32", False, "index of the window"),
        *(Column(name, "float64", True, f"mean of {name}") for name in POSITION_METRICS),
    ),
)
"""One row per window: means over its scored positions, where a tool gives or implies them."""

IMPORTED: Final = (IMPORTED_ITEMS, IMPORTED_POSITIONS, IMPORTED_WINDOWS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """One number of a fidelity row; what is missing is null and says why."""

    value: float | None
    standard_error: float | None = None
    method: str = "as the file states it"
    """Where value and error come from, such as ``clustered by window (CR1)``."""
    status: str = "ok"
    """``ok``, or why there is no value, such as ``the tool printed nan``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """A file that was read."""

    name: str
    """Without its folder."""
    sha256: str
    size_bytes: int
    format: str
    """Name of the format it was read as."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """What a file says of a model besides its results; null where it says nothing."""

    name: str
    file_bytes: int | None = None
    bits_per_weight: float | None = None
    is_reference: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ItemAnswers:
    """One model's answers to one benchmark, in file order."""

    model: str
    benchmark: str
    item_ids: Sequence[str]
    scores: NDArray[np.float64]
    """Of shape (n,), proportions; NaN exactly where the status is not ``ok``."""
    statuses: tuple[str, ...]
    """``ok``, ``timeout``, ``truncated``, ``error``, ``score missing`` or another reason."""
    repeats: NDArray[np.int32]
    """Of shape (n,); 0 unless the item was asked more than once (epochs, samples per task)."""
    clusters: Sequence[str | None] | None = None
    predictions: Sequence[str | None] | None = None
    targets: Sequence[str | None] | None = None
    choice_log_likelihoods: Sequence[Sequence[float] | None] | None = None
    """Nats, one per choice."""
    margin: NDArray[np.float64] | None = None
    """Gold minus best other of the values that decided the score, nats; NaN where missing."""
    confidence: NDArray[np.float64] | None = None
    """Probability the model gave its own answer; NaN where missing."""
    prompt_sha256: Sequence[str | None] | None = None
    """Of what was asked, as the tool hashes it; null where it does not."""
    target_sha256: Sequence[str | None] | None = None
    output_tokens: NDArray[np.int32] | None = None
    """Of shape (n,); -1 where missing."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """What must agree between models: task version, metric, filter, number of shots, template."""
    about: Mapping[str, str] = field(default_factory=dict)
    """What may differ and is worth keeping: tool version, date, arguments of the model."""
    sources: tuple[SourceFile, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FidelityRow:
    """How far one candidate is from its reference on one corpus, under one protocol."""

    model: str
    corpus: str
    """Shown name; also the protocol's ``corpus`` unless that says otherwise."""
    metrics: Mapping[str, Stated]
    """By canonical key, ``kld_mean`` and so on (``docs/metrics.md``)."""
    protocol: Mapping[str, str | None]
    """Of :data:`PROTOCOL_FIELDS`; a field that is absent was not stated."""
    windows: Mapping[str, NDArray[np.float64]] | None = None
    """Window means by column of :data:`IMPORTED_WINDOWS`, each of shape (w,); NaN where missing."""
    positions: Mapping[str, NDArray[np.generic]] | None = None
    """Columns of :data:`IMPORTED_POSITIONS` that are there, each of shape (p,), ``window`` among
    them; NaN where missing."""
    about: Mapping[str, str] = field(default_factory=dict)
    sources: tuple[SourceFile, ...] = ()

    @property
    def full_protocol(self) -> dict[str, str | None]:
        """Every field of the gate, null where nobody stated it."""
        stated = {"corpus": self.corpus, **self.protocol}
        return {name: stated.get(name) for name in PROTOCOL_FIELDS}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Imported:
    """All that one bundle of files gives."""

    items: tuple[ItemAnswers, ...] = ()
    fidelity: tuple[FidelityRow, ...] = ()
    models: tuple[ModelFacts, ...] = ()
    notes: tuple[str, ...] = ()
    """What whoever reads the answers should know: what was mapped, left out or counted."""
    left_open: Mapping[str, str] = field(default_factory=dict)
    """Notes by field of :data:`PROTOCOL_FIELDS`, each true as long as nobody states that field."""
    chance: Mapping[str, float] = field(default_factory=dict)
    """Score of guessing by benchmark, where a file states it."""


def protocol_sha256(protocol: Mapping[str, str | None]) -> str:
    """Hex digest of a full protocol."""
    return hashlib.sha256(json.dumps(sorted(protocol.items())).encode()).hexdigest()


def protocol_groups(
    protocols: Sequence[Mapping[str, str | None]],
) -> tuple[list[int], list[str]]:
    """Group fidelity rows that may share a ranking, and name what tells the groups apart.

    Parameters
    ----------
    protocols : sequence of mapping
        Full protocol of every row of one corpus.

    Returns
    -------
    list of int
        Group of each row, in the order of first appearance.
    list of str
        Of each group, the fields in which the groups differ and their values, such as
        ``context_length=512, clip_nats=16``; empty where there is one group.
    """
    keys = [tuple(sorted(one.items())) for one in protocols]
    order = list(dict.fromkeys(keys))
    first = dict(order[0]) if order else {}
    varying = [name for name in first if len({dict(key)[name] for key in order}) > 1]
    labels = [
        ", ".join(f"{name}={dict(key)[name] or 'not stated'}" for name in varying) for key in order
    ]
    return [order.index(key) for key in keys], labels


def shown_corpus(corpus: str, label: str) -> str:
    """Give the name a corpus is shown under in answers, with what tells its group apart."""
    return f"{corpus} [{label}]" if label else corpus
