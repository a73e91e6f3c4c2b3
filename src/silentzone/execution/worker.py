"""What runs inside a worker process: ``python -m silentzone.execution.worker TASK FD PARENT``.

The payload comes as JSON on stdin. Events and the outcome go as lines of JSON to the descriptor FD,
which no native library knows of, so nothing it prints can be taken for a result.
"""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import importlib
import json
import os
import re
import resource
import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from silentzone.errors import InputError, SilentzoneError

if TYPE_CHECKING:
    from collections.abc import Callable

    Task = Callable[[dict[str, object], Callable[[dict[str, object]], None]], dict[str, object]]

_TASK = re.compile(r"(silentzone(?:\.[a-z_][a-z0-9_]*)+):([a-z_][a-z0-9_]*)")
_SET_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of <linux/prctl.h>
_OOM_SCORE = Path("/proc/self/oom_score_adj")


def task_parts(task: str) -> tuple[str, str]:
    """Split a task into module and function.

    Raises
    ------
    InputError
        If it is not ``silentzone.<module>:<function>``; nothing else is ever imported.

    Examples
    --------
    >>> task_parts("silentzone.measure.tokens:measure")
    ('silentzone.measure.tokens', 'measure')
    """
    match = _TASK.fullmatch(task)
    if match is None:
        raise InputError(f"`task` must be `silentzone.<module>:<function>`, it is `{task:.80}`.")
    return match[1], match[2]


class _Channel:
    """Way back to the parent; lines never mix, whichever thread sends."""

    def __init__(self, descriptor: int) -> None:
        self._file = os.fdopen(descriptor, "wb")
        self._lock = threading.Lock()

    def send(self, kind: str, content: dict[str, object]) -> None:
        """Send one line; ValueError or TypeError if the content has no JSON form."""
        line = json.dumps({kind: content}, allow_nan=False).encode("ascii") + b"\n"
        with self._lock:
            self._file.write(line)
            self._file.flush()


def main(task: str, descriptor: int, parent: int) -> int:
    """Run one task and send its outcome.

    Parameters
    ----------
    task : str
        ``silentzone.<module>:<function>``.
    descriptor : int
        Where to write events and the outcome.
    parent : int
        Process that started this one.

    Returns
    -------
    int
        Exit code: 0 if an outcome was sent, an error included.
    """
    _prepare_process(descriptor, parent)
    channel = _Channel(descriptor)
    try:
        payload = json.loads(sys.stdin.buffer.read())
        _close_stdin()
        channel.send("result", _load(task)(payload, lambda event: channel.send("event", event)))
    except BrokenPipeError:
        return 1
    except SilentzoneError as error:
        channel.send(
            "error",
            {"class": type(error).__name__, "message": error.message, "hint": error.hint},
        )
    except BaseException as error:
        traceback.print_exc()
        channel.send("crash", _described(error))
    return 0


def bind_to_parent(parent: int) -> None:
    """End this process when its parent does; at once if that has happened."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)


def _prepare_process(descriptor: int, parent: int) -> None:
    """Bind this process to its parent's life and keep its death small."""
    os.set_inheritable(descriptor, False)
    bind_to_parent(parent)
    if sys.platform == "linux":
        # If memory runs out, this process goes and the study stays.
        with contextlib.suppress(OSError):
            _OOM_SCORE.write_text("500")
    # A core file would be as large as the model.
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Its dump would push the native library's own last words out of sight.
    faulthandler.disable()


def _close_stdin() -> None:
    """Let nothing in this process wait for a keyboard."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)


def _load(task: str) -> Task:
    """Import a task's function."""
    module, function = task_parts(task)
    found: Task = getattr(importlib.import_module(module), function)
    return found


def _described(error: BaseException) -> dict[str, object]:
    """Say what went wrong in an exception nobody planned for, and at which line of ours."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "silentzone" in Path(frame.filename).parts] or frames
    where = f"{Path(ours[-1].filename).name}, line {ours[-1].lineno}" if ours else None
    return {"type": type(error).__name__, "message": str(error), "where": where}


if __name__ == "__main__":
    code = main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
    sys.stdout.flush()
    sys.stderr.flush()
    # Not by returning: destructors of native libraries run after the result is out could only
    # turn it into a crash.
    os._exit(code)
