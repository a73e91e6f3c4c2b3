"""What the rows of a details file say, column by column.

Array shapes: n rows.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from typing import TYPE_CHECKING, Any, Final, TypeGuard

from silentzone.importers.item_metrics import Metric
from silentzone.importers.json_documents import plain_text
from silentzone.importers.tools.lm_eval.choices import MUTUAL, ChoiceColumn, Choices, Judged

if TYPE_CHECKING:
    from silentzone.importers.item_metrics import Score

_ID_DIGITS: Final = 16
_MOST_TOKENS: Final = 2**31 - 1
_RULES: Final = {
    "normalization=None": "acc",
    "ignore_first_space=True": "acc_norm",
    "ignore_first_space=False": "acc_norm",
    "LogProbPMINorm": MUTUAL,
}
"""What the name of a metric's function says of its rule, as the rule is called in lm-eval."""


class Answers:
    """Columns that grow row by row."""

    def __init__(self) -> None:
        self.item_ids: list[str] = []
        self.metrics: dict[str, Metric] = {}
        self.prompts: list[str | None] = []
        self.targets: list[str | None] = []
        self.target_hashes: list[str | None] = []
        self.predictions: list[str | None] = []
        self.output_tokens: list[int] = []
        self.log_likelihoods: list[tuple[float, ...] | None] = []
        self.non_finite: list[int] = []
        self.notes: list[str] = []
        self._unconditional: list[tuple[float, ...]] = []
        self._choices: list[list[str]] = []
        self._golds: list[list[int]] = []
        self._doc_ids: list[str] = []
        self._n_samples = 1
        self._n_truncated = 0

    def add(self, row: dict[str, Any]) -> None:
        """Add a row.

        Raises
        ------
        ValueError
            If it is no row of lighteval's; the message is one for a person.
        """
        doc, response, metric = (row[name] for name in ("doc", "model_response", "metric"))
        if not isinstance(doc, dict) or not isinstance(metric, dict):
            raise ValueError("`doc` and `metric` must be structs with fields")  # noqa: TRY004
        response = response if isinstance(response, dict) else {}
        query = doc.get("query")
        if not isinstance(query, str):
            raise ValueError("`doc` has no text `query`, which names the question")  # noqa: TRY004
        n_rows = len(self.item_ids)
        self.item_ids.append(_sha256(query)[:_ID_DIGITS])
        self._doc_ids.append(str(doc.get("id") or ""))
        for name, value in metric.items():
            if value is not None:
                self.metrics.setdefault(name, Metric(n_rows)).add(value, n_rows)
        self._add_doc(doc, response)
        self._add_response(response, n_rows)

    def _add_doc(self, doc: dict[str, Any], response: dict[str, Any]) -> None:
        choices = [one if isinstance(one, str) else "" for one in _list(doc.get("choices"))]
        index = doc.get("gold_index")
        golds: list[int] = [
            one for one in (index if isinstance(index, list) else [index]) if _is_count(one)
        ]
        named = [choices[one] for one in golds if one < len(choices)]
        self._choices.append(choices)
        self._golds.append(golds)
        self.targets.append(plain_text(named[0] if len(named) == 1 else named) if named else None)
        self.target_hashes.append(_sha256([golds, named]))
        # The prompt itself where the engine kept it, else all that it was made of.
        asked = response.get("input")
        if not asked:
            asked = [doc.get(name) for name in ("instruction", "query", "choices")]
            asked.append([_query(one) for one in _list(doc.get("fewshot_samples"))])
        self.prompts.append(_sha256(asked))

    def _add_response(self, response: dict[str, Any], n_rows: int) -> None:
        values = _numbers(response.get("logprobs"))
        count = len(self._choices[-1])
        unconditional = _numbers(response.get("unconditioned_logprobs"))
        if len(values) == 2 * count:
            values, unconditional = values[:count], values[count:]
        has_choices = count > 1 and len(values) == count
        if has_choices and not all(map(math.isfinite, (*values, *unconditional))):
            self.non_finite.append(n_rows)
            has_choices = False
        self.log_likelihoods.append(values if has_choices else None)
        self._unconditional.append(unconditional)
        texts = _list(response.get("text_post_processed")) or _list(response.get("text"))
        self._n_samples = max(self._n_samples, len(texts))
        self.predictions.append(plain_text(texts[0]) if len(texts) == 1 else None)
        tokens = _list(response.get("output_tokens"))
        written = len(tokens[0]) if len(tokens) == 1 and isinstance(tokens[0], list) else -1
        self.output_tokens.append(min(written, _MOST_TOKENS) if len(texts) == 1 else -1)
        cut = response.get("truncated_tokens_count")
        self._n_truncated += _is_count(cut) and cut != 0

    def finish(self) -> None:
        """Tell equal questions apart, once all rows are there.

        Raises
        ------
        ValueError
            If two of them bear the same id as well.
        """
        for metric in self.metrics.values():
            metric.pad(len(self.item_ids))
        counts = Counter(self.item_ids)
        seen: Counter[str] = Counter()
        for row, item in enumerate(self.item_ids):
            if counts[item] > 1:
                seen[item] += 1
                self.item_ids[row] = f"{item}-{self._doc_ids[row] or f'no{seen[item]}'}"
        twice = [item for item, count in Counter(self.item_ids).items() if count > 1]
        if twice:
            raise ValueError(f"question {twice[0]} is there twice")
        if self._n_samples > 1:
            self.notes.append(
                f"questions were answered up to {self._n_samples} times; the score is what "
                "lighteval made of these answers"
            )
        if self._n_truncated:
            self.notes.append(f"{self._n_truncated:,} prompts were cut to fit the context")

    def judge(self, score: Score, rule: str) -> Judged | None:
        """Follow the rule of a metric; null where it is not known or cannot be followed.

        Parameters
        ----------
        score : Score
        rule : str
            How the results file names the function of the metric. Without one only ``acc`` is
            known.
        """
        known = [name for sign, name in _RULES.items() if sign in rule]
        if not known and score.metric == "acc":
            known = ["acc"]
        if not known:
            return None
        column = ChoiceColumn()
        for row, values in enumerate(self.log_likelihoods):
            golds, texts = self._golds[row], self._choices[row]
            if values is None or len(golds) != 1:
                column.add_nothing()
                continue
            if "ignore_first_space=True" in rule:
                texts = [text.removeprefix(" ") for text in texts]
            choices = Choices(
                log_likelihoods=values,
                unconditional=self._unconditional[row],
                texts=tuple(texts),
            )
            column.add(choices, golds[0], (known[0],))
        return column.judge(known[0], score.values)


def _query(sample: object) -> object:
    """Give what an example before the question says."""
    if not isinstance(sample, dict):
        return sample
    return [sample.get(name) for name in ("query", "choices", "gold_index")]


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _numbers(value: object) -> tuple[float, ...]:
    values = _list(value)
    if not all(isinstance(one, (int, float)) for one in values):
        return ()
    return tuple(map(float, values))


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _sha256(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
