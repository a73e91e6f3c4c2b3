"""Candidates against each other: which may be the best, and which pairs differ.

Every number here is a difference of composites over the same items. Shape letters: M models,
B draws, n items.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats as distributions

from silentzone.analysis.as_json import JsonObject, estimate_as_json
from silentzone.analysis.outlook import points
from silentzone.analysis.wording import listed
from silentzone.stats.estimates import null_estimate
from silentzone.stats.multiplicity import holm
from silentzone.stats.pairwise import ItemDifferences, PairwiseDifferences, pairwise_differences
from silentzone.stats.results import Estimate
from silentzone.stats.selection import (
    compare_with_best,
    joint_draws,
    simultaneous_critical_value,
    split_half_best,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from silentzone.analysis.items import BenchmarkScores
    from silentzone.stats.selection import AgainstBest

N_RESAMPLES = 10_000
N_SPLITS = 200
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ComparedModels:
    """The candidates that have a composite and the reference, item by item."""

    names: tuple[str, ...]
    """Candidates, then the reference: M of them."""
    benchmarks: tuple[ItemDifferences, ...]
    """Differences to the reference on each benchmark of the composite; the reference's are 0."""
    pairs: PairwiseDifferences
    draws_MB: NDArray[np.float64]
    """Joint deviations of the composites' differences to the reference."""

    @property
    def candidates(self) -> tuple[str, ...]:
        """All but the reference."""
        return self.names[:-1]

    @property
    def values(self) -> NDArray[np.float64]:
        """Composites' differences to the reference, of shape (M,)."""
        return self.pairs.values_MM[:, -1]


def compared_models(
    scores: Sequence[BenchmarkScores],
    candidates: Sequence[str],
    reference: str,
    *,
    rng: np.random.Generator,
    n_resamples: int = N_RESAMPLES,
    draws: NDArray[np.float64] | None = None,
) -> ComparedModels | None:
    """Lay the composite's items of all candidates side by side.

    Parameters
    ----------
    scores : sequence of BenchmarkScores
        Those that enter the composite.
    candidates : sequence of str
        Those without items on one of them are left out.
    reference : str
    rng : numpy.random.Generator
        Used only where no draws are given.
    n_resamples : int
    draws : ndarray of shape (len(candidates), B), optional
        Joint bootstrap deviations of the composites' differences, where they were drawn already.

    Returns
    -------
    ComparedModels or None
        Null where no candidate has a composite.
    """
    has_items = [
        all(name in one.candidates and not np.isnan(one.candidates[name]).all() for one in scores)
        for name in candidates
    ]
    names = tuple(name for name, there in zip(candidates, has_items, strict=True) if there)
    if not names or not scores:
        return None
    benchmarks = tuple(
        ItemDifferences(
            np.vstack(
                [*(one.candidates[name] - one.reference for name in names), 0.0 * one.reference]
            ),
            one.clusters,
        )
        for one in scores
    )
    if draws is None:
        draws_MB = joint_draws(benchmarks, n_resamples, rng=rng)
    else:
        draws_MB = np.vstack([draws[has_items], np.zeros(draws.shape[1])])
    return ComparedModels(
        names=(*names, reference),
        benchmarks=benchmarks,
        pairs=pairwise_differences(benchmarks),
        draws_MB=draws_MB,
    )


def best_set(models: ComparedModels, *, pick: str | None = None) -> JsonObject:
    """Set that cannot be told from the best, the reference among the models: ``decision.best``.

    Parameters
    ----------
    models : ComparedModels
    pick : str, optional
        The decision's, to say whether it is in the set.
    """
    results = compare_with_best(
        models.values, models.draws_MB, pairs=models.pairs, confidence=CONFIDENCE
    )
    marked = [name for name, one in zip(models.names, results, strict=True) if one.may_be_best]
    return {
        "set": marked,
        "method": (
            "Hsu's multiple comparisons with the best, joint bootstrap of items, studentised, "
            f"{100 * CONFIDENCE:.0f} % simultaneous"
        ),
        "n_resamples": int(models.draws_MB.shape[1]),
        "comparisons": [
            {
                "model": name,
                "difference": estimate_as_json(_against_best(models, index, result)),
                "in_set": result.may_be_best,
            }
            for index, (name, result) in enumerate(zip(models.names, results, strict=True))
        ],
        "sentence": _best_sentence(models, marked, pick),
    }


def all_pairs(models: ComparedModels, *, alpha: float = 1.0 - CONFIDENCE) -> list[JsonObject]:
    """Every two candidates, first less second: ``decision.pairs``.

    Parameters
    ----------
    models : ComparedModels
    alpha : float
        Two-sided; Holm's adjustment over all pairs keeps any false difference below it.
    """
    pairs, n = models.pairs, len(models.candidates)
    rows, columns = np.triu_indices(n, k=1)
    statistic = np.abs(pairs.values_MM[rows, columns]) / pairs.errors_MM[rows, columns]
    pvalues = 2.0 * distributions.t.sf(statistic, pairs.degrees_of_freedom_MM[rows, columns])
    known = ~np.isnan(pvalues)
    adjusted = np.full(len(pvalues), np.nan)
    adjusted[known] = holm(pvalues[known].tolist())
    half_MM = _half_widths(pairs)
    return [
        {
            "first": models.names[first],
            "second": models.names[second],
            "difference": estimate_as_json(_pair(pairs, int(first), int(second), half_MM)),
            "pvalue": float(pvalue) if is_known else None,
            "pvalue_holm": float(holm_pvalue) if is_known else None,
            "is_distinguishable": bool(holm_pvalue < alpha) if is_known else None,
        }
        for first, second, pvalue, holm_pvalue, is_known in zip(
            rows, columns, pvalues, adjusted, known, strict=True
        )
    ]


def yardstick(
    models: ComparedModels, *, rng: np.random.Generator, pick: str | None = None
) -> JsonObject | None:
    """Candidate that scores best where the reference does not: ``decision.yardstick``.

    Its interval holds for all candidates at once, so it is valid for whichever is picked; the value
    is not corrected, and ``split_half`` says what is left of it when half the items pick and the
    other half judge.

    Parameters
    ----------
    models : ComparedModels
    rng : numpy.random.Generator
        For the halves.
    pick : str, optional
        The decision's, to be compared with it.

    Returns
    -------
    dict or None
        Null where no candidate scores above the reference.
    """
    values = models.values[:-1]
    best = int(values.argmax())
    if not values[best] > 0.0:
        return None
    name, reference = models.names[best], models.names[-1]
    critical = simultaneous_critical_value(models.draws_MB[:-1], confidence=CONFIDENCE)
    estimate = _simultaneous(models, best, critical)
    honest = split_half_best(
        [_without_reference(one) for one in models.benchmarks], N_SPLITS, rng=rng
    )
    own = None
    if pick is not None and pick in models.candidates and pick != name:
        own = _pair(models.pairs, models.names.index(pick), best, _half_widths(models.pairs))
    return {
        "model": name,
        "difference": estimate_as_json(estimate),
        "split_half": honest,
        "pick_difference": None if own is None else estimate_as_json(own),
        "sentence": _yardstick_sentence(
            (name, reference, pick), estimate, honest, own, len(models.candidates)
        ),
    }


def _against_best(models: ComparedModels, index: int, result: AgainstBest) -> Estimate:
    pairs = models.pairs
    error = float(pairs.errors_MM[index, result.rival])
    return Estimate(
        value=result.value,
        standard_error=None if np.isnan(error) else error,
        interval=result.interval,
        method=f"less the best of the others by these items ({models.names[result.rival]}); "
        "constrained simultaneous interval",
        n_observations=int(pairs.n_items_MM[index, result.rival]),
        n_clusters=int(pairs.n_clusters_MM[index, result.rival]),
        confidence=CONFIDENCE,
        cautions=() if result.interval is not None else ("a standard error is not known",),
    )


def _half_widths(pairs: PairwiseDifferences) -> NDArray[np.float64]:
    critical = distributions.t.ppf(0.5 + CONFIDENCE / 2.0, pairs.degrees_of_freedom_MM)
    return np.asarray(critical * pairs.errors_MM)


def _pair(
    pairs: PairwiseDifferences, first: int, second: int, half_MM: NDArray[np.float64]
) -> Estimate:
    value, error = float(pairs.values_MM[first, second]), float(pairs.errors_MM[first, second])
    half, is_known = float(half_MM[first, second]), not np.isnan(error)
    method = "paired difference of composites, CR1, t with Satterthwaite df, not adjusted"
    if np.isnan(value):
        return null_estimate(method, "no item of a benchmark was asked of both")
    return Estimate(
        value=value,
        standard_error=error if is_known else None,
        interval=(max(-1.0, value - half), min(1.0, value + half)) if is_known else None,
        method=method,
        n_observations=int(pairs.n_items_MM[first, second]),
        n_clusters=int(pairs.n_clusters_MM[first, second]),
        confidence=CONFIDENCE,
        cautions=() if is_known else ("no spread between the two: its error is not known",),
    )


def _simultaneous(models: ComparedModels, best: int, critical: float) -> Estimate:
    """Difference of one candidate to the reference with an interval valid for the largest."""
    pairs = models.pairs
    plain = _pair(pairs, best, len(models.names) - 1, _half_widths(pairs))
    n_candidates = len(models.candidates)
    optimism = (f"picked as the largest of {n_candidates}: the value is optimistic",)
    interval = None
    if plain.standard_error is not None and plain.value is not None:
        tail = distributions.norm.sf(critical)
        half = float(distributions.t.isf(tail, pairs.degrees_of_freedom_MM[best, -1]))
        half *= plain.standard_error
        interval = (max(-1.0, plain.value - half), min(1.0, plain.value + half))
    return Estimate(
        value=plain.value,
        standard_error=plain.standard_error,
        interval=interval,
        method=f"paired difference of composites; interval simultaneous over "
        f"{n_candidates} candidates (joint bootstrap of items)",
        n_observations=plain.n_observations,
        n_clusters=plain.n_clusters,
        confidence=CONFIDENCE,
        cautions=(*(optimism if n_candidates > 1 else ()), *plain.cautions),
    )


def _without_reference(benchmark: ItemDifferences) -> ItemDifferences:
    return ItemDifferences(benchmark.values_Mn[:-1], benchmark.clusters)


def _best_sentence(models: ComparedModels, marked: Sequence[str], pick: str | None) -> str:
    n = len(models.names)
    if len(marked) == n:
        text = f"None of the {n} models, the reference among them, can be told from the best"
    elif len(marked) == 1:
        text = (
            f"{marked[0]} scores best: every other of the {n} models is shown to be worse than it"
        )
    else:
        rest = n - len(marked)
        others = "the other is" if rest == 1 else f"the other {rest} are"
        text = (
            f"The best of the {n} models may be {listed(marked)}; "
            f"{others} shown to be worse than the best"
        )
    if pick is not None and pick in models.names and len(marked) < n:
        text += f". {pick}, the pick, is {'among those' if pick in marked else 'not among those'}"
        text += " that may be the best"
    return f"{text}."


def _yardstick_sentence(
    names: tuple[str, str, str | None],
    estimate: Estimate,
    honest: float | None,
    own: Estimate | None,
    n_candidates: int,
) -> str:
    name, reference, pick = names
    sentences = [
        f"{name} scores best, {points(estimate.value or 0.0)} above the reference {reference}"
    ]
    if n_candidates > 1:
        text = f"As the largest of {n_candidates} this is optimistic"
        if honest is not None:
            text += (
                f": picked on half the items, the largest is at {signed_points(honest)} on the rest"
            )
        sentences.append(text)
    if estimate.interval is not None:
        low, high = (signed_points(end) for end in estimate.interval)
        shown = "is" if estimate.interval[0] > 0.0 else "is not"
        sentences.append(
            f"With {low} to {high}, valid for whichever is picked, it {shown} shown to be better "
            "than the reference"
        )
    if own is not None and own.interval is not None:
        low, high = (signed_points(end) for end in own.interval)
        sentences.append(
            f"Held against it, {pick} is at {signed_points(own.value or 0.0)} ({low} to {high})"
        )
    return "".join(f"{sentence}. " for sentence in sentences).rstrip()


def signed_points(share: float) -> str:
    """Proportion in percentage points with its sign.

    Examples
    --------
    >>> signed_points(0.0123), signed_points(-0.01)
    ('+1.23 points', '-1 point')
    """
    return f"{'-' if share < 0 else '+'}{points(abs(share))}"
