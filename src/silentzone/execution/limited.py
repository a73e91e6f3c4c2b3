"""Work that a stranger's template or pattern may never end, in a process of its own.

The process answers call after call; one that takes too long is killed and another one started, so
a hostile pattern costs its own item only.
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
from typing import IO, TYPE_CHECKING, Any

from silentzone.errors import BenchmarkError, MeasurementError, SilentzoneError, TimeLimitError
from silentzone.execution.worker import bind_to_parent, task_parts

if TYPE_CHECKING:
    from collections.abc import Callable

MEMORY_BYTES = 1 << 30
"""Address space of the process."""
_START_SECONDS = 60.0
_READ_BYTES = 1 << 16


class LimitedProcess:
    """A process for calls with a limit each; use as a context manager.

    Parameters
    ----------
    task : str
        ``silentzone.<module>:<function>``; takes a dict of what JSON can hold, returns one.
    seconds : float
        Wall-clock time of one call.
    """

    def __init__(self, task: str, seconds: float) -> None:
        task_parts(task)
        self._task = task
        self._seconds = seconds
        self._process: subprocess.Popen[bytes] | None = None

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
        module = "silentzone.execution.limited"
        self._process = subprocess.Popen(
            [sys.executable, "-c", f"from {module} import serve; serve()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._ask({"task": self._task, "parent": os.getpid()}, _START_SECONDS)

    def _ask(self, content: dict[str, Any], seconds: float) -> dict[str, Any]:
        """Send one line and wait for the line that answers it."""
        process = self._process
        assert process is not None, "a call starts the process"
        assert process.stdin is not None, "it was started with a pipe"
        assert process.stdout is not None, "it was started with a pipe"
        try:
            process.stdin.write(json.dumps(content).encode() + b"\n")
            process.stdin.flush()
        except BrokenPipeError:
            line = b""
        else:
            line = self._line(process.stdout, seconds)
        if not line.endswith(b"\n"):
            self._end()
            raise MeasurementError("the process that was to do it died, perhaps for lack of memory")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _line(self, pipe: IO[bytes], seconds: float) -> bytes:
        line = bytearray()
        deadline = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(pipe, selectors.EVENT_READ)
            while not line.endswith(b"\n"):
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
        self._process.kill()
        self._process.communicate()
        self._process = None


def serve() -> None:
    """Answer calls, one per line, until there are no more; what the child process runs."""
    first = json.loads(sys.stdin.buffer.readline())
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
