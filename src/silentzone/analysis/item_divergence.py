"""How far a candidate is from the reference along each benchmark item's own tokens."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from silentzone.analysis.prompt_data import PromptData
from silentzone.records.tables import PROMPTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from silentzone.analysis.items import BenchmarkScores, ModelAnswers
    from silentzone.store.current import CurrentParts

OK = "ok"


def with_divergence(
    parts: CurrentParts, scores: BenchmarkScores, reference: str
) -> BenchmarkScores:
    """Add to every candidate its divergence along the reference's own answers, where measured."""
    chosen = scores.answers[reference].predictions
    if chosen is None:
        return scores
    answers = dict(scores.answers)
    for name in scores.candidates:
        if parts.has_table(PROMPTS, scores.benchmark, name):
            divergence = _mean_divergence(parts, scores, name, chosen)
            answers[name] = replace(answers[name], divergence=divergence)
    return replace(scores, answers=answers)


def _mean_divergence(
    parts: CurrentParts, scores: BenchmarkScores, model: str, chosen: NDArray[np.object_]
) -> NDArray[np.float64]:
    """Mean KLD over the tokens of the answer the reference chose, by item; NaN where missing."""
    table = parts.read_table(PROMPTS, scores.benchmark, model)
    places = {item: place for place, item in enumerate(scores.item_ids)}
    codes = np.array([places.get(item or "", -1) for item in table.strings("item_id")])
    answer = np.array([-1 if one is None else int(one) for one in chosen], dtype=np.int64)
    kld, is_there = table.floats("kl_divergence")
    own = (codes >= 0) & is_there & np.isfinite(kld) & table.matches("status", OK)
    own &= table.integers("choice")[0] == np.where(codes >= 0, answer[codes], -2)
    n = len(scores.item_ids)
    counts = np.bincount(codes[own], minlength=n)
    means = np.full(n, np.nan)
    np.divide(np.bincount(codes[own], kld[own], minlength=n), counts, out=means, where=counts > 0)
    return means


def prompt_data(
    scores: BenchmarkScores, reference: str, mean_divergence: Mapping[str, float]
) -> PromptData:
    """Lay out everything known of the items of a benchmark, one row per candidate.

    Parameters
    ----------
    scores : BenchmarkScores
    reference : str
    mean_divergence : mapping of str to float
        Mean KLD of each candidate on the headline corpus.
    """
    own = scores.answers[reference]
    models = tuple(scores.candidates)
    answers = [scores.answers[name] for name in models]
    return PromptData(
        benchmark=scores.benchmark,
        item_ids=scores.item_ids,
        clusters=scores.clusters,
        reference_score=scores.reference,
        reference_confidence=own.confidence,
        reference_margin=own.margin,
        models=models,
        scores=np.reshape([one.scores for one in answers], (len(models), len(scores.item_ids))),
        divergence=_stacked(answers, "divergence"),
        confidence=_stacked(answers, "confidence"),
        margin=_stacked(answers, "margin"),
        mean_divergence={name: mean_divergence[name] for name in models if name in mean_divergence},
    )


def _stacked(answers: list[ModelAnswers], name: str) -> NDArray[np.float64] | None:
    found: list[NDArray[np.float64] | None] = [getattr(one, name) for one in answers]
    if all(values is None for values in found):
        return None
    missing = np.full(answers[0].scores.shape, np.nan)
    return np.stack([missing if values is None else values for values in found])
