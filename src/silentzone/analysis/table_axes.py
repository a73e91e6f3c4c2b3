"""Axes of a cohort table: numbers without the items and windows behind them.

What noise a table states (standard errors, or numbers of items) is taken as independent between
models. Models that share their items differ by less than that, so reliabilities are at least about
what they are said to be, and zones and decisions are on the careful side.
Array shapes: M models, B draws.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import rankdata

from silentzone.analysis.axes import DECIMALS, Axis, Noise, RankedMetric
from silentzone.analysis.fidelity import METRICS, UNNAMED_CORPUS, measured_words
from silentzone.analysis.replicates import N_DRAWS
from silentzone.analysis.score_axes import NORMALISED, RANK
from silentzone.analysis.scores import COMPOSITE
from silentzone.analysis.seeds import seeded
from silentzone.stats.proportions import wilson_interval

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from silentzone.records.cohort_table import CohortTable, TableModel

NO_ERROR = "the table states no standard error of it"
NO_SCORE_ERROR = "the table states neither standard errors nor numbers of items"


def split_metric(column: str) -> tuple[str, str]:
    """Metric and corpus of a table's column.

    Examples
    --------
    >>> split_metric("kld_mean@wikitext"), split_metric("kld_mean")
    (('kld_mean', 'wikitext'), ('kld_mean', 'table'))
    """
    metric, _, corpus = column.partition("@")
    return metric, corpus or UNNAMED_CORPUS


def table_metrics(
    table: CohortTable, candidates: Sequence[TableModel], seed: int
) -> tuple[RankedMetric, ...]:
    """Every column that ranks candidates; one that is not ours is taken as a loss."""
    found = []
    for column in table.metrics:
        metric, corpus = split_metric(column)
        is_loss = METRICS[metric].is_loss if metric in METRICS else True
        if is_loss is None:
            continue
        values = {one.name: one.fidelity[column] for one in candidates if column in one.fidelity}
        errors = {
            one.name: one.fidelity_errors[column]
            for one in candidates
            if column in one.fidelity_errors
        }
        axis = Axis(
            name=measured_words(metric, corpus),
            is_loss=is_loss,
            values=values,
            noise=stated_noise(values, errors, seeded(seed, "table", column)),
            why_no_noise=NO_ERROR,
            is_taken_as_exact=True,
        )
        found.append(RankedMetric(metric=metric, corpus=corpus, context_length=None, axis=axis))
    return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class TableScores:
    """Scores of a table as axes, and the differences to the reference that zones look at."""

    axes: Mapping[str, Axis]
    differences: Mapping[str, Mapping[str, float]]
    """By benchmark (the composite among them), then candidate; empty without a reference."""
    errors: Mapping[str, Mapping[str, float]]
    """Unpaired standard errors of the differences, where both scores' errors are known."""


def table_scores(
    table: CohortTable,
    candidates: Sequence[TableModel],
    entering: Sequence[str],
    why_empty: Mapping[str, str | None],
    seed: int,
) -> TableScores:
    """Axes of every benchmark and composite of a table.

    Parameters
    ----------
    table : CohortTable
    candidates : sequence of TableModel
        Without the reference.
    entering : sequence of str
        Benchmarks of the composite.
    why_empty : mapping of str to str or None
        By composite: why no candidate can have it; null where one can.
    seed : int
    """
    reference = table.reference
    values: dict[str, dict[str, float]] = {}
    errors: dict[str, dict[str, float]] = {}
    for name in table.benchmarks:
        values[name] = {one.name: one.scores[name] for one in candidates if name in one.scores}
        found = {one.name: score_error(one, name) for one in candidates if name in one.scores}
        errors[name] = {model: error for model, error in found.items() if error is not None}
    values[COMPOSITE] = _macro([values[name] for name in entering])
    errors[COMPOSITE] = _macro_errors([errors[name] for name in entering])
    why_not = why_empty[NORMALISED]
    normalised = _normalised(table, values, entering) if why_not is None else {}
    ranks = _ranks([values[name] for name in entering])
    own = ({}, {}) if reference is None else _reference_scores(reference, table, entering)
    differences = _differences(values, own[0])
    # A difference to one reference ranks as the score does, and is what zones look at.
    axes = {
        name: _score_axis(name, differences.get(name, values[name]), errors[name], seed)
        for name in (COMPOSITE, *table.benchmarks)
    }
    if why_empty[COMPOSITE] is not None:
        axes[COMPOSITE] = replace(axes[COMPOSITE], why_empty=why_empty[COMPOSITE])
    return TableScores(
        axes={
            COMPOSITE: axes[COMPOSITE],
            NORMALISED: _plain_axis(NORMALISED, normalised, why_not),
            RANK: _plain_axis(RANK, ranks, why_empty[RANK]),
            **axes,
        },
        differences=differences,
        errors=_difference_errors(errors, own[1]),
    )


def stated_noise(
    values: Mapping[str, float], errors: Mapping[str, float], rng: np.random.Generator
) -> Noise | None:
    """Independent normal noise of the stated size; null where any model lacks an error."""
    models = tuple(values)
    if not models or any(not errors.get(name) for name in models):
        return None
    sizes = np.array([errors[name] for name in models])
    drawn: NDArray[np.float64] = sizes[:, None] * rng.normal(size=(len(models), N_DRAWS))
    return Noise(
        models=models, deviations=drawn, halves=None, errors={n: errors[n] for n in models}
    )


def score_error(model: TableModel, benchmark: str) -> float | None:
    """Stated standard error, or that of a proportion over the stated number of items."""
    stated = model.score_errors.get(benchmark)
    if stated:
        return stated
    items = model.n_items.get(benchmark)
    if not items:
        return None
    share = model.scores[benchmark]
    if 0.0 < share < 1.0:
        return math.sqrt(share * (1.0 - share) / items)
    low, high = wilson_interval(round(share * items), items)
    return (high - low) / (2.0 * 1.959964)


def _score_axis(
    name: str, values: Mapping[str, float], errors: Mapping[str, float], seed: int
) -> Axis:
    return Axis(
        name=name,
        is_loss=False,
        values=values,
        why_empty=None if values else f"no candidate has {name}",
        noise=stated_noise(values, errors, seeded(seed, "table", "score", name)),
        why_no_noise=NO_SCORE_ERROR,
    )


def _plain_axis(name: str, values: Mapping[str, float], why_empty: str | None) -> Axis:
    return Axis(
        name=name,
        is_loss=False,
        values=values,
        why_empty=why_empty,
        why_no_noise="the noise of this composite is not worked out for a table",
    )


def _macro(parts: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Unweighted mean over benchmarks of the models that have all of them."""
    if not parts:
        return {}
    shared = [name for name in parts[0] if all(name in part for part in parts)]
    return {
        name: round(sum(part[name] for part in parts) / len(parts), DECIMALS) for name in shared
    }


def _macro_errors(parts: Sequence[Mapping[str, float]]) -> dict[str, float]:
    if not parts:
        return {}
    shared = [name for name in parts[0] if all(name in part for part in parts)]
    return {name: math.hypot(*(part[name] for part in parts)) / len(parts) for name in shared}


def _normalised(
    table: CohortTable, values: Mapping[str, Mapping[str, float]], entering: Sequence[str]
) -> dict[str, float]:
    reference = table.reference
    assert reference is not None, "without a reference there is a reason why not"
    parts = []
    for name in entering:
        chance = table.chance[name]
        span = reference.scores[name] - chance
        parts.append({model: (score - chance) / span for model, score in values[name].items()})
    return _macro(parts)


def _ranks(parts: Sequence[Mapping[str, float]]) -> dict[str, float]:
    if not parts:
        return {}
    shared = [name for name in parts[0] if all(name in part for part in parts)]
    ranked = [rankdata([part[name] for name in shared]) for part in parts]
    return dict(zip(shared, np.mean(ranked, axis=0).tolist(), strict=True)) if shared else {}


def _reference_scores(
    reference: TableModel, table: CohortTable, entering: Sequence[str]
) -> tuple[dict[str, float], dict[str, float]]:
    scores = {name: reference.scores[name] for name in table.benchmarks if name in reference.scores}
    found = {name: score_error(reference, name) for name in scores}
    errors = {name: error for name, error in found.items() if error is not None}
    if entering and all(name in scores for name in entering):
        scores[COMPOSITE] = sum(scores[name] for name in entering) / len(entering)
        if all(name in errors for name in entering):
            errors[COMPOSITE] = math.hypot(*(errors[name] for name in entering)) / len(entering)
    return scores, errors


def _differences(
    values: Mapping[str, Mapping[str, float]], reference: Mapping[str, float]
) -> dict[str, dict[str, float]]:
    return {
        name: {model: round(score - reference[name], DECIMALS) for model, score in own.items()}
        for name, own in values.items()
        if name in reference
    }


def _difference_errors(
    errors: Mapping[str, Mapping[str, float]], reference: Mapping[str, float]
) -> dict[str, dict[str, float]]:
    return {
        name: {model: math.hypot(error, reference[name]) for model, error in own.items()}
        for name, own in errors.items()
        if name in reference
    }
