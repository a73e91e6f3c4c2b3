"""Compile the pinned llama-cpp-python once per machine, and print the path of its wheel.

With ``--check`` only say whether that could be done here.

llama.cpp is built for the processor at hand (``-march=native``), so a wheel may only be used again
where the processor offers the same instructions. pip's own wheel cache does not look at that, and
older versions of pip do not use it at all when hashes are checked; hence a cache of our own under
``${XDG_CACHE_HOME:-~/.cache}/silentzone/wheels``. Standard library only: it runs before anything
else is installed but the build tools of ``requirements/build.txt``.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

REQUIREMENTS = Path(__file__).parent.parent / "requirements" / "llama-cpp.txt"
_STEP = re.compile(rb"\[(\d+)/(\d+)\]")
_SECONDS_BETWEEN_LINES = 20.0
_BUILD_BYTES = 600_000_000
_TELLING = re.compile(r"fatal error|: error:|CMake Error|No space left|Disk quota|Killed signal")
_MOST_TELLING = 8
_CAUSES = (
    (("No space left on device", "Disk quota exceeded"), "the disk is full: make room in {cache}"),
    (
        ("Killed signal terminated", "std::bad_alloc", "virtual memory exhausted"),
        "a compiler was killed, mostly for lack of memory; one at a time needs less:\n"
        "hint: CMAKE_BUILD_PARALLEL_LEVEL=1 make setup",
    ),
    (
        ("CMake Error", ": error:"),
        "the compiler or cmake is not one that llama.cpp can be built with (C++17 is needed)",
    ),
    (
        ("",),
        "no file failed to compile, so the build was ended from outside: by hand, or by the system "
        "for lack of memory; one compiler at a time needs less:\n"
        "hint: CMAKE_BUILD_PARALLEL_LEVEL=1 make setup",
    ),
)
"""What the log says, and what that means; the first that fits is taken."""


def pinned_requirement() -> str:
    """Return the lines of llama-cpp-python in the pins: name, version and hashes."""
    text = REQUIREMENTS.read_text(encoding="utf-8")
    found = re.search(r"^llama-cpp-python==(?:.*\\\n)*.*$", text, flags=re.MULTILINE)
    if found is None:
        sys.exit(f"setup: no llama-cpp-python in {REQUIREMENTS.name}")
    return found.group() + "\n"


def processor_features() -> str:
    """Return what decides whether a binary built here runs elsewhere."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip().lower() in {"flags", "features"}:
                return " ".join(sorted(value.split()))
    return platform.processor()


def cache_folder(requirement: str) -> Path:
    """Return the folder of the wheel for this pin, Python, C library, processor and options."""
    tag = f"cp{sys.version_info.major}{sys.version_info.minor}"
    facts = [
        requirement,
        tag,
        platform.system(),
        platform.machine(),
        *platform.libc_ver(),
        processor_features(),
        os.environ.get("CMAKE_ARGS", ""),
    ]
    key = hashlib.sha256("\0".join(facts).encode()).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    version = requirement.split()[0].partition("==")[2]
    return cache / "silentzone" / "wheels" / f"llama-cpp-python-{version}-{tag}-{key}"


def available_processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def check(folder: Path) -> None:
    """Stop with the reason where nothing can be compiled or kept."""
    for variable, compiler in (("CC", "cc"), ("CXX", "c++")):
        program = os.environ.get(variable) or compiler
        if shutil.which(program.split()[0]) is None:
            sys.exit(
                f"setup: no {program} here, and llama.cpp has to be compiled (C and C++)\n"
                "hint: on Debian and Ubuntu: apt-get install build-essential; on Fedora: "
                "dnf install gcc gcc-c++; on macOS: xcode-select --install"
            )
    with _said(folder.parent):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder.parent):
            free = shutil.disk_usage(folder.parent).free
    if free < _BUILD_BYTES:
        sys.exit(
            f"setup: compiling needs {_BUILD_BYTES / 1e6:.0f} MB in {folder.parent}, where "
            f"{free / 1e6:.0f} MB are free\n"
            "hint: make room, or set XDG_CACHE_HOME to a folder on a larger disk"
        )


@contextlib.contextmanager
def _said(folder: Path) -> Iterator[None]:
    """Turn a refusal of the file system into a sentence."""
    try:
        yield
    except OSError as error:
        sys.exit(
            f"setup: the cache {folder} cannot be written: {error.strerror or error}\n"
            "hint: make it writable, or set XDG_CACHE_HOME to a folder of your own"
        )


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let one build of a wheel run at a time; whoever waits finds it finished."""
    path = folder.parent / f"{folder.name}.lock"
    with _said(folder.parent):
        lock = path.open("w")
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("setup: waiting for another build of the same", file=sys.stderr, flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def build(requirement: str, folder: Path) -> None:
    """Compile into ``folder``, which appears only when the wheel is whole."""
    prefix = f".building-{folder.name}-"
    for left in folder.parent.glob(f"{prefix}*"):
        shutil.rmtree(left, ignore_errors=True)  # of a build that was killed; we hold its lock
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=prefix) as name:
        work = Path(name)
        pins = work / "pins.txt"
        pins.write_text(requirement, encoding="utf-8")
        wheels = work / "wheels"
        log = folder.parent / f"{folder.name}.log"
        environment = {"CMAKE_BUILD_PARALLEL_LEVEL": str(available_processors()), **os.environ}
        # All that is built lies in one place, whose room was checked and which is cleaned up.
        environment["TMPDIR"] = name
        # The pinned cmake and ninja stand beside this Python.
        environment["PATH"] = os.pathsep.join(
            [str(Path(sys.executable).parent), environment.get("PATH", os.defpath)]
        )
        command = [sys.executable, "-m", "pip", "wheel", "--verbose", "--no-deps"]
        command += ["--no-build-isolation", "--no-cache-dir", "--require-hashes"]
        command += ["--wheel-dir", str(wheels), "--requirement", str(pins)]
        if _run_with_progress(command, environment, log) != 0:
            sys.exit(failure(log))
        wheels.rename(folder)


def failure(log: Path) -> str:
    """Say why compiling failed: the lines of the log that tell, what they mean, and the way on."""
    text = log.read_text(encoding="utf-8", errors="replace")
    lines = [line.strip() for line in text.splitlines() if _TELLING.search(line)][:_MOST_TELLING]
    meaning = next(words for signs, words in _CAUSES if any(sign in text for sign in signs))
    lines += [
        f"setup: compiling llama.cpp failed; all of its output: {log}",
        f"setup: {meaning.format(cache=log.parent)}",
        "setup: nothing half built is kept; the same command starts the compiling again",
    ]
    return "\n".join(lines)


def _run_with_progress(command: list[str], environment: dict[str, str], log: Path) -> int:
    said = time.monotonic()
    with (
        log.open("wb") as output,
        subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process,
    ):
        try:
            for line in process.stdout or ():
                output.write(line)
                step = _STEP.search(line)
                if step and time.monotonic() - said >= _SECONDS_BETWEEN_LINES:
                    said = time.monotonic()
                    done, total = (int(part) for part in step.groups())
                    print(f"setup: compiled {done} of {total} files", file=sys.stderr, flush=True)
        except BaseException:
            # pip leaves its compilers running when it is ended alone.
            os.killpg(process.pid, signal.SIGTERM)
            raise
    return process.returncode


def find_wheel(folder: Path) -> Path | None:
    """Return the wheel of a finished build, if there is one."""
    return next(iter(sorted(folder.glob("*.whl"))), None)


def main() -> None:
    """Print the path of the wheel, built now if it has to be."""
    requirement = pinned_requirement()
    folder = cache_folder(requirement)
    if find_wheel(folder) is None:
        check(folder)
    if "--check" in sys.argv[1:]:
        return
    with contextlib.nullcontext() if find_wheel(folder) else _alone(folder):
        if find_wheel(folder) is None:
            print(
                "setup: compiling llama.cpp for this processor: several minutes, once per machine",
                file=sys.stderr,
                flush=True,
            )
            build(requirement, folder)
    print(find_wheel(folder))


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
