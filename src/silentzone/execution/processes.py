"""Starting a worker process, listening to it, and saying how it died.

The parent and the worker exchange JSON only. What the worker's native libraries print is kept to
the last 64 KiB and shown where the worker failed.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from typing import IO, TYPE_CHECKING, Any, cast

from silentzone import errors
from silentzone.errors import InputError, SilentzoneError, WorkerCrashError
from silentzone.execution.crash import ending, plain_line, printed_lines, telling_line
from silentzone.execution.worker import task_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

TAIL_BYTES = 64 * 1024
_LONGEST_MESSAGE = 64 * 2**20
_STOP_SECONDS = 1.0
_LINGER_SECONDS = 5.0
_POLL_SECONDS = 0.2

_ENGINE_ENVIRONMENT = {
    # On an abort ggml would start a debugger on the worker, which takes long and says little.
    "GGML_NO_BACKTRACE": "1",
}


class _TimeUpError(Exception):
    """The worker took longer than it was given."""


def run_in_worker(
    task: str,
    payload: Mapping[str, object],
    *,
    on_event: Callable[[dict[str, Any]], None] | None = None,
    timeout_seconds: float | None = None,
    environment: Mapping[str, str] | None = None,
    should_stop: Callable[[], bool] | None = None,
    what: str = "the worker process",
) -> dict[str, Any]:
    """Run one function of this package in a process of its own.

    Parameters
    ----------
    task : str
        ``silentzone.<module>:<function>``; the function takes the payload and a function that
        sends an event, and returns a dict.
    payload : mapping
        Of what JSON can hold.
    on_event : callable, optional
        Called in this thread with each event, in order. What it raises ends the worker.
    timeout_seconds : float, optional
        Wall-clock time the whole task may take; null waits for ever.
    environment : mapping of str to str, optional
        Variables added to this process's own.
    should_stop : callable, optional
        Asked five times a second; a true answer is taken as Ctrl-C, which itself reaches the main
        thread alone.
    what : str
        What the worker does, as the subject of an error message.

    Returns
    -------
    dict
        What the function returned, after a round trip through JSON.

    Raises
    ------
    InputError
        If the task is not one of this package or the payload has no JSON form.
    SilentzoneError
        The same class, message and hint that the function raised.
    WorkerCrashError
        If the function raised anything else, the process died, or time ran out.
    KeyboardInterrupt
        On Ctrl-C, after the worker has been ended (within two seconds).

    Notes
    -----
    The worker has a session of its own, so Ctrl-C reaches this process alone. On Linux the worker
    dies with the thread that started it.
    """
    task_parts(task)
    try:
        text = json.dumps(dict(payload), allow_nan=False).encode("ascii")
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"`payload` of `{task}` must have a JSON form: {error}.") from error
    worker = _Worker(task, text, environment or {})
    try:
        outcome = worker.outcome(on_event, timeout_seconds, should_stop)
    except _TimeUpError:
        worker.stop()
        raise WorkerCrashError(
            f"{what} did not finish within {timeout_seconds:g} seconds and was stopped.",
            last_lines=printed_lines(worker.printed()),
        ) from None
    finally:
        worker.stop()
    return _judged(outcome, worker, what)


class _Worker:
    """A started process, the channel it answers on, and the tail of what it prints."""

    def __init__(self, task: str, payload: bytes, environment: Mapping[str, str]) -> None:
        self._channel, theirs = os.pipe()
        command = [sys.executable, "-P", "-u", "-m", "silentzone.execution.worker"]
        try:
            self._process = subprocess.Popen(
                [*command, task, str(theirs), str(os.getpid())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                bufsize=0,
                pass_fds=(theirs,),
                start_new_session=True,
                env={**os.environ, **_ENGINE_ENVIRONMENT, **environment},
            )
        except BaseException:
            os.close(self._channel)
            raise
        finally:
            os.close(theirs)
        self._stdin = cast("IO[bytes]", self._process.stdin)
        self._printed = cast("IO[bytes]", self._process.stdout)
        self._tail = bytearray()
        self._threads = [
            threading.Thread(target=self._feed, args=(payload,), daemon=True),
            threading.Thread(target=self._drain, daemon=True),
        ]
        for thread in self._threads:
            thread.start()
        self._is_stopped = False

    def _feed(self, payload: bytes) -> None:
        """Hand over the payload; a worker that dies first is noticed elsewhere."""
        with contextlib.suppress(OSError):
            view = memoryview(payload)
            while view:
                view = view[self._stdin.write(view) or 0 :]
        with contextlib.suppress(OSError):
            self._stdin.close()

    def _drain(self) -> None:
        """Read what is printed, so that nobody blocks on a full pipe, and keep its end."""
        with contextlib.suppress(OSError, ValueError):
            while chunk := self._printed.read(TAIL_BYTES):
                self._tail += chunk
                del self._tail[:-TAIL_BYTES]

    def outcome(
        self,
        on_event: Callable[[dict[str, Any]], None] | None,
        timeout_seconds: float | None,
        should_stop: Callable[[], bool] | None,
    ) -> tuple[str, dict[str, Any]] | None:
        """Last message (``result``, ``error`` or ``crash``), None if the process died first."""
        for kind, content in self._messages(timeout_seconds, should_stop):
            if kind != "event":
                self._let_end()
                return kind, content
            if on_event is not None:
                on_event(content)
        self._let_end()
        return None

    def _messages(
        self, timeout_seconds: float | None, should_stop: Callable[[], bool] | None
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """Messages as they come."""
        until = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        buffer = bytearray()
        with selectors.DefaultSelector() as selector:
            selector.register(self._channel, selectors.EVENT_READ)
            while True:
                # Asked before waiting: what a process wrote before it ended is then read first.
                has_ended = self._process.poll() is not None
                if selector.select(0 if has_ended else _POLL_SECONDS):
                    chunk = os.read(self._channel, TAIL_BYTES)
                    if not chunk:
                        return
                    buffer += chunk
                    if b"\n" in chunk:
                        *lines, buffer = buffer.split(b"\n")
                        yield from map(_message, lines)
                elif has_ended:
                    return
                if len(buffer) > _LONGEST_MESSAGE:
                    raise WorkerCrashError("the worker process sent a message without an end.")
                if until is not None and time.monotonic() > until:
                    raise _TimeUpError
                if should_stop is not None and should_stop():
                    raise KeyboardInterrupt

    def stop(self) -> None:
        """End the process if it runs, and free what it held here."""
        if self._is_stopped:
            return
        self._is_stopped = True
        os.close(self._channel)
        for number, patience in (
            (signal.SIGTERM, _STOP_SECONDS),
            (signal.SIGKILL, _LINGER_SECONDS),
        ):
            if self._process.poll() is not None:
                break
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(patience)
        for thread in self._threads:
            thread.join(_STOP_SECONDS)
        if not any(thread.is_alive() for thread in self._threads):
            self._printed.close()

    def _let_end(self) -> None:
        """Give a process that has said all it has to say the time to end by itself."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_LINGER_SECONDS)

    def printed(self) -> bytes:
        """Last 64 KiB of what the process printed."""
        return bytes(self._tail)

    @property
    def return_code(self) -> int:
        """Exit code; negative is the number of a signal."""
        return self._process.returncode if self._process.returncode is not None else 0


def _message(line: bytes | bytearray) -> tuple[str, dict[str, Any]]:
    """Kind and content of one line."""
    try:
        message = json.loads(line)
        ((kind, content),) = message.items()
        is_known = kind in {"event", "result", "error", "crash"} and isinstance(content, dict)
    except (ValueError, AttributeError, RecursionError):
        is_known = False
    if not is_known:
        raise WorkerCrashError("the worker process sent a message that is none.")
    return kind, content


def _judged(
    outcome: tuple[str, dict[str, Any]] | None, worker: _Worker, what: str
) -> dict[str, Any]:
    """Give the result of a task, or raise the error it stands for."""
    lines = printed_lines(worker.printed())
    if outcome is None:
        words, hint = ending(worker.return_code)
        said = telling_line(lines)
        last = f"; it printed last: {said}" if said else ""
        raise WorkerCrashError(f"{what} died: {words}{last}", hint=hint, last_lines=lines)
    kind, content = outcome
    if kind == "result":
        return content
    if kind == "error":
        raise same_error(content)
    where = f" ({content['where']})" if content.get("where") else ""
    said = plain_line(str(content.get("message")))
    raise WorkerCrashError(
        f"{what} failed with {content.get('type')}: {said}{where}", last_lines=lines
    )


def same_error(content: Mapping[str, Any]) -> SilentzoneError:
    """Make the error again that a worker met: ``class``, ``message`` and ``hint``."""
    found = getattr(errors, str(content.get("class")), None)
    error_class: type[SilentzoneError] = WorkerCrashError
    if isinstance(found, type) and issubclass(found, SilentzoneError):
        error_class = found
    hint = content.get("hint")
    return error_class(str(content.get("message")), hint=None if hint is None else str(hint))
