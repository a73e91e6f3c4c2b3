"""Which processes share a study folder, and which of them are lost.

Every member has a file that it alone writes, with a count that grows at every heartbeat. Whether
another lives is told by watching that count with one's own clock, so clocks of different machines
are never compared. On the same machine the system is asked, and knows at once.
"""

from __future__ import annotations

import os
import secrets
import socket
import sys
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from silentzone.errors import SilentzoneError, TableError
from silentzone.store.claims import read_shared
from silentzone.store.json_files import write_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

HEARTBEAT_SECONDS = 10.0
LOST_SECONDS = 120.0
"""Without a heartbeat for that long, a member is lost. A client of NFS may show a file up to 60
seconds late, so this is more than such a delay and several heartbeats together."""

_START_TIME = 19
"""Position of the start time in <proc/pid/stat> behind the name of the program (proc(5))."""

_KINDS = {
    "name": str, "host": str, "machine": str, "pid": int, "process_start": str,
    "started_at": str, "beat": int, "has_left": bool, "facts": dict,
}  # fmt: skip
"""Fields of a member's file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One process that shares, or shared, the folder."""

    name: str
    host: str
    machine: str
    """Boot and process namespace: process ids mean the same where this is the same."""
    pid: int
    process_start: str
    """Tells a process from a later one with the same id; empty where the system does not say."""
    started_at: str
    beat: int = 0
    has_left: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        """Give host and process as people are told."""
        return f"{self.host}, process {self.pid}"

    @property
    def is_known_dead(self) -> bool:
        """Whether this machine ran the process and does so no more."""
        return self.machine == _machine() and not _is_running(self.pid, self.process_start)


class Watch:
    """Tells which members are lost by watching their heartbeats.

    Parameters
    ----------
    folder : Path
        Of the members' files.
    lost_seconds : float
        Time without a heartbeat after which a member is lost.
    """

    def __init__(self, folder: Path, lost_seconds: float = LOST_SECONDS) -> None:
        self._folder = folder
        self._lost_seconds = lost_seconds
        self._seen: dict[str, tuple[int, float]] = {}

    def members(self) -> list[Member]:
        """Everybody who ever joined."""
        return [_read(path) for path in sorted(self._folder.glob("*.json"))]

    def is_lost(self, member: Member) -> bool:
        """Whether a member has died, or may be taken for dead."""
        if member.is_known_dead:
            return True
        now = time.monotonic()
        beat, since = self._seen.get(member.name, (-1, now))
        if member.beat != beat:
            self._seen[member.name] = (member.beat, now)
            return False
        return now - since > self._lost_seconds

    def has_beaten(self, member: Member) -> bool:
        """Whether a heartbeat was seen since the member was first looked at."""
        first = self._seen.setdefault(member.name, (member.beat, time.monotonic()))
        return member.beat != first[0]


class Presence:
    """Makes this process a member, for as long as the context lasts.

    Parameters
    ----------
    folder : Path
        Of the members' files.
    heartbeat_seconds : float
    on_beat : callable, optional
        Called after every heartbeat, in the thread that makes them.
    """

    def __init__(
        self,
        folder: Path,
        *,
        heartbeat_seconds: float = HEARTBEAT_SECONDS,
        on_beat: Callable[[], None] | None = None,
    ) -> None:
        host, pid = socket.gethostname(), os.getpid()
        self.member = Member(
            name=f"{pid}-{secrets.token_hex(6)}",
            host=host,
            machine=_machine(),
            pid=pid,
            process_start=_process_start(pid),
            started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        self._path = folder / f"{self.member.name}.json"
        self._seconds = heartbeat_seconds
        self._on_beat = on_beat
        self._beat = 0
        self._facts: dict[str, object] = {}
        self._lock = threading.Lock()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._go_on, name="heartbeat", daemon=True)

    def __enter__(self) -> Self:
        """Appear among the members."""
        self._write(has_left=False)
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Leave; the file stays, and says so."""
        self._end.set()
        self._thread.join()
        self._write(has_left=True)

    def tell(self, facts: Mapping[str, object]) -> None:
        """Add to what the others can read of this member."""
        with self._lock:
            self._facts.update(facts)
        self._write(has_left=False)

    def _go_on(self) -> None:
        while not self._end.wait(self._seconds):
            try:
                self._write(has_left=False)
                if self._on_beat is not None:
                    self._on_beat()
            except SilentzoneError:
                continue  # who measures meets the same disk and says so

    def _write(self, *, has_left: bool) -> None:
        with self._lock:
            self._beat += 1
            content = {
                slot: getattr(self.member, slot)
                for slot in ("name", "host", "machine", "pid", "process_start", "started_at")
            }
            state = {"beat": self._beat, "has_left": has_left, "facts": self._facts}
            write_json(self._path, {**content, **state})


def _read(path: Path) -> Member:
    content = read_shared(path)
    is_member = isinstance(content, dict) and content.keys() == _KINDS.keys()
    if is_member and all(isinstance(content[name], kind) for name, kind in _KINDS.items()):
        return Member(**content)
    raise TableError(
        f"`{path}` must describe a process that shares the study, it does not.",
        hint="end all processes of the study, then remove the folder it lies in",
    )


def _machine() -> str:
    """Name what process ids are relative to."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return f"{sys.platform} {socket.gethostname()}"


def _stat(pid: int) -> list[str] | None:
    """Fields of a process behind its name; null where there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:
        return None


def _process_start(pid: int) -> str:
    fields = _stat(pid)
    return "" if fields is None else fields[_START_TIME]


def _is_running(pid: int, process_start: str) -> bool:
    if process_start:
        fields = _stat(pid)
        return fields is not None and fields[0] != "Z" and fields[_START_TIME] == process_start
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
