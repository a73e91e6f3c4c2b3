"""Multiple choice by log-likelihood: the shared prompt once, the choices after it.

Shape letters: N tokens of a continuation, V vocabulary entries.
"""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from silentzone.backends.base import BatchSplit, ContinuationRequest
from silentzone.benchmarks.pairs import TokenItem, tokenize_item
from silentzone.benchmarks.registry import load_choices
from silentzone.benchmarks.scoring import ChoiceScore, score_choices
from silentzone.errors import BenchmarkError, SilentzoneError, StorageError
from silentzone.measure.perturbations import (
    TOKEN_BY_TOKEN,
    UNEVEN_BATCH,
    UNEVEN_TOKENS,
    spread,
)
from silentzone.metrics.kernels import log_likelihood

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from silentzone.backends.base import ContinuationLogits, LogitBackend
    from silentzone.measure.jobs import BenchmarkJob
    from silentzone.records.items import ChoiceItem
    from silentzone.store.tables import StoredTable

_TOKEN_BY_TOKEN_SHARE = 4
"""One in so many of the items asked again is also decoded one token at a time."""
_REGULAR = BatchSplit()


def load_items(job: BenchmarkJob) -> tuple[ChoiceItem, ...]:
    """Items of a benchmark, the very ones the study began with.

    Raises
    ------
    BenchmarkError
        If the items changed since.
    """
    reference, items = load_choices(job.source)
    if reference.items_sha256 != job.items_sha256:
        raise BenchmarkError(
            f"the items of benchmark `{job.name}` changed while the study ran",
            hint="run it again",
        )
    return items


def tokenize_items(
    backend: LogitBackend, items: Sequence[ChoiceItem], context_length: int
) -> list[TokenItem]:
    """Tokens of every item by the model's own tokenizer."""

    def tokenize(text: str) -> Any:  # noqa: ANN401 - an array of token ids
        return backend.tokenize(text, add_bos=True)

    return [tokenize_item(tokenize, item, context_length=context_length) for item in items]


class ItemObserver(Protocol):
    """Sees the logits by which items are scored, one continuation at a time."""

    @property
    def with_hidden(self) -> bool:
        """Whether it needs final hidden states."""
        ...

    def begin(self, tokenized: Sequence[TokenItem]) -> None:
        """Hear what will be asked."""
        ...

    def take(self, item: int, part: ContinuationLogits) -> None:
        """See one continuation of an item; its arrays are valid during the call."""
        ...

    def finish(self) -> None:
        """Hear that all has been asked."""
        ...


class Nobody:
    """Observer that sees nothing."""

    with_hidden = False

    def begin(self, tokenized: Sequence[TokenItem]) -> None:
        """Ignore what will be asked."""

    def take(self, item: int, part: ContinuationLogits) -> None:
        """Ignore the continuation."""

    def finish(self) -> None:
        """Ignore the end."""


_NOBODY = Nobody()


class Watched:
    """Passes an observer on, timed, and can keep its failure from costing the scores.

    Parameters
    ----------
    make : callable
        Gives the observer when asking begins.
    with_hidden : bool
        Whether it needs final hidden states.
    may_fail : bool
        Whether items are asked to the end after the observer failed.
    """

    def __init__(
        self,
        make: Callable[[], ItemObserver],
        *,
        with_hidden: bool = False,
        may_fail: bool = False,
    ) -> None:
        self._make = make
        self._may_fail = may_fail
        self._observer: ItemObserver
        self.with_hidden = with_hidden
        self.failure: SilentzoneError | None = None
        """Why the observer saw no more."""
        self.seconds = 0.0
        """Time it took for itself."""

    def begin(self, tokenized: Sequence[TokenItem]) -> None:
        """Make the observer and tell it what will be asked."""

        def make() -> None:
            self._observer = self._make()
            self._observer.begin(tokenized)

        self._run(make)

    def take(self, item: int, part: ContinuationLogits) -> None:
        """Show it one continuation."""
        self._run(lambda: self._observer.take(item, part))

    def finish(self) -> None:
        """Tell it that all has been asked."""
        self._run(lambda: self._observer.finish())

    def _run(self, call: Callable[[], None]) -> None:
        if self.failure is not None:
            return
        started = time.perf_counter()
        try:
            call()
        except StorageError:
            raise  # the scores would meet the same disk
        except SilentzoneError as error:
            if not self._may_fail:
                raise
            self.failure = error
        finally:
            self.seconds += time.perf_counter() - started


def ask_items(
    backend: LogitBackend,
    items: Sequence[ChoiceItem],
    tokenized: Sequence[TokenItem],
    headline: str,
    *,
    split: BatchSplit = _REGULAR,
    on_item: Callable[[int], None] = lambda _done: None,
    observer: ItemObserver = _NOBODY,
) -> tuple[list[ChoiceScore | None], list[list[float] | None]]:
    """Scores and choice log-likelihoods of every item; null where an item cannot be scored."""
    asked = [k for k, entry in enumerate(tokenized) if entry.status == "ok"]
    requests = [ContinuationRequest(tokenized[k].prompt, tokenized[k].continuations) for k in asked]
    sums: list[list[float] | None] = [None] * len(items)
    observer.begin(tokenized)
    for part in backend.continuation_logits(
        requests, with_hidden=observer.with_hidden, split=split
    ):
        item = asked[part.request]
        continuation = tokenized[item].continuations[part.continuation]
        values = sums[item]
        if values is None:
            values = sums[item] = []
        values.append(log_likelihood(part.logits_NV, continuation))
        observer.take(item, part)
        on_item(item + 1)
    observer.finish()
    scores: list[ChoiceScore | None] = [
        None
        if values is None
        else score_choices(values, item.lengths, item.gold, headline=headline)
        for item, values in zip(items, sums, strict=True)
    ]
    return scores, sums


def measure_items(
    backend: LogitBackend,
    items: Sequence[ChoiceItem],
    headline: str,
    context_length: int,
    on_item: Callable[[int], None],
    observer: ItemObserver = _NOBODY,
) -> dict[str, Any]:
    """Columns of a model's item table on one benchmark."""
    tokenized = tokenize_items(backend, items, context_length)
    scores, sums = ask_items(
        backend, items, tokenized, headline, on_item=on_item, observer=observer
    )
    columns: dict[str, list[Any]] = {}
    for item, entry, score, values in zip(items, tokenized, scores, sums, strict=True):
        row = {
            "item_id": item.item_id,
            "cluster_id": item.cluster_id,
            "repeat": 0,
            "status": entry.status if score is None else score.status,
            "score": None if score is None else score.score,
            "score_raw": None if score is None else score.score_raw,
            "score_normalized": None if score is None else score.score_normalized,
            "prediction": _text(None if score is None else score.prediction),
            "target": str(item.gold),
            "choice_log_likelihoods": _finite(values),
            "margin": None if score is None else score.margin,
            "confidence": None if score is None else score.confidence,
            "prompt_tokens": len(entry.prompt) if entry.status == "ok" else None,
            "choice_tokens": sum(map(len, entry.continuations)) if entry.status == "ok" else None,
            "prompt_sha256": _prompt_sha256(item),
        }
        for name, value in row.items():
            columns.setdefault(name, []).append(value)
    return columns


def measure_churn(
    backend: LogitBackend,
    items: Sequence[ChoiceItem],
    headline: str,
    context_length: int,
    ordinary: StoredTable,
    count: int,
) -> dict[str, Any]:
    """Columns of the items asked again: alone in uneven calls, and one token at a time."""
    columns: dict[str, list[Any]] = {
        name: []
        for name in (
            "item_id", "perturbation", "status", "score", "score_again", "prediction",
            "prediction_again",
        )
    }  # fmt: skip
    first_scores, _ = ordinary.floats("score")
    status = ordinary.strings("status")
    predictions = ordinary.strings("prediction")
    usable = [k for k in range(len(items)) if status[k] == "ok"]
    for perturbation, tokens, wanted in (
        (UNEVEN_BATCH, UNEVEN_TOKENS, count),
        (TOKEN_BY_TOKEN, 1, count // _TOKEN_BY_TOKEN_SHARE),
    ):
        taken = [usable[k] for k in spread(min(wanted, len(usable)), len(usable))]
        again = [items[k] for k in taken]
        tokenized = tokenize_items(backend, again, context_length)
        scores, _ = ask_items(
            backend, again, tokenized, headline, split=BatchSplit(tokens_per_call=tokens)
        )
        for k, score in zip(taken, scores, strict=True):
            assert score is not None, "the same item was scored in the ordinary run"
            columns["item_id"].append(items[k].item_id)
            columns["perturbation"].append(perturbation)
            columns["status"].append(score.status)
            columns["score"].append(float(first_scores[k]))
            columns["score_again"].append(score.score)
            columns["prediction"].append(predictions[k])
            columns["prediction_again"].append(_text(score.prediction))
    return columns


def _text(index: int | None) -> str | None:
    return None if index is None else str(index)


def _finite(values: list[float] | None) -> list[float] | None:
    return values if values is not None and bool(np.isfinite(values).all()) else None


def _prompt_sha256(item: ChoiceItem) -> str:
    text = "\x1f".join((item.prompt, *item.choices))
    return hashlib.sha256(text.encode()).hexdigest()
