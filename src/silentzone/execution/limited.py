"""Work that a stranger's template or pattern may never end, in a process of its own.

The process answers call after call; one that takes too long is killed and another one started, so
a hostile pattern costs its own item only. Where what is called may even run a model's text as code,
the process lives in the sandbox.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import selectors
import subprocess
import sys
import time
from typing import IO, TYPE_CHECKING, Any, cast

from silentzone.errors import BenchmarkError, MeasurementError, SilentzoneError, TimeLimitError
from silentzone.execution.bubblewrap import Limits, Program
from silentzone.execution.confined import ConfinedProcess
from silentzone.execution.sandbox import require_sandbox
from silentzone.execution.worker import bind_to_parent, task_parts

if TYPE_CHECKING:
    from collections.abc import Callable

    from silentzone.execution.bubblewrap import SandboxState

MEMORY_BYTES = 1 << 30
"""Address space of the process."""
_START_SECONDS = 60.0
_READ_BYTES = 1 << 16
_LONGEST_ANSWER = 1 << 26
_CODE = "from silentzone.execution.limited import serve; serve()"
# Numeric libraries start threads when they are imported, and map far more than they use.
_CONFINED_PROCESSES = 32
_CONFINED_MEMORY_BYTES = 1 << 32


class LimitedProcess:
    """A process for calls with a limit each; use as a context manager.

    Parameters
    ----------
    task : str
        ``silentzone.<module>:<function>``; takes a dict of what JSON can hold, returns one.
    seconds : float
        Wall-clock time of one call.
    confined : bool
        Whether it runs in the sandbox.
    unsafe : bool
        Whether a confined one runs even where no sandbox works.

    Raises
    ------
    EnvironmentNotReadyError
        If it is to be confined, no sandbox works, and ``unsafe`` is not set.
    """

    def __init__(
        self, task: str, seconds: float, *, confined: bool = False, unsafe: bool = False
    ) -> None:
        task_parts(task)
        self._task = task
        self._seconds = seconds
        self._sandbox = require_sandbox(unsafe=unsafe) if confined else None
        self._process: _Plain | ConfinedProcess | None = None

    @property
    def sandbox(self) -> SandboxState | None:
        """Sandbox it runs in, for the record; null for one that is not confined."""
        return self._sandbox

    def __enter__(self) -> LimitedProcess:
        """Give itself; the process starts with the first call."""
        return self

    def __exit__(self, *exc_info: object) -> None:
        """End the process."""
        self._end()

    def __call__(self, payload: dict[str, Any]) -> dict[str, Any]:
        """Make one call and give its result.

        Raises
        ------
        TimeLimitError
            If it took too long.
        BenchmarkError
            If the function raised it.
        MeasurementError
            If the process died, or ran out of the memory it may use.
        """
        if self._process is None:
            self._start()
        answer = self._ask(payload, self._seconds)
        if "error" in answer:
            raise BenchmarkError(str(answer["error"]), hint=answer["hint"])
        result: dict[str, Any] = answer["result"]
        return result

    def _start(self) -> None:
        parent: int | None = None
        if self._sandbox is None:
            self._process = _Plain()
            parent = os.getpid()
        else:
            limits = Limits(
                wall_seconds=self._seconds,
                memory_bytes=_CONFINED_MEMORY_BYTES,
                processes=_CONFINED_PROCESSES,
            )
            program = Program(code=_CODE, with_packages=True, is_quiet=True)
            self._process = ConfinedProcess(self._sandbox, limits, program)
            self._process.wait_until_started()
        self._ask({"task": self._task, "parent": parent}, _START_SECONDS)

    def _ask(self, content: dict[str, Any], seconds: float) -> dict[str, Any]:
        """Send one line and wait for the line that answers it."""
        process = self._process
        assert process is not None, "a call starts the process"
        try:
            process.stdin.write(json.dumps(content).encode() + b"\n")
            process.stdin.flush()
        except BrokenPipeError:
            line = b""
        else:
            line = self._line(process.stdout, seconds)
        try:
            answer = json.loads(line)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict) or not _is_answer(answer):
            self._end()
            raise MeasurementError("the process that was to do it died, perhaps for lack of memory")
        return answer

    def _line(self, pipe: IO[bytes], seconds: float) -> bytes:
        line = bytearray()
        deadline = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(pipe, selectors.EVENT_READ)
            while not line.endswith(b"\n") and len(line) <= _LONGEST_ANSWER:
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    self._end()
                    raise TimeLimitError(f"it took longer than {seconds:g} s")
                piece = os.read(pipe.fileno(), _READ_BYTES)
                if not piece:
                    break
                line += piece
        return bytes(line)

    def _end(self) -> None:
        if self._process is None:
            return
        self._process.end()
        self._process = None


def _is_answer(answer: dict[str, Any]) -> bool:
    """Whether this is what our side would have sent; in the sandbox it may not have been."""
    if "error" in answer:
        return isinstance(answer.get("hint"), str | None)
    return isinstance(answer.get("result"), dict)


class _Plain:
    """Process that is not confined, with the pipes of one that is."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _CODE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self.stdin = cast("IO[bytes]", self._process.stdin)
        self.stdout = cast("IO[bytes]", self._process.stdout)

    def end(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()


def serve() -> None:
    """Answer calls, one per line, until there are no more; what the child process runs."""
    first = json.loads(sys.stdin.buffer.readline())
    # The sandbox ends with its parent by itself, and sees no number of a process outside.
    if first["parent"] is not None:
        bind_to_parent(first["parent"])
    module, name = task_parts(first["task"])
    function = getattr(importlib.import_module(module), name)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    _reply({"result": {}})
    for line in sys.stdin.buffer:
        _reply(_outcome(function, json.loads(line)))


def _outcome(
    function: Callable[[dict[str, Any]], dict[str, Any]], payload: dict[str, Any]
) -> dict[str, Any]:
    try:
        return {"result": function(payload)}
    except SilentzoneError as error:
        return {"error": error.message, "hint": error.hint}
    except (MemoryError, RecursionError) as error:
        return {"error": f"it needed too much memory ({type(error).__name__})", "hint": None}


def _reply(answer: dict[str, Any]) -> None:
    sys.stdout.buffer.write(json.dumps(answer).encode("ascii") + b"\n")
    sys.stdout.buffer.flush()
