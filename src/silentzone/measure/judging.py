"""Written answers held against their golds, by the rule each of them names."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from silentzone.benchmarks.rules.answer_rules import RULES, judge
from silentzone.benchmarks.rules.checkers import CHECKERS
from silentzone.errors import BenchmarkError, MeasurementError, TimeLimitError
from silentzone.execution.limited import LimitedProcess
from silentzone.execution.programs import ProgramJudge
from silentzone.execution.sandbox import require_sandbox

if TYPE_CHECKING:
    from collections.abc import Iterable

    from silentzone.records.items import GeneratedItem, Gold


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
    """Judges answers; checkers run in processes of their own. Use as a context manager.

    Parameters
    ----------
    unsafe : bool
        Whether what a model wrote may run even where no sandbox works.
    """

    def __init__(self, *, unsafe: bool = False) -> None:
        self._unsafe = unsafe
        self._processes: dict[str, LimitedProcess | ProgramJudge] = {}

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
        except (BenchmarkError, MeasurementError) as error:
            return Judgement(status="grader_error", details=json.dumps({"error": error.message}))
        details = found.get("details")
        return Judgement(
            status="ok",
            prediction=found["prediction"],
            score=float(found["score"]),
            details=None if details is None else json.dumps(details, sort_keys=True),
        )

    def _process(self, rule: str) -> LimitedProcess | ProgramJudge:
        if rule not in self._processes:
            checker = CHECKERS[rule]
            process: LimitedProcess | ProgramJudge
            if checker.task is None:
                process = ProgramJudge(unsafe=self._unsafe)
            else:
                process = LimitedProcess(
                    checker.task,
                    checker.seconds,
                    confined=checker.is_confined,
                    unsafe=self._unsafe,
                )
            self._processes[rule] = process.__enter__()
        return self._processes[rule]


def require_safety(items: Iterable[GeneratedItem], *, unsafe: bool) -> None:
    """Refuse items whose answers would run where no sandbox works.

    Raises
    ------
    EnvironmentNotReadyError
        If there is such an item and ``unsafe`` is not set.
    """
    rules = {item.gold.rule for item in items}
    if any(rule in CHECKERS and CHECKERS[rule].is_confined for rule in rules):
        require_sandbox(unsafe=unsafe)
