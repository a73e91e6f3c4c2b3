"""Rules for written answers that read more in a text than a word or a number.

A checker is a function that a process of its own calls: a pattern may never end, and a third
party's scorer may even run what it reads. None of them is called in the process that measures.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from silentzone.benchmarks.rules import python_tests
from silentzone.benchmarks.rules.answer_rules import check_pattern_gold
from silentzone.benchmarks.rules.call_gold import check_calls_gold
from silentzone.benchmarks.rules.instructions import check_instructions_gold
from silentzone.benchmarks.rules.reasoning_gym import check_entry_gold

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True, kw_only=True)
class Checker:
    """One rule and how it is run."""

    rule: str
    task: str | None
    """``silentzone.<module>:<function>``; null for answers that are programs, which
    `silentzone.execution.programs` runs. Takes ``text`` and ``value``, the gold's, and returns
    ``prediction`` (null where it could read nothing), ``score`` in [0, 1] and perhaps ``details``
    (what JSON can hold)."""
    seconds: float
    """Wall-clock time of one answer; programs have limits of their own."""
    check_gold: Callable[[str, str], None]
    """``(value, where)``: BenchmarkError if no answer could meet this gold, or any would."""
    is_confined: bool = False
    """Whether it runs inside the sandbox, because it may run what a model wrote."""


CHECKERS = {
    checker.rule: checker
    for checker in (
        Checker(
            rule="regex",
            task="silentzone.benchmarks.rules.answer_rules:check_pattern",
            seconds=2.0,
            check_gold=check_pattern_gold,
        ),
        Checker(
            rule="function_calls",
            task="silentzone.benchmarks.rules.function_calls:check_calls",
            seconds=5.0,
            check_gold=check_calls_gold,
        ),
        Checker(
            rule="instructions",
            task="silentzone.benchmarks.rules.instructions:check_instructions",
            seconds=10.0,
            check_gold=check_instructions_gold,
        ),
        Checker(
            rule=python_tests.RULE,
            task=None,
            seconds=0.0,
            check_gold=python_tests.check_tests_gold,
            is_confined=True,
        ),
        Checker(
            rule="reasoning_gym",
            task="silentzone.benchmarks.rules.reasoning_gym_scorer:check_answer",
            seconds=5.0,
            check_gold=check_entry_gold,
        ),
    )
}
"""By the name of the rule."""
