"""Running a program in the sandbox, and beside it the same without one."""

from __future__ import annotations

import time
from pathlib import Path

from silentzone.execution.bubblewrap import Limits, SandboxState
from silentzone.execution.confined import run_confined

WITHOUT = SandboxState(kind=None, version=None, missing="a control", command=None)
GOT = b"GOT"
LIMITS = Limits(wall_seconds=20.0, cpu_seconds=5)

SYSCALL = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
def call(name, *arguments):
    found = getattr(libc, name)(*arguments)
    if found == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return found
"""


def attacker(sandbox):
    """What runs code in the sandbox."""

    def attack(code, *arguments, limits=LIMITS):
        return run_confined(code, sandbox, limits, arguments=tuple(map(str, arguments)))

    return attack


def control(code, *arguments, limits=LIMITS):
    """The same without a sandbox."""
    return run_confined(code, WITHOUT, limits, arguments=tuple(map(str, arguments)))


def processes_with(token):
    """Processes of this machine that were started with a word on their command line."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes()
            state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if token.encode() in line and state != "Z":
            found.append(int(folder.name))
    return found


def assert_nothing_is_left(token):
    deadline = time.monotonic() + 5.0
    while processes_with(token) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert processes_with(token) == []
