"""Whether code that a model wrote can be run here without harm.

The sandbox is bubblewrap. That it is installed proves little (a container may forbid the namespaces
it is made of), so it counts as working only once a probe has tried to get out and failed.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path

from silentzone.errors import EnvironmentNotReadyError
from silentzone.execution.bubblewrap import (
    BUBBLEWRAP,
    OTHER_USER,
    USER_NAMESPACE,
    SandboxState,
)
from silentzone.execution.probe import problem_of
from silentzone.execution.seccomp import is_filter_known

_VERSION_SECONDS = 10.0
_INSTALLERS = (
    ("apt-get", "apt-get install -y bubblewrap"),
    ("dnf", "dnf install -y bubblewrap"),
    ("pacman", "pacman -S --noconfirm bubblewrap"),
    ("zypper", "zypper install -y bubblewrap"),
    ("apk", "apk add bubblewrap"),
)


def require_sandbox(*, unsafe: bool = False) -> SandboxState:
    """Give the state of the sandbox, if code that a model wrote may be run at all.

    Parameters
    ----------
    unsafe : bool
        Whether the user wants it run even where no sandbox works.

    Raises
    ------
    EnvironmentNotReadyError
        If no sandbox works and ``unsafe`` is not set.
    """
    state = sandbox_state()
    if state.is_usable or unsafe:
        return state
    command = f"run `{state.command}`; or " if state.command else ""
    raise EnvironmentNotReadyError(
        f"code that a model wrote is run in a sandbox only, and none works here: {state.missing}",
        hint=f"{command}leave this benchmark out; or set `unsafe_code = true`, upon which that code"
        " can read, change and send away whatever you can",
    )


@functools.cache
def sandbox_state() -> SandboxState:
    """Find out, once per process, whether the sandbox works, by trying to get out of it."""
    program = shutil.which("bwrap")
    if sys.platform != "linux":
        return _unusable("bubblewrap exists for Linux only", command=None)
    if not is_filter_known():
        return _unusable(f"there is no filter of system calls for `{os.uname().machine}`", None)
    if program is None:
        return _unusable("bubblewrap is not installed", install_command())
    version = _version(program)
    if version is None:
        return _unusable(f"`{program}` cannot be started", install_command())
    ways = (OTHER_USER, USER_NAMESPACE) if os.geteuid() == 0 else (USER_NAMESPACE,)
    reasons: list[str] = []
    for way in ways:
        problem = problem_of(way)
        if problem is None:
            return SandboxState(
                kind=BUBBLEWRAP, version=version, missing=None, command=None, way=way
            )
        reasons.append(problem)
    return SandboxState(
        kind=None,
        version=version,
        missing=f"bubblewrap {version} is installed and does not work here: {reasons[0]}",
        command=_permission_command(reasons[0]),
    )


def _unusable(reason: str, command: str | None) -> SandboxState:
    return SandboxState(kind=None, version=None, missing=reason, command=command)


def install_command() -> str | None:
    """Find the command that installs bubblewrap with this machine's own package manager."""
    for manager, command in _INSTALLERS:
        if shutil.which(manager):
            return command if os.geteuid() == 0 else f"sudo {command}"
    return None


def _permission_command(reason: str) -> str | None:
    """Find the command that allows what the kernel forbids, where one is known."""
    for setting, wanted in (
        ("kernel.apparmor_restrict_unprivileged_userns", "0"),
        ("kernel.unprivileged_userns_clone", "1"),
    ):
        path = Path("/proc/sys") / setting.replace(".", "/")
        try:
            is_in_the_way = path.read_text(encoding="ascii").strip() != wanted
        except OSError:
            continue
        if is_in_the_way and os.geteuid() != 0:
            return f"sudo sysctl -w {setting}={wanted}"
    return install_command() if "nknown option" in reason else None


def _version(program: str) -> str | None:
    try:
        outcome = subprocess.run(
            [program, "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_VERSION_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    words = outcome.stdout.decode("utf-8", "replace").split()
    return words[-1] if words else None
