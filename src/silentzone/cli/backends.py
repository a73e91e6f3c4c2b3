"""``silentzone backends``: what is usable here, and the command for what is missing.

The sandbox for code that a model wrote is shown with the engines: it too is a piece of the machine.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from importlib import metadata

import click

from silentzone.cli.options import always_quiet_option, json_option
from silentzone.cli.output import MISSING, write_json, write_line, write_table
from silentzone.execution.sandbox import sandbox_state

ENTRY_POINTS = "silentzone.backends"
NOT_INSTALLED = "not installed"
_PROBE_SECONDS = 60.0

# Run in a process of its own: an engine built for another processor dies of an illegal
# instruction when it is loaded, and that must not take this program with it.
_PROBES = {
    "llama_cpp": """
import json, llama_cpp
print(json.dumps({
    "version": llama_cpp.__version__,
    "build": llama_cpp.llama_print_system_info().decode("utf-8", "replace").strip(),
    "device": "GPU offload" if llama_cpp.llama_supports_gpu_offload() else "CPU",
}))
""",
    "transformers": """
import json, torch, transformers
print(json.dumps({
    "version": transformers.__version__,
    "build": f"PyTorch {torch.__version__}",
    "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU",
}))
""",
}
_COMPILED = {"llama_cpp"}


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendState:
    """What is known of one engine on this machine."""

    name: str
    is_usable: bool
    version: str | None
    build: str | None
    device: str | None
    missing: str | None
    """Why it is not usable."""
    command: str | None
    """What makes it usable."""


@click.command()
@json_option
@always_quiet_option
def backends(as_json: bool) -> None:
    """Show which engines are usable on this machine, and whether the sandbox works.

    For what is not, the reason and the command that installs it are shown. Code that a model wrote
    is run in the sandbox only.
    """
    names = sorted({point.name for point in metadata.entry_points(group=ENTRY_POINTS)})
    states = [look_at(name) for name in names]
    box = sandbox_state()
    if as_json:
        sandbox = {**asdict(box), "is_usable": box.is_usable}
        write_json({"backends": [asdict(state) for state in states], "sandbox": sandbox})
        return
    write_table(
        ("engine", "usable", "version", "device"),
        [
            (
                state.name,
                "yes" if state.is_usable else "no",
                state.version or MISSING,
                state.device or MISSING,
            )
            for state in states
        ],
    )
    for state in states:
        if state.missing:
            write_line(f"{state.name}: {state.missing}")
        if state.command:
            write_line(f"  {state.command}")
    write_line(f"sandbox: {box.missing or box.name}")
    if box.command:
        write_line(f"  {box.command}")


def look_at(name: str) -> BackendState:
    """Find out whether an engine can be started, without loading it into this process."""
    probe = _PROBES.get(name)
    if probe is None:
        return _state(name, version=metadata.version("silentzone"), device="CPU")
    try:
        outcome = subprocess.run(
            [sys.executable, "-c", probe],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PROBE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return _state(name, missing=f"loading it took more than {_PROBE_SECONDS:.0f} s")
    if outcome.returncode == 0:
        try:
            facts = json.loads(outcome.stdout.decode("utf-8", "replace").splitlines()[-1])
            return _state(name, **facts)
        except (ValueError, IndexError, TypeError):
            return _state(name, missing="it was loaded, but did not say what it is")
    missing, command = _cause(outcome.returncode, outcome.stderr), install_command(name)
    is_compiled = name in _COMPILED and command is not None
    if missing == NOT_INSTALLED and is_compiled and not has_compilers():
        missing += ", and it is compiled: no C and C++ compiler is here"
        if shutil.which("apt-get"):
            command = f"apt-get install build-essential && {command}"
    return _state(name, missing=missing, command=command)


def has_compilers() -> bool:
    """Whether a C and a C++ compiler can be started, those of the environment first."""
    programs = (os.environ.get("CC") or "cc", os.environ.get("CXX") or "c++")
    return all(shutil.which(program.split()[0]) for program in programs)


def install_command(name: str) -> str | None:
    """Return the command that installs the engine into the Python that runs now."""
    wanted = re.compile(rf"extra\s*==\s*['\"]{re.escape(name.replace('_', '-'))}['\"]")
    packages = []
    for requirement in metadata.requires("silentzone") or ():
        package, _, marker = requirement.partition(";")
        if wanted.search(marker):
            packages.append(package.strip())
    return shlex.join([sys.executable, "-m", "pip", "install", *packages]) if packages else None


def _state(
    name: str,
    *,
    version: str | None = None,
    build: str | None = None,
    device: str | None = None,
    missing: str | None = None,
    command: str | None = None,
) -> BackendState:
    return BackendState(
        name=name,
        is_usable=missing is None,
        version=version,
        build=build,
        device=device,
        missing=missing,
        command=command,
    )


def _cause(returncode: int, stderr: bytes) -> str:
    if returncode < 0:
        return (
            f"loading it ends the process with signal {-returncode}; it was probably built for "
            "another processor"
        )
    lines = [line for line in stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    last = lines[-1] if lines else "no reason was given"
    return NOT_INSTALLED if last.startswith("ModuleNotFoundError") else last
