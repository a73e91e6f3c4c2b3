"""Answers of one model to one benchmark, gathered one by one while a file is read."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Final

import numpy as np

from silentzone.importers.cells import LONGEST_NAME
from silentzone.importers.json_documents import plain_text
from silentzone.importers.problems import listed, shown
from silentzone.records.imported import Imported, ItemAnswers, ModelFacts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from silentzone.importers.reading import ImportOptions
    from silentzone.records.imported import SourceFile

_MOST: Final = 2**31 - 1


def checked_name(text: str, of_what: str) -> str:
    """Give a text that can be a name.

    Raises
    ------
    ValueError
        If it is empty, too long, or holds half a surrogate pair.
    """
    if not text.strip() or len(text) > LONGEST_NAME or plain_text(text) != text:
        raise ValueError(f"{shown(text)} cannot be the name of {of_what}")
    return text


class AnswerRows:
    """Rows of one model and benchmark in file order; no item and repeat twice."""

    def __init__(self) -> None:
        self._seen: set[tuple[str, int]] = set()
        self._item_ids: list[str] = []
        self._repeats: list[int] = []
        self._scores: list[float] = []
        self.statuses: list[str] = []
        self._texts: dict[str, list[str | None]] = {
            name: [] for name in ("predictions", "targets", "prompt_sha256", "target_sha256")
        }
        self._tokens: list[int] = []

    def __len__(self) -> int:
        return len(self._item_ids)

    def add(
        self,
        item_id: str,
        *,
        score: float | None,
        status: str = "ok",
        repeat: int = 0,
        texts: Mapping[str, object] | None = None,
        output_tokens: object = None,
    ) -> None:
        """Add one answer.

        Parameters
        ----------
        item_id : str
        score : float or None
            A proportion; kept only where the status is ``ok``.
        status : str
            ``ok``, or why the score does not count.
        repeat : int
        texts : mapping, optional
            Any of ``predictions``, ``targets``, ``prompt_sha256``, ``target_sha256``; what is not
            text is kept as JSON.
        output_tokens : object
            Kept where it is a whole number of tokens.

        Raises
        ------
        ValueError
            If the row cannot be; the message is one for a person.
        """
        checked_name(item_id, "an item")
        if not 0 <= repeat <= _MOST:
            raise ValueError(f"{repeat} cannot be the number of an attempt")
        if (item_id, repeat) in self._seen:
            raise ValueError(f"item {shown(item_id)}, attempt {repeat + 1}, is there twice")
        is_scored = status == "ok"
        if is_scored and (score is None or not 0.0 <= score <= 1.0):
            raise ValueError(f"the score {score} is no proportion between 0 and 1")
        self._seen.add((item_id, repeat))
        self._item_ids.append(item_id)
        self._repeats.append(repeat)
        self._scores.append(score if is_scored and score is not None else math.nan)
        self.statuses.append(status)
        for name, values in self._texts.items():
            values.append(plain_text((texts or {}).get(name)))
        is_count = isinstance(output_tokens, int) and not isinstance(output_tokens, bool)
        count = output_tokens if is_count else -1
        self._tokens.append(count if isinstance(count, int) and 0 <= count <= _MOST else -1)

    @property
    def score_sum(self) -> float:
        """Sum of the scores that count."""
        return float(np.nansum(self._scores)) if self._scores else 0.0

    @property
    def mean_of_items(self) -> float | None:
        """Mean over items of the mean over their attempts that count; null where none does."""
        sums: dict[str, list[float]] = {}
        for item_id, score in zip(self._item_ids, self._scores, strict=True):
            if not math.isnan(score):
                sums.setdefault(item_id, []).append(score)
        return math.fsum(sum(one) / len(one) for one in sums.values()) / len(sums) if sums else None

    def status_note(self, meaning: str = "have no score") -> tuple[str, ...]:
        """Say how many answers are not ``ok``, by status; empty where all are."""
        others = [status for status in self.statuses if status != "ok"]
        if not others:
            return ()
        counts = listed(f"{count} {name}" for name, count in Counter(others).most_common())
        return (f"{len(others)} of {len(self)} answers {meaning}: {counts}",)

    def build(
        self,
        model: str,
        benchmark: str,
        *,
        settings: Mapping[str, str],
        about: Mapping[str, str],
        sources: Sequence[SourceFile],
    ) -> ItemAnswers:
        """Answers as a record; a column without a single value is null."""
        texts = {
            name: tuple(values)
            for name, values in self._texts.items()
            if any(value is not None for value in values)
        }
        return ItemAnswers(
            model=model,
            benchmark=benchmark,
            item_ids=tuple(self._item_ids),
            scores=np.array(self._scores, np.float64),
            statuses=tuple(self.statuses),
            repeats=np.array(self._repeats, np.int32),
            predictions=texts.get("predictions"),
            targets=texts.get("targets"),
            prompt_sha256=texts.get("prompt_sha256"),
            target_sha256=texts.get("target_sha256"),
            output_tokens=np.array(self._tokens, np.int32) if max(self._tokens) >= 0 else None,
            settings=_stored(settings),
            about=_stored(about),
            sources=tuple(sources),
        )


def imported(
    items: Sequence[ItemAnswers], options: ImportOptions, notes: Iterable[str]
) -> Imported:
    """Answers of one model as all that its file gives; every note says whose answers it is of."""
    model = items[0].model
    subject = model if len(items) > 1 else f"{model}, {items[0].benchmark}"
    return Imported(
        items=tuple(items),
        models=(ModelFacts(name=model, is_reference=model == options.reference),),
        notes=tuple(f"{subject}: {note}" for note in notes),
    )


def _stored(texts: Mapping[str, str]) -> dict[str, str]:
    return {name: str(plain_text(value)) for name, value in texts.items() if value}
