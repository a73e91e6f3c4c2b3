"""Compile the pinned llama-cpp-python once per machine, and print the path of its wheel.

llama.cpp is built for the processor at hand (``-march=native``), so a wheel may only be used again
where the processor offers the same instructions. pip's own wheel cache does not look at that, and
older versions of pip do not use it at all when hashes are checked; hence a cache of our own under
``${XDG_CACHE_HOME:-~/.cache}/silentzone/wheels``. Standard library only: it runs before anything
else is installed but the build tools of ``requirements/build.txt``.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REQUIREMENTS = Path(__file__).parent.parent / "requirements" / "llama-cpp.txt"
_STEP = re.compile(rb"\[(\d+)/(\d+)\]")
_SECONDS_BETWEEN_LINES = 20.0


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


def build(requirement: str, folder: Path) -> None:
    """Compile into ``folder``, which appears only when the wheel is whole."""
    for compiler in ("cc", "c++"):
        if shutil.which(os.environ.get("CC" if compiler == "cc" else "CXX") or compiler) is None:
            sys.exit(
                f"setup: no {compiler} here, and llama.cpp has to be compiled\n"
                "hint: on Debian and Ubuntu: apt-get install build-essential"
            )
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".building-") as name:
        work = Path(name)
        pins = work / "pins.txt"
        pins.write_text(requirement, encoding="utf-8")
        wheels = work / "wheels"
        log = folder.parent / f"{folder.name}.log"
        environment = {"CMAKE_BUILD_PARALLEL_LEVEL": str(available_processors()), **os.environ}
        # The pinned cmake and ninja stand beside this Python.
        environment["PATH"] = os.pathsep.join(
            [str(Path(sys.executable).parent), environment.get("PATH", os.defpath)]
        )
        command = [sys.executable, "-m", "pip", "wheel", "--verbose", "--no-deps"]
        command += ["--no-build-isolation", "--no-cache-dir", "--require-hashes"]
        command += ["--wheel-dir", str(wheels), "--requirement", str(pins)]
        if _run_with_progress(command, environment, log) != 0:
            lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
            sys.exit("\n".join([*lines[-15:], f"setup: compiling failed; all of it: {log}"]))
        try:
            wheels.rename(folder)
        except OSError:
            # Somebody else finished the same build first; any other reason shows at once.
            if not find_wheel(folder):
                raise


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
        ) as process,
    ):
        for line in process.stdout or ():
            output.write(line)
            step = _STEP.search(line)
            if step and time.monotonic() - said >= _SECONDS_BETWEEN_LINES:
                said = time.monotonic()
                done, total = (int(part) for part in step.groups())
                print(f"setup: compiled {done} of {total} files", file=sys.stderr, flush=True)
    return process.returncode


def find_wheel(folder: Path) -> Path | None:
    """Return the wheel of a finished build, if there is one."""
    return next(iter(sorted(folder.glob("*.whl"))), None)


def main() -> None:
    """Print the path of the wheel, built now if it has to be."""
    requirement = pinned_requirement()
    folder = cache_folder(requirement)
    if find_wheel(folder) is None:
        print(
            "setup: compiling llama.cpp for this processor: several minutes, once per machine",
            file=sys.stderr,
            flush=True,
        )
        build(requirement, folder)
    print(find_wheel(folder))


if __name__ == "__main__":
    main()
