"""The items whose answer changed, with all that a person needs to look at one.

What is kept is bounded, so that a report of many candidates and items stays a file that can be
sent: per candidate and benchmark the largest changes, and of every text its beginning.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from silentzone.analysis.items import BenchmarkScores, ModelAnswers

SCHEMA_VERSION = 1
LONGEST_TEXT = 2_000
"""Characters of a prompt or an answer that are kept."""
MOST_CHANGES = 20_000
"""Of all candidates and benchmarks together."""
LEAST_PER_PAIR = 20

JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What one model said to one item."""

    log_likelihoods: list[float] | None = None
    text: str | None = None
    tokens: list[int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What an item asked."""

    prompt: str | None = None
    choices: list[str] | None = None
    gold: str | None = None
    rule: str | None = None
    cluster: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BenchmarkDetails:
    """Scores of a benchmark and, where they are known, the words behind them."""

    scores: BenchmarkScores
    reference: str
    asked: Mapping[str, Asked] = field(default_factory=dict)
    """By item."""
    told: Mapping[str, Mapping[str, Told]] = field(default_factory=dict)
    """By model and item, of the first repeat."""
    lane: str | None = None
    """Of the candidates, where they are not files as they are served."""

    @property
    def title(self) -> str:
        """Name of the benchmark, and of the lane where it is another than serving."""
        name = self.scores.benchmark
        return name if self.lane is None else f"{name} ({self.lane} lane)"


def changed_answers(details: Sequence[BenchmarkDetails], reference: str | None) -> JsonObject:
    """Every change of an answer, as the object of ``flips.json``.

    Parameters
    ----------
    details : sequence of BenchmarkDetails
        One per benchmark and lane: no count is over candidates of two lanes.
    reference : str or None

    Returns
    -------
    dict
        ``questions`` that at least one candidate answered otherwise, and ``changes``: ``harm``
        (right before), ``gain`` (wrong before) and ``other`` (another wrong answer).
    """
    models = list(dict.fromkeys(name for one in details for name in one.scores.candidates))
    pairs = sum(len(one.scores.candidates) for one in details)
    most = max(LEAST_PER_PAIR, MOST_CHANGES // max(pairs, 1))
    collected = _Collected(models, most)
    for index, one in enumerate(details):
        collected.take(index, one)
    return {
        "schema_version": SCHEMA_VERSION,
        "reference": reference,
        "models": models,
        "benchmarks": [{"name": one.title, "items": len(one.scores.item_ids)} for one in details],
        "questions": collected.questions,
        "changes": collected.changes,
        "left_out": collected.left_out,
    }


class _Collected:
    """Questions and changes so far; a question is written down with its first change."""

    def __init__(self, models: Sequence[str], most: int) -> None:
        self.questions: list[JsonObject] = []
        self.changes: list[JsonObject] = []
        self.left_out: list[JsonObject] = []
        self._models = models
        self._most = most
        self._places: dict[tuple[int, int], int] = {}

    def take(self, benchmark: int, details: BenchmarkDetails) -> None:
        scores = details.scores
        kinds = {model: _kinds(scores, details.reference, model) for model in scores.candidates}
        stacked = np.array([*kinds.values()]).reshape(len(kinds), len(scores.item_ids))
        counts = {kind: (stacked == kind).sum(axis=0) for kind in ("harm", "gain")}
        for model, own in kinds.items():
            changed = np.flatnonzero(own != "")
            kept = np.sort(_largest(scores, details.reference, model, changed)[: self._most])
            if len(kept) < len(changed):
                self.left_out.append(
                    {
                        "benchmark": benchmark,
                        "model": self._models.index(model),
                        "count": len(changed) - len(kept),
                    }
                )
            for item in kept.tolist():
                question = self._question(benchmark, item, details, counts)
                self._add(question, item, model, str(own[item]), details)

    def _question(
        self,
        benchmark: int,
        item: int,
        details: BenchmarkDetails,
        counts: Mapping[str, NDArray[np.int64]],
    ) -> int:
        place = self._places.get((benchmark, item))
        if place is not None:
            return place
        scores, name = details.scores, details.scores.item_ids[item]
        asked = details.asked.get(name, Asked())
        self._places[benchmark, item] = len(self.questions)
        self.questions.append(
            {
                "benchmark": benchmark,
                "item": name,
                "cluster": asked.cluster,
                "prompt": _beginning(asked.prompt),
                "choices": None
                if asked.choices is None
                else [_beginning(choice) for choice in asked.choices],
                "gold": _beginning(asked.gold),
                "rule": asked.rule,
                "reference": _answer(details, details.reference, item),
                "harmed": int(counts["harm"][item]),
                "gained": int(counts["gain"][item]),
                "candidates": len(scores.candidates),
            }
        )
        return len(self.questions) - 1

    def _add(
        self, question: int, item: int, model: str, kind: str, details: BenchmarkDetails
    ) -> None:
        own = details.told.get(model, {}).get(details.scores.item_ids[item], Told())
        before = details.told.get(details.reference, {}).get(details.scores.item_ids[item], Told())
        divergence = details.scores.answers[model].divergence
        self.changes.append(
            {
                "question": question,
                "model": self._models.index(model),
                "kind": kind,
                **_answer(details, model, item),
                "divergence": None if divergence is None else _number(divergence[item]),
                "shared_tokens": _shared(before.tokens, own.tokens),
            }
        )


def _kinds(scores: BenchmarkScores, reference: str, model: str) -> NDArray[np.str_]:
    """How each item changed: ``harm``, ``gain``, ``other``, or empty."""
    before, after = scores.reference, scores.candidates[model]
    kinds = np.full(len(before), "", dtype="<U5")
    first, second = scores.answers[reference].predictions, scores.answers[model].predictions
    if first is not None and second is not None:
        is_other = np.asarray(first != second, dtype=np.bool_)
        kinds[is_other & (before == after) & (after < 1.0)] = "other"
    kinds[after < before] = "harm"
    kinds[after > before] = "gain"
    return kinds


def _largest(
    scores: BenchmarkScores, reference: str, model: str, items: NDArray[np.intp]
) -> NDArray[np.intp]:
    """Put changes in the order in which they are kept: of the score, then of the margin."""
    difference = np.abs(scores.candidates[model][items] - scores.reference[items])
    margins = [scores.answers[name].margin for name in (reference, model)]
    if margins[0] is None or margins[1] is None:
        shift: NDArray[np.float64] = np.zeros(len(items))
    else:
        shift = np.nan_to_num(np.abs(margins[1][items] - margins[0][items]))
    return items[np.lexsort((items, -shift, -difference))]


def _answer(details: BenchmarkDetails, model: str, item: int) -> JsonObject:
    scores = details.scores
    own: ModelAnswers = scores.answers[model]
    told = details.told.get(model, {}).get(scores.item_ids[item], Told())
    prediction = None if own.predictions is None else own.predictions[item]
    return {
        "score": _number(own.scores[item]),
        "prediction": _beginning(prediction),
        "log_likelihoods": told.log_likelihoods
        and [round(value, 4) for value in told.log_likelihoods],
        "text": _beginning(told.text),
    }


def _shared(before: list[int] | None, after: list[int] | None) -> int | None:
    """Tokens with which two written answers both begin."""
    if before is None or after is None:
        return None
    pairs = zip(before, after, strict=False)
    return next(
        (place for place, (a, b) in enumerate(pairs) if a != b), min(len(before), len(after))
    )


def _beginning(text: object) -> str | None:
    if text is None:
        return None
    words = str(text)
    return words if len(words) <= LONGEST_TEXT else words[:LONGEST_TEXT] + "…"


def _number(value: float) -> float | None:
    return round(float(value), 6) if np.isfinite(value) else None
