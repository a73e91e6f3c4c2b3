"""What a cohort table or an items table of somebody else says, once it has been read and checked.

Array shapes: n rows of one model on one benchmark.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

_SHARED_NUMBERS = 3
"""Fewer equal numbers than this can be equal by chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableModel:
    """One row of a cohort table; what the row does not say is null or not in the mapping."""

    name: str
    """As typed, control characters included; whoever prints it escapes it."""
    is_reference: bool = False
    file_bytes: int | None = None
    bits_per_weight: float | None = None
    fidelity: Mapping[str, float] = field(default_factory=dict)
    """By metric as written, for example ``kld_mean`` or ``kld_mean@wikitext``."""
    fidelity_errors: Mapping[str, float] = field(default_factory=dict)
    """Standard errors by metric."""
    scores: Mapping[str, float] = field(default_factory=dict)
    """Proportions by benchmark."""
    n_items: Mapping[str, int] = field(default_factory=dict)
    score_errors: Mapping[str, float] = field(default_factory=dict)
    """Standard errors by benchmark, as proportions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortTable:
    """One number per model and column, and nothing behind the numbers."""

    source: str
    """File name, without its folder."""
    models: tuple[TableModel, ...]
    """In file order."""
    metrics: tuple[str, ...]
    """As written, in file order; a corpus may follow an ``@``."""
    benchmarks: tuple[str, ...]
    chance: Mapping[str, float]
    """Score of guessing, by benchmark; only where the table says it."""
    notes: tuple[str, ...]
    """What whoever reads the answers should know about the table."""

    @property
    def reference(self) -> TableModel | None:
        """The row marked as the reference; null where none is."""
        return next((model for model in self.models if model.is_reference), None)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ItemRows:
    """One model's rows of one benchmark, in file order."""

    model: str
    benchmark: str
    item_ids: tuple[str, ...]
    scores: NDArray[np.float64]
    """Of shape (n,); NaN exactly where the status is not ``ok``."""
    statuses: tuple[str, ...]
    clusters: tuple[str | None, ...]
    repeats: NDArray[np.int32]
    """Of shape (n,); 0 unless the item was asked more than once."""
    confidence: NDArray[np.float64] | None = None
    """Probability the model gave its own answer; NaN where missing, null without such a column."""
    margin: NDArray[np.float64] | None = None
    """Log-likelihood of the gold answer minus the best other, nats; missing as above."""
    divergence: NDArray[np.float64] | None = None
    """Mean KLD along the item's tokens, nats; missing as above."""
    predictions: tuple[str | None, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ItemsTable:
    """Answers item by item; models need not have been asked the same items."""

    source: str
    """File name, without its folder."""
    rows: tuple[ItemRows, ...]
    """By benchmark, then model, each in the order of first appearance."""
    reference: str | None
    """Null where the table marks none; the user then names it."""
    notes: tuple[str, ...]

    @property
    def models(self) -> tuple[str, ...]:
        """Every model once, the first benchmark's order first."""
        return tuple(dict.fromkeys(rows.model for rows in self.rows))

    @property
    def benchmarks(self) -> tuple[str, ...]:
        """Every benchmark once, in file order."""
        return tuple(dict.fromkeys(rows.benchmark for rows in self.rows))


def same_content(table: CohortTable) -> tuple[tuple[str, ...], ...]:
    """Names of models whose fidelity and score cells are all equal.

    Returns
    -------
    tuple of tuple of str
        Each group has two or more names, in file order. Rows of one kind of number with fewer than
        three of them are left out: they can agree by chance.

    Examples
    --------
    >>> cells = {"kld_mean": 0.01, "ppl_ratio": 1.1}
    >>> models = [TableModel(name=n, fidelity=cells, scores={"piqa": 0.8}) for n in ("a", "b")]
    >>> table = CohortTable(
    ...     source="t.csv", models=tuple(models), metrics=(), benchmarks=(), chance={}, notes=()
    ... )
    >>> same_content(table)
    (('a', 'b'),)
    """
    groups: dict[tuple[tuple[tuple[str, float], ...], ...], list[str]] = {}
    for model in table.models:
        has_both = model.fidelity and model.scores
        if has_both or len(model.fidelity) + len(model.scores) >= _SHARED_NUMBERS:
            content = (tuple(sorted(model.fidelity.items())), tuple(sorted(model.scores.items())))
            groups.setdefault(content, []).append(model.name)
    return tuple(tuple(names) for names in groups.values() if len(names) > 1)
