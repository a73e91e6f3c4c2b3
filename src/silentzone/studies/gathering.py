"""Processes that share one study folder: joining, agreeing, waiting for each other, leaving.

A gathering lasts from the first process that joins to the last that leaves. What failed in it is
not tried again by those who come while it lasts; the next gathering tries it once more.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from silentzone.errors import ConfigError, StorageError
from silentzone.store.atomic import make_folder
from silentzone.store.claims import (
    DONE,
    HELD,
    RELEASED,
    ClaimBoard,
    create_exclusively,
    read_shared,
)
from silentzone.store.members import HEARTBEAT_SECONDS, LOST_SECONDS, Member, Presence, Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from silentzone.store.folder import StudyFolder
    from silentzone.studies.progress import Progress

_AGREED, _CLOSED, _MEMBERS, _PARTS = "study.json", "closed.json", "members", "parts"
_FIRST = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often those who share a folder look at each other, in seconds."""

    heartbeat: float = HEARTBEAT_SECONDS
    lost: float = LOST_SECONDS
    """Time without a heartbeat after which a member is taken for dead."""
    poll: float = 1.0


class Gathering:
    """Puts this process among those who share a study folder, for as long as the context lasts.

    Parameters
    ----------
    folder : StudyFolder
    progress : Progress
        Told of members that are lost.
    pace : Pace, optional

    Raises
    ------
    StorageError
        On entry, if a run has the folder for itself.
    """

    def __init__(self, folder: StudyFolder, progress: Progress, pace: Pace | None = None) -> None:
        self.pace = pace or Pace()
        self._folder = folder
        self._progress = progress
        self._stack = contextlib.ExitStack()
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        """Appear among the members of the gathering that goes on, or begin one."""
        self._stack.enter_context(self._folder.share())
        while True:
            self.place = _open_gathering(self._folder)
            members = self.place / _MEMBERS
            self._watch = Watch(members, self.pace.lost)
            self._presence = Presence(
                members, heartbeat_seconds=self.pace.heartbeat, on_beat=self.tend
            )
            self.member = self._presence.member
            self.board = ClaimBoard(self.place / _PARTS, self.member.name)
            self._presence.__enter__()
            if not (self.place / _CLOSED).exists():
                return self
            self._presence.__exit__()  # the last of them left just now

    def __exit__(self, *exc_info: object) -> None:
        """Give back what is held, and close the gathering if nobody is left in it."""
        try:
            self.board.release_all(self.member.name)
        finally:
            self._presence.__exit__()
            if not self.others():
                create_exclusively(self.place / _CLOSED, {"member": self.member.name})
            self._stack.close()

    @property
    def claims(self) -> tuple[str, str]:
        """Folder of the claims and name of this member, for the workers."""
        return str((self.place / _PARTS).absolute()), self.member.name

    def others(self) -> list[Member]:
        """Everybody else who is there and not lost."""
        with self._lock:
            return [
                member
                for member in self._watch.members()
                if member.name != self.member.name
                and not member.has_left
                and not self._watch.is_lost(member)
            ]

    def agree(self, fingerprint: Mapping[str, Any]) -> None:
        """See that all measure the same study.

        Raises
        ------
        ConfigError
            If this process was asked for another one; says in what it differs.
        """
        path = self.place / _AGREED
        if create_exclusively(path, fingerprint):
            return
        theirs = read_shared(path)
        found = first_difference(theirs, fingerprint)
        if found is not None:
            where, there, here = found
            raise ConfigError(
                f"`{self._folder.root}` is shared by processes that measure another study: "
                f"`{where}` is {_shown(there)} there and {_shown(here)} here.",
                hint="join with the same study.toml, engine and silentzone, or choose another "
                "folder",
            )

    def tend(self) -> None:
        """Free what members held who are gone."""
        holders = {claim.member for claim in self.board.claims().values() if claim.state == HELD}
        with self._lock:
            gone = [
                member
                for member in self._watch.members()
                if member.name in holders - {self.member.name}
                and (member.has_left or self._watch.is_lost(member))
            ]
        for member in gone:
            if self.board.release_all(member.name):
                self._progress.note(f"{member} is gone; what it held is free again")

    def once(self, what: str, work: Callable[[], None]) -> bool:
        """Have one member do a thing while the others wait until it is done.

        Returns
        -------
        bool
            Whether it was this one.
        """
        is_told = False
        while not self.board.take(what):
            claim = self.board.find(what)
            if claim is not None and claim.state == DONE:
                return False
            if not is_told and claim is not None and claim.state == HELD:
                self._progress.note(f"waiting for {self.named(claim.member)}: {what}")
                is_told = True
            self.tend()
            time.sleep(self.pace.poll)
        try:
            work()
        except BaseException:
            self.board.settle(what, RELEASED)
            raise
        self.board.settle(what, DONE)
        return True

    def named(self, name: str) -> str:
        """Host and process of a member, for people."""
        found = [str(member) for member in self._watch.members() if member.name == name]
        return found[0] if found else "a process not known any more"

    def tell(self, facts: Mapping[str, object]) -> None:
        """Leave something that the others can read."""
        self._presence.tell(facts)

    def told(self) -> list[Mapping[str, Any]]:
        """Everything that other members left, those that are gone included."""
        members = self._watch.members()
        return [member.facts for member in members if member.name != self.member.name]


def end_gathering(folder: StudyFolder, progress: Progress, pace: Pace | None = None) -> None:
    """See that nobody shares a folder any more, and forget who did; hold the folder's lock.

    Raises
    ------
    StorageError
        If a process that shares it lives. Of one on another machine this is known after its next
        heartbeat, and that it does not after the time in which one must come.
    """
    pace = pace or Pace()
    if not folder.claims.exists():
        return
    for place in _gatherings(folder):
        if (place / _CLOSED).exists():
            continue
        watch = Watch(place / _MEMBERS)
        until = time.monotonic() + pace.lost
        is_told = False
        while present := [
            member for member in watch.members() if not member.has_left and not member.is_known_dead
        ]:
            alive = [member for member in present if watch.has_beaten(member)]
            if alive:
                raise StorageError(
                    f"`{folder.root}` is in use by a run that shares it, {alive[0]}.",
                    hint="wait for it to end, stop it, or join it with --join",
                )
            if time.monotonic() > until:
                break
            if not is_told:
                progress.note(f"looking for up to {pace.lost:.0f} s whether {present[0]} lives")
                is_told = True
            time.sleep(pace.poll)
    shutil.rmtree(folder.claims, ignore_errors=True)


def first_difference(one: object, other: object, where: str = "") -> tuple[str, Any, Any] | None:
    """Where two values as JSON holds them differ first, and what stands there in each.

    Examples
    --------
    >>> first_difference({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]})
    ('a[1].b', 2, 3)
    """
    if isinstance(one, dict) and isinstance(other, dict):
        for key in [*one, *(key for key in other if key not in one)]:
            place = f"{where}.{key}" if where else str(key)
            found = first_difference(one.get(key), other.get(key), place)
            if found is not None:
                return found
        return None
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for index, (left, right) in enumerate(zip(one, other, strict=True)):
            found = first_difference(left, right, f"{where}[{index}]")
            if found is not None:
                return found
        return None
    return None if one == other else (where, one, other)


def _shown(value: object) -> str:
    """Write a setting for people, cut where it is long."""
    text = json.dumps(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _gatherings(folder: StudyFolder) -> list[Path]:
    """All gatherings of a folder, the newest last."""
    found = [path for path in folder.claims.glob("*") if path.name.isdigit()]
    return sorted(found, key=lambda path: int(path.name))


def _open_gathering(folder: StudyFolder) -> Path:
    """Place of the gathering that goes on, or of a new one."""
    places = _gatherings(folder)
    if places and not (places[-1] / _CLOSED).exists():
        return places[-1]
    for old in places[:-1]:  # the last closed one may still be read by who is leaving it
        shutil.rmtree(old, ignore_errors=True)
    number = int(places[-1].name) + 1 if places else _FIRST
    place = folder.claims / str(number)
    make_folder(place)
    return place
