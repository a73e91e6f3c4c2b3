"""Tasks that misbehave, to test how crashed workers are handled; nothing else uses them."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from silentzone.errors import NonFiniteLogitsError

if TYPE_CHECKING:
    from collections.abc import Callable

    Emit = Callable[[dict[str, object]], None]
    Content = dict[str, object]


def echo(payload: Content, emit: Emit) -> Content:
    """Send the payload's events, then give the payload back with what this process is."""
    events = payload.get("events", [])
    for event in events if isinstance(events, list) else []:
        emit({"said": event})
    return {
        "payload": payload,
        "process": os.getpid(),
        "variable": os.environ.get("SILENTZONE_SELFTEST"),
        "path": sys.path,
    }


def fail_as_planned(payload: Content, emit: Emit) -> Content:  # noqa: ARG001 - every task's form
    """Raise one of the package's errors."""
    raise NonFiniteLogitsError("window 3 has NaN.", hint="check the file")


def fail_unexpectedly(payload: Content, emit: Emit) -> Content:  # noqa: ARG001
    """Raise something nobody planned for."""
    raise ZeroDivisionError(str(payload.get("text", "")))


def abort(payload: Content, emit: Emit) -> Content:  # noqa: ARG001
    """Print as a native library does and abort."""
    _print_raw(str(payload.get("text", "")).encode("utf-8", "replace"))
    os.abort()


def die(payload: Content, emit: Emit) -> Content:  # noqa: ARG001
    """Send this process a signal."""
    os.kill(os.getpid(), signal.Signals[str(payload["signal"])])
    time.sleep(60)
    return {}


def leave(payload: Content, emit: Emit) -> Content:  # noqa: ARG001
    """End with an exit code and no result."""
    os._exit(int(str(payload["code"])))


def flood(payload: Content, emit: Emit) -> Content:  # noqa: ARG001
    """Print ten million bytes and a last line, on either stream."""
    for _ in range(160):
        _print_raw(b"x" * 62_499 + b"\n")
    os.write(1, b'{"result": {"forged": true}}\n\x00\xff\xfe\n')
    _print_raw(b"the last line\n")
    if payload.get("abort"):
        os.abort()
    return {"is_whole": True}


def hang(payload: Content, emit: Emit) -> Content:
    """Say which process this is, deaf to a polite request where asked, and never end."""
    if payload.get("deaf"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    emit({"process": os.getpid()})
    if "file" in payload:
        Path(str(payload["file"])).write_text(str(os.getpid()), encoding="ascii")
    while True:
        time.sleep(60)


def give_what_json_cannot(payload: Content, emit: Emit) -> Content:  # noqa: ARG001
    """Return NaN."""
    return {"value": float("nan")}


def give_no_dict(payload: Content, emit: Emit) -> list[int]:  # noqa: ARG001
    """Return a list, against the form of a task."""
    return [1]


def _print_raw(content: bytes) -> None:
    """Print past Python's buffers."""
    while content:
        content = content[os.write(2, content) :]
