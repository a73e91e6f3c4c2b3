"""Scores of one item from the log-likelihoods of its choices."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from silentzone.errors import BenchmarkError, ShapeError

if TYPE_CHECKING:
    from collections.abc import Sequence

HEADLINES = ("raw", "normalized")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceScore:
    """How a model did on one item; every number is null unless ``status`` is ``ok``."""

    status: str
    """``ok`` or ``non_finite``."""
    score: float | None
    """0 or 1, of the headline rule."""
    score_raw: float | None
    """1 where the largest summed log-likelihood is the gold's."""
    score_normalized: float | None
    """The same after dividing each sum by the length of its choice."""
    prediction: int | None
    """Index of the choice the headline rule takes."""
    margin: float | None
    """Headline value of the gold minus the best other; nats, per character if normalized."""
    confidence: float | None
    """Softmax of the headline values at the prediction, in (0, 1]."""


def score_choices(
    log_likelihoods: Sequence[float], lengths: Sequence[int], gold: int, *, headline: str
) -> ChoiceScore:
    """Raw and length-normalized score of one item.

    Parameters
    ----------
    log_likelihoods : sequence of float
        Summed log-likelihood of each choice after the prompt, nats.
    lengths : sequence of int
        Characters of each choice, its leading space not counted.
    gold : int
        Index of the right choice.
    headline : {"raw", "normalized"}
        Rule behind ``score``, ``prediction``, ``margin`` and ``confidence``.

    Returns
    -------
    ChoiceScore
        Status ``non_finite`` with null numbers where any log-likelihood is NaN or infinite.

    Raises
    ------
    ShapeError
        If there are fewer than two choices, or not as many lengths.
    BenchmarkError
        If a length is below 1, the gold index is no choice, or the rule is unknown.

    Notes
    -----
    Between equal values the first choice wins, as in lm-evaluation-harness, where ``raw`` is
    called acc and ``normalized`` acc_norm.

    Examples
    --------
    >>> result = score_choices([-2.0, -3.0], [4, 12], gold=1, headline="normalized")
    >>> result.score_raw, result.score_normalized, result.margin
    (0.0, 1.0, 0.25)
    """
    if len(log_likelihoods) < 2 or len(log_likelihoods) != len(lengths):
        raise ShapeError(
            f"an item needs two or more choices and one length each; it has"
            f" {len(log_likelihoods)} log-likelihoods and {len(lengths)} lengths"
        )
    if min(lengths) < 1:
        raise BenchmarkError(f"`lengths` must be at least 1; they are {tuple(lengths)}")
    if not 0 <= gold < len(lengths):
        raise BenchmarkError(f"`gold` must lie in 0..{len(lengths) - 1}; it is {gold}")
    check_headline(headline)
    if not all(map(math.isfinite, log_likelihoods)):
        return ChoiceScore(
            status="non_finite",
            score=None,
            score_raw=None,
            score_normalized=None,
            prediction=None,
            margin=None,
            confidence=None,
        )
    raw = np.asarray(log_likelihoods, dtype=np.float64)
    normalized = raw / np.asarray(lengths, dtype=np.float64)
    values = raw if headline == "raw" else normalized
    prediction = int(values.argmax())
    return ChoiceScore(
        status="ok",
        score=float(prediction == gold),
        score_raw=float(raw.argmax() == gold),
        score_normalized=float(normalized.argmax() == gold),
        prediction=prediction,
        margin=float(values[gold] - np.delete(values, gold).max()),
        confidence=float(1.0 / np.exp(values - values[prediction]).sum()),
    )


def check_headline(headline: str) -> None:
    """Refuse a rule that does not exist.

    Raises
    ------
    BenchmarkError
        If ``headline`` is neither ``raw`` nor ``normalized``.
    """
    if headline not in HEADLINES:
        raise BenchmarkError(f"the score must be one of {', '.join(HEADLINES)}; it is `{headline}`")
