"""Rows of one filter, column by column, as compact as they can be kept.

Array shapes: n rows.
"""

from __future__ import annotations

import hashlib
import math
from array import array
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from silentzone.importers.item_metrics import Metric
from silentzone.importers.problems import SHOWN_PROBLEMS, listed
from silentzone.importers.tools.lm_eval.choices import ChoiceColumn, Choices, choices_of
from silentzone.importers.tools.lm_eval.hashes import is_text
from silentzone.store.compact import CompactTexts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from silentzone.importers.problems import Problems
    from silentzone.importers.tools.lm_eval.hashes import RowHashes

_OWN_FIELDS: Final = frozenset(
    {
        "doc_id", "doc", "target", "arguments", "resps", "filtered_resps", "filter", "metrics",
        "doc_hash", "prompt_hash", "target_hash",
    }
)  # fmt: skip
"""Fields of every row; what else stands in a row of an old version is a metric."""
_LONGEST_PREDICTION: Final = 1000
_ID_DIGITS: Final = 16


class FilterAnswers:
    """What the rows of one filter say."""

    def __init__(self, *, keeps_items: bool) -> None:
        self.keeps_items = keeps_items
        """Whether more is kept than metrics."""
        self.n_rows = 0
        self.metrics: dict[str, Metric] = {}
        self.doc_ids = array("q")
        self.places = array("q")
        self.item_ids: Sequence[str] = ()
        """There once the rows are finished."""
        self.prompts = CompactTexts()
        self.target_hashes: list[str | None] = []
        self.targets: list[str | None] = []
        self.predictions: list[str | None] = []
        self.choices = ChoiceColumn()
        self.non_finite: set[int] = set()
        self.most_repeats = 1
        self.n_cut_predictions = 0
        self._named = CompactTexts()
        self._seen: dict[str, str] = {}

    def add(
        self,
        row: dict[str, Any],
        metrics: list[str],
        place: int,
        hashes: RowHashes,
        delimiter: str,
    ) -> None:
        """Add a row whose fields were checked."""
        for name in metrics:
            if name not in self.metrics:
                self.metrics[name] = Metric(self.n_rows)
            self.metrics[name].add(row[name], self.n_rows)
        if self.keeps_items:
            self._add_item(row, place, hashes, delimiter)
        self.n_rows += 1

    def _add_item(self, row: dict[str, Any], place: int, hashes: RowHashes, delimiter: str) -> None:
        self.doc_ids.append(row["doc_id"])
        self.places.append(place)
        self._named.append(hashes.doc[:_ID_DIGITS] if hashes.doc else str(row["doc_id"]))
        self.prompts.append(hashes.prompt)
        # Golds repeat: every "A" of a benchmark is one text in memory.
        self.target_hashes.append(self._shared(hashes.target))
        target = row.get("target")
        self.targets.append(self._shared(None if target is None else self._cut(str(target))))
        found = choices_of(row, delimiter)
        self._add_choices(row, found)
        self.predictions.append(
            self._shared(self._text_of(row.get("filtered_resps"))) if found is None else None
        )
        responses = row.get("resps")
        if isinstance(responses, list) and responses and isinstance(responses[0], list):
            self.most_repeats = max(self.most_repeats, len(responses[0]))

    def _add_choices(self, row: dict[str, Any], found: Choices | None) -> None:
        if found is None:
            self.choices.add_nothing()
        elif all(map(math.isfinite, (*found.log_likelihoods, *found.unconditional))):
            self.choices.add(found, row.get("target"), row)
        else:
            self.non_finite.add(self.n_rows)
            self.choices.add_nothing()

    def _shared(self, text: str | None) -> str | None:
        if text is None or len(text) > 2 * 64:
            return text
        return self._seen.setdefault(text, text)

    def _text_of(self, responses: object) -> str | None:
        """Answer that a filter left of the responses; null where it left several."""
        answer = responses
        while isinstance(answer, list) and len(answer) == 1:
            answer = answer[0]
        return self._cut(answer) if isinstance(answer, str) else None

    def _cut(self, text: str) -> str:
        if not is_text(text):
            text = text.encode(errors="replace").decode()
        if len(text) <= _LONGEST_PREDICTION:
            return text
        self.n_cut_predictions += 1
        digest = hashlib.sha256(text.encode()).hexdigest()
        return f"{text[:_LONGEST_PREDICTION]} ... ({len(text):,} characters, SHA-256 {digest[:16]})"

    def finish(self, problems: Problems, word: str) -> None:
        """Tell items of equal documents apart, once all rows are there.

        Parameters
        ----------
        problems : Problems
            Told of items that stand there twice.
        word : str
            What a place is: line or row.
        """
        for metric in self.metrics.values():
            metric.pad(self.n_rows)
        self._seen.clear()
        named_so_far = self._named.column()
        if named_so_far.n_distinct == len(named_so_far):
            self.item_ids = named_so_far
            return
        item_ids: list[str] = list(named_so_far)
        counts = Counter(item_ids)
        first: dict[str, int] = {}
        for index, item in enumerate(item_ids):
            if counts[item] == 1:
                continue
            named = f"{item}-{self.doc_ids[index]}"
            item_ids[index] = named
            if named in first:
                problems.add(
                    f"is the same item as {word} {self.places[first[named]]} "
                    f"(doc_id {self.doc_ids[index]}, one filter); an item has one row per filter",
                    place=f"{word} {self.places[index]}",
                )
            else:
                first[named] = index
        self.item_ids = tuple(item_ids)

    def places_of(self, rows: list[int], word: str) -> str:
        """Name where rows stand, the first few of them."""
        more = f" and {len(rows) - SHOWN_PROBLEMS} more" if len(rows) > SHOWN_PROBLEMS else ""
        return f"{word} " + listed(str(self.places[row]) for row in rows[:SHOWN_PROBLEMS]) + more


def metric_names(row: dict[str, Any]) -> list[str]:
    """Names of a row's metrics."""
    named = row.get("metrics")
    if isinstance(named, list):
        return [name for name in named if isinstance(name, str)]
    return [name for name in row if name not in _OWN_FIELDS]
