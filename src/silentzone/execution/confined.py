"""Processes in the sandbox: starting one, hearing that it began, and ending all that it started."""

from __future__ import annotations

import contextlib
import os
import secrets
import selectors
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from silentzone.errors import MeasurementError
from silentzone.execution.bubblewrap import (
    INSIDE,
    OTHER_USER,
    PROGRAM,
    Program,
    bubblewrap_command,
    environment,
    inside_plan,
    interpreter,
)
from silentzone.execution.seccomp import filter_program

if TYPE_CHECKING:
    from collections.abc import Mapping

    from silentzone.execution.bubblewrap import Limits, SandboxState

START_SECONDS = 60.0
_END_SECONDS = 5.0
_READ_BYTES = 2**16
_LONGEST_REASON = 300
# Memory that runs out ends what runs in the sandbox, never the program that measures.
_FIRST_TO_DIE = 'echo 1000 2>/dev/null >/proc/self/oom_score_adj; exec "$@"'
_FREE_IDS = (1_900_000_000, 2_100_000_000)
_LOWEST_ID = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """How one run ended."""

    exit_code: int | None
    """128 and the number of the signal where one ended it; null where time ran out."""
    stdout: bytes
    stderr: bytes
    thrown_away_bytes: int
    """Printed beyond what is kept."""
    seconds: float
    """Wall-clock time from the moment the limits were set."""

    @property
    def is_timed_out(self) -> bool:
        """Whether it was ended because its time was up."""
        return self.exit_code is None


class ConfinedProcess:
    """A Python program in the sandbox, with pipes to it; use as a context manager.

    Parameters
    ----------
    state : SandboxState
        As `silentzone.execution.sandbox.require_sandbox` gives it. Where no sandbox works the
        program runs without one: whoever passes such a state has been told so to.
    limits : Limits
        Wall-clock time and output are whoever reads from it to hold to.
    program : Program
        A file is shown inside as ``/sandbox/program.py``.
    """

    def __init__(self, state: SandboxState, limits: Limits, program: Program) -> None:
        self._has_ended = False
        # Without a sandbox it has at least a folder of its own.
        self._folder = None if state.is_usable else tempfile.mkdtemp(prefix="silentzone-unsafe-")
        self._heard, started = os.pipe()
        filter_file = _memory_file(filter_program()) if state.is_usable else None
        try:
            self._process = subprocess.Popen(
                _command(state, limits, program, started, filter_file),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                pass_fds=(started, *([] if filter_file is None else [filter_file])),
                start_new_session=True,
                cwd=self._folder,
                env=environment(),
            )
        except BaseException:
            os.close(self._heard)
            self._remove_folder()
            raise
        finally:
            os.close(started)
            if filter_file is not None:
                os.close(filter_file)
        self.stdin = cast("IO[bytes]", self._process.stdin)
        self.stdout = cast("IO[bytes]", self._process.stdout)
        self.stderr = cast("IO[bytes]", self._process.stderr)

    def __enter__(self) -> ConfinedProcess:
        """Give itself."""
        return self

    def __exit__(self, *exc_info: object) -> None:
        """End it and everything that it started."""
        self.end()

    def wait_until_started(self) -> None:
        """Wait until the limits are set and the program's own code runs.

        Raises
        ------
        MeasurementError
            If that does not happen; whatever the program is, it is not to blame.
        """
        with selectors.DefaultSelector() as selector:
            selector.register(self._heard, selectors.EVENT_READ)
            has_heard = bool(selector.select(START_SECONDS))
        if has_heard and os.read(self._heard, 64).startswith(b"started"):
            return
        reason = self.last_words() if has_heard else f"nothing within {START_SECONDS:g} s"
        raise MeasurementError(f"the sandbox did not start: {reason}")

    def wait(self, seconds: float) -> int | None:
        """Exit code, 128 and the number of a signal that ended it; null if it still runs."""
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        return code if code >= 0 else 128 - code

    def last_words(self) -> str:
        """End it and give the last line it wrote to stderr, for whoever wants to know why."""
        self._kill()
        try:
            return _last_line(self.stderr)
        finally:
            self.end()

    def end(self) -> None:
        """End everything that runs in the sandbox, and free what it held here."""
        self._kill()
        for pipe in (self.stdin, self.stdout, self.stderr):
            with contextlib.suppress(OSError):
                pipe.close()
        self._remove_folder()

    def _kill(self) -> None:
        if self._has_ended:
            return
        self._has_ended = True
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_SECONDS)
        os.close(self._heard)

    def _remove_folder(self) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None


def run_confined(
    code: str,
    state: SandboxState,
    limits: Limits,
    *,
    arguments: tuple[str, ...] = (),
) -> Finished:
    """Run Python code in the sandbox to its end, or to that of its time.

    Raises
    ------
    MeasurementError
        If the sandbox did not start.
    """
    with ConfinedProcess(state, limits, Program(code=code, arguments=arguments)) as process:
        process.stdin.close()
        process.wait_until_started()
        began = time.monotonic()
        kept: dict[IO[bytes], bytearray] = {
            process.stdout: bytearray(),
            process.stderr: bytearray(),
        }
        thrown_away = _read_until(kept, began + limits.wall_seconds, limits.output_bytes)
        left = began + limits.wall_seconds - time.monotonic()
        exit_code = process.wait(max(0.0, left))
        return Finished(
            exit_code=exit_code,
            stdout=bytes(kept[process.stdout]),
            stderr=bytes(kept[process.stderr]),
            thrown_away_bytes=thrown_away,
            seconds=time.monotonic() - began,
        )


def _read_until(kept: Mapping[IO[bytes], bytearray], deadline: float, most: int) -> int:
    """Read both streams to their end or the deadline; return how much was not kept."""
    thrown_away = 0
    with selectors.DefaultSelector() as selector:
        for pipe in kept:
            selector.register(pipe, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(max(0.0, deadline - time.monotonic()))
            # A flood keeps the pipes ready for ever, so the clock is asked each time.
            if not ready or time.monotonic() > deadline:
                return thrown_away
            for key, _ in ready:
                pipe = cast("IO[bytes]", key.fileobj)
                piece = os.read(key.fd, _READ_BYTES)
                if not piece:
                    selector.unregister(pipe)
                room = most - len(kept[pipe])
                kept[pipe].extend(piece[:room])
                thrown_away += max(0, len(piece) - room)
    return thrown_away


def _command(
    state: SandboxState, limits: Limits, program: Program, started: int, filter_file: int | None
) -> list[str]:
    uid = _unused_id() if state.way == OTHER_USER else None
    plan = inside_plan(program, limits, started, uid=uid, is_confined=state.is_usable)
    python = interpreter(with_packages=program.with_packages)
    if state.way is None or filter_file is None:
        return [*python, str(Path(__file__).with_name("inside.py")), plan]
    shown = {} if program.file is None else {PROGRAM: program.file}
    wrapped = bubblewrap_command(state.way, filter_file, shown, with_packages=program.with_packages)
    return ["/bin/sh", "-c", _FIRST_TO_DIE, "sh", *wrapped, *python, INSIDE, plan]


def _memory_file(content: bytes) -> int:
    descriptor = os.memfd_create("filter")
    os.write(descriptor, content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _unused_id() -> int:
    """Draw the number of a user that nobody is; no limit of processes holds for root's own."""
    try:
        lines = Path("/proc/self/uid_map").read_text(encoding="ascii").splitlines()
    except OSError:
        lines = []
    ranges = [(int(start), int(start) + int(count)) for start, _, count in map(str.split, lines)]
    for start, end in ranges:
        if start <= _FREE_IDS[0] and _FREE_IDS[1] <= end:
            return _FREE_IDS[0] + secrets.randbelow(_FREE_IDS[1] - _FREE_IDS[0])
    start, end = max(ranges, key=lambda one: one[1] - one[0], default=(0, _LOWEST_ID + 1))
    lowest = max(start, (start + end) // 2, _LOWEST_ID)
    return lowest + secrets.randbelow(max(1, end - lowest))


def _last_line(pipe: IO[bytes]) -> str:
    """Last line that was printed by something that has ended."""
    os.set_blocking(pipe.fileno(), False)
    text = (pipe.read(_READ_BYTES) or b"").decode("utf-8", "replace")
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1][:_LONGEST_REASON] if lines else "it ended without a word"
