"""The command that puts a program into the sandbox, and what the program may take there."""

from __future__ import annotations

import json
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from silentzone.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

BUBBLEWRAP = "bubblewrap"
NONE = "none"
OTHER_USER = "other_user"
USER_NAMESPACE = "user_namespace"
TEMPORARY_BYTES = 16 * 2**20
INSIDE = "/sandbox/inside.py"
PROGRAM = "/sandbox/program.py"
_SYSTEM_FOLDERS = ("/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64", "/nix/store")
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
_NAMESPACES = (
    "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try",
)  # fmt: skip
_ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "HOME": "/tmp",  # noqa: S108 - inside the sandbox, where it is its own
    "TMPDIR": "/tmp",  # noqa: S108
    "LANG": "C.UTF-8",
    "PYTHONHASHSEED": "0",
    "PYTHONDONTWRITEBYTECODE": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one run in the sandbox may take."""

    wall_seconds: float
    cpu_seconds: int | None = None
    """Of each process; null for one that answers call after call."""
    memory_bytes: int = 512 * 2**20
    """Address space of each process; all together may take this times ``processes``."""
    processes: int = 4
    """Threads count as processes."""
    open_files: int = 64
    file_bytes: int = 8 * 2**20
    output_bytes: int = 2**20
    """Kept of what is printed, of each of the two streams; the rest is read and thrown away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxState:
    """What is known of the sandbox on this machine."""

    kind: str | None
    """``bubblewrap``, or null where none works."""
    version: str | None
    missing: str | None
    """Why it does not work."""
    command: str | None
    """What makes it work."""
    way: str | None = None
    """``other_user`` gives up root, ``user_namespace`` needs none; null where none works."""

    @property
    def is_usable(self) -> bool:
        """Whether the probe stayed inside."""
        return self.kind is not None

    @property
    def name(self) -> str:
        """Kind and version, for the record of a run."""
        return f"{self.kind} {self.version}" if self.is_usable else NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A Python program to be run in the sandbox: a file, or code."""

    file: Path | None = None
    code: str | None = None
    arguments: tuple[str, ...] = ()
    with_packages: bool = False
    """Whether this package and what it depends on are seen; else the standard library alone."""
    is_quiet: bool = False
    """Whether what it prints to stderr, which nobody reads, goes nowhere once it has started."""


def interpreter(*, with_packages: bool) -> list[str]:
    """Give the command of Python as it runs inside, blind to the working folder and the home."""
    if with_packages:
        return [sys.executable, "-P"]
    base: str = getattr(sys, "_base_executable", sys.executable)
    return [os.path.realpath(base), "-P", "-s", "-S"]


def bubblewrap_command(
    way: str, filter_descriptor: int, shown: Mapping[str, Path], *, with_packages: bool
) -> list[str]:
    """Make the command that puts what follows it into the sandbox.

    Parameters
    ----------
    way : str
        ``other_user`` or ``user_namespace``.
    filter_descriptor : int
        Where the filter of system calls is read.
    shown : mapping of str to Path
        Places inside and the files that are seen there, to be read only.
    with_packages : bool
        Whether this package and what it depends on are seen.
    """
    folders = _visible_folders(with_packages=with_packages)
    command = [shutil.which("bwrap") or "bwrap", *_NAMESPACES, "--die-with-parent"]
    command += ["--new-session", "--hostname", "sandbox", "--cap-drop", "ALL"]
    if way == OTHER_USER:
        command += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    else:
        command += ["--unshare-user", "--uid", "65534", "--gid", "65534"]
    # First, for what is shown may itself lie in a folder of that name.
    command += ["--perms", "1777", "--size", str(TEMPORARY_BYTES), "--tmpfs", "/tmp"]  # noqa: S108
    # Bubblewrap would close them to others, and root is given up inside.
    places = [*folders, *_DEVICES, INSIDE, *shown]
    parents = (str(one) for place in places for one in reversed(Path(place).parents[:-1]))
    for parent in dict.fromkeys(parents):
        command += ["--perms", "0755", "--dir", parent]
    for folder in folders:
        command += _seen(folder)
    for device in _DEVICES:
        command += ["--dev-bind", device, device]
    for place, path in {INSIDE: Path(__file__).with_name("inside.py"), **shown}.items():
        command += ["--ro-bind", str(path), place]
    command += ["--remount-ro", "/", "--chdir", "/tmp"]  # noqa: S108
    return [*command, "--seccomp", str(filter_descriptor), "--"]


def _seen(folder: str) -> list[str]:
    path = Path(folder)
    if path.is_symlink():
        return ["--symlink", os.readlink(folder), folder]  # noqa: PTH115 - as it stands
    return ["--ro-bind", folder, folder]


def _visible_folders(*, with_packages: bool) -> list[str]:
    """Find folders that Python needs, none inside another one, none that holds a home."""
    wanted = [sys.base_prefix, sys.base_exec_prefix]
    if with_packages:
        wanted += [sys.prefix, sys.exec_prefix, str(Path(__file__).parent.parent)]
    home = Path.home().resolve()
    found = [folder for folder in _SYSTEM_FOLDERS if Path(folder).exists()]
    for folder in dict.fromkeys(os.path.realpath(one) for one in wanted):
        if folder == "/usr":
            continue
        if home.is_relative_to(folder):
            raise InputError(f"Python is installed in `{folder}`, which holds the home `{home}`")
        if not any(Path(folder).is_relative_to(one) for one in found):
            found.append(folder)
    executable = interpreter(with_packages=with_packages)[0]
    if not any(Path(executable).is_relative_to(one) for one in found):
        found.append(executable)
    return found


def inside_plan(
    program: Program, limits: Limits, started: int, *, uid: int | None, is_confined: bool
) -> str:
    """Write the plan that `silentzone.execution.inside` takes: a program and its limits."""
    file = program.file and (PROGRAM if is_confined else str(program.file))
    found: dict[str, int] = {
        "RLIMIT_AS": limits.memory_bytes,
        "RLIMIT_FSIZE": limits.file_bytes,
        "RLIMIT_NOFILE": limits.open_files,
        "RLIMIT_CORE": 0,
    }
    if limits.cpu_seconds is not None:
        found["RLIMIT_CPU"] = limits.cpu_seconds + 1
    if is_confined:
        # Of a user namespace the first process is bubblewrap's own. Outside of the sandbox all
        # processes of the user would count.
        found["RLIMIT_NPROC"] = limits.processes + (uid is None)
        found["RLIMIT_MEMLOCK"] = 0
    plan: dict[str, Any] = {
        "uid": uid,
        "started": started,
        "file": file,
        "code": program.code,
        "quiet": program.is_quiet,
        "arguments": [file or "-c", *program.arguments],
        "limits": found,
    }
    return json.dumps(plan)


def environment(*, with_packages: bool) -> dict[str, str]:
    """Make all variables that are set inside."""
    found = dict(_ENVIRONMENT)
    parent = str(Path(__file__).parents[2])
    paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if with_packages and parent in {os.path.abspath(path) for path in paths if path}:  # noqa: PTH100
        # This package is not installed but run from where it lies.
        found["PYTHONPATH"] = parent
    return found
