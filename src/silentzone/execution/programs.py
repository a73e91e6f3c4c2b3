"""Programs that a model wrote, held against tests: two sandboxes and what passes between them.

The answer runs in one sandbox, the tests in another. This process hands lines from one to the other
and reads none that comes from the answer. So the answer has no way to the verdict: it neither sees
the tests nor shares a process, a file or a descriptor with them.
"""

from __future__ import annotations

import json
import os
import platform
import selectors
import time
from dataclasses import dataclass, replace
from typing import IO, TYPE_CHECKING, Any

from silentzone.benchmarks.rules.python_program import LONGEST_LINE
from silentzone.benchmarks.rules.python_tests import PROGRAM_FILE, program_of, read_tests_gold
from silentzone.errors import MeasurementError, TimeLimitError
from silentzone.execution.bubblewrap import Limits, Program
from silentzone.execution.confined import ConfinedProcess
from silentzone.execution.sandbox import require_sandbox
from silentzone.execution.speed import speed_factor

if TYPE_CHECKING:
    from silentzone.benchmarks.rules.python_tests import ProgramGold

CPU_SECONDS = 5
"""CPU time of one program, load and all tests together, on a machine of nominal speed."""
WALL_FACTOR = 4
"""Wall-clock time is this much longer: it ends what waits, and spares what has to share a CPU."""
TESTS_WALL_SECONDS = 60.0
_ANSWER = Program(file=PROGRAM_FILE, arguments=("answer",))
_TESTS = Program(file=PROGRAM_FILE, arguments=("judge",))
_READ_BYTES = 2**16
_SIGXCPU = 152
_REASONS = {
    "SyntaxError": "syntax error",
    "IndentationError": "syntax error",
    "TabError": "syntax error",
    "MemoryError": "memory",
    "RecursionError": "recursion",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one program."""

    is_passed: bool
    reason: str
    """``passed``, or what went wrong first, in a word or two."""
    n_calls: int
    seconds: float
    """Wall-clock time it ran."""


class ProgramJudge:
    """Judges answers that are programs; called like a `LimitedProcess`.

    Parameters
    ----------
    unsafe : bool
        Whether programs run even where no sandbox works; recorded with every verdict.

    Raises
    ------
    EnvironmentNotReadyError
        If no sandbox works and ``unsafe`` is not set.
    """

    def __init__(self, *, unsafe: bool = False) -> None:
        self._state = require_sandbox(unsafe=unsafe)
        factor = speed_factor()
        cpu_seconds = round(CPU_SECONDS * factor)
        self._limits = Limits(
            wall_seconds=WALL_FACTOR * cpu_seconds, cpu_seconds=cpu_seconds, processes=4
        )
        self._tests_limits = replace(
            self._limits,
            wall_seconds=TESTS_WALL_SECONDS * factor,
            cpu_seconds=round(TESTS_WALL_SECONDS * factor),
        )
        self._facts = {
            "cpu_seconds_allowed": cpu_seconds,
            "wall_seconds_allowed": self._limits.wall_seconds,
            "speed_factor": factor,
            "sandbox": self._state.name,
            "python": platform.python_version(),
        }

    def __enter__(self) -> ProgramJudge:
        """Give itself; nothing outlives a call."""
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Do nothing: there is nothing to end."""

    def __call__(self, payload: dict[str, Any]) -> dict[str, Any]:
        """Judge one answer.

        Parameters
        ----------
        payload : dict
            ``text`` is the answer, ``value`` that of a gold of the rule ``python_tests``.

        Returns
        -------
        dict
            ``prediction`` is the reason, ``score`` 0 or 1, ``details`` what it ran under and took.

        Raises
        ------
        MeasurementError
            If a sandbox did not start or the tests broke; the answer is not to blame.
        TimeLimitError
            If the tests themselves took too long.
        """
        gold = read_tests_gold(payload["value"], "the item")
        outcome = self._judged(program_of(payload["text"], gold), gold)
        return {
            "prediction": outcome.reason,
            "score": float(outcome.is_passed),
            "details": {
                **self._facts,
                "reason": outcome.reason,
                "calls": outcome.n_calls,
                "seconds": round(outcome.seconds, 3),
            },
        }

    def _judged(self, program: str, gold: ProgramGold) -> Outcome:
        state = self._state
        # The two start beside each other.
        with (
            ConfinedProcess(state, self._limits, _ANSWER) as answer,
            ConfinedProcess(state, self._tests_limits, _TESTS) as tests,
        ):
            tests.wait_until_started()
            answer.wait_until_started()
            return _Exchange(answer, tests, self._limits, self._tests_limits).run(program, gold)


class _AnswerEndedError(Exception):
    """The process of the answer ended or its time is up; says which."""


class _Exchange:
    """One program's calls, handed over and back, with a clock for either side."""

    def __init__(
        self, answer: ConfinedProcess, tests: ConfinedProcess, limits: Limits, test_limits: Limits
    ) -> None:
        self._process, self._tests_process = answer, tests
        self._answer = _Lines(answer.stdin, answer.stdout, limits.wall_seconds)
        self._tests = _Lines(tests.stdin, tests.stdout, test_limits.wall_seconds)
        self._n_calls = 0

    def run(self, program: str, gold: ProgramGold) -> Outcome:
        """Run all tests."""
        try:
            verdict = self._verdict(program, gold)
        except _AnswerEndedError as error:
            verdict = {"passed": False, "reason": str(error)}
        reason = str(verdict["reason"])
        return Outcome(
            is_passed=verdict["passed"] is True,
            reason=_REASONS.get(reason, reason),
            n_calls=self._n_calls,
            seconds=self._answer.seconds,
        )

    def _verdict(self, program: str, gold: ProgramGold) -> dict[str, Any]:
        fields = {"prompt": gold.prompt, "test": gold.test, "entry_point": gold.entry_point}
        self._hand_to_tests(json.dumps(fields))
        first = json.dumps({"program": program, "entry_point": gold.entry_point})
        self._hand_to_tests(self._answer_to(first))
        while "ask" in (said := self._said_by_tests()):
            self._n_calls += 1
            self._hand_to_tests(self._answer_to(said["ask"]))
        if "broken" in said:
            raise MeasurementError(f"the tests broke: {said['broken']}")
        return said

    def _answer_to(self, line: str) -> str:
        try:
            self._answer.send(line)
            return self._answer.receive()
        except TimeoutError as error:
            raise _AnswerEndedError("timeout") from error
        except OverflowError as error:
            raise _AnswerEndedError("forbidden result: too large") from error
        except (EOFError, OSError) as error:
            raise _AnswerEndedError(self._ending()) from error

    def _ending(self) -> str:
        code = self._process.wait(1.0)
        if code == _SIGXCPU:
            return "timeout"
        return "ended itself" if code is None or code < 128 else f"ended by signal {code - 128}"

    def _hand_to_tests(self, line: str) -> None:
        try:
            self._tests.send(line)
        except TimeoutError as error:
            raise TimeLimitError("the tests took too long") from error
        except OSError as error:
            raise MeasurementError(
                f"the process of the tests died: {self._tests_process.last_words()}"
            ) from error

    def _said_by_tests(self) -> dict[str, Any]:
        try:
            said: dict[str, Any] = json.loads(self._tests.receive())
        except TimeoutError as error:
            raise TimeLimitError("the tests took too long") from error
        except (EOFError, OSError, ValueError, OverflowError) as error:
            raise MeasurementError(
                f"the process of the tests died: {self._tests_process.last_words()}"
            ) from error
        return said


class _Lines:
    """Lines to and from a process that may read or write none, within a time for all together."""

    def __init__(self, to: IO[bytes], back: IO[bytes], seconds: float) -> None:
        self._to, self._back = to.fileno(), back.fileno()
        os.set_blocking(self._to, False)
        os.set_blocking(self._back, False)
        self._allowed = seconds
        self.seconds = 0.0
        self._held = bytearray()

    def send(self, line: str) -> None:
        """Send one line; TimeoutError where nobody reads it in time."""
        left = memoryview(line.encode("ascii") + b"\n")
        while left:
            self._wait(self._to, selectors.EVENT_WRITE)
            left = left[os.write(self._to, left) :]

    def receive(self) -> str:
        """Next line; TimeoutError, EOFError, or OverflowError for one that is too long."""
        while (end := self._held.find(b"\n")) < 0:
            if len(self._held) > 4 * LONGEST_LINE:
                raise OverflowError
            self._wait(self._back, selectors.EVENT_READ)
            piece = os.read(self._back, _READ_BYTES)
            if not piece:
                raise EOFError
            self._held += piece
        line = bytes(self._held[:end])
        del self._held[: end + 1]
        # Whatever is no ASCII is no JSON that our side would have written.
        return line.decode("ascii", "replace").replace("\ufffd", "?")

    def _wait(self, descriptor: int, event: int) -> None:
        began = time.monotonic()
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, event)
            ready = selector.select(max(0.0, self._allowed - self.seconds))
        self.seconds += time.monotonic() - began
        if not ready:
            raise TimeoutError
