"""Written answers held against their golds, by the rule each of them names."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from silentzone.benchmarks.answer_rules import RULES, judge
from silentzone.benchmarks.checkers import CHECKERS
from silentzone.errors import MeasurementError, TimeLimitError
from silentzone.execution.limited import LimitedProcess

if TYPE_CHECKING:
    from silentzone.records.items import Gold


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What became of one answer."""

    status: str
    """``ok``, or ``rule_timeout`` and ``grader_error``: failures that are not the model's."""
    prediction: str | None = None
    score: float | None = None
    details: str | None = None
    """What the checker found besides, as JSON."""


class Judge:
    """Judges answers; checkers run in processes of their own. Use as a context manager."""

    def __init__(self) -> None:
        self._processes: dict[str, LimitedProcess] = {}

    def __enter__(self) -> Judge:
        """Give itself; a process starts with the first answer it is needed for."""
        return self

    def __exit__(self, *exc_info: object) -> None:
        """End the processes."""
        for process in self._processes.values():
            process.__exit__(*exc_info)

    def __call__(self, text: str, gold: Gold) -> Judgement:
        """Judge one answer."""
        if gold.rule in RULES:
            verdict = judge(text, gold)
            return Judgement(status="ok", prediction=verdict.prediction, score=verdict.score)
        try:
            found = self._process(gold.rule)({"text": text, "value": gold.value})
        except TimeLimitError:
            return Judgement(status="rule_timeout")
        except MeasurementError as error:
            return Judgement(status="grader_error", details=json.dumps({"error": error.message}))
        details = found.get("details")
        return Judgement(
            status="ok",
            prediction=found["prediction"],
            score=float(found["score"]),
            details=None if details is None else json.dumps(details, sort_keys=True),
        )

    def _process(self, rule: str) -> LimitedProcess:
        if rule not in self._processes:
            checker = CHECKERS[rule]
            self._processes[rule] = LimitedProcess(checker.task, checker.seconds).__enter__()
        return self._processes[rule]
